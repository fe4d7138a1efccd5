#include "base/test.h"

#include "gateway/select.h"

static void matches_the_whole_text(void)
{
    static const struct {
        const char *pattern, *text;
        enum select_answer answer;
    } cases[] = {
        {"Malformed.*", "Malformed input", SELECT_YES},
        {"Malformed", "Malformed input", SELECT_NO},
        {".*NotFound.*", "User NotFound: 7", SELECT_YES},
        {".*NotFound.*", "User\nNotFound: 7", SELECT_NO}, /* '.' is no line end, as in Java */
        {"(.|\\n)*NotFound(.|\\n)*", "User\nNotFound: 7", SELECT_YES},
        {"(?s).*NotFound.*", "User\nNotFound", SELECT_YES},
        {".+", "", SELECT_NO},
        {".*", "", SELECT_YES},
        {"a|ab", "ab", SELECT_YES},
        {"4\\d{2}", "404", SELECT_YES},
        {"\\[BadRequest\\].*", "[BadRequest] no", SELECT_YES},
        {"(", "x", SELECT_BAD_PATTERN},
        {"[", "x", SELECT_BAD_PATTERN},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        printf("# %s\n", cases[i].pattern);
        ok(select_matches(str_of(cases[i].pattern), str_of(cases[i].text)) == cases[i].answer);
    }
}

static void gives_up_on_what_is_too_hard(void)
{
    str text = STR("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!");

    ok(select_matches(STR("((a+)+)+b|((a*)*)*c"), text) == SELECT_TOO_HARD);
}

TEST_MAIN(matches_the_whole_text, gives_up_on_what_is_too_hard)
