/* Parts of a name that was taken lie inside the text and hold no ':'. */
#include "codec/arn.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_part(str text, str part)
{
    if (part.len == 0)
        return;
    assert(part.at >= text.at && part.at + part.len <= text.at + text.len);
    assert(!memchr(part.at, ':', part.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str text = {(const char *)data, len};
    struct arn arn;

    if (!arn_parse(text, &arn))
        return 0;
    assert(arn.name.len > 0);
    check_part(text, arn.region);
    check_part(text, arn.account);
    check_part(text, arn.name);
    check_part(text, arn.qualifier);
    return 0;
}
