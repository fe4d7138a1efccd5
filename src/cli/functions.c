#include "cli/functions.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json_read.h"
#include "codec/url.h"

enum { PAGES_MAX = 10000, QUERY_BYTES_MAX = 4096 };

bool pages_read(struct session *session, str path, const char *field, json_t *all, struct err *err)
{
    str marker = STR("");

    for (int page = 0; page < PAGES_MAX; page++) {
        json_auto_t *answer = NULL;
        BUF_AUTO url = {0};

        buf_init(&url, QUERY_BYTES_MAX);
        buf_add(&url, path);
        buf_add(&url, marker.len ? STR("?Marker=") : STR(""));
        url_encode(&url, marker);
        if (!session_json(session, "lambda", "GET", buf_str(&url), NULL, &answer, err))
            return false;
        json_array_extend(all, json_object_get(answer, field));
        marker = arena_copy(&session->arena, json_text(json_object_get(answer, "NextMarker")));
        if (!marker.len)
            return true;
    }
    return err_set(err, ERR_LIMIT, "the server's list does not end");
}

bool functions_list(struct session *session, json_t **ret, struct err *err)
{
    json_auto_t *all = json_array();

    if (!pages_read(session, STR("/2015-03-31/functions"), "Functions", all, err))
        return false;
    *ret = json_incref(all);
    return true;
}

bool versions_list(struct session *session, str function, json_t **ret, struct err *err)
{
    json_auto_t *all = json_array();
    size_t i = 0;

    if (!pages_read(session, session_path(session, "/2015-03-31/functions/" STR_FMT "/versions", STR_ARG(function)),
                    "Versions", all, err))
        return false;
    while (i < json_array_size(all)) {
        if (str_eq(json_text(json_object_get(json_array_get(all, i), "Version")), STR("$LATEST")))
            json_array_remove(all, i);
        else
            i++;
    }
    *ret = json_incref(all);
    return true;
}
