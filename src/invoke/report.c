#include "invoke/report.h"

#include "codec/time_format.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdio.h>

enum {
    CLOSING_BYTES_MAX = 2048 + 2 * RECORD_LOG_TAIL_BYTES, /* behind the head of what the function printed */
    LOG_BYTES_USUAL = 512,
};

void report_start(struct buf *log, str request_id, str version)
{
    buf_init(log, RECORD_LOG_BYTES_MAX - CLOSING_BYTES_MAX);
    (void)buf_reserve(log, LOG_BYTES_USUAL);
    buf_add_all(log, STR("START RequestId: "), request_id, STR(" Version: "), version, STR("\n"));
}

str report_out_of_memory(const struct run *run)
{
    return arena_printf(run->arena,
                        "out of memory: the function used more than its MemorySize of %d MB; raise it, or let the "
                        "handler use less",
                        run->what->memory_mb);
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
                   "Runtime.ExitError\n[sculler] " STR_FMT "\n",
                   STR_ARG(run->request_id), STR_ARG(report_out_of_memory(run)));
    } else if (str_starts(type, STR("Runtime.Exit"))) {
        buf_printf(&run->log, "RequestId: " STR_FMT " Error: Runtime exited\n" STR_FMT "\n", STR_ARG(run->request_id),
                   STR_ARG(type));
    }
}

/* As "%.2f ms": hundredths, rounded. */
static void add_ms(struct buf *log, int64_t us)
{
    uint64_t hundredths = us > 0 ? ((uint64_t)us + 5) / 10 : 0;

    buf_add_uint(log, hundredths / 100);
    buf_add_char(log, '.');
    buf_add_char(log, (char)('0' + hundredths / 10 % 10));
    buf_add_char(log, (char)('0' + hundredths % 10));
    buf_add(log, STR(" ms"));
}

/* On the way of every call, so without printf. */
static void add_report(struct run *run, int64_t duration_us)
{
    struct buf *log = &run->log;

    buf_add_all(log, STR("END RequestId: "), run->request_id, STR("\nREPORT RequestId: "), run->request_id,
                STR("\tDuration: "));
    add_ms(log, duration_us);
    buf_add(log, STR("\tBilled Duration: "));
    buf_add_uint(log, (uint64_t)(duration_us + 999) / 1000);
    buf_add(log, STR(" ms\tMemory Size: "));
    buf_add_uint(log, (uint64_t)run->what->memory_mb);
    buf_add(log, STR(" MB\tMax Memory Used: "));
    buf_add_uint(log, (run->memory_peak_kb + 1023) / 1024);
    buf_add(log, STR(" MB\t"));
    if (run->cold && run->init_us > 0) {
        buf_add(log, STR("Init Duration: "));
        add_ms(log, run->init_us);
        buf_add_char(log, '\t');
    }
    buf_add_char(log, '\n');
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
    add_report(run, duration_us);
}
