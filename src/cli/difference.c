#include "cli/difference.h"

#include "base/arena.h"
#include "codec/json_read.h"

enum { TOLD_MAX = 5, VALUE_CHARS_MAX = 80, PATH_BYTES_MAX = 1024 };

/* The walk: both trees at once, depth first; `path` is where it is. */
struct walk {
    struct buf path;
    struct buf *out;
    int found;
};

static void walk(struct walk *w, const json_t *expected, const json_t *got);

/* True: this one is to be told, and what precedes its words has been written. */
static bool begin(struct walk *w)
{
    if (++w->found > TOLD_MAX)
        return false;
    buf_add(w->out, w->found > 1 ? STR("; ") : STR(""));
    return true;
}

static void add_value(struct buf *out, const json_t *value)
{
    ARENA_AUTO arena = {0};
    str text = json_compact(value, &arena);
    bool is_long = text.len > VALUE_CHARS_MAX;

    text.len = is_long ? VALUE_CHARS_MAX : text.len;
    buf_printf(out, STR_FMT "%s", STR_ARG(text), is_long ? "..." : "");
}

static void add_place(struct walk *w)
{
    if (w->path.len)
        buf_printf(w->out, "at `" STR_FMT "`: ", STR_ARG(buf_str(&w->path)));
}

static void tell_values(struct walk *w, const json_t *expected, const json_t *got)
{
    if (!begin(w))
        return;
    add_place(w);
    buf_add(w->out, STR("expected "));
    add_value(w->out, expected);
    buf_add(w->out, STR(", got "));
    add_value(w->out, got);
}

static void tell_member(struct walk *w, const char *name, const char *what)
{
    if (begin(w))
        buf_printf(w->out, "`" STR_FMT "%s%s` %s", STR_ARG(buf_str(&w->path)), w->path.len ? "." : "", name, what);
}

static void leave(struct walk *w, size_t len)
{
    w->path.len = len;
    w->path.full = false;
}

static void walk_object(struct walk *w, const json_t *expected, const json_t *got)
{
    size_t len = w->path.len;
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)expected, name, member) {
        const json_t *other = json_object_get(got, name);

        if (!other) {
            tell_member(w, name, "missing");
            continue;
        }
        buf_printf(&w->path, "%s%s", len ? "." : "", name);
        walk(w, member, other);
        leave(w, len);
    }
    json_object_foreach ((json_t *)got, name, member)
        if (!json_object_get(expected, name))
            tell_member(w, name, "unexpected");
}

static void walk_array(struct walk *w, const json_t *expected, const json_t *got)
{
    size_t len = w->path.len, wanted = json_array_size(expected), have = json_array_size(got);

    if (wanted != have && begin(w)) {
        add_place(w);
        buf_printf(w->out, "expected %zu item%s, got %zu", wanted, wanted == 1 ? "" : "s", have);
    }
    for (size_t i = 0; i < wanted && i < have; i++) {
        buf_printf(&w->path, "[%zu]", i);
        walk(w, json_array_get(expected, i), json_array_get(got, i));
        leave(w, len);
    }
}

static bool same_number(const json_t *a, const json_t *b)
{
    return json_number_value(a) >= json_number_value(b) && json_number_value(a) <= json_number_value(b);
}

static void walk(struct walk *w, const json_t *expected, const json_t *got)
{
    if (json_is_object(expected) && json_is_object(got))
        walk_object(w, expected, got);
    else if (json_is_array(expected) && json_is_array(got))
        walk_array(w, expected, got);
    else if (json_is_number(expected) && json_is_number(got) ? !same_number(expected, got) : !json_equal(expected, got))
        tell_values(w, expected, got);
}

bool difference_tell(const json_t *expected, const json_t *got, struct buf *out)
{
    struct walk w = {.out = out};

    buf_init(&w.path, PATH_BYTES_MAX);
    walk(&w, expected, got);
    if (w.found > TOLD_MAX)
        buf_printf(out, "; and %d more", w.found - TOLD_MAX);
    buf_free(&w.path);
    return w.found > 0;
}
