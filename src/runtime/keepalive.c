/*
 * keepalive: what is kept without a call, and what leaves.
 *
 * Workers are cheap to fork again, so an idle one leaves after worker_idle_ms; parked ones (settings.parked) and
 * provisioned ones wait ahead of demand.  Templates are dear: they stay under a budget of memory, and the one that
 * leaves has the least  H = L + calls * cost / size  (Greedy-Dual-Size-Frequency; FaasCache, ASPLOS 2021), cost being
 * its init and L the H of the last that left.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"

#include <string.h>

enum { PROVISION_RETRY_MS = 5000, MEAN_OF_CALLS = 16, KEPT_OVER_MAX = 64 };

static bool is_busy(const struct template *template)
{
    return template->waiting_count > 0 || template->workers_count[WORKER_BUSY] > 0;
}

static int provisioned(const struct template *template)
{
    return template->is_retired ? 0 : template->what->provisioned;
}

static void rank(struct template *template)
{
    double cost_ms = (double)template->init_us / 1000 + 1, megabytes = (double)template->memory_kb / 1024 + 1;

    template->priority = template->pool->keepalive_clock + template->calls *cost_ms / megabytes;
}

void keepalive_on_call(struct template *template, int64_t took_us)
{
    template->calls += 1;
    template->stillborn_ms = 0;
    template->service_us += ((double)took_us - template->service_us) / MEAN_OF_CALLS;
    rank(template);
}

/* Templates */

static int64_t memory_kb(const struct pool *pool)
{
    size_t cursor = 0;
    int64_t sum = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        const struct template *template = value;
        const struct process *process;
        LIST_FOREACH (process, &template->processes, next)
            sum += template->memory_kb;
    }
    return sum;
}

static struct template *least_worth(const struct pool *pool, const struct template *except)
{
    struct template *least = NULL;
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        struct template *template = value;
        if (template != except && template->state == TEMPLATE_READY && !is_busy(template) &&
            provisioned(template) == 0 && (!least || template->priority < least->priority))
            least = template;
    }
    return least;
}

void keepalive_on_start(struct template *template)
{
    struct pool *pool = template->pool;
    struct template *victim;

    rank(template);
    while (memory_kb(pool) > pool->memory_budget_kb && (victim = least_worth(pool, template))) {
        pool->keepalive_clock = victim->priority;
        template_kill(victim);
    }
}

static bool is_over(const struct template *template, int64_t now_us)
{
    return template->state == TEMPLATE_READY && !is_busy(template) && provisioned(template) == 0 &&
           template_workers(template) == template->unused_count &&
           now_us - template->used_us > template->pool->options.template_idle_ms * 1000LL;
}

/* The keys in its environment end. */
static bool is_old(const struct template *template, int64_t now_us)
{
    int age_max_ms = template->pool->options.template_age_max_ms;

    return age_max_ms > 0 && template->state == TEMPLATE_READY && now_us - template->ready_us > age_max_ms * 1000LL;
}

/* Into `best`, sorted by priority, of which there are `count`; the new count. */
static int insert_by_worth(struct template *best[], int count, int max, struct template *template)
{
    int at = count;

    while (at > 0 && best[at - 1]->priority < template->priority)
        at--;
    if (at == max)
        return count;
    count += count < max;
    memmove(&best[at + 1], &best[at], (size_t)(count - 1 - at) * sizeof *best);
    best[at] = template;
    return count;
}

int pool_worth_keeping(const struct pool *pool, struct runnable *ret[], int max)
{
    struct template *best[KEPT_OVER_MAX];
    int count = 0;
    size_t cursor = 0;
    void *value;
    str key;

    max = max < KEPT_OVER_MAX ? max : KEPT_OVER_MAX;
    while (map_next(&pool->templates, &cursor, &key, &value)) {
        struct template *template = value;
        if (template->state == TEMPLATE_READY && !template->is_retired)
            count = insert_by_worth(best, count, max, template);
    }
    for (int i = 0; i < count; i++)
        ret[i] = best[i]->what;
    return count;
}

