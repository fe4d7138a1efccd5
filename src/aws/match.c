/*
 * match: from method and path to the row of an operation.
 *
 * Segments are split before they are decoded, so that an ARN with an encoded '/' stays one segment.  The lists are
 * short (some hundred rows) and a look-up is a walk: microseconds, and no index to keep right.
 */
#include "aws/aws_private.h"

const struct aws_service *aws_service_named(str name)
{
    for (int i = 0; i < aws_services_count; i++)
        if (str_eq(name, str_of(aws_services[i]->name)))
            return aws_services[i];
    return NULL;
}

/* Takes the segment at the front off `rest`: "/a/b" gives "a" and leaves "/b".  False: there is none. */
static bool next_segment(str *rest, str *ret)
{
    size_t end = 1;

    if (!str_starts(*rest, STR("/")))
        return false;
    while (end < rest->len && rest->at[end] != '/')
        end++;
    *ret = (str){rest->at + 1, end - 1};
    *rest = str_from(*rest, end);
    return true;
}

static bool has_query_pair(str query, str pair)
{
    str one, rest = query;

    while (rest.len > 0) {
        str_cut(rest, '&', &one, &rest);
        if (str_eq(one, pair))
            return true;
    }
    return false;
}

/* "{name}" or "{name+}" */
static bool is_label(str segment, str *ret_name, bool *ret_greedy)
{
    if (!str_starts(segment, STR("{")) || !str_ends(segment, STR("}")))
        return false;
    *ret_name = (str){segment.at + 1, segment.len - 2};
    *ret_greedy = str_ends(*ret_name, STR("+"));
    ret_name->len -= *ret_greedy;
    return true;
}

bool aws_path_matches(const char *pattern, str path, str query, struct arena *arena, struct shape_label *ret_labels,
                      int *ret_count)
{
    str wanted, wanted_query, want, segment, name;
    bool greedy;
    int count = 0;

    if (str_cut(str_of(pattern), '?', &wanted, &wanted_query) && !has_query_pair(query, wanted_query))
        return false;
    if (path.len > 1 && str_ends(path, STR("/")))
        path.len--;
    while (next_segment(&wanted, &want)) {
        str before = path;

        if (!next_segment(&path, &segment))
            return false;
        if (!is_label(want, &name, &greedy)) {
            if (!str_eq(want, segment))
                return false;
            continue;
        }
        if (greedy) {
            segment = str_from(before, 1);
            path = STR("");
        }
        if (count == AWS_LABELS_MAX)
            return false;
        ret_labels[count++] = (struct shape_label){name, segment};
    }
    if (path.len > 0)
        return false;
    for (int i = 0; i < count; i++)
        ret_labels[i].value = shape_decode(arena, ret_labels[i].value, false);
    *ret_count = count;
    return true;
}

bool aws_find_operation(struct aws_call *call, const struct aws_service *service)
{
    const struct http_request *request = &call->exchange->request;
    struct shape_label labels[AWS_LABELS_MAX];
    int count = 0;

    for (int i = 0; i < service->operations_count; i++) {
        const struct aws_operation *operation = &service->operations[i];

        if (!str_eq(request->method, str_of(operation->method)) ||
            !aws_path_matches(operation->path, request->path, request->query, call->arena, labels, &count))
            continue;
        call->labels = arena_new(call->arena, struct shape_label, (size_t)count + 1);
        memcpy(call->labels, labels, (size_t)count * sizeof *labels);
        call->labels_count = count;
        call->operation = operation;
        call->service = service;
        return true;
    }
    return false;
}
