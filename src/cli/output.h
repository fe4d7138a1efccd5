/*
 * output: results go to standard output, words about them to standard error.  Colour only when standard error is a
 * terminal and NO_COLOR is not set.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/str.h"

void say_step(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);        /* "  ✓ install    41 files ..." */
void say_step_failed(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3); /* "  ✗ prove ..." */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* What is being waited for, on a terminal only, in a line that whatever is said next takes the place of. */
void say_waiting(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Where that cannot be seen (no terminal), as a line of its own; true. */
bool say_once_waiting(const char *name, const char *text);
void say_error(const char *command, const char *text); /* "sculler deploy: text" */

/* A line of a function's log, and its end.  Lambda writes a trace, or a message of `logging`, as one line with \r where
 * it had ends; a reader gets lines again, the later ones further in. */
void print_log_line(FILE *to, const char *indent, str line);

void print_json(const json_t *value); /* one line on standard output */

/* 1234567 -> "1.2 MB", decimal, as AWS's limits are mostly read; ret is returned. */
const char *human_bytes(int64_t bytes, char ret[16]);
