/* What a worker sends is bounded by the table before it is waited for, and lies inside what was read. */
#include "base/limits.h"
#include "runtime/frame_io.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct frame_rule rules[] = {
    {FRAME_READY, 0},
    {FRAME_RESPONSE, INVOKE_RESPONSE_BYTES_MAX},
    {FRAME_ERROR, 1000},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str bytes = {(const char *)data, len};
    struct frame frame;

    while (frame_parse(bytes, rules, sizeof rules / sizeof *rules, &frame) == FRAME_COMPLETE) {
        assert(frame.head.len == 0 && frame.body.len <= INVOKE_RESPONSE_BYTES_MAX);
        assert(frame.header.type != FRAME_ERROR || frame.body.len <= 1000);
        assert(frame.body.len == 0 || frame.body.at >= bytes.at);
        assert(frame.body.len == 0 || frame.body.at + frame.body.len <= bytes.at + bytes.len);
        assert(frame_bytes(&frame) >= sizeof frame.header);
        bytes = str_from(bytes, frame_bytes(&frame));
    }
    return 0;
}
