/* prediction_row: a prediction as it is told: all its members, read by its number from a month's file. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "codec/json_write.h"
#include "db/db.h"

struct prediction_row {
    int64_t id, time_us, label_us, call;
    str prediction_id, function, version, alias, source, request_id, segment, items, features;
    int position, threshold_number;
    bool decision;
    double score, threshold, amount, label; /* of the last two NAN: none */
};

/* ERR_NOT_FOUND: no such row. */
MUST_USE bool prediction_row_read(struct db *db, int64_t id, struct arena *arena, struct prediction_row *ret,
                                  struct err *err);
/* Into the open object; asked: another threshold that decides too, or NAN. */
void prediction_row_write(struct jw *jw, const struct prediction_row *row, double asked);
