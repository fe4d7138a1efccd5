/*
 * logs: what calls left behind: a line a call, and what the function printed; or, of one request, everything.
 *
 * The server sends a record a line (NDJSON); with --follow it keeps sending.  Lines are put together from whatever
 * pieces the network makes of them, and printed at once.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "codec/json_read.h"
#include "codec/time_format.h"
#include "codec/url.h"

enum { LINE_BYTES_MAX = 24 * 1024 * 1024, QUERY_BYTES_MAX = 2048, LIMIT_DEFAULT = 100, LIMIT_MAX = 10000 };

struct printer {
    struct buf line; /* what has arrived of the next one */
    bool json, whole;
    int count;
};

static long long number(const json_t *record, const char *name)
{
    return json_integer_value(json_object_get(record, name));
}

static str text(const json_t *record, const char *name)
{
    return json_text(json_object_get(record, name));
}

static void print_block(const char *title, str block)
{
    str line;

    printf("  %s:\n", title);
    while (block.len) {
        str_cut(block, '\n', &line, &block);
        print_log_line(stdout, "    ", line);
    }
}

static bool holds(str text, str part)
{
    return part.len && memmem(text.at, text.len, part.at, part.len);
}

/* Only what the function said: START, END and REPORT are Lambda's own and in the header line already, and how it ended
 * is in the cause. */
static bool is_told(const json_t *record, str line)
{
    str id = text(record, "request_id"), cause = text(record, "cause"), rest = line, first;
    bool is_platforms = str_cut(line, ' ', &first, &rest) && str_eq(first, STR("RequestId:")) && str_starts(rest, id);

    if (str_starts(line, STR("START RequestId: ")) || str_starts(line, STR("END RequestId: ")) ||
        str_starts(line, STR("REPORT RequestId: ")))
        return true;
    if (!cause.len)
        return false;
    return is_platforms || str_eq(line, text(record, "error_type")) || str_eq(line, STR("Runtime.ExitError")) ||
           (str_starts(line, STR("[sculler] ")) && holds(line, cause));
}

/* A function's error is in its log with the trace: once is enough. */
static bool log_tells_cause(const json_t *record)
{
    str cause = text(record, "cause"), log = text(record, "log"), line, rest;

    (void)str_cut(cause, '\n', &cause, &rest);
    const char *gateways = memmem(cause.at ? cause.at : "", cause.len, " failed: ", strlen(" failed: "));
    if (gateways) /* "function NAME failed: ValueError: ..." */
        cause = str_from(cause, (size_t)(gateways - cause.at) + strlen(" failed: "));
    while (log.len) {
        (void)str_cut(log, '\n', &line, &log);
        if (str_starts(line, STR("[ERROR] ")) && holds(line, cause))
            return true;
    }
    return false;
}

static void print_log(const json_t *record)
{
    str log = text(record, "log"), line;

    while (log.len) {
        str_cut(log, '\n', &line, &log);
        if (line.len && !is_told(record, line))
            print_log_line(stdout, "    ", line);
    }
}

/* The API answers a function's error with 200, as AWS's does; beside it that reads as success. */
static void print_status(const json_t *record)
{
    long long status = number(record, "status");

    if (status < 300 && text(record, "error_type").len)
        fputs("ERR", stdout);
    else
        printf("%lld", status);
}

