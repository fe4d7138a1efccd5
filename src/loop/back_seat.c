/*
 * Less of the CPU where it is short (a nice value), and a slice that is longer than the others': who wakes up takes the
 * CPU from it at once and need not wait until its slice is over (Linux 6.12 and later, sched_setattr(2), SCHED_OTHER;
 * before, a slice has no such meaning).  Nice values are a thread's own: setpriority(2), "C library/kernel
 * differences".
 *
 * A file of its own, since <linux/sched/types.h> and <sched.h> cannot be had together in the C library of Debian 12.
 */
#include "loop/back_seat.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    NICE = 5,
    SLICE_NS = 100 * 1000 * 1000, /* the longest that may be asked for */
};

void back_seat_take(void)
{
    struct sched_attr attr = {
        .size = sizeof attr, .sched_policy = SCHED_NORMAL, .sched_nice = NICE, .sched_runtime = SLICE_NS};

    if (syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
}
