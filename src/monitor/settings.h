/*
 * settings: where in a call's event and response the decisions are, from [tool.sculler.monitor] of a function's
 * project.
 *
 *     rows = "$[*]"                        the entries of the response that are decisions
 *     score = "score"                      of an entry; null: no decision
 *     score_range = [0, 1]                 what scores can be; they are kept on a scale from 0 to 1
 *     threshold = 0.5                      score >= threshold is positive; until another is set for an alias
 *     prediction_id = "id"                 of an entry; optional
 *     items = ["budget_id", "item_id"]     what names a decision: labels are joined by them
 *     segment, amount                      a look-up (below)
 *     attributes = {name = look-up}        inputs that are kept beside the score, for drift
 *     unlabelled_after = {days = 30, means = "negative"}   or "right": what silence says
 *
 * A look-up is a path in the entry ("kind"), in the event ("$.country"), in a list of the event whose entry has the
 * decision's own items ("$.budgets[*].price"), or the same in full: {rows = "$.budgets[*]", key = "budget_id",
 * value = "price"}.  Paths are those of codec/json_path.h.
 *
 * Plain data without pointers into what it was read from; one arena or heap block holds it.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "codec/json_path.h"
#include "monitor/prediction.h"

enum {
    LISTS_MAX = 8,       /* lists of the event that are looked into */
    ATTRIBUTES_MAX = 32, /* of a decision */
    LIST_VALUES_MAX = ATTRIBUTES_MAX + 2,
    SETTING_NAME_MAX = 64,
    SETTINGS_BYTES_MAX = 64 * 1024,
};

struct lookup {
    enum { LOOKUP_NONE, LOOKUP_ROW, LOOKUP_EVENT, LOOKUP_LIST } from;
    char name[SETTING_NAME_MAX + 1];
    int list; /* LOOKUP_LIST: which list, and which of its values; else the place in row_paths, event_paths */
    int value;
};

struct lookup_list { /* entries of the event, found by an item's text */
    struct json_path rows;
    int key; /* the item that finds an entry; -1: any that the entry has */
    struct json_path values[LIST_VALUES_MAX];
    int values_count;
};

struct monitor_settings {
    struct json_path rows;
    struct json_path
        row_paths[3 + ITEMS_MAX + ATTRIBUTES_MAX]; /* score, prediction id, items, then what look-ups want */
    int row_paths_count;
    bool has_prediction_id;
    char items[ITEMS_MAX][SETTING_NAME_MAX + 1];
    struct json_path item_paths[ITEMS_MAX]; /* in an entry of a list */
    int items_count;
    struct json_path event_paths[ATTRIBUTES_MAX + 2];
    int event_paths_count;
    struct lookup_list lists[LISTS_MAX];
    int lists_count;
    struct lookup segment, amount, attributes[ATTRIBUTES_MAX];
    int attributes_count;
    double threshold, score_low, score_high;
    int unlabelled_days; /* 0: silence says nothing */
    bool unlabelled_is_right;
};

enum { ROW_PATH_SCORE, ROW_PATH_PREDICTION_ID, ROW_PATH_ITEMS };

/* ERR_INVALID: which setting, and why, in words.  What is not known is refused, so that a slip of the pen is seen. */
MUST_USE bool monitor_settings_read(const json_t *object, struct monitor_settings *ret, struct err *err);
/* From a score as the model says it to [0, 1]; outside it is out of range. */
static inline double settings_scale(const struct monitor_settings *settings, double score)
{
    return (score - settings->score_low) / (settings->score_high - settings->score_low);
}
