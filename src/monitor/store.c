#include "monitor/store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "codec/time_format.h"
#include "codec/uuid.h"
#include "monitor/orphans.h"
#include "monitor/store_private.h"

#define HOUR_US (3600LL * 1000 * 1000)

/* -- monitor.db ------------------------------------------------------------------------------------------------------
 */

static bool migrate(struct db *db, struct err *err)
{
    BUF_AUTO first = {0};

    buf_init(&first, 64 * 1024);
    buf_add_all(&first, str_of(rules_schema), str_of(orphans_schema), (str){"", 1});
    const struct db_migration migrations[] = {{1, first.at}};

    return db_migrate(db, migrations, sizeof migrations / sizeof *migrations, err);
}

static bool open_parts(struct store *store, const char *folder, struct err *err)
{
    char path[PERIOD_PATH_MAX];

    if (strlen(folder) >= sizeof store->folder)
        return err_set(err, ERR_LIMIT, "the path of the state is too long");
    snprintf(store->folder, sizeof store->folder, "%s", folder);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_sys(err, "%s", folder);
    snprintf(path, sizeof path, "%s/monitor.db", folder);
    if (!db_open(path, &store->db, err) || !migrate(store->db, err) || !rules_load(&store->rules, store->db, err) ||
        !orphans_open(store->db, &store->orphans, err))
        return err_wrap(err, "%s", path);
    return store_months(folder, store->months, &store->months_count, err);
}

bool store_open(const char *folder, struct store **ret, struct err *err)
{
    struct store *store = calloc(1, sizeof *store);

    if (!store)
        abort();
    if (!open_parts(store, folder, err)) {
        store_close(store);
        return false;
    }
    *ret = store;
    return true;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (int i = 0; i < store->opened_count; i++)
        period_close(store->opened[i].period);
    orphans_close(store->orphans);
    rules_done(&store->rules);
    db_close(store->db);
    vec_free(&store->rows);
    vec_free(&store->added);
    free(store);
}

struct rules *store_rules(struct store *store)
{
    return &store->rules;
}

/* -- files -----------------------------------------------------------------------------------------------------------
 */

/* The one that was not used for longest and is in no transaction makes room. */
static struct opened *room_for_one(struct store *store, struct err *err)
{
    struct opened *oldest = NULL;

    if (store->opened_count < PERIODS_OPEN_MAX)
        return &store->opened[store->opened_count++];
    for (int i = 0; i < store->opened_count; i++)
        if (!store->opened[i].in_transaction && (!oldest || store->opened[i].used < oldest->used))
            oldest = &store->opened[i];
    if (!oldest) {
        err_set(err, ERR_LIMIT, "one request may touch predictions of %d months at most: send fewer at once",
                PERIODS_OPEN_MAX);
        return NULL;
    }
    period_close(oldest->period);
    return oldest;
}

static struct opened *find_opened(struct store *store, int64_t month_us)
{
    for (int i = 0; i < store->opened_count; i++)
        if (period_month(store->opened[i].period) == month_us)
            return &store->opened[i];
    return NULL;
}

bool store_to_read(struct store *store, int64_t time_us, struct opened **ret, struct err *err)
{
    int64_t month_us = month_of(time_us);
    struct opened *opened = find_opened(store, month_us);

    if (!opened) {
        if (!store_note_month(store, month_us, err) || !(opened = room_for_one(store, err)))
            return false;
        *opened = (struct opened){0};
        if (!period_open(store->folder, time_us, &opened->period, err)) {
            *opened = store->opened[--store->opened_count];
            return false;
        }
    }
    opened->used = ++store->uses;
    *ret = opened;
    return true;
}

bool store_to_write(struct store *store, int64_t time_us, struct period **ret, struct err *err)
{
    struct opened *opened;

    if (!store_to_read(store, time_us, &opened, err))
        return false;
    if (!opened->in_transaction && !period_begin(opened->period, store->is_durable, err))
        return false;
    opened->in_transaction = true;
    *ret = opened->period;
    return true;
}

/* -- transactions ---------------------------------------------------------------------------------------------------
 */

bool store_begin(struct store *store, bool durable, struct err *err)
{
    store->is_durable = durable;
    store->in_transaction = db_begin(store->db, err);
    return store->in_transaction;
}

/* A full disk is to be found before the first file has committed. */
static bool prepare(struct store *store, struct err *err)
{
    for (int i = 0; i < store->opened_count; i++)
        if (store->opened[i].in_transaction && !period_prepare(store->opened[i].period, err))
            return false;
    return db_flush(store->db, err);
}

