#include "base/test.h"

#include "gateway/address.h"

static void reads_every_form(void)
{
    static const struct {
        const char *host, *path;
        bool named;
        const char *api, *stage, *rest, *full;
    } cases[] = {
        {"localhost:4566", "/test/a/", false, "", "test", "/a/", "/test/a/"},
        {"localhost:4566", "/test", false, "", "test", "/", "/test"},
        {"localhost:4566", "/", false, "", "", "/", "/"},
        {"localhost:4566", "//test/a", false, "", "test", "/a", "/test/a"},
        {"localhost:4566", "/test//a", false, "", "test", "/a", "/test//a"},
        {"localhost:4566", "/test/a//b", false, "", "test", "/a//b", "/test/a//b"},
        {"ab12.execute-api.eu-west-1.amazonaws.com", "/test/a", true, "ab12", "test", "/a", "/test/a"},
        {"ab12.execute-api.localhost:4566", "/test/u%2Bx@y", true, "ab12", "test", "/u%2Bx@y", "/test/u%2Bx@y"},
        {"ab12.Execute-API.localhost", "/test", true, "ab12", "test", "/", "/test"},
        {"execute-api.localhost", "/test/a", false, "", "test", "/a", "/test/a"},
        {".execute-api.localhost", "/test/a", false, "", "test", "/a", "/test/a"},
        {"h", "/_aws/execute-api/ab12/test/a/b", true, "ab12", "test", "/a/b", "/test/a/b"},
        {"h", "/_aws/execute-api/ab12/test", true, "ab12", "test", "/", "/test"},
        {"h", "/_aws/execute-api//test", false, "", "_aws", "/execute-api//test", "/_aws/execute-api//test"},
        {"h", "/restapis/ab12/test/_user_request_/a/", true, "ab12", "test", "/a/", "/test/a/"},
        {"h", "/restapis/ab12/test/_user_request_", true, "ab12", "test", "/", "/test"},
        {"h", "/restapis/ab12/resources", false, "", "restapis", "/ab12/resources", "/restapis/ab12/resources"},
        {"h", "/restapis/ab12", false, "", "restapis", "/ab12", "/restapis/ab12"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = {0};
        struct gateway_address address = gateway_address_of(str_of(cases[i].host), str_of(cases[i].path), &arena);

        printf("# %s %s\n", cases[i].host, cases[i].path);
        ok(address.named == cases[i].named);
        if (cases[i].named)
            ok(str_eq(address.api, str_of(cases[i].api)));
        ok(str_eq(address.stage, str_of(cases[i].stage)));
        ok(str_eq(address.path, str_of(cases[i].rest)));
        ok(str_eq(address.full, str_of(cases[i].full)));
    }
}

TEST_MAIN(reads_every_form)
