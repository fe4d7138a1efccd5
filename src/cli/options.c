#include "cli/options.h"

#include <string.h>

#include "base/str.h"

enum { NAME_CHARS_MAX = 40, NEAR = 3 };

const struct option common_options[] = {
    {"endpoint", "URL", "the server; default: SCULLER_ENDPOINT, AWS_ENDPOINT_URL, or what --state says"},
    {"state", "DIR", "state directory of a local server, for its address and key pair"},
    {"json", NULL, "results as JSON"},
    {"help", NULL, "this text", 'h'},
    {0},
};

int edit_distance(const char *a, const char *b)
{
    int row[NAME_CHARS_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len > NAME_CHARS_MAX || b_len > NAME_CHARS_MAX)
        return NAME_CHARS_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a_len; i++) {
        int diagonal = row[0];

        row[0] = (int)i;
        for (size_t j = 1; j <= b_len; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            int skip = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < skip ? change : skip;
        }
    }
    return row[b_len];
}

static const struct option *find_in(const struct option *table, str name)
{
    for (; table->name; table++)
        if (str_eq(name, str_of(table->name)) || (name.len == 1 && table->letter && name.at[0] == table->letter))
            return table;
    return NULL;
}

static const char *nearest_in(const struct option *table, const char *name, int *best, const char *so_far)
{
    for (; table->name; table++) {
        int distance = edit_distance(name, table->name);

        if (distance < *best) {
            *best = distance;
            so_far = table->name;
        }
    }
    return so_far;
}

static bool unknown(const struct option *table, str name, struct err *err)
{
    char text[NAME_CHARS_MAX + 1] = "";
    int best = NEAR + 1;

    memcpy(text, name.at, name.len < NAME_CHARS_MAX ? name.len : NAME_CHARS_MAX);
    const char *near = nearest_in(common_options, text, &best, nearest_in(table, text, &best, NULL));
    if (near)
        return err_set(err, ERR_INVALID, "there is no option --%s; did you mean --%s?", text, near);
    return err_set(err, ERR_INVALID, "there is no option --%s", text);
}

/* One option, argv[at]; returns how many words it took, 0 on failure. */
static int read_option(int argc, char **argv, int at, const struct option *table, struct arguments *ret,
                       struct err *err)
{
    str word = str_of(argv[at]), name, value;
    bool joined = str_cut(str_from(word, str_starts(word, STR("--")) ? 2 : 1), '=', &name, &value);
    const struct option *option = find_in(table, name);
    const char *text = "";
    int words = 1;

    if (!option)
        option = find_in(common_options, name);
    if (!option)
        return unknown(table, name, err);
    if (!option->value && joined)
        return err_set(err, ERR_INVALID, "--%s takes no value", option->name);
    if (option->value && joined)
        text = value.at; /* argv's own end, so NUL-terminated */
    if (option->value && !joined) {
        if (at + 1 >= argc)
            return err_set(err, ERR_INVALID, "--%s needs a value: --%s %s", option->name, option->name, option->value);
        text = argv[at + 1];
        words = 2;
    }
    if (ret->given_count == ARGUMENTS_OPTIONS_MAX)
        return err_set(err, ERR_INVALID, "more than %d options", ARGUMENTS_OPTIONS_MAX);
    ret->given[ret->given_count] = option;
    ret->values[ret->given_count++] = text;
    return words;
}

bool options_read(int argc, char **argv, const struct option *table, struct arguments *ret, struct err *err)
{
    static const struct option none[] = {{0}};
    struct arguments found = {0};
    bool only_operands = false;

    for (int i = 0; i < argc;) {
        bool is_option = !only_operands && argv[i][0] == '-' && argv[i][1] != '\0';

        if (is_option && strcmp(argv[i], "--") == 0) {
            only_operands = true;
            i++;
            continue;
        }
        if (is_option) {
            int words = read_option(argc, argv, i, table ? table : none, &found, err);
            if (words == 0)
                return false;
            i += words;
            continue;
        }
        if (found.operands_count == ARGUMENTS_OPERANDS_MAX)
            return err_set(err, ERR_INVALID, "'%s' is one word too many", argv[i]);
        found.operands[found.operands_count++] = argv[i++];
    }
    *ret = found;
    return true;
}

const char *option_text(const struct arguments *arguments, const char *name)
{
    for (int i = arguments->given_count; i > 0; i--)
        if (strcmp(arguments->given[i - 1]->name, name) == 0)
            return arguments->values[i - 1];
    return NULL;
}

bool option_flag(const struct arguments *arguments, const char *name)
{
    return option_text(arguments, name) != NULL;
}
