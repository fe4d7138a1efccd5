/* functions_private: what the files of the store share: rows of `versions` in and out, and small questions. */
#pragma once

#include "functions/store.h"

/* VERSION_RUNNING: what $LATEST was before an update that is under way or failed: it is that which runs meanwhile, also
 * after a restart.  A row that nobody lists. */
enum { VERSION_LATEST = 0, VERSION_RUNNING = -1 };

/* "$LATEST" and "" are 0, "7" is 7; false: not a number as versions are written (no leading zero). */
bool version_number(str text, int64_t *ret);
str version_text(int64_t number, struct arena *arena);

/* Rows of versions; `where` is SQL behind WHERE, with its parameters in `values`. */
struct db_rows version_query(struct db *db, struct err *err, const char *where, const struct db_value *values,
                             int count);
void version_read(const struct db_rows *rows, struct arena *arena, struct function_config *ret);
/* All that version_query() finds. */
MUST_USE enum store_answer version_collect(struct db *db, const char *where, const struct db_value *values, int count,
                                           struct arena *arena, struct function_list *ret, struct err *err);
MUST_USE enum store_answer version_get(struct db *db, str function, int64_t number, struct arena *arena,
                                       struct function_config *ret, struct err *err);
MUST_USE enum store_answer version_insert(struct db *db, const struct function_config *config, struct err *err);
MUST_USE enum store_answer version_write(struct db *db, const struct function_config *config, struct err *err);
/* $LATEST as it is becomes VERSION_RUNNING; and it is so no more. */
MUST_USE enum store_answer version_keep_running(struct db *db, str function, struct err *err);
MUST_USE enum store_answer version_drop_running(struct db *db, str function, struct err *err);
/* The newest published version that is the same in code and configuration; 0: none. */
MUST_USE enum store_answer version_same_as_last(struct db *db, str function, int64_t *ret, struct err *err);
/* Takes the next number and puts a copy of `from` there. */
MUST_USE enum store_answer version_add(struct db *db, const struct function_config *from, struct arena *arena,
                                       struct function_config *ret, struct err *err);

/* STORE_OK: it is there. */
MUST_USE enum store_answer function_check(struct db *db, str function, struct err *err);
/* Also that the qualifier is: a version or an alias; empty is fine. */
MUST_USE enum store_answer qualifier_check(struct db *db, str function, str qualifier, struct err *err);
/* A new RevisionId for a version, and nothing else. */
MUST_USE enum store_answer version_touch(struct db *db, str function, int64_t number, struct err *err);

/* One row of one integer: found says whether there was one. */
MUST_USE enum store_answer store_number(struct db *db, const char *sql, const struct db_value *values, int count,
                                        int64_t *ret, bool *ret_found, struct err *err);

str new_uuid(struct arena *arena);

/* answers of db_run() as an answer of the store */
static inline enum store_answer store_ran(bool good)
{
    return good ? STORE_OK : STORE_BROKEN;
}
