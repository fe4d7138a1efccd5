/*
 * The state is two bits a level: is it an object, has it a member.  Misuse is caught where it happens (assert), since
 * a missing comma would otherwise be found by a client.
 */
#include "codec/json_write.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

void jw_init(struct jw *w, struct buf *out)
{
    *w = (struct jw){.out = out};
}

bool jw_complete(const struct jw *w)
{
    return w->depth == 0 && (w->nonempty & 1);
}

static uint64_t bit(const struct jw *w)
{
    return UINT64_C(1) << w->depth;
}

static bool in_object(const struct jw *w)
{
    return w->objects & bit(w);
}

static void before_member(struct jw *w)
{
    if (w->nonempty & bit(w))
        buf_add_char(w->out, ',');
    w->nonempty |= bit(w);
}

static void before_value(struct jw *w)
{
    if (w->has_key) {
        w->has_key = false;
        return;
    }
    assert(!in_object(w));                      /* a value in an object wants a key */
    assert(w->depth > 0 || !(w->nonempty & 1)); /* one value a document */
    before_member(w);
}

static void start(struct jw *w, char bracket, bool object)
{
    before_value(w);
    assert(w->depth < JW_DEPTH_MAX);
    w->depth++;
    w->nonempty &= ~bit(w);
    w->objects = object ? w->objects | bit(w) : w->objects & ~bit(w);
    buf_add_char(w->out, bracket);
}

static void end(struct jw *w, char bracket, bool object)
{
    assert(w->depth > 0 && in_object(w) == object && !w->has_key);
    w->objects &= ~bit(w);
    w->depth--;
    buf_add_char(w->out, bracket);
}

void jw_object(struct jw *w)
{
    start(w, '{', true);
}

void jw_object_end(struct jw *w)
{
    end(w, '}', true);
}

void jw_array(struct jw *w)
{
    start(w, '[', false);
}

void jw_array_end(struct jw *w)
{
    end(w, ']', false);
}

void jw_key(struct jw *w, str key)
{
    assert(in_object(w) && !w->has_key);
    before_member(w);
    json_quote(w->out, key);
    buf_add_char(w->out, ':');
    w->has_key = true;
}

void jw_str_value(struct jw *w, str value)
{
    before_value(w);
    json_quote(w->out, value);
}

static void quote_special(struct buf *out, unsigned char c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};

    if (letters[c])
        buf_add(out, (str){(char[]){'\\', letters[c]}, 2});
    else
        buf_printf(out, "\\u%04x", c);
}

/* Runs of harmless bytes are copied whole; that is nearly everything. */
void json_quote(struct buf *out, str text)
{
    size_t start_of_run = 0, i = 0;

    buf_add_char(out, '"');
    while (i < text.len) {
        unsigned char c = (unsigned char)text.at[i];
        size_t len = utf8_char_len(str_from(text, i));

        if (len > 0 && c >= 0x20 && c != '"' && c != '\\') {
            i += len;
            continue;
        }
        buf_add(out, (str){text.at + start_of_run, i - start_of_run});
        if (len == 0)
            buf_add(out, STR("\xef\xbf\xbd")); /* U+FFFD */
        else
            quote_special(out, c);
        start_of_run = ++i;
    }
    if (i > start_of_run) /* empty text may have no address to count from */
        buf_add(out, (str){text.at + start_of_run, i - start_of_run});
    buf_add_char(out, '"');
}

void jw_int_value(struct jw *w, int64_t value)
{
    before_value(w);
    buf_printf(w->out, "%lld", (long long)value);
}

/* AWS prints a whole number of a real member as 1.0; so does Python. */
void json_add_real(struct buf *out, double value)
{
    char text[40];

    if (!isfinite(value)) {
        buf_add(out, STR("null"));
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    buf_add(out, str_of(text));
    if (!strpbrk(text, ".e"))
        buf_add(out, STR(".0"));
}

void jw_real_value(struct jw *w, double value)
{
    before_value(w);
    json_add_real(w->out, value);
}

void jw_bool_value(struct jw *w, bool value)
{
    jw_raw_value(w, value ? STR("true") : STR("false"));
}

void jw_null_value(struct jw *w)
{
    jw_raw_value(w, STR("null"));
}

void jw_raw_value(struct jw *w, str json)
{
    assert(json.len > 0);
    before_value(w);
    buf_add(w->out, json);
}

void jw_object_key(struct jw *w, const char *key)
{
    jw_key(w, str_of(key));
    jw_object(w);
}

void jw_array_key(struct jw *w, const char *key)
{
    jw_key(w, str_of(key));
    jw_array(w);
}

void jw_str(struct jw *w, const char *key, str value)
{
    jw_key(w, str_of(key));
    jw_str_value(w, value);
}

void jw_int(struct jw *w, const char *key, int64_t value)
{
    jw_key(w, str_of(key));
    jw_int_value(w, value);
}

void jw_real(struct jw *w, const char *key, double value)
{
    jw_key(w, str_of(key));
    jw_real_value(w, value);
}

void jw_bool(struct jw *w, const char *key, bool value)
{
    jw_key(w, str_of(key));
    jw_bool_value(w, value);
}

void jw_null(struct jw *w, const char *key)
{
    jw_key(w, str_of(key));
    jw_null_value(w);
}

void jw_raw(struct jw *w, const char *key, str json)
{
    jw_key(w, str_of(key));
    jw_raw_value(w, json);
}
