/*
 * import: calls that only want to know whether the handler can be imported.  They wait as others do, so that a failed
 * import, a refused cell and a long queue answer them as they answer a call; once it is imported, no worker is needed.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"

/* The list begins anew after each: who is told may submit the next. */
static struct place *first_import(const struct template *template)
{
    struct place *place;

    TAILQ_FOREACH (place, &template->waiting, next) {
        if (place->run->import_only)
            return place;
    }
    return NULL;
}

void import_answer_waiting(struct template *template)
{
    struct place *place;

    while (template->imports_waiting > 0 && (place = first_import(template))) {
        const struct run_result result = {.outcome = RUN_RESPONSE, .payload = STR("null")};
        struct run *run = pool_leave_queue(template, place);

        run->started_us = run->ended_us = clock_steady_us();
        pool_give_init_log(template, run);
        pool_finish(template, run, &result);
    }
}
