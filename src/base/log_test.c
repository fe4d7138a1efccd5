#include "base/log.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/test.h"

static char text[32 * 1024];
static int saved_stderr, pipe_read;

static int64_t long_ago(void)
{
    return INT64_C(1000000000123456);
}

static void capture_start(void)
{
    int ends[2];

    if (pipe(ends) != 0)
        abort();
    saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    pipe_read = ends[0];
}

static str capture_end(void)
{
    ssize_t len;

    dup2(saved_stderr, STDERR_FILENO);
    close(saved_stderr);
    len = read(pipe_read, text, sizeof text);
    close(pipe_read);
    return (str){text, len > 0 ? (size_t)len : 0};
}

static void writes_words(void)
{
    capture_start();
    log_info("worker started", F_STR("function", STR("greet")), F_INT("pid", 42));
    log_warn("odd", F_CSTR("text", "a b"), F_STR("empty", STR("")));
    ok(str_eq(capture_end(), STR("2001-09-09T01:46:40.123Z level=info event=\"worker started\" function=greet pid=42\n"
                                 "2001-09-09T01:46:40.123Z level=warn event=\"odd\" text=\"a b\" empty=\"\"\n")));
}

static void cannot_be_forged(void)
{
    capture_start();
    log_error("bad", F_STR("name", STR("x\nlevel=info \"\\\x1b[2J\x7f")), F_STR("utf8", STR("\xc3\xbc\xff\xc2\x9b")));
    ok(str_eq(capture_end(),
              STR("2001-09-09T01:46:40.123Z level=error event=\"bad\" "
                  "name=\"x\\nlevel=info \\\"\\\\\\u001b[2J\\u007f\" utf8=\"\xc3\xbc\xef\xbf\xbd\\u009b\"\n")));
}

static void writes_json(void)
{
    capture_start();
    log_set_json(true);
    log_info("bare");
    log_info("full", F_STR("a", STR("b\"\t")), F_INT("n", INT64_MIN));
    log_set_json(false);
    ok(str_eq(capture_end(), STR("{\"time\":\"2001-09-09T01:46:40.123Z\",\"level\":\"info\",\"event\":\"bare\"}\n"
                                 "{\"time\":\"2001-09-09T01:46:40.123Z\",\"level\":\"info\",\"event\":\"full\","
                                 "\"a\":\"b\\\"\\u0009\",\"n\":-9223372036854775808}\n")));
}

static void leaves_out_what_nobody_asked_for(void)
{
    capture_start();
    log_debug("quiet");
    log_set_level(LOG_ERROR);
    log_warn("quiet");
    log_set_level(LOG_DEBUG);
    log_debug("loud");
    ok(str_eq(capture_end(), STR("2001-09-09T01:46:40.123Z level=debug event=\"loud\"\n")));
}

static void bounds_a_value(void)
{
    BUF_AUTO large = {0};

    buf_init(&large, 10000);
    buf_printf(&large, "%09999d", 1);
    capture_start();
    log_info("large", F_STR("value", buf_str(&large)));
    ok(capture_end().len < 5000);
}

static void run_with_a_still_clock(void)
{
    clock_replace(long_ago);
}

TEST_MAIN(run_with_a_still_clock, writes_words, cannot_be_forged, writes_json, leaves_out_what_nobody_asked_for,
          bounds_a_value)
