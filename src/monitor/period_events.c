#include "monitor/period_events.h"

#include <math.h>

#include "monitor/period_private.h"

bool period_add_event(struct period *period, const struct event *event, bool *ret_is_new, struct err *err)
{
    if (!db_run(period->db, err,
                "INSERT INTO events (time_us, function, name, version, key, phase, value) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                DB_INT(event->time_us), DB_STR(event->function), DB_STR(event->name), DB_STR(event->version),
                DB_STR_OR_NULL(event->key), DB_INT(event->phase),
                isnan(event->value) ? DB_NULL : DB_REAL(event->value)))
        return false;
    *ret_is_new = db_changes(period->db) > 0;
    return true;
}

bool period_find_event(struct period *period, const struct event *event, bool *ret_is_there, struct found_event *ret,
                       struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(
        period->db, err, "SELECT id, time_us FROM events WHERE function = ? AND name = ? AND key = ? AND phase = ?",
        DB_STR(event->function), DB_STR(event->name), DB_STR(event->key), DB_INT(event->phase));

    *ret_is_there = db_next(&rows, err);
    if (*ret_is_there)
        *ret = (struct found_event){db_int(&rows, 0), db_int(&rows, 1)};
    return err->code == ERR_NONE;
}

bool period_value_event(struct period *period, int64_t id, double value, struct err *err)
{
    return db_run(period->db, err, "UPDATE events SET value = ? WHERE id = ?", DB_REAL(value), DB_INT(id));
}
