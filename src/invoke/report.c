#include "invoke/report.h"

#include "codec/time_format.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdio.h>

enum { CLOSING_BYTES_MAX = 2048 + 2 * RECORD_LOG_TAIL_BYTES }; /* behind the head of what the function printed */

void report_start(struct buf *log, str request_id, str version)
{
    buf_init(log, RECORD_LOG_BYTES_MAX - CLOSING_BYTES_MAX);
    buf_printf(log, "START RequestId: " STR_FMT " Version: " STR_FMT "\n", STR_ARG(request_id), STR_ARG(version));
}

/* AWS says in the log, too, when it was the platform that ended a call. */
static void add_platform_words(struct run *run, const struct run_result *result)
{
    str type = str_of(result->error_type);
    char now[TIME_TEXT_MAX];

    if (str_eq(type, STR("Sandbox.Timedout"))) {
        time_format_zulu(clock_wall_ms(), now);
        buf_printf(&run->log, "%s " STR_FMT " Task timed out after %.2f seconds\n\n", now, STR_ARG(run->request_id),
                   run->what->timeout_ms / 1000.0);
    } else if (str_eq(type, STR("Runtime.OutOfMemory"))) {
        buf_printf(&run->log,
                   "RequestId: " STR_FMT " Error: Runtime exited with error: signal: killed\n"
                   "Runtime.ExitError\n",
                   STR_ARG(run->request_id));
    } else if (str_starts(type, STR("Runtime.Exit"))) {
        buf_printf(&run->log, "RequestId: " STR_FMT " Error: Runtime exited\n" STR_FMT "\n", STR_ARG(run->request_id),
                   STR_ARG(type));
    }
}

void report_end(struct run *run, const struct run_result *result)
{
    struct buf *log = &run->log;
    int64_t duration_us = run->started_us > 0 && run->ended_us > run->started_us ? run->ended_us - run->started_us : 0;

    log->max += CLOSING_BYTES_MAX; /* kept back in report_start() */
    log->full = false;
    if (run->log_bytes_dropped > 0)
        buf_printf(log, "\n(%llu more bytes were printed here)\n", (unsigned long long)run->log_bytes_dropped);
    buf_add(log, buf_str(&run->log_tail));
    if (log->len > 0 && log->at[log->len - 1] != '\n')
        buf_add_char(log, '\n');
    add_platform_words(run, result);
    buf_printf(log, "END RequestId: " STR_FMT "\n", STR_ARG(run->request_id));
    buf_printf(log,
               "REPORT RequestId: " STR_FMT "\tDuration: %.2f ms\tBilled Duration: %lld ms\tMemory Size: %d MB\t"
               "Max Memory Used: %u MB\t",
               STR_ARG(run->request_id), (double)duration_us / 1000.0, (long long)(duration_us + 999) / 1000,
               run->what->memory_mb, (run->memory_peak_kb + 1023) / 1024);
    if (run->cold && run->init_us > 0)
        buf_printf(log, "Init Duration: %.2f ms\t", (double)run->init_us / 1000.0);
    buf_add(log, STR("\n"));
}
