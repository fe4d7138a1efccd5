#include "replay/store.h"

#include "base/vec.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE replays ("
        "  number INTEGER PRIMARY KEY,"
        "  id TEXT NOT NULL UNIQUE,"
        "  function TEXT NOT NULL,"
        "  version TEXT NOT NULL,"
        "  against TEXT NOT NULL,"
        "  last INTEGER NOT NULL,"
        "  rate REAL NOT NULL,"
        "  concurrency INTEGER NOT NULL,"
        "  tolerance REAL NOT NULL,"
        "  threshold REAL," /* NULL: each version's own */
        "  state TEXT NOT NULL,"
        "  why TEXT NOT NULL DEFAULT '',"
        "  created_us INTEGER NOT NULL,"
        "  started_us INTEGER NOT NULL DEFAULT 0,"
        "  ended_us INTEGER NOT NULL DEFAULT 0,"
        "  calls INTEGER NOT NULL DEFAULT -1,"
        "  at_id INTEGER NOT NULL DEFAULT 0," /* of records.db */
        "  last_id INTEGER NOT NULL DEFAULT 0,"
        "  resumes INTEGER NOT NULL DEFAULT 0"
#define COUNT(name, meaning) ", \"" #name "\" INTEGER NOT NULL DEFAULT 0"
#include "replay/replay.def"
#undef COUNT
        ") STRICT;"
        "CREATE INDEX replays_function ON replays(function, number);"

        "CREATE TABLE replay_changes ("
        "  replay INTEGER NOT NULL REFERENCES replays(number) ON DELETE CASCADE,"
        "  call_id INTEGER NOT NULL," /* of records.db */
        "  request_id TEXT NOT NULL,"
        "  position INTEGER NOT NULL," /* -1: it is about the whole answer */
        "  kind TEXT NOT NULL,"        /* decision, answer, failed, mended */
        "  key TEXT NOT NULL,"
        "  words TEXT NOT NULL,"
        "  decision_before INTEGER," /* NULL: the row is not in that answer */
        "  decision_after INTEGER,"
        "  score_before REAL,"
        "  score_after REAL,"
        "  label REAL" /* NULL: unknown */
        ") STRICT;"
        "CREATE INDEX replay_changes_replay ON replay_changes(replay);"

        "CREATE TABLE shadows ("
        "  function TEXT PRIMARY KEY,"
        "  alias TEXT NOT NULL,"
        "  version TEXT NOT NULL,"
        "  share REAL NOT NULL,"
        "  set_us INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"},
};

const char *const replay_state_words[REPLAY_STATES] = {"waiting", "running",   "done",
                                                       "failed",  "cancelled", "interrupted"};

bool replay_store_open(const char *path, struct db **ret, struct err *err)
{
    struct db *db = NULL;

    if (!db_open(path, &db, err))
        return false;
    if (!db_migrate(db, migrations, sizeof migrations / sizeof *migrations, err)) {
        db_close(db);
        return false;
    }
    *ret = db;
    return true;
}

static struct db_value real_or_null(double number)
{
    return isnan(number) ? DB_NULL : DB_REAL(number);
}

bool replay_store_add(struct db *db, struct replay_saved *saved, struct err *err)
{
    const struct replay_order *order = &saved->order;

    if (!db_begin(db, err))
        return false;
    if (!db_run(db, err,
                "DELETE FROM replays WHERE state NOT IN ('waiting', 'running') AND number <="
                " (SELECT number FROM replays ORDER BY number DESC LIMIT 1 OFFSET ?)",
                DB_INT(REPLAYS_KEPT_MAX - 1)) ||
        !db_run(db, err,
                "INSERT INTO replays (id, function, version, against, last, rate, concurrency, tolerance, threshold,"
                " state, created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                DB_STR(str_of(saved->id)), DB_STR(order->function), DB_STR(order->version), DB_STR(order->against),
                DB_INT(order->last), DB_REAL(order->rate), DB_INT(order->concurrency), DB_REAL(order->tolerance),
                real_or_null(order->threshold), DB_STR(str_of(replay_state_words[saved->state])),
                DB_INT(saved->created_us))) {
        db_rollback(db);
        return false;
    }
    saved->number = db_last_rowid(db);
    if (db_commit(db, err))
        return true;
    db_rollback(db);
    return false;
}

