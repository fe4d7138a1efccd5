/* answer_marks: what happened at a moment, for the time axis: thresholds that were set, versions that began to score.
 */
#include "monitor/answer.h"

#include <stdio.h>

#include "monitor/period_private.h"

static void write_mark(struct jw *jw, int64_t time_us, const char *kind, str text)
{
    jw_object(jw);
    answer_time(jw, "time", time_us);
    jw_str(jw, "kind", str_of(kind));
    jw_str(jw, "text", text);
    jw_object_end(jw);
}

static bool mark_thresholds(struct answering *answering, int64_t from_us, int64_t to_us, struct err *err)
{
    char path[PERIOD_PATH_MAX];
    struct db *db;

    snprintf(path, sizeof path, "%s/monitor.db", answering->folder);
    if (!db_open_readonly(path, &db, err))
        return err_wrap(err, "%s", path);
    {
        DB_ROWS_AUTO rows =
            db_query(db, err,
                     "SELECT set_us, 'threshold ' || threshold || CASE alias WHEN '' THEN '' ELSE ' of '"
                     " || alias END || CASE note WHEN '' THEN '' ELSE ': ' || note END FROM thresholds"
                     " WHERE function = ? AND set_us >= ? AND set_us < ? ORDER BY set_us LIMIT 1000",
                     DB_STR(answering->question.function), DB_INT(from_us), DB_INT(to_us));
        while (db_next(&rows, err))
            write_mark(answering->jw, db_int(&rows, 0), "threshold", db_text(&rows, 1, answering->arena));
    }
    db_close(db);
    return err->code == ERR_NONE;
}

struct marking {
    struct answering *answering;
    int64_t from_us, to_us;
    str last; /* the version that scored in the hour before */
};

/* An hour in which another version scored most than in the hour before. */
static bool mark_versions(void *ctx, struct db *db, struct err *err)
{
    struct marking *marking = ctx;
    DB_ROWS_AUTO rows =
        db_query(db, err,
                 "SELECT start_us, version, max(total) FROM (SELECT h.start_us, s.version,"
                 " sum(h.count) AS total FROM score_hist h JOIN streams s ON s.id = h.stream"
                 " WHERE h.tier = 0 AND s.function = ? AND s.source <> 'shadow' AND h.start_us >= ?"
                 " AND h.start_us < ? GROUP BY 1, 2) GROUP BY 1 ORDER BY 1",
                 DB_STR(marking->answering->question.function), DB_INT(marking->from_us), DB_INT(marking->to_us));

    while (db_next(&rows, err)) {
        str version = db_text(&rows, 1, marking->answering->arena);

        if (marking->last.at && !str_eq(version, marking->last))
            write_mark(marking->answering->jw, db_int(&rows, 0), "version",
                       arena_printf(marking->answering->arena, "version " STR_FMT, STR_ARG(version)));
        marking->last = version;
    }
    return err->code == ERR_NONE;
}

bool answer_marks(struct answering *answering, int64_t from_us, int64_t to_us, struct err *err)
{
    struct marking marking = {answering, from_us, to_us, {0}};

    *err = (struct err){0};
    jw_array_key(answering->jw, "marks");
    if (!mark_thresholds(answering, from_us, to_us, err) ||
        !question_files(answering->folder, from_us, to_us, mark_versions, &marking, err))
        return false;
    jw_array_end(answering->jw);
    return true;
}
