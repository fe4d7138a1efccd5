#include "base/vec.h"

#include <stdlib.h>

#include "base/test.h"

struct pair {
    int number;
    double square;
};

static void keeps_what_was_pushed(void)
{
    VEC(struct pair) pairs = {0};
    int same = 0;

    for (int i = 0; i < 1000; i++)
        *vec_push(&pairs) = (struct pair){i, (double)i * i};
    ok(pairs.len == 1000 && pairs.capacity >= 1000);
    for (size_t i = 0; i < pairs.len; i++)
        same += pairs.at[i].number == (int)i && pairs.at[i].square == (double)i * (double)i;
    ok(same == 1000);
    vec_free(&pairs);
    ok(!pairs.at && pairs.len == 0);
    vec_free(&pairs);
}

TEST_MAIN(keeps_what_was_pushed)