bool store_commit(struct store *store, struct err *err)
{
    if (!prepare(store, err))
        return false;
    for (int i = 0; i < store->opened_count; i++)
        if (store->opened[i].in_transaction) {
            if (!period_commit(store->opened[i].period, err))
                return false;
            store->opened[i].in_transaction = false;
        }
    if (!db_commit(store->db, err))
        return false;
    store->in_transaction = false;
    return true;
}

static void reload(struct store *store)
{
    struct err err = {0};

    rules_done(&store->rules);
    orphans_close(store->orphans);
    store->orphans = NULL;
    if (!rules_load(&store->rules, store->db, &err) || !orphans_open(store->db, &store->orphans, &err)) {
        log_error(
            "the monitor's database cannot be read again after a failure: stopping, so that nothing is decided by "
            "half of it; start the server again",
            F_CSTR("why", err.text));
        abort();
    }
}

void store_rollback(struct store *store)
{
    struct err err = {0};

    for (int i = store->opened_count - 1; i >= 0; i--) {
        if (!store->opened[i].in_transaction)
            continue;
        store->opened[i].in_transaction = false;
        if (!period_rollback(store->opened[i].period, &err)) { /* opened anew when it is next asked for */
            log_error("a month's predictions cannot be read", F_CSTR("why", err.text));
            period_close(store->opened[i].period);
            store->opened[i] = store->opened[--store->opened_count];
        }
    }
    if (store->in_transaction)
        db_rollback(store->db);
    store->in_transaction = false;
    reload(store);
}

/* -- predictions ------------------------------------------------------------------------------------------------------
 */

bool store_check_time(const struct store *store, int64_t time_us, struct err *err)
{
    int64_t now_us = clock_wall_us();
    char text[TIME_TEXT_MAX];

    if (time_us <= now_us + AHEAD_HOURS_MAX * HOUR_US && time_us >= store->kept_from_us)
        return true;
    time_format_zulu(time_us / 1000, text);
    if (time_us >= 0 && time_us < store->kept_from_us)
        return err_set(err, ERR_INVALID,
                       "the time %s is before what this server keeps (its setting monitor_months): it would be dropped",
                       text);
    if (time_us < 0)
        return err_set(err, ERR_INVALID, "the time %s is before 1970", text);
    return err_set(err, ERR_INVALID, "the time %s is more than %d hours ahead of this server's clock", text,
                   AHEAD_HOURS_MAX);
}

static bool label_row(struct period *period, int64_t row, const struct label *label, struct label_result *result,
                      struct err *err)
{
    enum labelled labelled;

    if (!period_label(period, row, label, &labelled, err))
        return false;
    result->labelled += labelled == LABELLED;
    result->corrected += labelled == LABEL_CORRECTED;
    result->unchanged += labelled == LABEL_UNCHANGED;
    result->older += labelled == LABEL_OLDER;
    return true;
}

struct joining {
    struct period *period;
    int64_t row;
};

static bool on_orphan(void *ctx, const struct label *label, struct err *err)
{
    struct joining *joining = ctx;
    struct label_result ignored = {0};

    return label_row(joining->period, joining->row, label, &ignored, err);
}

/* Labels that came before it. */
static bool join_orphans(struct store *store, struct period *period, int64_t row, const struct prediction *p,
                         struct err *err)
{
    uint64_t hashes[PREDICTION_HASHES_MAX];
    struct joining joining = {period, row};
    int count = orphans_count(store->orphans) > 0 ? prediction_hashes(p, hashes) : 0;

    for (int i = 0; i < count; i++)
        if (orphans_may_have(store->orphans, hashes[i]) &&
            !orphans_take(store->orphans, hashes[i], p, on_orphan, &joining, err))
            return false;
    return true;
}

bool store_predict(struct store *store, const struct prediction *p, const struct label *truth, enum inserted *ret,
                   struct err *err)
{
    struct label_result ignored = {0};
    struct period *period;
    int64_t row;

    if (!store_check_time(store, p->time_us, err) || !store_to_write(store, p->time_us, &period, err) ||
        !period_insert(period, p, ret, &row, err))
        return false;
    if (*ret == INSERTED_UNDECIDED)
        return true;
    if (*ret == INSERTED)
        store_note_addition(store, period_month(period));
    if (truth && !label_row(period, row, truth, &ignored, err))
        return false;
    return *ret != INSERTED || join_orphans(store, period, row, p, err);
}

