#include "cli/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/vec.h"
#include "cli/exit.h"
#include "cli/feed_resume.h"
#include "cli/feed_table.h"
#include "cli/output.h"
#include "cli/session.h"
#include "codec/json_read.h"
#include "codec/url.h"

enum { QUERY_BYTES_MAX = 2048, ITEMS_TEXT_MAX = 1024 };

struct feed_row { /* of the batch */
    int64_t line;
    size_t start;
};

struct feed {
    const struct feed_kind *kind;
    const struct arguments *arguments;
    const char *file;
    struct session session;
    struct arena answers; /* of one batch */
    struct buf query, batch;
    VEC(struct feed_row) rows;
    struct feed_table table;
    struct feed_resume resume;
    int64_t line;    /* of the last row that was read */
    int64_t refused; /* by us, before the server saw them: in no report of its */
    int64_t told;    /* refused rows, told on standard error */
    FILE *refusals;  /* --refused */
    int64_t read_bytes, begun_us, begun_rows;
    bool stopped;
    struct err err;
};

/* -- refused rows ---------------------------------------------------------------------------------------------------
 */

static void tell_refusal(struct feed *feed, int64_t line, str why)
{
    if (feed->refusals) {
        BUF_AUTO text = {0};
        struct cw w;

        buf_init(&text, FEED_LINE_BYTES_MAX);
        cw_init(&w, &text, ',');
        cw_int(&w, line);
        cw_text(&w, why);
        cw_end(&w);
        fwrite(text.at, 1, text.len, feed->refusals);
    } else if (++feed->told <= FEED_TELLS_MAX) {
        say("line %" PRId64 ": " STR_FMT, line, STR_ARG(why));
    } else if (feed->told == FEED_TELLS_MAX + 1) {
        say("... and more; --refused FILE lists them all");
    }
}

static int figure_named(const struct feed_kind *kind, const char *name)
{
    for (int i = 0; kind->figures[i]; i++)
        if (strcmp(kind->figures[i], name) == 0)
            return i;
    return 0;
}

static void refuse(struct feed *feed, int64_t line, str why)
{
    feed->resume.figures[figure_named(feed->kind, "refused")]++;
    tell_refusal(feed, line, why);
}

/* -- a batch --------------------------------------------------------------------------------------------------------
 */

static bool stop(struct feed *feed)
{
    feed->stopped = true;
    return false;
}

static void pause_ms(int64_t ms)
{
    struct timespec rest = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&rest, &rest) < 0 && errno == EINTR)
        continue;
}

static bool is_worth_another_try(const struct feed *feed, bool answered, const struct http_result *answer)
{
    return answered ? answer->status == 429 || (answer->status >= 500 && answer->status != 507)
                    : feed->session.no_server;
}

/* What was sent may have been kept although nobody said so: then it changes nothing the second time. */
static bool post(struct feed *feed, str body, struct http_result *ret)
{
    const struct session_call call = {.service = "sculler",
                                      .method = "POST",
                                      .path = str_of(feed->kind->path),
                                      .query = buf_str(&feed->query),
                                      .body = body,
                                      .timeout_ms = SESSION_CALL_MS};
    bool answered;

    for (int attempt = 1;; attempt++) {
        arena_reset(&feed->answers);
        feed->err = (struct err){0};
        answered = session_call_in(&feed->session, &feed->answers, &call, ret, &feed->err);
        if (attempt == FEED_ATTEMPTS_MAX || !is_worth_another_try(feed, answered, ret))
            return answered;
        say_waiting(feed->kind->command, "the server does not take rows now; trying again (%d of %d)", attempt,
                    FEED_ATTEMPTS_MAX - 1);
        pause_ms((int64_t)FEED_PAUSE_MS << attempt);
    }
}

static void add_report(struct feed *feed, const json_t *report, size_t first)
{
    const json_t *errors = json_object_get(report, "errors"), *error;
    size_t i;

    for (int k = 0; feed->kind->figures[k]; k++)
        feed->resume.figures[k] += json_integer_value(json_object_get(report, feed->kind->figures[k]));
    json_array_foreach (errors, i, error) {
        size_t row = first + (size_t)json_integer_value(json_object_get(error, "row")) - 1;

        tell_refusal(feed, row < feed->rows.len ? feed->rows.at[row].line : 0,
                     json_text(json_object_get(error, "why")));
    }
}

static str rows_text(const struct feed *feed, size_t from, size_t to)
{
    size_t start = feed->rows.at[from].start, end = to < feed->rows.len ? feed->rows.at[to].start : feed->batch.len;

    return (str){feed->batch.at + start, end - start};
}

