/* session_test: what was issued opens, and nothing else does. */
#include "aws/session.h"

#include "base/test.h"

#include <stdlib.h>
#include <string.h>

static const struct session greet = {STR("greet"), STR("000000000000"),
                                     STR("arn:aws:iam::000000000000:role/path/worker"), 1000, 2000};

static struct session_key key_of(const char *secret)
{
    struct session_key key;

    session_key_derive(str_of(secret), &key);
    return key;
}

static void opens_what_was_issued(void)
{
    struct session_key key = key_of("secret");
    struct session_credentials issued, again;
    struct session session;
    ARENA_AUTO arena = {0};
    str secret;

    session_issue(&key, &greet, &arena, &issued);
    session_issue(&key, &greet, &arena, &again);
    ok(str_eq(issued.token, again.token) && str_eq(issued.secret, again.secret));
    ok(issued.access_key.len == 20 && str_starts(issued.access_key, STR("ASIA")) && issued.secret.len == 40);
    ok(session_check(&key, issued.access_key, issued.token, 1999, &arena, &session, &secret) == SESSION_OK);
    ok(str_eq(session.function, greet.function) && str_eq(session.role, greet.role) && session.expires_s == 2000);
    ok(str_eq(secret, issued.secret) && !str_eq(secret, issued.token));
    ok(str_eq(session_arn(&session, &arena), STR("arn:aws:sts::000000000000:assumed-role/worker/greet")));
    ok(session_check(&key, issued.access_key, issued.token, 2000, &arena, &session, &secret) == SESSION_EXPIRED);
}

static void opens_nothing_that_was_changed(void)
{
    struct session_key key = key_of("secret"), other_key = key_of("secret of another server");
    struct session_credentials issued, other;
    struct session session, longer = greet;
    ARENA_AUTO arena = {0};
    str secret;
    int opened = 0;

    longer.function = STR("root");
    session_issue(&key, &greet, &arena, &issued);
    session_issue(&key, &longer, &arena, &other);
    for (size_t i = 0; i < issued.token.len; i++) {
        char token[SESSION_TOKEN_BYTES_MAX + 1] = {0};

        memcpy(token, issued.token.at, issued.token.len);
        token[i] = token[i] == 'A' ? 'B' : 'A';
        opened += session_check(&key, issued.access_key, str_of(token), 1500, &arena, &session, &secret) == SESSION_OK;
        opened += session_check(&key, issued.access_key, (str){issued.token.at, i}, 1500, &arena, &session, &secret) ==
                  SESSION_OK;
    }
    ok(opened == 0);
    ok(session_check(&key, other.access_key, issued.token, 1500, &arena, &session, &secret) == SESSION_INVALID);
    ok(session_check(&other_key, issued.access_key, issued.token, 1500, &arena, &session, &secret) == SESSION_INVALID);
    ok(session_check(&key, issued.access_key, STR(""), 1500, &arena, &session, &secret) == SESSION_INVALID);
}

static void parses_five_lines_and_nothing_else(void)
{
    static const struct {
        str payload;
        bool good;
    } cases[] = {
        {STR("f\na\nr\n1\n2\n"), true},     {STR("f\na\n\n1\n2\n"), true},    {STR(""), false},
        {STR("f\na\nr\n1\n2"), false},      {STR("f\na\nr\n1\n2\nx"), false}, {STR("\na\nr\n1\n2\n"), false},
        {STR("f\na\nr\n-1\n2\n"), false},   {STR("f\na\nr\n1\n2x\n"), false}, {STR("f\n\nr\n1\n2\n"), false},
        {STR("f\0g\na\nr\n1\n2\n"), false},
    };
    struct session session;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ok(session_parse(cases[i].payload, &session) == cases[i].good);
}

TEST_MAIN(opens_what_was_issued, opens_nothing_that_was_changed, parses_five_lines_and_nothing_else)
