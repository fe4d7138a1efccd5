/* answer_threshold: a threshold and those before it, read from monitor.db by a handle that only reads. */
#include "monitor/answer.h"

#include <stdio.h>

#include "monitor/period_private.h"
#include "monitor/rules.h"

enum { HISTORY_TOLD_MAX = 1000 };

void answer_one_threshold(struct jw *jw, const struct threshold *threshold)
{
    jw_int(jw, "number", threshold->number);
    jw_real(jw, "threshold", threshold->value);
    answer_time(jw, "set_at", threshold->set_us);
    jw_str(jw, "by", threshold->by);
    jw_str(jw, "note", threshold->note);
    if (threshold->restores)
        jw_int(jw, "restores", threshold->restores);
}

static bool answer_history(struct db *db, str function, str alias, struct jw *jw, struct err *err)
{
    ARENA_AUTO arena = {0};
    int count = 0;
    DB_ROWS_AUTO rows = db_query(db, err,
                                 "SELECT number, threshold, set_us, by, note, restores FROM thresholds"
                                 " WHERE function = ? AND alias = ? ORDER BY number DESC LIMIT ?",
                                 DB_STR(function), DB_STR(alias), DB_INT(HISTORY_TOLD_MAX));

    while (db_next(&rows, err)) {
        const struct threshold threshold = {
            (int)db_int(&rows, 0),     db_real(&rows, 1),         db_int(&rows, 2),
            db_text(&rows, 3, &arena), db_text(&rows, 4, &arena), (int)db_int(&rows, 5),
        };

        if (count++ == 0) {
            answer_one_threshold(jw, &threshold);
            jw_array_key(jw, "history");
        }
        jw_object(jw);
        answer_one_threshold(jw, &threshold);
        jw_object_end(jw);
    }
    if (count == 0) {
        jw_int(jw, "number", 0);
        jw_null(jw, "threshold");
        jw_array_key(jw, "history");
    }
    jw_array_end(jw);
    return err->code == ERR_NONE;
}

bool answer_thresholds(const char *folder, str function, str alias, struct jw *jw, struct err *err)
{
    char path[PERIOD_PATH_MAX];
    struct db *db;
    bool good;

    *err = (struct err){0};
    snprintf(path, sizeof path, "%s/monitor.db", folder);
    if (!db_open_readonly(path, &db, err))
        return err_wrap(err, "%s", path);
    jw_object(jw);
    jw_str(jw, "function", function);
    jw_str(jw, "alias", alias);
    good = answer_history(db, function, alias, jw, err);
    jw_object_end(jw);
    db_close(db);
    return good;
}
