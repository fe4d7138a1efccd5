/*
 * sync: bytes and names onto the disk, or the end of the process.
 *
 * After a failed fsync the kernel may have dropped the dirty pages and forgotten the error, so that the next fsync
 * succeeds over what was lost ("Can Applications Recover from fsync Failures?", USENIX ATC 2020).  So nobody may go on
 * and try again: these stop the process, and the next start reads what is there.
 */
#pragma once

/* `what` is for the words with which it stops. */
void sync_or_stop(int fd, const char *what);      /* fsync: a file, or a folder's names */
void sync_data_or_stop(int fd, const char *what); /* fdatasync */
