#include "cli/options.h"

#include <string.h>

#include "base/test.h"

static const struct option table[] = {
    {"qualifier", "NAME", "", 'q'},
    {"follow", NULL, "", 'f'},
    {0},
};

static struct arguments arguments;
static struct err err;

#define READ(...) read_words((const char *[]){__VA_ARGS__, NULL})
static bool read_words(const char **words)
{
    int count = 0;

    while (words[count])
        count++;
    return options_read(count, (char **)words, table, &arguments, &err);
}

static void reads_every_spelling(void)
{
    ok(READ("greet", "--qualifier", "live", "-f"));
    ok(strcmp(option_text(&arguments, "qualifier"), "live") == 0 && option_flag(&arguments, "follow"));
    ok(arguments.operands_count == 1 && strcmp(arguments.operands[0], "greet") == 0);
    ok(READ("--qualifier=7", "-q", "8") && strcmp(option_text(&arguments, "qualifier"), "8") == 0);
    ok(READ("--qualifier=") && strcmp(option_text(&arguments, "qualifier"), "") == 0);
    ok(READ("--json") && option_flag(&arguments, "json") && !option_flag(&arguments, "follow"));
    ok(READ("-", "--", "--follow") && arguments.operands_count == 2 && !option_flag(&arguments, "follow"));
}

static void refuses_with_advice(void)
{
    ok(!READ("--qualifer", "x") && strstr(err.text, "did you mean --qualifier?"));
    ok(!READ("--colour") && strstr(err.text, "no option --colour"));
    ok(!READ("--qualifier") && strstr(err.text, "--qualifier NAME"));
    ok(!READ("--follow=yes") && strstr(err.text, "takes no value"));
    ok(!READ("a", "b", "c", "d", "e") && strstr(err.text, "one word too many"));
}

static void counts_the_letters_that_differ(void)
{
    ok(edit_distance("deploy", "deploy") == 0);
    ok(edit_distance("deply", "deploy") == 1);
    ok(edit_distance("", "ls") == 2);
    ok(edit_distance("logs", "ls") == 2);
}

TEST_MAIN(reads_every_spelling, refuses_with_advice, counts_the_letters_that_differ)
