/*
 * log: one event, one line, on standard error: `key=value` words, or JSON when asked.
 *
 *     log_info("worker started", F_STR("function", name), F_INT("pid", pid));
 *
 * error: someone must act.  warn: something is off and was handled.  info: a state changed.  debug: the rest.
 * Values are escaped, so that what a client sends cannot forge a line.  Safe from any thread.
 * Rooms below floor 3 do not log: they return why.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_field {
    const char *name;
    enum { LOG_FIELD_STR, LOG_FIELD_INT } kind;
    str text;
    int64_t number;
};

#define F_STR(n, s) ((struct log_field){.name = (n), .kind = LOG_FIELD_STR, .text = (s)})
#define F_CSTR(n, s) ((struct log_field){.name = (n), .kind = LOG_FIELD_STR, .text = str_of(s)})
#define F_INT(n, i) ((struct log_field){.name = (n), .kind = LOG_FIELD_INT, .number = (i)})

void log_set_level(enum log_level level);
void log_set_json(bool json);
void log_write(enum log_level level, const char *event, const struct log_field *fields, int fields_count);

#define LOG_FIELDS_(...) ((struct log_field[]){__VA_ARGS__})
#define LOG_(level, event, ...)                                  \
    log_write(level, event, LOG_FIELDS_({0}, ##__VA_ARGS__) + 1, \
              (int)(sizeof LOG_FIELDS_({0}, ##__VA_ARGS__) / sizeof(struct log_field)) - 1)
#define log_error(...) LOG_(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) LOG_(LOG_WARN, __VA_ARGS__)
#define log_info(...) LOG_(LOG_INFO, __VA_ARGS__)
#define log_debug(...) LOG_(LOG_DEBUG, __VA_ARGS__)
