/*
 * options: the one reader of command lines.  A command lists its options as a table; every command also has
 * those of common_options.
 *
 *     --flag   --name VALUE   --name=VALUE   -f   -e VALUE   --   (the rest are operands)
 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

enum { ARGUMENTS_OPTIONS_MAX = 16, ARGUMENTS_OPERANDS_MAX = 4 };

struct option {
    const char *name;  /* "qualifier"; NULL ends a table */
    const char *value; /* "NAME": what it takes, as help shows it; NULL: a flag */
    const char *help;
    char letter; /* 'q' for -q; 0: none */
};

extern const struct option common_options[];

struct arguments {
    const struct option *given[ARGUMENTS_OPTIONS_MAX];
    const char *values[ARGUMENTS_OPTIONS_MAX]; /* "" for a flag */
    int given_count;
    const char *operands[ARGUMENTS_OPERANDS_MAX];
    int operands_count;
};

/* ERR_INVALID, and the text says which option was meant when one is near.  The texts are argv's. */
MUST_USE bool options_read(int argc, char **argv, const struct option *table, struct arguments *ret, struct err *err);

const char *option_text(const struct arguments *arguments, const char *name); /* NULL: not given; the last one wins */
bool option_flag(const struct arguments *arguments, const char *name);

/* How many letters must change to make one of the other: for "did you mean". */
int edit_distance(const char *a, const char *b);