static void print_record(const json_t *record, bool whole)
{
    char when[TIME_TEXT_MAX];
    str alias = text(record, "alias"), error = text(record, "error_type"), cause = text(record, "cause"),
        detail = text(record, "detail");

    time_format_zulu(number(record, "received_wall_us") / 1000, when);
    printf("%s  ", when);
    print_status(record);
    printf("  " STR_FMT ":" STR_FMT "%s" STR_FMT "  %.1f ms%s  " STR_FMT "%s" STR_FMT "\n",
           STR_ARG(text(record, "function")), STR_ARG(text(record, "version")), alias.len ? " " : "", STR_ARG(alias),
           (double)number(record, "answered_us") / 1000, json_is_true(json_object_get(record, "cold")) ? " cold" : "",
           STR_ARG(text(record, "request_id")), error.len ? "  " : "", STR_ARG(error));
    if (detail.len && whole)
        print_block("over", detail);
    if (cause.len && (whole || !log_tells_cause(record)))
        printf("    " STR_FMT "\n", STR_ARG(cause));
    if (!whole) {
        print_log(record);
        return;
    }
    print_block("input", text(record, "input"));
    print_block("output", text(record, "output"));
    print_block("log", text(record, "log"));
}

static void print_line(struct printer *printer, str line)
{
    if (!line.len)
        return;
    printer->count++;
    if (printer->json) {
        fwrite(line.at, 1, line.len, stdout);
        putchar('\n');
        return;
    }
    json_auto_t *record = json_loadb(line.at, line.len, 0, NULL);
    if (record)
        print_record(record, printer->whole);
}

static bool on_piece(void *ctx, str piece)
{
    struct printer *printer = ctx;
    str line, rest;

    buf_add(&printer->line, piece);
    if (!buf_ok(&printer->line)) {
        say("sculler logs: a record is larger than %d bytes", LINE_BYTES_MAX);
        return false;
    }
    while (str_cut(buf_str(&printer->line), '\n', &line, &rest)) {
        print_line(printer, line);
        buf_consume(&printer->line, line.len + 1);
    }
    return fflush(stdout) == 0;
}