/* What asks too much of one transaction (rows of too many months) is halved. */
static bool send_rows(struct feed *feed, size_t from, size_t to)
{
    json_auto_t *report = NULL;
    struct http_result answer;

    if (!post(feed, rows_text(feed, from, to), &answer))
        return stop(feed);
    if (session_answer_json(&answer, &report, &feed->err)) {
        add_report(feed, report, from);
        return true;
    }
    if (answer.status != 400 && answer.status != 413)
        return stop(feed);
    if (to - from == 1) {
        refuse(feed, feed->rows.at[from].line, str_of(feed->err.text));
        return true;
    }
    return send_rows(feed, from, from + (to - from) / 2) && send_rows(feed, from + (to - from) / 2, to);
}

static void show_progress(const struct feed *feed)
{
    double seconds = (double)(clock_steady_us() - feed->begun_us) / 1e6;
    int64_t rows = feed->resume.rows;
    int percent = feed->resume.bytes > 0 ? (int)(100 * feed->read_bytes / feed->resume.bytes) : 0;
    char figures[256] = "";

    for (int i = 0; feed->kind->figures[i]; i++)
        if (feed->resume.figures[i] > 0) {
            size_t len = strlen(figures);

            snprintf(figures + len, sizeof figures - len, "  %s %" PRId64, feed->kind->figures[i],
                     feed->resume.figures[i]);
        }
    say_waiting(feed->kind->command, "%" PRId64 " rows  %d %%  %.0f/s%s", rows, percent,
                seconds > 0 ? (double)(rows - feed->begun_rows) / seconds : 0.0, figures);
}

static bool send_batch(struct feed *feed)
{
    if (feed->rows.len > 0 && !send_rows(feed, 0, feed->rows.len))
        return false;
    feed->resume.rows += (int64_t)feed->rows.len + feed->refused;
    feed->resume.line = feed->line;
    feed->rows.len = 0;
    feed->refused = 0;
    buf_clear(&feed->batch);
    feed_resume_keep(&feed->resume, feed->kind);
    show_progress(feed);
    return true;
}

/* -- rows ------------------------------------------------------------------------------------------------------------
 */

static bool is_sent(struct feed *feed, int64_t line)
{
    return line <= feed->resume.line;
}

static void refuse_row(struct feed *feed, int64_t line, str why)
{
    feed->line = line;
    feed->refused++;
    refuse(feed, line, why);
}

/* It stands at the end of the batch already. */
static bool keep_row(struct feed *feed, int64_t line, size_t start)
{
    feed->line = line;
    *vec_push(&feed->rows) = (struct feed_row){line, start};
    if ((int)feed->rows.len < feed->kind->rows_max && feed->batch.len < FEED_BATCH_BYTES_MAX)
        return true;
    return send_batch(feed);
}

static bool on_header(void *context, const struct csv *csv, struct err *err)
{
    struct feed *feed = context;

    return feed_table_header(&feed->table, csv, err);
}

static bool on_row(void *context, const struct csv_row *row)
{
    struct feed *feed = context;
    size_t start = feed->batch.len;

    if (is_sent(feed, row->line))
        return true;
    if (row->why) {
        refuse_row(feed, row->line, str_of(row->why));
        return true;
    }
    feed_table_row(&feed->table, row, &feed->batch);
    return keep_row(feed, row->line, start);
}

static bool on_line(struct feed *feed, str line, int64_t number)
{
    size_t start = feed->batch.len;
    const char *why;

    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    if (line.len == 0 || is_sent(feed, number))
        return true;
    if (feed_line(feed->kind, line, number, &feed->batch, &why))
        return keep_row(feed, number, start);
    refuse_row(feed, number, str_of(why));
    return true;
}

/* -- reading --------------------------------------------------------------------------------------------------------
 */

static ssize_t read_piece(struct feed *feed, int fd, char *piece)
{
    ssize_t len;

    do
        len = read(fd, piece, FEED_PIECE_BYTES);
    while (len < 0 && errno == EINTR);
    if (len < 0) {
        err_sys(&feed->err, "%s", feed->file);
        (void)stop(feed);
    } else {
        feed->read_bytes += len;
    }
    return len;
}

static void read_table(struct feed *feed, int fd, str first)
{
    const struct csv_options options = {.context = feed, .on_header = on_header, .on_row = on_row};
    CSV_AUTO csv = csv_new(&options);
    char *piece = arena_new(&feed->session.arena, char, FEED_PIECE_BYTES);
    ssize_t len;

    if (!csv_feed(csv, first, &feed->err)) {
        (void)stop(feed);
        return;
    }
    while (!feed->stopped && (len = read_piece(feed, fd, piece)) > 0)
        if (!csv_feed(csv, (str){piece, (size_t)len}, &feed->err))
            (void)stop(feed);
    if (!feed->stopped && !csv_end(csv, &feed->err))
        (void)stop(feed);
}

