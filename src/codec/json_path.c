/*
 * Paths are followed all at once: at each value a set of paths, as bits, is still on its way, all of them with the
 * same number of steps behind them.  A member or element keeps those whose next step it is.
 */
#include "codec/json_path.h"

#include <assert.h>

#include "codec/base64.h"
#include "codec/json_scan.h"

enum step_kind { STEP_NAME, STEP_INDEX, STEP_ANY };

/* Parsing */

struct reader {
    str text;
    size_t at;
    struct json_path *path;
    size_t names_len;
};

static bool refuse(const struct reader *p, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "path \"" STR_FMT "\", character %zu: %s", STR_ARG(p->text), p->at + 1, why);
}

static bool at_char(const struct reader *p, char c)
{
    return p->at < p->text.len && p->text.at[p->at] == c;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c < 0;
}

static bool add_step(struct reader *p, enum step_kind kind, int index, struct err *err)
{
    _Static_assert(JSON_PATH_STEPS_MAX == 12, "it is named in a message");
    struct json_path *path = p->path;

    if (path->count == JSON_PATH_STEPS_MAX)
        return refuse(p, "too many steps; 12 is the limit", err);
    path->steps[path->count].kind = (unsigned char)kind;
    path->steps[path->count].index = index;
    path->steps[path->count].from = (unsigned short)p->names_len;
    path->count++;
    return true;
}

/* The text is not longer than the space for names, so each character of it fits. */
static void add_name_char(struct reader *p)
{
    p->path->names[p->names_len++] = p->text.at[p->at++];
    p->path->steps[p->path->count - 1].len++;
}

static bool parse_name(struct reader *p, struct err *err)
{
    if (at_char(p, '*')) {
        p->at++;
        return add_step(p, STEP_ANY, 0, err);
    }
    if (at_char(p, '.'))
        return refuse(p, "`..` is not supported; name each step", err);
    if (p->at == p->text.len || !is_name_char(p->text.at[p->at]))
        return refuse(p, "expected a name; one with other characters than letters, digits, _ and - is written ['…']",
                      err);
    if (!add_step(p, STEP_NAME, 0, err))
        return false;
    while (p->at < p->text.len && is_name_char(p->text.at[p->at]))
        add_name_char(p);
    return true;
}

static bool parse_quoted(struct reader *p, struct err *err)
{
    char quote = p->text.at[p->at++];

    if (!add_step(p, STEP_NAME, 0, err))
        return false;
    for (; !at_char(p, quote); add_name_char(p)) {
        p->at += at_char(p, '\\');
        if (p->at == p->text.len)
            return refuse(p, "the closing quote is missing", err);
    }
    p->at++;
    return true;
}

static bool parse_index(struct reader *p, struct err *err)
{
    enum { INDEX_MAX = 1000000000 };
    size_t first = p->at;
    long long index;

    while (p->at < p->text.len && p->text.at[p->at] >= '0' && p->text.at[p->at] <= '9')
        p->at++;
    if (p->at == first)
        return refuse(p, "expected an index (0, 1, …), * or a name in quotes", err);
    if (!str_to_int((str){p->text.at + first, p->at - first}, 0, INDEX_MAX, &index))
        return refuse(p, "the index is too large", err);
    return add_step(p, STEP_INDEX, (int)index, err);
}

static bool parse_bracket(struct reader *p, struct err *err)
{
    bool parsed;

    p->at++;
    if (at_char(p, '*'))
        parsed = parse_name(p, err);
    else if (at_char(p, '\'') || at_char(p, '"'))
        parsed = parse_quoted(p, err);
    else
        parsed = parse_index(p, err);
    if (!parsed)
        return false;
    if (!at_char(p, ']'))
        return refuse(p, "expected ]", err);
    p->at++;
    return true;
}