bool store_has_request(struct store *store, int64_t time_us, str request_id, bool *ret, struct err *err)
{
    struct opened *opened;

    *ret = false;
    if (!store_has_month(store, month_of(time_us)))
        return true;
    return store_to_read(store, time_us, &opened, err) && period_has_request(opened->period, request_id, ret, err);
}

/* -- labels -----------------------------------------------------------------------------------------------------------
 */

static bool label_rows(struct store *store, int64_t month_us, const struct label *label, int count,
                       struct label_result *result, struct err *err)
{
    struct period *period;

    if (!store_to_write(store, month_us, &period, err))
        return false;
    for (int i = 0; i < count; i++)
        if (!label_row(period, store->rows.at[i], label, result, err))
            return false;
    result->rows += count;
    return true;
}

static bool label_month(struct store *store, int64_t month_us, const struct label *label, struct label_result *result,
                        struct err *err)
{
    int room = ITEM_MATCHES_MAX - result->rows, count;
    struct opened *opened;

    while (store->rows.len < ITEM_MATCHES_MAX)
        (void)vec_push(&store->rows);
    if (!store_to_read(store, month_us, &opened, err) ||
        !period_find(opened->period, label, store->rows.at, room, &count, err))
        return false;
    if (count > room)
        return err_set(err, ERR_INVALID,
                       "these items were scored more than %d times, which is the most that one label may be about: "
                       "label by prediction_id",
                       ITEM_MATCHES_MAX);
    return count == 0 || label_rows(store, month_us, label, count, result, err);
}

/* An id of version 7 says when, so mostly one file is asked. */
static bool hinted_month(const struct label *label, int64_t *ret)
{
    str id = label->prediction_id.len > 0 ? label->prediction_id : label->request_id;
    int64_t time_us, row;
    uint64_t tag;

    if (!prediction_id_read(id, &time_us, &row, &tag))
        return false;
    *ret = month_of(time_us);
    return true;
}

static bool label_known(struct store *store, const struct label *label, struct label_result *result, struct err *err)
{
    bool one = label->prediction_id.len > 0 || label->request_id.len > 0; /* else items, of any month */
    int64_t hint = -1;

    if (hinted_month(label, &hint) && store_has_month(store, hint) && !label_month(store, hint, label, result, err))
        return false;
    for (int i = 0; i < store->months_count && !(one && result->rows > 0); i++)
        if (store->months[i] != hint && !label_month(store, store->months[i], label, result, err))
            return false;
    return true;
}

bool store_label(struct store *store, const struct label *label, struct label_result *ret, struct err *err)
{
    struct label_result result = {0};

    if (!label_known(store, label, &result, err))
        return false;
    if (result.rows == 0) {
        result.is_orphan = true;
        if (!orphans_add(store->orphans, label, err))
            return false;
    }
    *ret = result;
    return true;
}

bool store_find(struct store *store, str function, str prediction_id, int64_t *ret_month_us, int64_t *ret_row,
                bool *ret_found, struct err *err)
{
    const struct label wanted = {.function = function, .prediction_id = prediction_id};
    struct opened *opened;
    int count = 0;

    *err = (struct err){0};
    for (int i = 0; i < store->months_count && count == 0; i++) {
        if (!store_to_read(store, store->months[i], &opened, err) ||
            !period_find(opened->period, &wanted, ret_row, 1, &count, err))
            return false;
        *ret_month_us = store->months[i];
    }
    *ret_found = count > 0;
    return true;
}

/* -- the journal's place
 * ------------------------------------------------------------------------------------------------ */

static bool is_behind(struct journal_place a, struct journal_place b)
{
    return a.file != b.file ? a.file > b.file : a.offset > b.offset;
}

bool store_place(struct store *store, struct journal_place *ret, struct err *err)
{
    struct journal_place place, last = {1, 0};
    struct opened *opened;

    for (int i = 0; i < store->months_count; i++) {
        if (!store_to_read(store, store->months[i], &opened, err) || !period_place(opened->period, &place, err))
            return false;
        if (is_behind(place, last))
            last = place;
    }
    *ret = last;
    return true;
}

bool store_set_place(struct store *store, int64_t time_us, struct journal_place place, struct err *err)
{
    struct period *period;

    return store_to_write(store, time_us, &period, err) && period_set_place(period, place, err);
}
