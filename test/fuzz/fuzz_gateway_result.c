/* What a function returned, and the other texts of users that the gateway takes apart: in bounds, whatever they are. */
#include "gateway/jsonpath.h"
#include "gateway/lax_object.h"
#include "gateway/proxy_result.h"
#include "gateway/template.h"
#include "codec/trace.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str text = {(const char *)data, len}, json, path;
    struct proxy_result result;
    ARENA_AUTO arena = {0};
    struct err err = {0};
    int status;

    if (proxy_result_parse(text, &arena, &result, &err)) {
        assert(result.status >= 100 && result.status <= 599);
        for (int i = 0; i < result.headers_count; i++)
            assert(result.headers[i].name.at && result.headers[i].value.at);
    } else {
        assert(err.code == ERR_INVALID && err.text[0]);
    }
    if (lax_status_code(text, &status))
        assert(status >= 0 && status <= 999);
    str_cut(text, '\n', &path, &json);
    (void)jsonpath_text(json, path, &arena);
    (void)template_kind(text);
    assert(trace_continue(text, 1, &arena).len > 0);
    return 0;
}