/* "10m", "2h", "90s", "1d" -> seconds, 0 when it is none of these. */
static long long read_age_s(const char *age)
{
    static const struct {
        char letter;
        int seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    str digits = str_of(age);
    long long count = 0;

    for (size_t i = 0; digits.len && i < sizeof units / sizeof *units; i++)
        if (digits.at[digits.len - 1] == units[i].letter &&
            str_to_int((str){digits.at, digits.len - 1}, 1, 1000000, &count))
            return count * units[i].seconds;
    return 0;
}

static void add_param(struct buf *query, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(query, "%s%s=", query->len ? "&" : "", name);
    url_encode(query, str_of(value));
}

/* What is printed already counts; but who follows wants all that came since. */
MUST_USE static bool make_limit(const struct arguments *arguments, int printed_count, bool next, long long *ret,
                                struct err *err)
{
    const char *limit = option_text(arguments, "limit");
    long long count = LIMIT_DEFAULT;

    if (limit && !str_to_int(str_of(limit), 1, LIMIT_MAX, &count))
        return err_set(err, ERR_INVALID, "--limit takes a number, 1 to %d", LIMIT_MAX);
    *ret = next && option_flag(arguments, "follow") ? LIMIT_MAX : count - printed_count;
    return true;
}

/* `since` goes out as microseconds since 1970, so the server needs no clock of ours.  `next`: behind which record. */
MUST_USE static bool make_query(const struct arguments *arguments, long long limit, str next, struct buf *query,
                                struct err *err)
{
    const char *age = option_text(arguments, "since");

    buf_clear(query);
    add_param(query, "function", arguments->operands_count ? arguments->operands[0] : NULL);
    add_param(query, "request_id", option_text(arguments, "request"));
    add_param(query, "source", option_text(arguments, "source"));
    if (age) {
        long long age_s = read_age_s(age);

        if (age_s == 0)
            return err_set(err, ERR_INVALID, "--since takes an age: 90s, 10m, 2h or 1d");
        buf_printf(query, "%ssince=%lld", query->len ? "&" : "", (long long)clock_wall_us() - age_s * 1000000);
    }
    buf_printf(query, "%slimit=%lld", query->len ? "&" : "", limit);
    if (next.len)
        buf_printf(query, "&after=" STR_FMT, STR_ARG(next));
    if (option_flag(arguments, "follow"))
        buf_add(query, STR("&follow=true"));
    return buf_ok(query) || err_set(err, ERR_LIMIT, "the command line is too long");
}

/* `ret_next`: where the next page begins, or empty. */
MUST_USE static bool read_page(struct session *session, str query, struct printer *printer, str *ret_next,
                               struct err *err)
{
    struct session_call call = {.service = "sculler",
                                .method = "GET",
                                .path = STR("/v1/logs"),
                                .query = query,
                                .on_piece = on_piece,
                                .ctx = printer};
    struct http_result answer;
    json_auto_t *none = NULL;

    if (!session_call(session, &call, &answer, err))
        return false;
    if (answer.status < 300) {
        print_line(printer, buf_str(&printer->line));
        *ret_next = http_result_header(&answer, STR("x-sculler-next"));
        return true;
    }
    answer.body = answer.body.len ? answer.body : buf_str(&printer->line);
    return session_answer_json(&answer, &none, err);
}

MUST_USE static bool read_logs(struct session *session, const struct arguments *arguments, struct printer *printer,
                               struct buf *query, struct err *err)
{
    str next;
    long long limit;

    do {
        next = STR("");
        if (!read_page(session, buf_str(query), printer, &next, err))
            return false;
        if (next.len && (!make_limit(arguments, printer->count, true, &limit, err) ||
                         (limit > 0 && !make_query(arguments, limit, next, query, err))))
            return false;
    } while (next.len && limit > 0);
    return true;
}

static int tell_none(const struct arguments *arguments)
{
    const char *id = option_text(arguments, "request");

    if (!id) {
        say("No call has been logged%s.", option_flag(arguments, "since") ? " in that time" : " yet");
        return EXIT_OK;
    }
    say("sculler logs: there is no request %s", id);
    return EXIT_FAILED;
}

static int logs_run(const struct arguments *arguments)
{
    struct session session;
    struct printer printer = {.json = option_flag(arguments, "json"), .whole = option_flag(arguments, "request")};
    struct err err = {0};
    BUF_AUTO query = {0};
    int status = EXIT_OK;
    long long limit;

    buf_init(&query, QUERY_BYTES_MAX);
    if (!make_limit(arguments, 0, false, &limit, &err) || !make_query(arguments, limit, STR(""), &query, &err))
        return command_usage_error(&logs_command, err.text);
    if (!session_open(arguments, &session, &err)) {
        say_error("logs", err.text);
        return EXIT_NO_SERVER;
    }
    buf_init(&printer.line, LINE_BYTES_MAX);
    if (!read_logs(&session, arguments, &printer, &query, &err))
        status = session_failed(&session, "logs", &err);
    else if (printer.count == 0)
        status = tell_none(arguments);
    buf_free(&printer.line);
    session_close(&session);
    return status;
}

static const struct option logs_options[] = {
    {"follow", NULL, "go on with new calls as they end; Ctrl-C stops it", 'f'},
    {"since", "AGE", "only calls of the last 90s, 10m, 2h, 1d"},
    {"request", "ID", "one call, with its input and output", 'r'},
    {"source", "NAME", "lambda, gateway, import, replay, shadow or all; default: all but replay and shadow"},
    {"limit", "COUNT", "the last COUNT calls; default: 100", 'n'},
    {0},
};

const struct command logs_command = {
    .name = "logs",
    .summary = "Show calls and what functions printed",
    .usage = "[FUNCTION] [options]",
    .text = "  sculler logs budget_expense_matcher --since 10m\n"
            "  sculler logs -f\n"
            "  sculler logs --request 5f3c...     everything about one call\n"
            "  sculler logs --json | jq .answered_us\n\n"
            "A line a call: when, HTTP status (ERR: the function's own error), function:version alias, time it took, "
            "request id, error. With --json a\n"
            "record a line.\n",
    .options = logs_options,
    .operands_max = 1,
    .run = logs_run,
};