void pool_warm(struct pool *pool, struct runnable *what)
{
    struct template *template = pool_template(pool, what);

    template->used_us = clock_steady_us();
    if (template->state == TEMPLATE_COLD)
        template_start(template);
}

/* Workers */

bool keepalive_evict_worker(struct pool *pool, const struct template *except)
{
    struct worker *oldest = NULL;
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        struct template *template = value;
        struct worker *worker = TAILQ_LAST(&template->workers[WORKER_IDLE], worker_list);
        if (template != except && worker && template_workers(template) > provisioned(template) &&
            (!oldest || worker->idle_since_us < oldest->idle_since_us))
            oldest = worker;
    }
    if (oldest)
        worker_end(oldest);
    return oldest != NULL;
}

static int kept_ready(const struct template *template)
{
    int missing = provisioned(template) - (template_workers(template) - template->unused_count);

    return missing > template->what->settings.parked ? missing : template->what->settings.parked;
}

static void expire_workers(struct template *template, int64_t now_us)
{
    int64_t idle_us = template->pool->options.worker_idle_ms * 1000LL;
    int spare = template_workers(template) - template->workers_count[WORKER_ENDING] - provisioned(template);
    struct worker *worker, *before;

    for (worker = TAILQ_LAST(&template->workers[WORKER_IDLE], worker_list); worker && spare > 0; worker = before) {
        before = TAILQ_PREV(worker, worker_list, next);
        if (now_us - worker->idle_since_us <= idle_us || !worker->was_used)
            continue;
        worker_end(worker);
        spare--;
    }
}

/* A fork that cannot live would else be made again at once, for ever.  The next call tries it anyway. */
void keepalive_on_unused_end(struct template *template)
{
    int wait_ms = 2 * template->stillborn_ms;

    wait_ms = wait_ms < STILLBORN_MS_MIN ? STILLBORN_MS_MIN : wait_ms;
    template->stillborn_ms = wait_ms < STILLBORN_MS_MAX ? wait_ms : STILLBORN_MS_MAX;
    template->park_us = clock_steady_us() + template->stillborn_ms * 1000LL;
}

void keepalive_park(struct template *template)
{
    struct pool *pool = template->pool;
    bool calm = template->waiting_count == 0 && template->workers_count[WORKER_FORKING] == 0 && !pool->is_draining;
    bool full = pool->workers >= pool->options.workers_total_max / 2; /* who waits needs the rest more */
    struct err err = {0};

    if (template->state != TEMPLATE_READY || template->is_retired || !calm || (full && pool->waiting > 0) ||
        template->unused_count >= kept_ready(template) || template->successor ||
        clock_steady_us() < template->park_us ||
        template_workers(template) >= batch_workers_max(template) + template->what->settings.parked ||
        template_workers(template) >= pool->options.workers_per_version_max ||
        pool->workers >= pool->options.workers_total_max)
        return;
    if (template->is_solo)
        worker_start(template);
    else
        (void)worker_fork(template, true, &err);
}

/* Provisioned versions have a template without a call. */
static void provision(struct pool *pool, int64_t now_us)
{
    struct catalog_walk walk = {0};
    struct runnable *what;

    if (!pool->options.catalog || pool->is_draining)
        return;
    while ((what = catalog_next_provisioned(pool->options.catalog, &walk))) {
        struct template *template = pool_template(pool, what);
        if (template->state != TEMPLATE_COLD || now_us < template->retry_us)
            continue;
        template->retry_us = now_us + PROVISION_RETRY_MS * 1000LL;
        template_start(template);
    }
}

void keepalive_sweep(struct pool *pool, int64_t now_us)
{
    size_t cursor = 0;
    void *value;
    str key;

    while (map_next(&pool->templates, &cursor, &key, &value)) {
        struct template *template = value;
        expire_workers(template, now_us);
        if (is_over(template, now_us))
            template_kill(template);
        else if (is_old(template, now_us))
            template_renew(template);
        keepalive_park(template);
    }
    provision(pool, now_us);
}
