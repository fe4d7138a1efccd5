#include "base/test.h"

#include "gateway/lax_object.h"

static void finds_the_status(void)
{
    static const struct {
        const char *text;
        int status; /* -1: refused */
    } cases[] = {
        {"{\"statusCode\": 200}", 200},
        {"{statusCode: 200}", 200},
        {"{ 'statusCode': 200 }", 200},
        {"{\"statusCode\": 204,}", 204},
        {"\n {\"a\": {\"b\": [1, \"}\"]}, \"statusCode\": 500, 'c': 'x',}\n", 500},
        {"{\"statusCode\": \"200\"}", -1},
        {"{\"statusCode\": 200.5}", -1},
        {"{\"statusCode\": }", -1},
        {"{\"status\": 200}", -1},
        {"{}", -1},
        {"", -1},
        {"200", -1},
        {"{\"statusCode\": 200", -1},
        {"{\"statusCode\": 200} x", -1},
        {"{\"statusCode\" 200}", -1},
        {"{\"statusCode\": {\"a\": 1}}", -1},
        {"{\"a\": \"unended", -1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = -1;

        printf("# %s\n", cases[i].text[0] == '\n' ? "with nesting" : cases[i].text);
        ok(lax_status_code(str_of(cases[i].text), &status) == (cases[i].status >= 0));
        ok(status == cases[i].status);
    }
}

TEST_MAIN(finds_the_status)
