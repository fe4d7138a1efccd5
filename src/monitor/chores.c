#include "monitor/chores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "monitor/inbox.h"
#include "monitor/silence.h"
#include "monitor/tally.h"

struct chores {
    struct lane *lane;
    uv_timer_t timer;
    bool under_way, stopped;
    bool has_more;   /* of the last step */
    int months_kept; /* what the next step goes by */

    struct store *store; /* the rest is the lane's */
    struct inbox *inbox;
    struct silence *silence;
    int64_t dropped_at_us;                   /* steady; 0: not yet */
    int64_t applied_count, refused_count;    /* out of the inbox, and not said yet */
    int64_t silent_count;                    /* labelled, and not said yet */
    int dropped_months;                      /* by which setting */
    char told[sizeof((struct err){0}.text)]; /* the trouble that was said last */
};

/* -- on the lane ------------------------------------------------------------------------------------------------------
 */

/* Trouble that stays is said once. */
static void tell(struct chores *chores, const char *what, const struct err *err)
{
    if (strcmp(chores->told, err->text) == 0)
        return;
    snprintf(chores->told, sizeof chores->told, "%s", err->text);
    log_error(what, F_CSTR("why", err->text));
}

static bool run_inbox(struct chores *chores)
{
    struct inbox_report report;
    struct err err = {0};

    if (!inbox_run(chores->inbox, chores->store, &report, &err)) {
        tell(chores, "labels wait in label_inbox: they cannot be applied now", &err);
        return false;
    }
    chores->applied_count += report.applied;
    chores->refused_count += report.refused;
    if (!report.has_more && chores->applied_count + chores->refused_count > 0) {
        chores->told[0] = '\0';
        log_info("labels were taken out of label_inbox", F_INT("applied", chores->applied_count),
                 F_INT("refused", chores->refused_count));
        chores->applied_count = chores->refused_count = 0;
    }
    return report.has_more;
}

static bool run_silence(struct chores *chores)
{
    struct err err = {0};
    int labelled;
    bool more;

    if (!silence_run(chores->silence, &labelled, &more, &err)) {
        tell(chores, "silence cannot be taken for truth now (unlabelled_after)", &err);
        return false;
    }
    chores->silent_count += labelled;
    if (!more && chores->silent_count > 0) {
        log_info("decisions that nobody spoke of are labelled by what that means (unlabelled_after)",
                 F_INT("decisions", chores->silent_count));
        chores->silent_count = 0;
    }
    return more;
}

static int64_t first_kept(int months)
{
    int64_t month_us = month_of(clock_wall_us());

    while (--months > 0)
        month_us = month_of(month_us - 1);
    return month_us;
}

static bool is_past(int64_t at_us, int64_t after_ms)
{
    return at_us == 0 || clock_steady_us() - at_us >= after_ms * 1000;
}

static void drop_old(struct chores *chores, int months)
{
    struct err err = {0};
    int ignored;

    if (months == chores->dropped_months && !is_past(chores->dropped_at_us, DROP_MS))
        return;
    chores->dropped_at_us = clock_steady_us();
    chores->dropped_months = months;
    if (!store_drop_before(chores->store, months > 0 ? first_kept(months) : 0, &ignored, &err))
        tell(chores, "months that are older than monitor_months cannot be dropped", &err);
}

struct step {
    struct chores *chores;
    int months_kept;
};

static void step_run(void *ctx)
{
    struct step *step = ctx;
    struct chores *chores = step->chores;

    drop_old(chores, step->months_kept);
    chores->has_more = run_inbox(chores);
    chores->has_more = run_silence(chores) || chores->has_more;
}

/* -- on the loop ------------------------------------------------------------------------------------------------------
 */

static void submit(struct chores *chores);

static void step_done(void *ctx)
{
    struct step *step = ctx;
    struct chores *chores = step->chores;

    free(step);
    chores->under_way = false;
    if (chores->has_more)
        submit(chores);
}

static void submit(struct chores *chores)
{
    struct step *step;

    if (chores->under_way || chores->stopped)
        return;
    step = calloc(1, sizeof *step);
    if (!step)
        abort();
    *step = (struct step){chores, chores->months_kept};
    chores->under_way = true;
    lane_submit(chores->lane, step_run, step_done, step);
}

static void on_timer(uv_timer_t *timer)
{
    submit(timer->data);
}

bool chores_new(uv_loop_t *loop, struct lane *lane, struct store *store, const char *folder, struct chores **ret,
                struct err *err)
{
    struct chores *chores = calloc(1, sizeof *chores);

    if (!chores)
        abort();
    chores->lane = lane;
    chores->store = store;
    if (!inbox_open(folder, &chores->inbox, err)) {
        free(chores);
        return false;
    }
    chores->silence = silence_new(store);
    uv_timer_init(loop, &chores->timer);
    uv_unref((uv_handle_t *)&chores->timer);
    chores->timer.data = chores;
    uv_timer_start(&chores->timer, on_timer, CHORES_MS, CHORES_MS);
    *ret = chores;
    return true;
}

void chores_keep_months(struct chores *chores, int months)
{
    chores->months_kept = months;
    submit(chores);
}

void chores_stop(struct chores *chores)
{
    if (!chores)
        return;
    chores->stopped = true;
    uv_timer_stop(&chores->timer);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void chores_free(struct chores *chores)
{
    if (!chores)
        return;
    inbox_close(chores->inbox);
    silence_free(chores->silence);
    uv_close((uv_handle_t *)&chores->timer, on_closed);
}
