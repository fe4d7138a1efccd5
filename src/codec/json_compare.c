#include "codec/json_compare.h"

#include "codec/json_read.h"

#include "base/arena.h"

#include <math.h>

enum { TOLD_MAX = 5, VALUE_CHARS_MAX = 80, PATH_BYTES_MAX = 1024 };

const struct json_compare_words json_compare_expected = {"expected ", ", got ", "missing", "unexpected"};
const struct json_compare_words json_compare_change = {"was ", ", is ", "is gone", "is new"};

/* The walk: both trees at once, depth first; `path` is where it is. */
struct walk {
    struct buf path;
    struct buf *out;
    const struct json_compare_words *words;
    double tolerance;
    int found;
};

static void walk(struct walk *w, const json_t *before, const json_t *after);

/* True: this one is to be told, and what precedes its words has been written. */
static bool begin(struct walk *w)
{
    if (++w->found > TOLD_MAX || !w->out)
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

static void tell_values(struct walk *w, const json_t *before, const json_t *after)
{
    if (!begin(w))
        return;
    add_place(w);
    buf_add(w->out, str_of(w->words->before));
    add_value(w->out, before);
    buf_add(w->out, str_of(w->words->after));
    add_value(w->out, after);
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

static void walk_object(struct walk *w, const json_t *before, const json_t *after)
{
    size_t len = w->path.len;
    const char *name;
    json_t *member;

    json_object_foreach ((json_t *)before, name, member) {
        const json_t *other = json_object_get(after, name);

        if (!other) {
            tell_member(w, name, w->words->gone);
            continue;
        }
        buf_printf(&w->path, "%s%s", len ? "." : "", name);
        walk(w, member, other);
        leave(w, len);
    }
    json_object_foreach ((json_t *)after, name, member)
        if (!json_object_get(before, name))
            tell_member(w, name, w->words->fresh);
}

static void walk_array(struct walk *w, const json_t *before, const json_t *after)
{
    size_t len = w->path.len, wanted = json_array_size(before), have = json_array_size(after);

    if (wanted != have && begin(w)) {
        add_place(w);
        buf_printf(w->out, "%s%zu item%s%s%zu", w->words->before, wanted, wanted == 1 ? "" : "s", w->words->after,
                   have);
    }
    for (size_t i = 0; i < wanted && i < have; i++) {
        buf_printf(&w->path, "[%zu]", i);
        walk(w, json_array_get(before, i), json_array_get(after, i));
        leave(w, len);
    }
}

/* Two integers are ids, counts, cents: a tolerance would take one for the other. */
static bool same_number(const json_t *a, const json_t *b, double tolerance)
{
    double left = json_number_value(a), right = json_number_value(b);

    if (json_is_integer(a) && json_is_integer(b))
        return json_integer_value(a) == json_integer_value(b);
    return fabs(left - right) <= tolerance * fmax(fabs(left), fabs(right));
}

static bool same_leaf(const struct walk *w, const json_t *before, const json_t *after)
{
    if (json_is_number(before) && json_is_number(after))
        return same_number(before, after, w->tolerance);
    return json_equal(before, after);
}

static void walk(struct walk *w, const json_t *before, const json_t *after)
{
    if (json_is_object(before) && json_is_object(after))
        walk_object(w, before, after);
    else if (json_is_array(before) && json_is_array(after))
        walk_array(w, before, after);
    else if (!same_leaf(w, before, after))
        tell_values(w, before, after);
}

int json_compare(const json_t *before, const json_t *after, double tolerance, const struct json_compare_words *words,
                 struct buf *out)
{
    struct walk w = {.out = out, .words = words, .tolerance = tolerance};

    buf_init(&w.path, PATH_BYTES_MAX);
    walk(&w, before, after);
    if (out && w.found > TOLD_MAX)
        buf_printf(out, "; and %d more", w.found - TOLD_MAX);
    buf_free(&w.path);
    return w.found;
}
