/*
 * prediction_id: the id of a prediction that has none of its own: a UUID of version 7 (RFC 9562) that leads to its row.
 *
 * 48 bits of milliseconds, which say the month and so the file; 40 bits of the row's number there; 34 bits that are the
 * file's own, so that an id of somewhere else is not taken for one.  So no index is needed, and the ids sort by time.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { PREDICTION_ID_CHARS = 36, PREDICTION_TAG_BITS = 34 };

void prediction_id_make(int64_t time_us, int64_t row, uint64_t tag, char ret[PREDICTION_ID_CHARS + 1]);
/* False: no such UUID.  The time is of whole milliseconds.  Whether there is such a row only its file can say. */
bool prediction_id_read(str text, int64_t *ret_time_us, int64_t *ret_row, uint64_t *ret_tag);
