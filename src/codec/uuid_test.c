#include "codec/uuid.h"

#include <string.h>

#include "base/rand.h"
#include "base/test.h"

static void makes_version_four(void)
{
    char a[UUID_CHARS], b[UUID_CHARS];

    uuid_v4(a);
    uuid_v4(b);
    ok(uuid_is(str_of(a)) && a[14] == '4' && strchr("89ab", a[19]));
    ok(!str_eq(str_of(a), str_of(b)));
}

static void sorts_version_seven_by_time(void)
{
    char earlier[UUID_CHARS], later[UUID_CHARS];

    uuid_v7(0x017f22e279b0, earlier);
    uuid_v7(0x017f22e279b1, later);
    ok(str_starts(str_of(earlier), STR("017f22e2-79b0-7"))); /* RFC 9562 A.6 */
    ok(uuid_is(str_of(earlier)) && strchr("89ab", earlier[19]));
    ok(strcmp(earlier, later) < 0);
}

static void tells_what_is_one(void)
{
    ok(uuid_is(STR("01234567-89AB-cdef-0123-456789abcdef")));
    ok(!uuid_is(STR("01234567-89ab-cdef-0123-456789abcde")));
    ok(!uuid_is(STR("0123456-789ab-cdef-0123-456789abcdef")));
    ok(!uuid_is(STR("01234567-89ab-cdef-0123-456789abcdeg")));
    ok(!uuid_is((str){0}));
}

static const unsigned char key[SIPHASH_KEY_BYTES] = "0123456789abcde", other_key[SIPHASH_KEY_BYTES] = "0123456789abcdf";

static void seals_a_number_and_reads_it_back(void)
{
    static const struct {
        int64_t ms;
        uint64_t number;
    } rows[] = {{0, 0},
                {0x017f22e279b0, 1},
                {0x017f22e279b0, UUID_NUMBER_MAX},
                {0x017f22e279b0, UINT64_C(0xfedcba9876)},
                {(INT64_C(1) << 48) - 1, UUID_NUMBER_MAX}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[UUID_CHARS];
        int64_t ms = -1;
        uint64_t number = 7;

        uuid_v7_sealed(rows[i].ms, rows[i].number, key, text);
        ok(uuid_is(str_of(text)) && text[14] == '7' && strchr("89ab", text[19]));
        ok(uuid_v7_open(str_of(text), key, &ms, &number) && ms == rows[i].ms && number == rows[i].number);
        ok(uuid_v7_time(str_of(text), &ms) && ms == rows[i].ms);
        ok(!uuid_v7_open(str_of(text), other_key, &ms, &number));
    }
}

static void sorts_sealed_ones_by_time_then_number(void)
{
    char first[UUID_CHARS], second[UUID_CHARS], third[UUID_CHARS];

    uuid_v7_sealed(1000, 0xfffffff, key, first);
    uuid_v7_sealed(1000, 0x10000000, key, second);
    uuid_v7_sealed(1001, 0, key, third);
    ok(strcmp(first, second) < 0 && strcmp(second, third) < 0);
}

/* An id of a row that was made before the program was built anew must still lead to it. */
static void keeps_its_form(void)
{
    char text[UUID_CHARS];

    uuid_v7_sealed(0x017f22e279b0, 0x123456789a, key, text);
    ok(str_eq(str_of(text), STR("017f22e2-79b0-7123-9159-e269a30a116d")));
}

static void opens_nothing_that_was_changed(void)
{
    char text[UUID_CHARS], fresh[UUID_CHARS];
    int64_t ms = 0;
    uint64_t number = 0;
    int opened = 0;

    uuid_v7_sealed(0x017f22e279b0, 42, key, text);
    for (int i = 0; i < UUID_CHARS - 1; i++) {
        char before = text[i];

        if (before == '-')
            continue;
        text[i] = before == '0' ? '1' : '0';
        opened += uuid_v7_open(str_of(text), key, &ms, &number);
        text[i] = before;
    }
    ok(opened == 0 && ms == 0 && number == 0);
    for (int i = 0; i < 1000; i++) {
        uuid_v7(0x017f22e279b0, fresh);
        opened += uuid_v7_open(str_of(fresh), key, &ms, &number);
    }
    ok(opened == 0);
    uuid_v4(fresh);
    ok(!uuid_v7_open(str_of(fresh), key, &ms, &number) && !uuid_v7_time(str_of(fresh), &ms));
    ok(!uuid_v7_open(STR("no"), key, &ms, &number) && !uuid_v7_time(STR(""), &ms));
    for (char *at = text; *at; at++)
        *at = (char)(*at >= 'a' && *at <= 'f' ? *at - 32 : *at);
    ok(uuid_v7_open(str_of(text), key, &ms, &number) && number == 42); /* as some tools print them */
}

TEST_MAIN(makes_version_four, sorts_version_seven_by_time, tells_what_is_one, seals_a_number_and_reads_it_back,
          sorts_sealed_ones_by_time_then_number, keeps_its_form, opens_nothing_that_was_changed)
