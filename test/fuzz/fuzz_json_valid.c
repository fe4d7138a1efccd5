/*
 * The validator and jansson are of one mind, but for number ranges and lone surrogates, which jansson refuses, and a
 * NUL between tokens, which it takes for the end.  Every fault has a text.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "codec/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_no_fault_of_grammar(const char *text)
{
    return strstr(text, "overflow") || strstr(text, "too big") || strstr(text, "invalid Unicode");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str text = {(const char *)data, len};
    json_error_t fault;
    size_t offset = 0;
    json_t *value;
    BUF_AUTO why = {0};

    buf_init(&why, 64 * 1024);
    value = json_loadb(text.at, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &fault);
    if (json_valid(text, &offset)) {
        ARENA_AUTO arena = {0};

        assert(value || is_no_fault_of_grammar(fault.text));
        assert(!value || json_valid(json_compact(value, &arena), NULL));
    } else {
        json_fault_text(text, &why);
        assert(offset <= text.len && buf_ok(&why));
        buf_add_char(&why, '\0');
        assert(!value || memchr(text.at, '\0', text.len) || strstr(why.at, "nesting depth"));
    }
    json_decref(value);
    return 0;
}
