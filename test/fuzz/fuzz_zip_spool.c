/* However a body is cut, the same copy, the same bytes and the same answer come out. */
#include "codec/zip_spool.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool collect(void *ctx, str bytes)
{
    buf_add(ctx, bytes);
    return true;
}

static bool run(str body, size_t piece, struct buf *copy, struct buf *zip)
{
    struct err err = {0};
    struct zip_spool spool;
    bool good = true;

    buf_init(copy, 1024 * 1024);
    buf_init(zip, 1024 * 1024);
    zip_spool_init(&spool, copy, collect, zip);
    for (size_t i = 0; good && i < body.len; i += piece)
        good = zip_spool_feed(&spool, (str){body.at + i, body.len - i < piece ? body.len - i : piece}, &err);
    good = good && zip_spool_end(&spool, &err);
    assert(spool.bytes_decoded == zip->len && spool.offset <= body.len);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    size_t piece = len > 0 ? data[0] % 16 + 1 : 1;
    str body = {(const char *)data, len};
    BUF_AUTO copy = {0};
    BUF_AUTO zip = {0};
    BUF_AUTO copy_cut = {0};
    BUF_AUTO zip_cut = {0};

    body = str_from(body, 1);
    assert(run(body, SIZE_MAX / 2, &copy, &zip) == run(body, piece, &copy_cut, &zip_cut));
    assert(str_eq(buf_str(&copy), buf_str(&copy_cut)));
    assert(str_eq(buf_str(&zip), buf_str(&zip_cut)));
    return 0;
}
