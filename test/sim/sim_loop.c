/*
 * sim_loop: libuv's face, with virtual time.
 *
 * A turn collects what is due: handles whose descriptor is ready, timers, far ends, planned events.  It then does all
 * of it in an order drawn from the seed, without asking again; so a handle may be told of bytes that are gone, as can
 * happen with libuv, but never once it is stopped or closed.  Timers keep their order among themselves.  Time moves
 * only when nothing is due (and by a microsecond a deed, so that no two happen at once).
 */
#include "sim.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    DUE_MAX = 4096,
    POLLS_MAX = 2048,
    TURNS_AT_ONE_INSTANT_MAX = 20000, /* more is a loop that never rests */
};

int64_t sim_now;
bool sim_tracing;
uint64_t sim_seed;
static uint64_t random_state;

/* Chance */

static uint64_t next_random(void)
{
    uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t sim_rand(uint64_t below)
{
    return below ? next_random() % below : 0;
}

int64_t sim_between(int64_t low, int64_t high)
{
    return low + (int64_t)sim_rand((uint64_t)(high - low + 1));
}

bool sim_chance(int per_mille)
{
    return (int)sim_rand(1000) < per_mille;
}

/* Words */

void sim_trace(const char *fmt, ...)
{
    va_list args;

    if (!sim_tracing)
        return;
    va_start(args, fmt);
    printf("%9.3f ms  ", (double)sim_now / 1000.0);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

void sim_violation(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fflush(stdout);
    fprintf(stderr, "seed %llu, %.3f ms: ", (unsigned long long)sim_seed, (double)sim_now / 1000.0);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
    va_end(args);
    _exit(3);
}

/* Planned events: a heap by time, then by order of planning */

struct event {
    int64_t due, order;
    sim_do *what;
    void *ctx;
    int64_t number;
};

static struct event *events;
static size_t events_count, events_capacity;
static int64_t events_order;

static bool before(const struct event *a, const struct event *b)
{
    return a->due < b->due || (a->due == b->due && a->order < b->order);
}

static void swap_events(size_t a, size_t b)
{
    struct event kept = events[a];

    events[a] = events[b];
    events[b] = kept;
}

void sim_at(int64_t delay_us, sim_do *what, void *ctx, int64_t number)
{
    size_t at = events_count++;

    if (events_count > events_capacity) {
        events_capacity = events_capacity ? 2 * events_capacity : 256;
        events = realloc(events, events_capacity * sizeof *events);
        if (!events)
            abort();
    }
    events[at] = (struct event){sim_now + (delay_us > 0 ? delay_us : 0), events_order++, what, ctx, number};
    for (; at > 0 && before(&events[at], &events[(at - 1) / 2]); at = (at - 1) / 2)
        swap_events(at, (at - 1) / 2);
}

static struct event take_event(void)
{
    struct event first = events[0];
    size_t at = 0, child;

    events[0] = events[--events_count];
    while ((child = 2 * at + 1) < events_count) {
        if (child + 1 < events_count && before(&events[child + 1], &events[child]))
            child++;
        if (!before(&events[child], &events[at]))
            break;
        swap_events(at, child);
        at = child;
    }
    return first;
}

/* Handles */

struct handle {
    uv_handle_t *uv;
    bool active, closing, closed;
    int fd, events;
    uv_poll_cb on_poll;
    uv_timer_cb on_timer;
    int64_t due, order;
    uint64_t repeat;
    uv_close_cb on_close;
};

static struct handle *handles[POLLS_MAX];
static size_t handles_count;
static int64_t timers_order;

static struct handle *of(const uv_handle_t *uv)
{
    return uv->u.reserved[0];
}

static struct handle *add_handle(uv_handle_t *uv, uv_loop_t *loop, uv_handle_type type)
{
    struct handle *handle = calloc(1, sizeof *handle);

    if (!handle || handles_count == POLLS_MAX)
        abort();
    handle->uv = uv;
    handles[handles_count++] = handle;
    uv->u.reserved[0] = handle;
    uv->loop = loop;
    uv->type = type;
    return handle;
}

int uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd)
{
    add_handle((uv_handle_t *)poll, loop, UV_POLL)->fd = fd;
    return 0;
}

int uv_poll_start(uv_poll_t *poll, int wanted, uv_poll_cb on_poll)
{
    struct handle *handle = of((uv_handle_t *)poll);

    if (handle->closing)
        sim_violation("a poll is started while it closes");
    handle->active = wanted != 0;
    handle->events = wanted;
    handle->on_poll = on_poll;
    return 0;
}

int uv_poll_stop(uv_poll_t *poll)
{
    of((uv_handle_t *)poll)->active = false;
    return 0;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer)
{
    (void)add_handle((uv_handle_t *)timer, loop, UV_TIMER);
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb on_timer, uint64_t timeout, uint64_t repeat)
{
    struct handle *handle = of((uv_handle_t *)timer);

    if (handle->closing)
        return UV_EINVAL;
    handle->active = true;
    handle->on_timer = on_timer;
    handle->due = sim_now + (int64_t)timeout * 1000;
    handle->order = timers_order++;
    handle->repeat = repeat;
    return 0;
}

int uv_timer_stop(uv_timer_t *timer)
{
    of((uv_handle_t *)timer)->active = false;
    return 0;
}

int uv_is_active(const uv_handle_t *uv)
{
    return of(uv)->active;
}

int uv_is_closing(const uv_handle_t *uv)
{
    return of(uv)->closing;
}

void uv_close(uv_handle_t *uv, uv_close_cb on_close)
{
    struct handle *handle = of(uv);

    if (handle->closing)
        sim_violation("a handle is closed twice");
    handle->active = false;
    handle->closing = true;
    handle->on_close = on_close;
}

void uv_unref(uv_handle_t *uv)
{
    (void)uv;
}

void uv_ref(uv_handle_t *uv)
{
    (void)uv;
}

uint64_t uv_now(const uv_loop_t *loop)
{
    (void)loop;
    return (uint64_t)(sim_now / 1000);
}

uint64_t uv_hrtime(void)
{
    return (uint64_t)sim_now * 1000;
}

/* A turn */

struct due {
    enum { DUE_POLL, DUE_TIMER, DUE_EVENT, DUE_FAR } kind;
    struct handle *handle;
    short revents;
    sim_do *what;
    void *ctx;
};

static struct due due[DUE_MAX];
static size_t due_count;
static struct pollfd polls[POLLS_MAX];
static struct due polls_of[POLLS_MAX];
static size_t polls_count;

static void add_due(struct due one)
{
    if (due_count == DUE_MAX)
        sim_violation("more than %d things are due at once", DUE_MAX);
    due[due_count++] = one;
}

static void add_poll(struct due one, int fd, short wanted)
{
    if (polls_count == POLLS_MAX)
        sim_violation("more than %d descriptors are waited for", POLLS_MAX);
    polls[polls_count] = (struct pollfd){.fd = fd, .events = wanted};
    polls_of[polls_count++] = one;
}

static void add_far(int fd, short wanted, sim_do *what, void *ctx)
{
    add_poll((struct due){.kind = DUE_FAR, .what = what, .ctx = ctx}, fd, wanted);
}

static struct handle *first_timer(void)
{
    struct handle *first = NULL;

    for (size_t i = 0; i < handles_count; i++) {
        struct handle *handle = handles[i];
        if (handle->uv->type == UV_TIMER && handle->active && !handle->closed &&
            (!first || handle->due < first->due || (handle->due == first->due && handle->order < first->order)))
            first = handle;
    }
    return first;
}

static void collect_polls(void)
{
    polls_count = 0;
    for (size_t i = 0; i < handles_count; i++) {
        struct handle *handle = handles[i];
        if (handle->uv->type == UV_POLL && handle->active)
            add_poll(
                (struct due){.kind = DUE_POLL, .handle = handle}, handle->fd,
                (short)((handle->events & UV_READABLE ? POLLIN : 0) | (handle->events & UV_WRITABLE ? POLLOUT : 0)));
    }
    sim_cells_poll(add_far);
    if (poll(polls, polls_count, 0) < 0)
        sim_violation("poll: %s", strerror(errno));
    for (size_t i = 0; i < polls_count; i++) {
        if (polls[i].revents & POLLNVAL)
            sim_violation("descriptor %d is waited for and closed (%s)", polls[i].fd,
                          polls_of[i].kind == DUE_FAR ? "far end" : "the pool's");
        polls_of[i].revents = polls[i].revents;
        if (polls[i].revents)
            add_due(polls_of[i]);
    }
}

static void collect(void)
{
    due_count = 0;
    collect_polls();
    for (size_t i = 0; i < handles_count; i++)
        if (handles[i]->uv->type == UV_TIMER && handles[i]->active && handles[i]->due <= sim_now)
            add_due((struct due){.kind = DUE_TIMER});
    for (size_t i = 0; i < events_count; i++)
        if (events[i].due <= sim_now)
            add_due((struct due){.kind = DUE_EVENT});
    for (size_t i = due_count; i > 1; i--) {
        size_t other = (size_t)sim_rand(i);
        struct due kept = due[other];
        due[other] = due[i - 1];
        due[i - 1] = kept;
    }
}

/* As uv__poll_io does: an error stops the watcher and is told as EBADF; a hang-up comes as what was asked for. */
static void do_poll(struct handle *handle, short revents)
{
    int told = 0;

    if (!handle->active || handle->closing)
        return;
    if (revents & POLLERR) {
        handle->active = false;
        handle->on_poll((uv_poll_t *)handle->uv, UV_EBADF, 0);
        return;
    }
    if (revents & (POLLIN | POLLHUP))
        told |= UV_READABLE;
    if (revents & (POLLOUT | POLLHUP))
        told |= UV_WRITABLE;
    if (told & handle->events)
        handle->on_poll((uv_poll_t *)handle->uv, 0, told & handle->events);
}

static void do_timer(void)
{
    struct handle *handle = first_timer();

    if (!handle || handle->due > sim_now)
        return;
    handle->active = handle->repeat > 0;
    handle->due = sim_now + (int64_t)handle->repeat * 1000;
    handle->order = timers_order++;
    handle->on_timer((uv_timer_t *)handle->uv);
}

static void do_due(const struct due *one)
{
    struct event event;

    sim_now++;
    switch (one->kind) {
    case DUE_POLL:
        do_poll(one->handle, one->revents);
        return;
    case DUE_TIMER:
        do_timer();
        return;
    case DUE_FAR:
        one->what(one->ctx, one->revents);
        return;
    case DUE_EVENT:
        event = take_event();
        event.what(event.ctx, event.number);
        return;
    }
}

/* A closed handle is told so at the end of a turn, one later at times. */
static void tell_closed(void)
{
    size_t kept = 0;

    for (size_t i = 0; i < handles_count; i++) {
        struct handle *handle = handles[i];
        if (handle->closing && !handle->closed && !sim_chance(200)) {
            handle->closed = true;
            if (handle->on_close)
                handle->on_close(handle->uv); /* may free uv */
        }
    }
    for (size_t i = 0; i < handles_count; i++) {
        if (handles[i]->closed)
            free(handles[i]);
        else
            handles[kept++] = handles[i];
    }
    handles_count = kept;
}

static bool closing_is_left(void)
{
    for (size_t i = 0; i < handles_count; i++)
        if (handles[i]->closing)
            return true;
    return false;
}

static bool advance(void)
{
    struct handle *timer = first_timer();
    int64_t next = INT64_MAX;

    if (timer)
        next = timer->due;
    if (events_count > 0 && events[0].due < next)
        next = events[0].due;
    if (next == INT64_MAX)
        return false;
    if (next > sim_now)
        sim_now = next;
    return true;
}

bool sim_run(bool (*enough)(void), void (*at_rest)(void))
{
    int turns = 0;

    while (!enough()) {
        collect();
        if (due_count > 0) {
            if (++turns > TURNS_AT_ONE_INSTANT_MAX)
                sim_violation("no rest after %d turns: something is due again and again", turns);
            for (size_t i = 0; i < due_count; i++)
                do_due(&due[i]);
            tell_closed();
        } else if (closing_is_left()) {
            tell_closed();
        } else {
            at_rest();
            turns = 0;
            if (!advance())
                return enough();
        }
    }
    return true;
}

void sim_loop_reset(void)
{
    while (closing_is_left())
        tell_closed();
    if (handles_count > 0)
        sim_violation("%zu handles are left open", handles_count);
    free(events);
    events = NULL;
    events_count = events_capacity = 0;
    sim_now = 0;
    random_state = sim_seed * UINT64_C(0x2545F4914F6CDD1D) + 1;
}