bool json_path_parse(str text, struct json_path *ret, struct err *err)
{
    struct json_path path = {0};
    struct reader p = {.text = text, .path = &path};

    if (text.len == 0 || text.len >= JSON_PATH_BYTES_MAX)
        return err_set(err, ERR_INVALID, "a path has from 1 to %d bytes, not %zu", JSON_PATH_BYTES_MAX - 1, text.len);
    if (at_char(&p, '$'))
        p.at++;
    else if (at_char(&p, '.'))
        return refuse(&p, "a path begins with $ or with a name", err);
    else if (!at_char(&p, '[') && !parse_name(&p, err))
        return false;
    while (p.at < text.len) {
        bool dot = at_char(&p, '.');

        p.at += dot;
        if (!dot && !at_char(&p, '['))
            return refuse(&p, "expected . or [", err);
        if (!(dot ? parse_name(&p, err) : parse_bracket(&p, err)))
            return false;
    }
    *ret = path;
    return true;
}

bool json_path_is_many(const struct json_path *path)
{
    for (int i = 0; i < path->count; i++)
        if (path->steps[i].kind == STEP_ANY)
            return true;
    return false;
}

/* Following */

struct walk {
    const struct json_path *paths;
    struct buf *room;
    json_on_match *on_match;
    void *context;
    bool enough;
    int64_t counts[JSON_PATHS_MAX];
};

static bool follow(struct walk *w, struct jr *r, uint64_t set, int step);

/* Of this set, those with all steps behind them. */
static uint64_t arrived(const struct walk *w, uint64_t set, int step)
{
    uint64_t found = 0;

    for (uint64_t left = set; left; left &= left - 1)
        if (w->paths[__builtin_ctzll(left)].count == step)
            found |= left & -left;
    return found;
}

static uint64_t by_name(const struct walk *w, uint64_t set, int step, str name)
{
    uint64_t found = 0;

    for (uint64_t left = set; left; left &= left - 1) {
        const struct json_path *path = &w->paths[__builtin_ctzll(left)];
        str wanted = {path->names + path->steps[step].from, path->steps[step].len};

        if (path->steps[step].kind == STEP_ANY || (path->steps[step].kind == STEP_NAME && str_eq(wanted, name)))
            found |= left & -left;
    }
    return found;
}

static uint64_t by_index(const struct walk *w, uint64_t set, int step, int64_t index)
{
    uint64_t found = 0;

    for (uint64_t left = set; left; left &= left - 1) {
        const struct json_path *path = &w->paths[__builtin_ctzll(left)];

        if (path->steps[step].kind == STEP_ANY ||
            (path->steps[step].kind == STEP_INDEX && path->steps[step].index == index))
            found |= left & -left;
    }
    return found;
}

/* The value at the cursor is what some paths lead to; others may go on within it. */
static bool match(struct walk *w, struct jr *r, uint64_t ended, uint64_t others, int step)
{
    struct jr inner;
    str value;

    if (!jr_raw(r, &value))
        return false;
    for (; ended && !w->enough; ended &= ended - 1) {
        int path = __builtin_ctzll(ended);

        w->enough = !w->on_match(w->context, path, w->counts[path]++, value);
    }
    if (w->enough)
        return false;
    if (!others)
        return true;
    jr_init(&inner, value, w->room);
    return follow(w, &inner, others, step);
}

static bool follow_members(struct walk *w, struct jr *r, uint64_t set, int step)
{
    str name;

    jr_object(r);
    while (jr_member(r, &name)) {
        uint64_t wanted = by_name(w, set, step, name);

        if (!(wanted ? follow(w, r, wanted, step + 1) : jr_skip(r)))
            return false;
    }
    return jr_ok(r);
}

static bool follow_elements(struct walk *w, struct jr *r, uint64_t set, int step)
{
    jr_array(r);
    for (int64_t index = 0; jr_element(r); index++) {
        uint64_t wanted = by_index(w, set, step, index);

        if (!(wanted ? follow(w, r, wanted, step + 1) : jr_skip(r)))
            return false;
    }
    return jr_ok(r);
}

