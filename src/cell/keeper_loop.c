/* See keeper_loop.h. */
#include "cell/keeper_loop.h"

#include "base/clock.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>

static int poll_fd = -1;
static TAILQ_HEAD(, moment) moments = TAILQ_HEAD_INITIALIZER(moments); /* the next one first */

int keeper_loop_open(void)
{
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    return poll_fd;
}

void watch_start(struct watch *watch, int fd, void (*on_ready)(struct watch *watch))
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};

    *watch = (struct watch){fd, on_ready};
    if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        abort(); /* no memory: the server stops in order when its keeper is gone */
}

void watch_stop(struct watch *watch)
{
    if (watch->fd >= 0)
        (void)epoll_ctl(poll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->fd = -1;
}

void moment_drop(struct moment *moment)
{
    if (moment->due_us)
        TAILQ_REMOVE(&moments, moment, next);
    moment->due_us = 0;
}

void moment_set(struct moment *moment, int in_ms, void (*on_due)(struct moment *moment))
{
    struct moment *later;

    moment_drop(moment);
    moment->due_us = clock_steady_us() + in_ms * 1000LL;
    moment->on_due = on_due;
    TAILQ_FOREACH (later, &moments, next) {
        if (later->due_us > moment->due_us) {
            TAILQ_INSERT_BEFORE(later, moment, next);
            return;
        }
    }
    TAILQ_INSERT_TAIL(&moments, moment, next);
}

/* -1: for ever.  A part of a millisecond counts as a whole one, or we would spin through it. */
static int ms_to_next(void)
{
    struct moment *first = TAILQ_FIRST(&moments);
    int64_t left_us = first ? first->due_us - clock_steady_us() : 0;

    if (!first)
        return -1;
    return left_us > 0 ? (int)((left_us + 999) / 1000) : 0;
}

void keeper_loop_turn(void)
{
    struct moment *first = TAILQ_FIRST(&moments);
    struct epoll_event event;

    if (first && first->due_us <= clock_steady_us()) {
        moment_drop(first);
        first->on_due(first);
    } else if (epoll_wait(poll_fd, &event, 1, ms_to_next()) > 0) {
        struct watch *watch = event.data.ptr;
        watch->on_ready(watch);
    }
}
