#include "cli/verdict.h"

#include "base/buf.h"
#include "codec/json_read.h"

enum { LIST_BYTES_MAX = 240 }; /* AWS: a tag's value has 256 characters at most */

#define TAG "sculler:failed"

static str tags_path(struct session *session, str function)
{
    return session_path(session, "/2017-03-31/tags/arn:aws:lambda:" STR_FMT ":" STR_FMT ":function:" STR_FMT,
                        STR_ARG(session->region), STR_ARG(session->account), STR_ARG(function));
}

bool verdict_failed(struct session *session, str function, str *ret, struct err *err)
{
    json_auto_t *tags = NULL;

    if (!session_json(session, "lambda", "GET", tags_path(session, function), NULL, &tags, err))
        return false;
    *ret = arena_copy(&session->arena, json_text(json_object_get(json_object_get(tags, "Tags"), TAG)));
    return true;
}

bool verdict_has(str list, str version)
{
    str each;

    while (list.len) {
        (void)str_cut(list, ' ', &each, &list);
        if (str_eq(each, version))
            return true;
    }
    return false;
}

/* `first` in front, unless it is empty; without `but`; the oldest are let go when it grows too long. */
static void write_list(struct session *session, str function, str old, str first, str but)
{
    BUF_AUTO list = {0};
    json_auto_t *done = NULL;
    struct err ignored;
    str each;

    buf_init(&list, LIST_BYTES_MAX);
    buf_add(&list, first);
    while (old.len) {
        (void)str_cut(old, ' ', &each, &old);
        if (!str_eq(each, but) && list.len + each.len + 1 <= LIST_BYTES_MAX)
            buf_printf(&list, "%s" STR_FMT, list.len ? " " : "", STR_ARG(each));
    }
    if (!session_json(session, "lambda", "POST", tags_path(session, function),
                      json_pack("{s:{s:s%}}", "Tags", TAG, list.at ? list.at : "", list.len), &done, &ignored))
        return; /* `ls` will not know; what serves does not depend on it */
}

void verdict_mark_failed(struct session *session, str function, str version)
{
    struct err ignored;
    str list;

    if (verdict_failed(session, function, &list, &ignored) && !verdict_has(list, version))
        write_list(session, function, list, version, STR(""));
}

void verdict_clear(struct session *session, str function, str version)
{
    struct err ignored;
    str list;

    if (verdict_failed(session, function, &list, &ignored) && verdict_has(list, version))
        write_list(session, function, list, STR(""), version);
}
