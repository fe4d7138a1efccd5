#include "monitor/period_delayed.h"

#include "monitor/period_private.h"

#define DAY_US (24LL * 3600 * 1000 * 1000)

struct mark { /* rows up to (time, row), of those up to rows_seen, are done */
    int64_t time_us, row, rows_seen;
};

struct candidate {
    int64_t id, time_us;
    bool decision, is_due;
};

struct step {
    struct period *period;
    const struct delayed *delayed;
    int64_t until_us; /* of rows that are old enough */
    struct mark mark;
    struct candidate *rows;
    int count;
};

static bool read_mark(struct step *step, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows =
        db_query(step->period->db, err, "SELECT time_us, row, rows_seen FROM delayed WHERE function = ?",
                 DB_STR(step->delayed->function));

    if (db_next(&rows, err))
        step->mark = (struct mark){db_int(&rows, 0), db_int(&rows, 1), db_int(&rows, 2)};
    else /* nothing is done, and so nothing can have come behind it */
        step->mark = (struct mark){INT64_MIN, 0, step->period->next_row - 1};
    return err->code == ERR_NONE;
}

static bool write_mark(const struct step *step, struct err *err)
{
    return db_run(step->period->db, err, "INSERT OR REPLACE INTO delayed VALUES (?, ?, ?, ?)",
                  DB_STR(step->delayed->function), DB_INT(step->mark.time_us), DB_INT(step->mark.row),
                  DB_INT(step->mark.rows_seen));
}

/* Never labelled: who took a label back has said that the truth is not known. */
#define COLUMNS "SELECT id, time_us, decision, stream, label_us IS NULL FROM rows"

static bool read_candidates(struct step *step, struct db_rows *rows, struct err *err)
{
    step->count = 0;
    while (db_next(rows, err)) {
        const struct stream *stream = names_stream_of(&step->period->names, db_int(rows, 3));

        step->rows[step->count++] = (struct candidate){
            .id = db_int(rows, 0),
            .time_us = db_int(rows, 1),
            .decision = db_int(rows, 2) != 0,
            .is_due = db_int(rows, 4) && stream && str_eq(stream->function, step->delayed->function),
        };
    }
    return err->code == ERR_NONE;
}

static bool label_candidate(const struct step *step, const struct candidate *row, struct err *err)
{
    const struct label label = {
        .function = step->delayed->function,
        .value = step->delayed->is_right && row->decision,
        .known_us = row->time_us + step->delayed->days * DAY_US,
        .source = STR("delayed"),
        .origin = STR(ORIGIN_DELAYED),
    };
    enum labelled ignored;

    return period_label(step->period, row->id, &label, &ignored, err);
}

static bool is_done(const struct mark *mark, const struct candidate *row)
{
    return row->time_us != mark->time_us ? row->time_us < mark->time_us : row->id <= mark->row;
}

/* Rows that came since, of times that are done. */
static bool step_late(struct step *step, int *ret_labelled, struct err *err)
{
    DB_ROWS_AUTO rows = db_query(step->period->db, err, COLUMNS " WHERE id > ? ORDER BY id LIMIT ?",
                                 DB_INT(step->mark.rows_seen), DB_INT(DELAYED_ROWS_MAX));

    if (!read_candidates(step, &rows, err))
        return false;
    for (int i = 0; i < step->count; i++) {
        if (step->rows[i].is_due && is_done(&step->mark, &step->rows[i])) {
            if (!label_candidate(step, &step->rows[i], err))
                return false;
            ++*ret_labelled;
        }
        step->mark.rows_seen = step->rows[i].id;
    }
    return true;
}

/* The next ones in time. */
static bool step_on(struct step *step, int *ret_labelled, struct err *err)
{
    DB_ROWS_AUTO rows =
        db_query(step->period->db, err,
                 COLUMNS " WHERE time_us >= ?1 AND (time_us > ?1 OR id > ?2) AND time_us <= ?3"
                         " ORDER BY time_us, id LIMIT ?4",
                 DB_INT(step->mark.time_us), DB_INT(step->mark.row), DB_INT(step->until_us), DB_INT(DELAYED_ROWS_MAX));

    if (!read_candidates(step, &rows, err))
        return false;
    for (int i = 0; i < step->count; i++) {
        if (step->rows[i].is_due) {
            if (!label_candidate(step, &step->rows[i], err))
                return false;
            ++*ret_labelled;
        }
        step->mark.time_us = step->rows[i].time_us;
        step->mark.row = step->rows[i].id;
    }
    return true;
}

static bool take_step(struct step *step, int *ret_labelled, bool *ret_more, struct err *err)
{
    *ret_labelled = 0;
    if (!read_mark(step, err))
        return false;
    if (step->mark.rows_seen < step->period->next_row - 1 ? !step_late(step, ret_labelled, err)
                                                          : !step_on(step, ret_labelled, err))
        return false;
    *ret_more = step->count > 0;
    return step->count == 0 || write_mark(step, err);
}

bool period_delay(struct period *period, const struct delayed *delayed, int64_t now_us, int *ret_labelled,
                  bool *ret_more, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct step step = {
        .period = period,
        .delayed = delayed,
        .until_us = now_us - delayed->days * DAY_US,
        .rows = arena_new(&arena, struct candidate, DELAYED_ROWS_MAX),
    };

    return take_step(&step, ret_labelled, ret_more, err);
}
