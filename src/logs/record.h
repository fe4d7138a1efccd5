/*
 * record: the one thing that every call leaves behind.  Logs, metrics, captured predictions, `why` and replay are
 * all made from it.
 *
 * Its life: record_append() writes it (one write(2), CRC32C, page cache: it survives kill -9) to the journal before
 * the answer leaves; the `records` lane puts batches into records.db (table invocations); a journal file whose
 * records are all in the database is removed; at start what is left in the journal is put there first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "logs/place.h"

#define RECORD_TYPE_WORD str
#define RECORD_TYPE_BODY str
#define RECORD_TYPE_INT32 int32_t
#define RECORD_TYPE_UINT32 uint32_t
#define RECORD_TYPE_INT64 int64_t
#define RECORD_TYPE_BOOL bool

struct record { /* record.def says what each is */
#define FIELD(kind, name, column, meaning) RECORD_TYPE_##kind name;
#include "logs/record.def"
#undef FIELD
};

enum record_kind { RECORD_WORD, RECORD_BODY, RECORD_INT32, RECORD_UINT32, RECORD_INT64, RECORD_BOOL };

enum { /* how many there are */
#define FIELD(kind, name, column, meaning) RECORD_AT_##name,
#include "logs/record.def"
#undef FIELD
       RECORD_FIELDS
};

/* The rows of record.def, for who does the same with each: the journal, the database, the JSON. */
struct record_field {
    const char *name;
    enum record_kind kind;
    size_t offset;
};
extern const struct record_field record_fields[RECORD_FIELDS];

static inline bool record_is_text(const struct record_field *field)
{
    return field->kind == RECORD_WORD || field->kind == RECORD_BODY;
}
str record_text(const struct record *record, const struct record_field *field);
int64_t record_number(const struct record *record, const struct record_field *field);
void record_set_text(struct record *record, const struct record_field *field, str text);
void record_set_number(struct record *record, const struct record_field *field, int64_t number);

struct records;
struct lane;

/* Sources of calls that nobody made: a replay's, and the copies that a shadow gets.  They are no traffic. */
#define RECORD_SOURCE_REPLAY STR("replay")
#define RECORD_SOURCE_SHADOW STR("shadow")
#define RECORD_SOURCES_ALL STR("all")
/* Who made a call, and so what it counts as. */
struct record_source {
    const char *name;
    bool is_traffic;       /* somebody wanted its answer */
    bool is_shown;         /* among the logs, when nobody asks for a source */
    const char *decisions; /* the source of the decisions in its answer; NULL: they are nobody's */
};
const struct record_source *record_source(str name); /* never NULL */
/* Who asks for `wanted` gets these: a source by its name, "all", or (empty) calls that somebody made. */
bool record_source_is_wanted(str source, str wanted);

/* Files of the journal from number `kept_file` on stay, for a second reader (capture of predictions), until
 * records_keep() says that it is past them; INT64_MAX: there is none. */
MUST_USE bool records_open(uv_loop_t *loop, const char *state_dir, int64_t kept_file, struct records **ret,
                           struct err *err);
void records_keep(struct records *records, int64_t kept_file);   /* from any thread */
struct journal_place records_end(const struct records *records); /* behind the last record; on the loop */
int records_dup_journal(
    const struct records *records); /* the file that is written to now, to sync; -1: none can be had */
int64_t records_lost_count(const struct records *records); /* records that the disk refused, since the start */
void records_close(struct records *records);               /* everything reaches the database first */
void records_append(struct records *records, const struct record *record);

enum { RECORDS_FOLLOWERS_MAX = 16, RECORDS_WATCHERS_MAX = RECORDS_FOLLOWERS_MAX + 1 /* capture */ };
/* Told of every record right after it was appended: the live tail.  The record is valid during the call, in which
 * a watcher may end its own watch.  False: there are RECORDS_WATCHERS_MAX already. */
MUST_USE bool records_watch(struct records *records, void (*on_record)(void *ctx, const struct record *record),
                            void *ctx);
void records_unwatch(struct records *records, void (*on_record)(void *ctx, const struct record *record), void *ctx);

/* For reading jobs: records.db by the lane's one handle, which also writes: ask with it, on that lane only.  What was
 * appended before the call is visible to a job on the records lane. */
struct lane *records_lane(struct records *records);
struct db *records_db(struct records *records);
