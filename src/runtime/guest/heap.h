/*
 * heap: the memory that an import fills lies in huge pages, so that a fork copies one entry for two megabytes of it.
 *
 * fork() writes an entry a page and counts each page's users: three quarters of its time in a process that holds
 * pandas and scikit-learn (100 MB of 4 KB pages).  A worker that writes to such memory gets a copy of 4 KB as ever, so
 * it is no larger.
 */
#pragma once

void heap_be_huge(void); /* before the import */
void heap_settle(void);  /* after it: what is taken from now on is a worker's own, in small pages */