struct line_reading {
    struct buf rest; /* of a line that has not ended */
    int64_t number;
    bool too_long;
};

static void end_line(struct feed *feed, struct line_reading *reading, str line)
{
    reading->number++;
    if (reading->too_long || line.len > FEED_LINE_BYTES_MAX) {
        if (!is_sent(feed, reading->number))
            refuse_row(feed, reading->number, STR("it is longer than a row may be"));
    } else if (!on_line(feed, line, reading->number)) {
        (void)stop(feed);
    }
    reading->too_long = false;
    buf_clear(&reading->rest);
}

static void split_lines(struct feed *feed, struct line_reading *reading, str piece)
{
    str line;

    while (!feed->stopped && str_cut(piece, '\n', &line, &piece)) {
        if (reading->rest.len > 0) {
            buf_add(&reading->rest, line);
            line = buf_str(&reading->rest);
        }
        reading->too_long = reading->too_long || !buf_ok(&reading->rest);
        end_line(feed, reading, line);
        reading->rest.full = false;
        if (piece.len == 0)
            return;
    }
    buf_add(&reading->rest, line);
    if (!buf_ok(&reading->rest)) { /* its rest is not kept */
        reading->too_long = true;
        reading->rest.full = false;
        buf_clear(&reading->rest);
        buf_add_char(&reading->rest, '?');
    }
}

static void read_lines(struct feed *feed, int fd, str first)
{
    struct line_reading reading = {0};
    char *piece = arena_new(&feed->session.arena, char, FEED_PIECE_BYTES);
    ssize_t len;

    buf_init(&reading.rest, FEED_LINE_BYTES_MAX + FEED_PIECE_BYTES);
    split_lines(feed, &reading, first);
    while (!feed->stopped && (len = read_piece(feed, fd, piece)) > 0)
        split_lines(feed, &reading, (str){piece, (size_t)len});
    if (!feed->stopped && reading.rest.len > 0)
        end_line(feed, &reading, buf_str(&reading.rest));
    buf_free(&reading.rest);
}

