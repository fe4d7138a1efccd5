/* What comes out of a settings file is JSON. */
#include "codec/toml.h"

#include <assert.h>
#include <stdint.h>

#include "codec/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct err err = {0};
    BUF_AUTO json = {0};

    buf_init(&json, 1024 * 1024);
    if (toml_to_json((str){(const char *)data, len}, &json, &err))
        assert(json_valid(buf_str(&json), NULL));
    else
        assert(err.code != ERR_NONE && err.text[0]);
    return 0;
}