bool replay_store_update(struct db *db, const struct replay_saved *saved, struct err *err)
{
    const struct db_value values[] = {
        DB_STR(str_of(replay_state_words[saved->state])),
        DB_STR(saved->why),
        DB_INT(saved->started_us),
        DB_INT(saved->ended_us),
        DB_INT(saved->calls),
        DB_INT(saved->at_id),
        DB_INT(saved->last_id),
        DB_INT(saved->resumes),
#define COUNT(name, meaning) DB_INT(saved->counts.name),
#include "replay/replay.def"
#undef COUNT
        DB_INT(saved->number),
    };

    return db_run_values(db, err,
                         "UPDATE replays SET state = ?, why = ?, started_us = ?, ended_us = ?, calls = ?, at_id = ?,"
                         " last_id = ?, resumes = ?"
#define COUNT(name, meaning) ", \"" #name "\" = ?"
#include "replay/replay.def"
#undef COUNT
                         " WHERE number = ?",
                         values, sizeof values / sizeof *values);
}

bool replay_store_add_change(struct db *db, int64_t number, int64_t call_id, str request_id,
                             const struct replay_change *change, struct err *err)
{
    return db_run(db, err,
                  "INSERT INTO replay_changes (replay, call_id, request_id, position, kind, key, words,"
                  " decision_before, decision_after, score_before, score_after, label)"
                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                  DB_INT(number), DB_INT(call_id), DB_STR(request_id), DB_INT(change->position),
                  DB_STR(str_of(replay_kind_words[change->kind])), DB_STR(change->key), DB_STR(change->words),
                  change->has_before ? DB_INT(change->before.decision) : DB_NULL,
                  change->has_after ? DB_INT(change->after.decision) : DB_NULL,
                  change->has_before ? real_or_null(change->before.score) : DB_NULL,
                  change->has_after ? real_or_null(change->after.score) : DB_NULL, real_or_null(change->label));
}

/* Reading */

static double real_or_nan(const struct db_rows *rows, int column)
{
    return db_is_null(rows, column) ? (double)NAN : db_real(rows, column);
}

static enum replay_state state_of(str word)
{
    for (int i = 0; i < REPLAY_STATES; i++)
        if (str_eq(word, str_of(replay_state_words[i])))
            return (enum replay_state)i;
    return REPLAY_INTERRUPTED;
}

static void read_saved(const struct db_rows *rows, struct arena *arena, struct replay_saved *ret)
{
    int column = 19;

    *ret = (struct replay_saved){
        .number = db_int(rows, 0),
        .order = {.function = db_text(rows, 2, arena),
                  .version = db_text(rows, 3, arena),
                  .against = db_text(rows, 4, arena),
                  .last = db_int(rows, 5),
                  .rate = db_real(rows, 6),
                  .concurrency = (int)db_int(rows, 7),
                  .tolerance = db_real(rows, 8),
                  .threshold = real_or_nan(rows, 9)},
        .state = state_of(db_text(rows, 10, arena)),
        .why = db_text(rows, 11, arena),
        .created_us = db_int(rows, 12),
        .started_us = db_int(rows, 13),
        .ended_us = db_int(rows, 14),
        .calls = db_int(rows, 15),
        .at_id = db_int(rows, 16),
        .last_id = db_int(rows, 17),
        .resumes = db_int(rows, 18),
    };
    (void)snprintf(ret->id, sizeof ret->id, STR_FMT, STR_ARG(db_text(rows, 1, arena)));
#define COUNT(name, meaning) ret->counts.name = db_int(rows, column++);
#include "replay/replay.def"
#undef COUNT
}

