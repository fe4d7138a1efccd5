/*
 * A line is built whole in memory and leaves in one write(2), so lines of several threads do not mix and a lock is
 * needed only for short writes.  Time is read from base/clock, so that a simulated run logs simulated time.
 */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

enum { VALUE_BYTES_MAX = 4 * 1024 };

static atomic_int level_now = LOG_INFO;
static atomic_bool json_now;
static pthread_mutex_t write_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

void log_set_level(enum log_level level)
{
    level_now = (int)level;
}

void log_set_json(bool json)
{
    json_now = json;
}

/* One character of `text` at `i`, made harmless; returns its bytes.  C1 controls count: terminals obey them. */
static size_t add_char_quoted(struct buf *line, str rest)
{
    unsigned char c = (unsigned char)rest.at[0];
    size_t len = utf8_char_len(rest);

    if (len == 0)
        buf_add(line, STR("\xef\xbf\xbd")); /* U+FFFD */
    else if (len == 2 && c == 0xc2 && (unsigned char)rest.at[1] < 0xa0)
        buf_printf(line, "\\u%04x", (unsigned char)rest.at[1]);
    else if (c == '"' || c == '\\')
        buf_printf(line, "\\%c", c);
    else if (c == '\n')
        buf_add(line, STR("\\n"));
    else if (c < 0x20 || c == 0x7f)
        buf_printf(line, "\\u%04x", c);
    else
        buf_add(line, (str){rest.at, len});
    return len ? len : 1;
}

/* JSON's rules for a string serve the words form as well: no value can end its line or its quotes. */
static void add_quoted(struct buf *line, str text)
{
    buf_add_char(line, '"');
    for (size_t i = 0; i < text.len && i < VALUE_BYTES_MAX;)
        i += add_char_quoted(line, str_from(text, i));
    if (text.len > VALUE_BYTES_MAX)
        buf_add(line, STR("..."));
    buf_add_char(line, '"');
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-_./:$@+,", c));
}

/* Quotes only where they are needed: `function=greet`, `error="no such file"`. */
static void add_value(struct buf *line, str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_plain(text.at[i])) {
            add_quoted(line, text);
            return;
        }
    }
    if (text.len == 0 || text.len > VALUE_BYTES_MAX)
        add_quoted(line, text);
    else
        buf_add(line, text);
}

static void add_time(struct buf *line)
{
    int64_t now_us = clock_wall_us();
    time_t seconds = now_us / 1000000;
    struct tm utc;
    char text[32];

    gmtime_r(&seconds, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    buf_printf(line, "%s.%03dZ", text, (int)(now_us / 1000 % 1000));
}

static void add_field_words(struct buf *line, const struct log_field *field)
{
    buf_printf(line, " %s=", field->name);
    if (field->kind == LOG_FIELD_INT)
        buf_printf(line, "%lld", (long long)field->number);
    else
        add_value(line, field->text);
}

static void add_field_json(struct buf *line, const struct log_field *field)
{
    buf_printf(line, ",\"%s\":", field->name);
    if (field->kind == LOG_FIELD_INT)
        buf_printf(line, "%lld", (long long)field->number);
    else
        add_quoted(line, field->text);
}

static void write_line(const struct buf *line)
{
    size_t done = 0;

    pthread_mutex_lock(&write_lock);
    while (done < line->len) {
        ssize_t wrote = write(STDERR_FILENO, line->at + done, line->len - done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            break; /* nobody reads our log: there is nobody to tell */
        done += (size_t)wrote;
    }
    pthread_mutex_unlock(&write_lock);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, int fields_count)
{
    BUF_AUTO line = {0};
    bool json = json_now;
    int saved = errno;

    if ((int)level > level_now)
        return;
    buf_init(&line, SIZE_MAX / 2); /* every value is bounded, and fields are written by us */
    buf_add(&line, json ? STR("{\"time\":\"") : STR(""));
    add_time(&line);
    if (json)
        buf_printf(&line, "\",\"level\":\"%s\",\"event\":", level_names[level]);
    else
        buf_printf(&line, " level=%s event=", level_names[level]);
    add_quoted(&line, str_of(event));
    for (int i = 0; i < fields_count; i++)
        (json ? add_field_json : add_field_words)(&line, &fields[i]);
    buf_add(&line, json ? STR("}\n") : STR("\n"));
    write_line(&line);
    errno = saved;
}
