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

TEST_MAIN(makes_version_four, sorts_version_seven_by_time, tells_what_is_one)
