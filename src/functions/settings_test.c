#include "functions/settings.h"

#include "cell/keeper.h"

#include "base/test.h"

static struct function_settings settings;
static struct err err;

static bool read_words(const char *first, const char *second)
{
    str words[] = {str_of(first), str_of(second)};

    err = (struct err){0};
    return settings_read(words, second ? 2 : 1, &settings, &err);
}

static bool says(const char *word)
{
    return strstr(err.text, word) != NULL;
}

static void what_is_not_said_has_its_default(void)
{
    ok(read_words("PATH=/bin", "SCULLERY=1"));
    ok(settings.network == CELL_NETWORK_EGRESS && settings.cpu == 0 && settings.batch_max == 64);
    ok(settings.reseed && settings.fork && settings.parked == 1 && settings.warm_event.len == 0);
}

static void reads_each_kind(void)
{
    ok(read_words("SCULLER_NETWORK=none", "SCULLER_CPU=lambda"));
    ok(settings.network == CELL_NETWORK_NONE && settings.cpu == 1);
    ok(read_words("SCULLER_NETWORK=host", "SCULLER_BATCH_MAX=10000"));
    ok(settings.network == CELL_NETWORK_HOST && settings.batch_max == 10000);
    ok(read_words("SCULLER_RESEED=false", "SCULLER_FORK=true"));
    ok(!settings.reseed && settings.fork);
    ok(read_words("SCULLER_WARM_EVENT={\"a\": [1, null]}", "SCULLER_PARKED=0"));
    ok(str_eq(settings.warm_event, STR("{\"a\": [1, null]}")) && settings.parked == 0);
}

static void a_bad_value_is_refused_in_words(void)
{
    ok(!read_words("SCULLER_NETWORK=egres", NULL) && err.code == ERR_INVALID);
    ok(says("SCULLER_NETWORK is 'egres'") && says("none|egress|host"));
    ok(!read_words("SCULLER_NETWORK=", NULL) && !read_words("SCULLER_NETWORK=none|egress", NULL));
    ok(!read_words("SCULLER_BATCH_MAX=0", NULL) && says("from 1 to 10000"));
    ok(!read_words("SCULLER_BATCH_MAX=10001", NULL) && !read_words("SCULLER_BATCH_MAX=1e3", NULL));
    ok(!read_words("SCULLER_FORK=no", NULL) && says("true or false"));
    ok(!read_words("SCULLER_WARM_EVENT={", NULL) && says("JSON"));
}

static void a_misspelt_name_is_refused_with_those_that_are(void)
{
    ok(!read_words("SCULLER_NETWROK=none", NULL));
    ok(says("SCULLER_NETWROK is no setting") && says("NETWORK, CPU, BATCH_MAX") && says("WARM_EVENT"));
    ok(!read_words("SCULLER_network=none", NULL) && !read_words("SCULLER_=1", NULL));
}

static void the_first_fault_is_told_and_the_rest_is_read(void)
{
    ok(!read_words("SCULLER_CPU=fast", "SCULLER_NETWORK=none"));
    ok(says("SCULLER_CPU") && settings.cpu == 0 && settings.network == CELL_NETWORK_NONE);
    ok(!read_words("SCULLER_CPU=fast", "SCULLER_FORK=x") && says("SCULLER_CPU"));
}

TEST_MAIN(what_is_not_said_has_its_default, reads_each_kind, a_bad_value_is_refused_in_words,
          a_misspelt_name_is_refused_with_those_that_are, the_first_fault_is_told_and_the_rest_is_read)