bool replay_store_read(struct db *db, const struct replay_filter *filter, struct arena *arena,
                       struct replay_saved **ret, int *ret_count, struct err *err)
{
    static const char sql[] =
        "SELECT number, id, function, version, against, last, rate, concurrency, tolerance, threshold, state, why,"
        " created_us, started_us, ended_us, calls, at_id, last_id, resumes"
#define COUNT(name, meaning) ", \"" #name "\""
#include "replay/replay.def"
#undef COUNT
        " FROM replays WHERE (?1 = '' OR id = ?1) AND (?2 = '' OR function = ?2)"
        " AND (NOT ?3 OR state IN ('waiting', 'running'))"
        " ORDER BY CASE WHEN ?3 THEN number ELSE -number END LIMIT ?4 OFFSET ?5";
    VEC(struct replay_saved) all = {0};

    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(db, err, sql, DB_STR(filter->id), DB_STR(filter->function), DB_INT(filter->unfinished),
                                 DB_INT(filter->limit), DB_INT(filter->offset));
    while (db_next(&rows, err))
        read_saved(&rows, arena, vec_push(&all));
    *ret = arena_new(arena, struct replay_saved, all.len + 1);
    *ret_count = (int)all.len;
    if (all.len > 0)
        memcpy(*ret, all.at, all.len * sizeof *all.at);
    vec_free(&all);
    return err->code == ERR_NONE;
}

static int decision_or_none(const struct db_rows *rows, int column)
{
    return db_is_null(rows, column) ? -1 : (int)db_int(rows, column);
}

bool replay_store_changes(struct db *db, int64_t number, int limit, int offset, struct arena *arena,
                          struct replay_change_row **ret, int *ret_count, struct err *err)
{
    VEC(struct replay_change_row) all = {0};

    *err = (struct err){0};
    DB_ROWS_AUTO rows =
        db_query(db, err,
                 "SELECT request_id, kind, key, words, position, score_before, score_after, label, decision_before,"
                 " decision_after FROM replay_changes WHERE replay = ?"
                 " ORDER BY label IS NULL, kind <> 'failed', abs(coalesce(score_after, 0) - coalesce(score_before, 0))"
                 " DESC, rowid LIMIT ? OFFSET ?",
                 DB_INT(number), DB_INT(limit), DB_INT(offset));
    while (db_next(&rows, err))
        *vec_push(&all) = (struct replay_change_row){
            .request_id = db_text(&rows, 0, arena),
            .kind = db_text(&rows, 1, arena),
            .key = db_text(&rows, 2, arena),
            .words = db_text(&rows, 3, arena),
            .position = db_int(&rows, 4),
            .score_before = real_or_nan(&rows, 5),
            .score_after = real_or_nan(&rows, 6),
            .label = real_or_nan(&rows, 7),
            .decision_before = decision_or_none(&rows, 8),
            .decision_after = decision_or_none(&rows, 9),
        };
    *ret = arena_new(arena, struct replay_change_row, all.len + 1);
    *ret_count = (int)all.len;
    if (all.len > 0)
        memcpy(*ret, all.at, all.len * sizeof *all.at);
    vec_free(&all);
    return err->code == ERR_NONE;
}

/* Shadows */

bool replay_store_put_shadow(struct db *db, const struct shadow_setting *setting, struct err *err)
{
    return db_run(db, err,
                  "INSERT INTO shadows (function, alias, version, share, set_us) VALUES (?, ?, ?, ?, ?)"
                  " ON CONFLICT DO UPDATE SET alias = excluded.alias, version = excluded.version,"
                  " share = excluded.share, set_us = excluded.set_us",
                  DB_STR(setting->function), DB_STR(setting->alias), DB_STR(setting->version), DB_REAL(setting->share),
                  DB_INT(setting->set_us));
}

bool replay_store_remove_shadow(struct db *db, str function, struct err *err)
{
    return db_run(db, err, "DELETE FROM shadows WHERE function = ?", DB_STR(function));
}

bool replay_store_shadows(struct db *db, struct arena *arena, struct shadow_setting **ret, int *ret_count,
                          struct err *err)
{
    *ret = arena_new(arena, struct shadow_setting, SHADOWS_MAX);
    *ret_count = 0;
    *err = (struct err){0};
    DB_ROWS_AUTO rows =
        db_query(db, err, "SELECT function, alias, version, share, set_us FROM shadows LIMIT ?", DB_INT(SHADOWS_MAX));
    while (db_next(&rows, err))
        (*ret)[(*ret_count)++] = (struct shadow_setting){db_text(&rows, 0, arena), db_text(&rows, 1, arena),
                                                         db_text(&rows, 2, arena), db_real(&rows, 3), db_int(&rows, 4)};
    return err->code == ERR_NONE;
}
