/*
 * batch: what a free worker is given.  One call; or, where the module has a batch_handler, all that wait, up to a
 * bound: work-conserving, so nobody waits for more to come unless the function asked for that (batch_delay_ms).
 * (Triton's dynamic batcher without a delay does the same; Clipper, NSDI 2017, for why batches pay.)
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"

/* More workers than CPUs would only make the batches smaller. */
int batch_workers_max(const struct template *template)
{
    const struct pool *pool = template->pool;
    int max = template->can_batch ? pool->forks_at_once : pool->options.workers_per_version_max;

    if (max < template->what->provisioned)
        max = template->what->provisioned;
    return max < pool->options.workers_per_version_max ? max : pool->options.workers_per_version_max;
}

static void on_held_long_enough(uv_timer_t *timer)
{
    struct template *template = timer->data;

    template->is_holding = false;
    pool_dispatch(template);
}

/* True: the first in the queue may still wait for others to join it. */
static bool holds(struct template *template)
{
    const struct function_settings *settings = &template->what->settings;
    const struct run *first = TAILQ_FIRST(&template->waiting)->run;
    int64_t left_us = first->queued_us + settings->batch_delay_ms * 1000LL - clock_steady_us();

    /* The first may be a newer call that passed background ones: these, too, have waited long enough. */
    if (!template->can_batch || template->waiting_count >= settings->batch_max || left_us <= 0 ||
        template->background_waiting > 0)
        return false;
    if (!template->is_holding) {
        template->is_holding = true;
        (void)uv_timer_start(&template->hold, on_held_long_enough, (uint64_t)(left_us / 1000 + 1), 0);
    }
    return true;
}

bool batch_take(struct template *template, struct place_list *ret)
{
    int max = template->can_batch ? template->what->settings.batch_max : 1;
    size_t bytes = 0;

    TAILQ_INIT(ret);
    if (template->waiting_count == 0 || holds(template))
        return false;
    for (int count = 0; count < max && count<FRAME_BATCH_MAX &&template->waiting_count> 0; count++) {
        struct place *place = TAILQ_FIRST(&template->waiting);
        bytes += place->run->event.len;
        if (count > 0 && bytes > BATCH_BYTES_MAX)
            break;
        (void)pool_leave_queue(template, place);
        TAILQ_INSERT_TAIL(ret, place, next);
    }
    return true;
}
