#include "cli/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool colour(void)
{
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

    return isatty(STDERR_FILENO) && !(no && *no) && !(term && strcmp(term, "dumb") == 0);
}

static bool is_waiting; /* the line under the cursor is say_waiting()'s */

static void clear_waiting(void)
{
    if (is_waiting)
        fputs("\r\033[K", stderr);
    is_waiting = false;
}

static bool can_overwrite(void)
{
    const char *term = getenv("TERM");

    return isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

bool say_once_waiting(const char *name, const char *text)
{
    if (!can_overwrite())
        fprintf(stderr, "  … %-9s %s\n", name, text);
    return true;
}

void say_waiting(const char *name, const char *fmt, ...)
{
    va_list args;

    if (!can_overwrite())
        return;
    clear_waiting();
    fprintf(stderr, "  … %-9s ", name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\r', stderr); /* what a program that we start says begins at the left, over this */
    fflush(stderr);
    is_waiting = true;
}

PRINTF_LIKE(4, 0)
static void say_marked(const char *mark, const char *paint, const char *name, const char *fmt, va_list args)
{
    clear_waiting();
    fprintf(stderr, "  %s%s%s %-9s ", colour() ? paint : "", mark, colour() ? "\033[0m" : "", name);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
}

void say_step(const char *name, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_marked("✓", "\033[32m", name, fmt, args);
    va_end(args);
}

void say_step_failed(const char *name, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    say_marked("✗", "\033[31m", name, fmt, args);
    va_end(args);
}

void say(const char *fmt, ...)
{
    va_list args;

    clear_waiting();
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void say_error(const char *command, const char *text)
{
    clear_waiting();
    fprintf(stderr, "%ssculler %s:%s %s\n", colour() ? "\033[31m" : "", command, colour() ? "\033[0m" : "", text);
}

void print_log_line(FILE *to, const char *indent, str line)
{
    bool is_lambdas = str_starts(line, STR("[")); /* "[ERROR] ..."; else a progress bar, which wants its \r */
    const char *further = *indent ? "      " : "  ";
    str part = line, rest = {0};

    do {
        if (is_lambdas)
            (void)str_cut(part, '\r', &part, &rest);
        fprintf(to, "%s" STR_FMT "\n", indent, STR_ARG(part));
        part = rest;
        rest = (str){0};
        indent = further;
    } while (part.len);
}

void print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
    putchar('\n');
}

const char *human_bytes(int64_t bytes, char ret[16])
{
    if (bytes < 100 * 1000)
        snprintf(ret, 16, "%.1f kB", (double)bytes / 1e3);
    else
        snprintf(ret, 16, "%.1f MB", (double)bytes / 1e6);
    return ret;
}