/* A table begins with the names of its columns, a line of JSON with a brace. */
static bool read_file(struct feed *feed)
{
    FD_AUTO fd = feed->resume.file ? open(feed->file, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
    char *piece = arena_new(&feed->session.arena, char, FEED_PIECE_BYTES);
    ssize_t len;
    size_t at = 0;

    if (fd < 0) {
        err_sys(&feed->err, "%s", feed->file);
        return false;
    }
    len = read_piece(feed, fd, piece);
    while (len > 0 && at < (size_t)len &&
           (piece[at] == ' ' || piece[at] == '\n' || piece[at] == '\r' || piece[at] == '\t'))
        at++;
    if (len > 0 && piece[at] == '[')
        return err_set(&feed->err, ERR_INVALID, "%s is one JSON array; as lines it can be of any size: jq -c '.[]' %s",
                       feed->file, feed->file);
    if (len > 0)
        (piece[at] == '{' ? read_lines : read_table)(feed, fd, (str){piece, (size_t)len});
    else if (len == 0)
        return err_set(&feed->err, ERR_INVALID, "%s is empty", feed->file);
    return !feed->stopped && send_batch(feed);
}

/* -- the command ------------------------------------------------------------------------------------------------------
 */

static int report_failure(struct feed *feed)
{
    const char *command = feed->kind->command;
    bool began = feed->resume.rows > 0;

    say_error(command, feed->err.text);
    if (began && feed->resume.kept && !feed->resume.cannot_keep)
        say("%" PRId64 " rows are sent and kept; go on with: sculler %s %s --resume", feed->resume.rows, command,
            feed->file);
    return feed->session.no_server ? EXIT_NO_SERVER : EXIT_FAILED;
}

static void print_report(const struct feed *feed, double seconds)
{
    printf("%" PRId64 " rows in %.1f s (%.0f/s)\n", feed->resume.rows, seconds,
           (double)(feed->resume.rows - feed->begun_rows) / (seconds > 0 ? seconds : 1));
    for (int i = 0; feed->kind->figures[i]; i++)
        printf("  %-10s %" PRId64 "\n", feed->kind->figures[i], feed->resume.figures[i]);
}

static int report(struct feed *feed)
{
    double seconds = (double)(clock_steady_us() - feed->begun_us) / 1e6;
    int64_t refused = feed->resume.figures[figure_named(feed->kind, "refused")];

    feed_resume_done(&feed->resume);
    if (option_flag(feed->arguments, "json")) {
        json_auto_t *whole = json_pack("{s:I, s:f}", "rows", (json_int_t)feed->resume.rows, "seconds", seconds);

        for (int i = 0; feed->kind->figures[i]; i++)
            json_object_set_new(whole, feed->kind->figures[i], json_integer(feed->resume.figures[i]));
        print_json(whole);
    } else {
        say_waiting(feed->kind->command, "done");
        print_report(feed, seconds);
    }
    return refused > 0 ? EXIT_FAILED : EXIT_OK;
}

/* The items that the function's monitor names, when nobody has said which columns they are. */
static str items_of_function(struct feed *feed, const char *function)
{
    json_auto_t *answer = NULL;
    const json_t *items, *item;
    BUF_AUTO list = {0};
    struct err ignored = {0};
    size_t i;

    if (!session_json(&feed->session, "sculler", "GET",
                      session_path(&feed->session, "/v1/functions/%s/monitor", function), NULL, &answer, &ignored))
        return STR("");
    items = json_object_get(json_object_get(answer, "settings"), "items");
    buf_init(&list, ITEMS_TEXT_MAX);
    json_array_foreach (items, i, item) {
        if (i > 0)
            buf_add_char(&list, ',');
        buf_add(&list, json_text(item));
    }
    return buf_ok(&list) ? arena_copy(&feed->session.arena, buf_str(&list)) : STR("");
}

static void set_up_table(struct feed *feed)
{
    const char *function = option_text(feed->arguments, "function"), *items = option_text(feed->arguments, "items");

    feed->table = (struct feed_table){
        .kind = feed->kind,
        .arena = &feed->session.arena,
        .map = str_of(option_text(feed->arguments, "map")),
        .items = str_of(items),
        .features = str_of(option_text(feed->arguments, "features")),
        .has_function = function != NULL,
    };
    if (function && !items) {
        feed->table.items = items_of_function(feed, function);
        feed->table.items_are_guessed = true;
    }
    buf_init(&feed->query, QUERY_BYTES_MAX);
    buf_printf(&feed->query, "errors=%d", feed->kind->rows_max);
    if (function) {
        buf_add(&feed->query, STR("&function="));
        url_encode(&feed->query, str_of(function));
    }
    buf_init(&feed->batch, 2 * FEED_BATCH_BYTES_MAX);
}

static bool open_refusals(struct feed *feed)
{
    const char *path = option_text(feed->arguments, "refused");

    if (!path)
        return true;
    feed->refusals = fopen(path, feed->resume.line > 0 ? "ae" : "we");
    if (!feed->refusals)
        return err_sys(&feed->err, "%s", path);
    if (feed->resume.line == 0)
        fputs("line,why\n", feed->refusals);
    return true;
}

static bool close_refusals(struct feed *feed)
{
    FILE *file = feed->refusals;
    bool failed = file && ferror(file);

    feed->refusals = NULL;
    if (file && (fclose(file) != 0 || failed))
        return err_sys(&feed->err, "the refused rows cannot be written");
    return true;
}

static int run(struct feed *feed)
{
    int status;

    if (!feed_resume_open(feed->file, option_flag(feed->arguments, "resume"), feed->kind, &feed->session.arena,
                          &feed->resume, &feed->err)) {
        say_error(feed->kind->command, feed->err.text);
        return EXIT_FAILED;
    }
    feed->begun_us = clock_steady_us();
    feed->begun_rows = feed->resume.rows;
    set_up_table(feed);
    if (!open_refusals(feed) || !read_file(feed))
        status = report_failure(feed);
    else
        status = report(feed);
    if (!close_refusals(feed)) {
        say_error(feed->kind->command, feed->err.text);
        status = EXIT_FAILED;
    }
    return status;
}

int feed_run(const struct arguments *arguments, const struct feed_kind *kind)
{
    struct feed feed = {.kind = kind, .arguments = arguments, .file = arguments->operands[0]};
    int status;

    if (!session_open(arguments, &feed.session, &feed.err)) {
        say_error(kind->command, feed.err.text);
        return EXIT_NO_SERVER;
    }
    status = run(&feed);
    buf_free(&feed.query);
    buf_free(&feed.batch);
    vec_free(&feed.rows);
    arena_free(&feed.answers);
    session_close(&feed.session);
    return status;
}

const struct option feed_options[] = {
    {"function", "NAME", "of rows that name none", 'f'},
    {"items", "A,B", "columns that are the items a decision is about; default: those of the function's monitor"},
    {"map", "THEIRS=OURS,...", "columns that have other names; OURS - : pass it over"},
    {"features", "A,B", "columns that are kept as features (predictions only); * : all that are left"},
    {"refused", "FILE", "lines that were refused, and why, as CSV; default: the first few on standard error"},
    {"resume", NULL, "go on where it was cut off (FILE.sculler-resume knows)"},
    {0},
};
