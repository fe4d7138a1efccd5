/*
 * journal: files of records on their way to the database: <folder>/000001.log, 000002.log ...
 *
 * The writer (the loop) appends with one writev and starts a new file at JOURNAL_FILE_BYTES_MAX; after a restart
 * it starts a new one always, so that no file has a torn record in its middle.  The reader (the records lane) goes
 * through the files in order up to a place that the writer told it, and stops a file at a torn tail.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "logs/place.h"
#include "logs/record_codec.h"

enum { JOURNAL_FILE_BYTES_MAX = 32 * 1024 * 1024, JOURNAL_FOLDER_MAX = 3800 };

struct journal {
    char folder[JOURNAL_FOLDER_MAX];
    int fd;
    struct journal_place end; /* behind the last whole record */
    bool is_torn;             /* behind `end` is a part of one that could not be written */
};

MUST_USE bool journal_open(struct journal *journal, const char *folder, struct err *err);
/* On failure nothing of the record stays in the way of the next. */
MUST_USE bool journal_append(struct journal *journal, struct record_wire *wire, struct err *err);
void journal_close(struct journal *journal);

struct journal_reader {
    char folder[JOURNAL_FOLDER_MAX];
    struct journal_place place; /* behind what was read */
    int fd;
    int64_t fd_file; /* the file that fd is */
    char *chunk;     /* a part of it, from chunk_offset; room for the largest frame, touched when one comes */
    int64_t chunk_offset;
    size_t chunk_len;
    int64_t torn_count;
};

void journal_reader_init(struct journal_reader *reader, const char *folder, struct journal_place from);
/* The next record before `end`; its texts are valid until the next call.  False: there is none (or err.code is set). */
bool journal_read(struct journal_reader *reader, struct journal_place end, struct record *ret, struct err *err);
void journal_reader_done(struct journal_reader *reader);
/* Files before the one that `place` is in: all of them are in the database. */
void journal_remove_before(const char *folder, struct journal_place place);
