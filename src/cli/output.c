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

void say_step(const char *name, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "  %s✓%s %-9s ", colour() ? "\033[32m" : "", colour() ? "\033[0m" : "", name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

void say_error(const char *command, const char *text)
{
    fprintf(stderr, "%ssculler %s:%s %s\n", colour() ? "\033[31m" : "", command, colour() ? "\033[0m" : "", text);
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
