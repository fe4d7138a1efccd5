/* trace_test: threads of calls, and loops in them. */
#include "codec/trace.h"

#include "base/test.h"

enum { ROUNDS = 16 };

static void keeps_what_a_caller_says_and_makes_the_rest(void)
{
    ARENA_AUTO arena = {0};
    str whole = STR("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=0a1b2c3d:4");

    ok(str_eq(trace_continue(whole, 0, &arena), whole));
    ok(str_starts(trace_continue(STR(""), 0x12345678, &arena), STR("Root=1-12345678-")));
    ok(str_ends(trace_continue(STR("Root=1;Lineage=evil|0a1b2c3d:-1|0a1b2c3d:2x|:1"), 0, &arena), STR(";Sampled=0")));
}

static void finds_a_function_that_calls_itself(void)
{
    ARENA_AUTO arena = {0};
    str trace = trace_continue(STR(""), 0, &arena);
    int rounds = 0;

    while (rounds < 100 && trace_visit(trace, STR("arn:f"), ROUNDS, &arena, &trace))
        rounds++;
    ok(rounds == ROUNDS);
    ok(trace_visit(trace, STR("arn:g"), ROUNDS, &arena, &trace)); /* another one on the same thread */
}

static void finds_a_loop_through_several(void)
{
    ARENA_AUTO arena = {0};
    str trace = trace_continue(STR(""), 0, &arena);
    int calls = 0;

    while (calls < 1000 && trace_visit(trace_continue(trace, 0, &arena), calls % 2 ? STR("arn:a") : STR("arn:b"),
                                       ROUNDS, &arena, &trace))
        calls++;
    ok(calls == 2 * ROUNDS);
}

static void finds_a_loop_behind_many_others(void)
{
    ARENA_AUTO arena = {0};
    str trace = trace_continue(STR(""), 0, &arena);
    int rounds = 0;

    for (int i = 0; i < 50; i++)
        ok(trace_visit(trace, arena_printf(&arena, "arn:%d", i), ROUNDS, &arena, &trace));
    while (rounds < 100 && trace_visit(trace, STR("arn:f"), ROUNDS, &arena, &trace))
        rounds++;
    ok(rounds == ROUNDS && trace.len < 300);
}

TEST_MAIN(keeps_what_a_caller_says_and_makes_the_rest, finds_a_function_that_calls_itself, finds_a_loop_through_several,
          finds_a_loop_behind_many_others)
