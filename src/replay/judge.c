/*
 * Settings and thresholds are few and are read again with each page and after RELOAD_MS, so a replay begins with what
 * is in force and follows what is changed while it runs.  A captured prediction has its call's own time to the
 * microsecond, by which it is found.
 */
#include "replay/judge.h"

#include "base/clock.h"
#include "base/map.h"
#include "db/db.h"
#include "monitor/capture.h"
#include "monitor/period.h"
#include "monitor/rules.h"
#include "monitor/tally.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { RELOAD_MS = 2000 };

struct judge {
    struct replay_judge face;
    char folder[PERIOD_PATH_MAX - 64];
    struct db *db; /* monitor.db; NULL: it is not there yet */
    struct rules rules;
    bool has_rules;
    int64_t loaded_us;
    struct db *month; /* the one that was asked last */
    int64_t month_us;
};

/* Settings and thresholds */

static void load(struct judge *judge)
{
    char path[PERIOD_PATH_MAX];
    struct err ignored = {0};

    (void)snprintf(path, sizeof path, "%s/monitor.db", judge->folder);
    if (!judge->db && !db_open_readonly(path, &judge->db, &ignored)) {
        judge->db = NULL;
        return;
    }
    if (judge->has_rules)
        rules_done(&judge->rules);
    judge->has_rules = rules_load(&judge->rules, judge->db, &ignored);
    if (!judge->has_rules)
        rules_done(&judge->rules);
}

static void refresh(struct judge *judge)
{
    int64_t now_us = clock_steady_us();

    if (judge->loaded_us > 0 && now_us - judge->loaded_us < RELOAD_MS * 1000LL)
        return;
    load(judge);
    judge->loaded_us = now_us;
}

void judge_forget(struct judge *judge)
{
    judge->loaded_us = 0;
}

/* Decisions */

static void take_rows(const struct predictions *predictions, struct arena *arena, struct replay_rows *ret)
{
    *ret =
        (struct replay_rows){arena_new(arena, struct replay_row, (size_t)predictions->count + 1), predictions->count};
    for (int i = 0; i < predictions->count; i++) {
        const struct prediction *prediction = &predictions->list[i];

        ret->at[i] = (struct replay_row){
            .key = prediction->items.len ? prediction->items : prediction->client_id,
            .position = prediction->position,
            .score = prediction->is_decided ? prediction->score : (double)NAN,
            .decision = prediction->is_decided && prediction->score >= prediction->threshold,
        };
    }
}

static bool decide(void *ctx, const struct replay_answer *answer, struct arena *arena, struct replay_rows *ret)
{
    struct judge *judge = ctx;
    const struct kept_settings *kept;
    struct predictions predictions;
    struct threshold threshold;

    refresh(judge);
    kept = judge->has_rules ? rules_settings(&judge->rules, answer->function, answer->version) : NULL;
    if (!kept)
        return false;
    threshold = rules_threshold_at(&judge->rules, answer->function, answer->alias, answer->decided_us,
                                   settings_scale(&kept->settings, kept->settings.threshold));
    const struct captured_call call = {
        .time_us = answer->received_us,
        .function = answer->function,
        .version = answer->version,
        .alias = answer->alias,
        .request_id = answer->request_id,
        .event = answer->event,
        .response = answer->answer,
        .threshold = isnan(answer->threshold) ? threshold.value : answer->threshold,
        .threshold_number = threshold.number,
    };
    capture(&kept->settings, &call, arena, &predictions);
    take_rows(&predictions, arena, ret);
    return true;
}

/* Labels */

/* NULL: nothing was captured in that month. */
static struct db *open_month(struct judge *judge, int64_t time_us)
{
    char path[PERIOD_PATH_MAX];
    struct err ignored = {0};
    int64_t month_us = month_of(time_us);

    if (judge->month && judge->month_us == month_us)
        return judge->month;
    db_close(judge->month);
    judge->month = NULL;
    period_path(judge->folder, month_us, path);
    if (!db_open_readonly(path, &judge->month, &ignored))
        judge->month = NULL;
    judge->month_us = month_us;
    return judge->month;
}

static void set_label(struct replay_rows *rows, const struct map *keys, str key, int64_t position, double label)
{
    struct replay_row *row = key.len ? map_get(keys, key) : NULL;

    for (int i = 0; !row && key.len == 0 && i < rows->count; i++)
        row = rows->at[i].key.len == 0 && rows->at[i].position == position ? &rows->at[i] : NULL;
    if (row)
        row->label = label;
}

static void read_labels(struct db *db, const struct replay_answer *answer, struct replay_rows *rows,
                        const struct map *keys)
{
    ARENA_AUTO arena = {0};
    struct err ignored = {0};

    DB_ROWS_AUTO found =
        db_query(db, &ignored,
                 "SELECT coalesce(p.items, p.client_id, ''), p.position, p.label FROM rows p"
                 " JOIN calls c ON c.id = p.call JOIN streams s ON s.id = p.stream"
                 " WHERE p.time_us = ? AND c.request_id = ? AND s.function = ? AND p.label IS NOT NULL",
                 DB_INT(answer->received_us), DB_STR(answer->request_id), DB_STR(answer->function));
    while (db_next(&found, &ignored))
        set_label(rows, keys, db_text(&found, 0, &arena), db_int(&found, 1), db_real(&found, 2));
}

static void labels(void *ctx, const struct replay_answer *answer, struct replay_rows *rows)
{
    struct db *db = open_month(ctx, answer->received_us);
    struct map keys = {0};

    if (!db)
        return;
    for (int i = 0; i < rows->count; i++)
        if (rows->at[i].key.len)
            (void)map_put(&keys, rows->at[i].key, &rows->at[i]);
    read_labels(db, answer, rows, &keys);
    map_done(&keys);
}

/* Its life */

struct judge *judge_new(const char *state_dir)
{
    struct judge *judge = calloc(1, sizeof *judge);

    if (!judge)
        abort();
    judge->face = (struct replay_judge){judge, decide, labels};
    (void)snprintf(judge->folder, sizeof judge->folder, "%s/monitor", state_dir);
    return judge;
}

void judge_free(struct judge *judge)
{
    if (!judge)
        return;
    if (judge->has_rules)
        rules_done(&judge->rules);
    db_close(judge->month);
    db_close(judge->db);
    free(judge);
}

const struct replay_judge *judge_face(struct judge *judge)
{
    return &judge->face;
}