/* False: a fault, or enough. */
static bool follow(struct walk *w, struct jr *r, uint64_t set, int step)
{
    uint64_t ended = arrived(w, set, step);

    if (ended)
        return match(w, r, ended, set & ~ended, step);
    if (jr_kind(r) == JSON_KIND_OBJECT)
        return follow_members(w, r, set, step);
    if (jr_kind(r) == JSON_KIND_ARRAY)
        return follow_elements(w, r, set, step);
    return jr_skip(r);
}

bool json_paths_each(const struct json_path *paths, int count, str text, struct buf *room, json_on_match *on_match,
                     void *context, struct err *err)
{
    struct walk w = {.paths = paths, .room = room, .on_match = on_match, .context = context};
    struct jr r;

    assert(count > 0 && count <= JSON_PATHS_MAX);
    jr_init(&r, text, room);
    follow(&w, &r, UINT64_MAX >> (64 - count), 0);
    return w.enough || jr_end(&r, err);
}

static bool keep_first(void *context, int path, int64_t index, str value)
{
    str *values = context;

    if (index == 0)
        values[path] = value;
    return true;
}

bool json_paths_first(const struct json_path *paths, int count, str text, struct buf *room, str *ret_values,
                      struct err *err)
{
    for (int i = 0; i < count; i++)
        ret_values[i] = (str){0};
    return json_paths_each(paths, count, text, room, keep_first, ret_values, err);
}

/* The gateway's form */

struct proxy {
    str body;
    int64_t status;
    bool base64, has_body;
};

static bool read_proxy_member(struct jr *r, str name, struct proxy *proxy)
{
    static const str others[] = {STR("headers"), STR("multiValueHeaders"), STR("cookies"), STR("statusDescription")};

    if (str_eq(name, STR("statusCode")))
        return jr_kind(r) == JSON_KIND_NUMBER && jr_int(r, &proxy->status);
    if (str_eq(name, STR("body"))) {
        proxy->has_body = jr_kind(r) == JSON_KIND_TEXT;
        return proxy->has_body && jr_text(r, &proxy->body);
    }
    if (str_eq(name, STR("isBase64Encoded")))
        return jr_kind(r) == JSON_KIND_BOOL && jr_bool(r, &proxy->base64);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eq(name, others[i]))
            return jr_skip(r);
    return false;
}

/* The text may lie in the room itself, which may move. */
static bool decode_body(str text, struct buf *room, str *ret, struct err *err)
{
    size_t before = room->len, from = 0;
    bool inside = room->at && text.at >= room->at && text.at <= room->at + room->len;

    if (inside)
        from = (size_t)(text.at - room->at);
    if (!buf_reserve(room, base64_bytes_max(text.len)))
        return err_set(err, ERR_LIMIT, "the body in base64 is larger than the limit of %zu bytes", room->max);
    if (inside)
        text.at = room->at + from;
    if (!base64_decode(text, room))
        return err_set(err, ERR_INVALID, "isBase64Encoded is true, but the body is not base64");
    *ret = (str){room->at + before, room->len - before};
    return true;
}

bool json_proxy_body(str response, struct buf *room, str *ret_body, int *ret_status, struct err *err)
{
    struct proxy proxy = {0};
    struct jr r;
    str name;

    jr_init(&r, response, room);
    *ret_body = response;
    *ret_status = 0;
    if (jr_kind(&r) != JSON_KIND_OBJECT)
        return true;
    jr_object(&r);
    while (jr_member(&r, &name))
        if (!read_proxy_member(&r, name, &proxy))              /* of another form, so looked at no further; */
            return r.c.fault != FAULT_ROOM || jr_end(&r, err); /* who reads it will see whether it is JSON */
    if (!jr_end(&r, err))
        return false;
    if (!proxy.has_body || proxy.status < 100 || proxy.status > 599)
        return true;
    if (proxy.base64 && !decode_body(proxy.body, room, &proxy.body, err))
        return false;
    *ret_body = proxy.body;
    *ret_status = (int)proxy.status;
    return true;
}
