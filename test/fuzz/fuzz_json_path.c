/*
 * A path, a newline, a text.  Following finds the same at once and alone, within the text; the body behind a gateway
 * lies in the response or the room.
 */
#include "codec/json_path.h"

#include <assert.h>
#include <stdint.h>

#include "codec/json_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct seen {
    str text;
    int64_t counts[2];
};

static bool on_match(void *context, int path, int64_t index, str value)
{
    struct seen *seen = context;

    assert(index == seen->counts[path]++);
    assert(value.at >= seen->text.at && value.at + value.len <= seen->text.at + seen->text.len);
    assert(json_valid(value, NULL));
    return true;
}

static void follow(str path_text, str text, struct buf *room)
{
    struct seen both = {.text = text}, alone = {.text = text};
    struct json_path paths[2] = {0};
    struct err err = {0};
    str values[2];

    if (!json_path_parse(path_text, &paths[0], &err)) {
        assert(err.text[0]);
        return;
    }
    if (!json_path_parse(STR("$[*].a"), &paths[1], &err))
        assert(false);
    if (!json_paths_each(paths, 2, text, room, on_match, &both, &err)) {
        assert(!json_valid(text, NULL) && err.text[0]);
        return;
    }
    assert(json_valid(text, NULL));
    if (!json_paths_each(paths, 1, text, room, on_match, &alone, &err) ||
        !json_paths_first(paths, 2, text, room, values, &err))
        assert(false);
    assert(alone.counts[0] == both.counts[0] && !values[0].at == !both.counts[0] && !values[1].at == !both.counts[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str path, text, body;
    struct err err = {0};
    BUF_AUTO room = {0};
    int status;

    buf_init(&room, 4 * len + 64);
    if (!str_cut((str){(const char *)data, len}, '\n', &path, &text))
        return 0;
    follow(path, text, &room);
    buf_clear(&room);
    if (json_proxy_body(text, &room, &body, &status, &err))
        assert(body.len == 0 || status == 0 || (status >= 100 && status < 600));
    return 0;
}
