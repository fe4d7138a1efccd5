/*
 * The validator of json_read.h: a loop over three states instead of recursion, one bit a level for the kind of
 * container, so that depth costs no stack.  Its tokens are those of json_lex.h.
 *
 *               { [            scalar, } ]
 *   WANT_VALUE -----> WANT_KEY / WANT_VALUE       AFTER_VALUE --,--> WANT_KEY or WANT_VALUE
 *   WANT_KEY   --"name":--> WANT_VALUE            AFTER_VALUE --} ]--> AFTER_VALUE
 *
 * The texts of faults are those of Jackson, the parser behind AWS's front door.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "codec/json_lex.h"
#include "codec/json_read.h"

#include "base/utf8.h"

enum want { WANT_VALUE, WANT_KEY, AFTER_VALUE };

struct scan {
    struct json_cursor c;
    enum want want;
    int depth;
    uint64_t objects[JSON_DEPTH_MAX / 64]; /* bit d - 1: the container at depth d is an object */
    uint32_t opened_at[JSON_DEPTH_MAX];    /* for the text of FAULT_END only */
};

static bool scan_value(struct scan *s);
static bool scan_key(struct scan *s);
static bool scan_after_value(struct scan *s);

static bool scan_document(struct scan *s, str text)
{
    static bool (*const steps[])(struct scan * s) = {
        [WANT_VALUE] = scan_value, [WANT_KEY] = scan_key, [AFTER_VALUE] = scan_after_value};

    /* Not the whole struct: clearing 2 KB would cost more than checking a small event. */
    lex_start(&s->c, text);
    s->want = WANT_VALUE;
    s->depth = 0;
    do {
        lex_space(&s->c);
        if (s->c.at == s->c.end)
            return s->want == AFTER_VALUE && s->depth == 0 ? true : lex_fail(&s->c, FAULT_END);
    } while (steps[s->want](s));
    return false;
}

/* Containers */

static bool in_object(const struct scan *s)
{
    return s->objects[(s->depth - 1) / 64] >> ((s->depth - 1) % 64) & 1;
}

static bool open_container(struct scan *s, bool object)
{
    uint64_t bit = UINT64_C(1) << (s->depth % 64), *word = &s->objects[s->depth / 64];

    if (s->depth == JSON_DEPTH_MAX)
        return lex_fail(&s->c, FAULT_DEPTH);
    *word = object ? *word | bit : *word & ~bit;
    s->opened_at[s->depth++] = (uint32_t)(s->c.at - s->c.start);
    s->c.at++;
    s->want = object ? WANT_KEY : WANT_VALUE;
    lex_space(&s->c);
    if (s->c.at < s->c.end && *s->c.at == (object ? '}' : ']'))
        s->want = AFTER_VALUE; /* which closes it */
    return true;
}

static bool scan_value(struct scan *s)
{
    char c = *s->c.at;

    if (c == '{' || c == '[')
        return open_container(s, c == '{');
    s->want = AFTER_VALUE;
    return lex_scalar(&s->c);
}

static bool scan_key(struct scan *s)
{
    if (*s->c.at != '"')
        return lex_fail(&s->c, FAULT_KEY);
    if (!lex_string(&s->c))
        return false;
    lex_space(&s->c);
    if (s->c.at == s->c.end || *s->c.at != ':')
        return lex_fail(&s->c, FAULT_COLON);
    s->c.at++;
    s->want = WANT_VALUE;
    return true;
}

static bool scan_after_value(struct scan *s)
{
    if (s->depth == 0)
        return lex_fail(&s->c, FAULT_BEHIND);
    if (*s->c.at == ',') {
        s->c.at++;
        s->want = in_object(s) ? WANT_KEY : WANT_VALUE;
        return true;
    }
    if (*s->c.at != (in_object(s) ? '}' : ']'))
        return lex_fail(&s->c, FAULT_COMMA);
    s->c.at++;
    s->depth--;
    return true;
}

bool json_valid(str text, size_t *ret_offset)
{
    struct scan s;

    if (scan_document(&s, text))
        return true;
    if (ret_offset)
        *ret_offset = (size_t)(s.c.at - s.c.start);
    return false;
}

/* Texts */

#define EXPECTED "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

static void add_place(struct buf *out, str text, size_t offset)
{
    int line = 1;
    size_t line_start = 0;

    for (size_t i = 0; i < offset; i++) {
        if (text.at[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    buf_printf(out,
               "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: %d, column: %zu]",
               line, offset - line_start + 1);
}

/* Jackson's name of a character: ('x' (code 120)), ((CTRL-CHAR, code 10)).  Past ASCII it is a character, not a byte.
 */
static void add_char(struct buf *out, str rest)
{
    size_t len = utf8_char_len(rest);
    unsigned code = (unsigned char)rest.at[0];

    for (size_t i = 1; i < len; i++)
        code = (i == 1 ? code & (0x7fU >> len) : code) << 6 | ((unsigned char)rest.at[i] & 0x3f);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || len == 0)
        buf_printf(out, "(CTRL-CHAR, code %u)", code);
    else if (code > 0xff)
        buf_printf(out, "'%.*s' (code %u / 0x%x)", (int)len, rest.at, code, code);
    else
        buf_printf(out, "'%.*s' (code %u)", (int)len, rest.at, code);
}

static void add_unexpected(struct buf *out, str rest, const char *tail)
{
    buf_add(out, STR("Unexpected character ("));
    add_char(out, rest);
    buf_printf(out, ")%s", tail);
}

static void add_end(struct buf *out, str text, const struct scan *s)
{
    if (s->depth == 0) {
        buf_add(out, STR("Unexpected end-of-input"));
        return;
    }
    buf_printf(out, "Unexpected end-of-input: expected close marker for %s (start marker at ",
               in_object(s) ? "Object" : "Array");
    add_place(out, text, s->opened_at[s->depth - 1]);
    buf_add_char(out, ')');
}

static void add_token(struct buf *out, str rest)
{
    enum { TOKEN_SHOWN_MAX = 256 }; /* as Jackson cuts it */
    size_t len = 0;

    while (len < rest.len && len < TOKEN_SHOWN_MAX && lex_is_token_char(rest.at[len]))
        len++;
    buf_printf(out, "Unrecognized token '%.*s': was expecting " EXPECTED, (int)len, rest.at);
}

static void add_bad_utf8(struct buf *out, str rest)
{
    unsigned char first = (unsigned char)rest.at[0];
    size_t i = 1;

    if (first < 0xc0 || first > 0xf7 || rest.len < 2) {
        buf_printf(out, "Invalid UTF-8 start byte 0x%x", first);
        return;
    }
    while (i + 1 < rest.len && ((unsigned char)rest.at[i] & 0xc0) == 0x80)
        i++;
    buf_printf(out, "Invalid UTF-8 middle byte 0x%x", (unsigned char)rest.at[i]);
}

static const char *const unexpected_tails[FAULT_DEPTH + 1] = {
    [FAULT_VALUE] = ": expected a valid value " EXPECTED,
    [FAULT_KEY] = ": was expecting double-quote to start field name",
    [FAULT_COLON] = ": was expecting a colon to separate field name and value",
    [FAULT_BEHIND] = ": Expected space separating root-level values",
    [FAULT_HEX] = ": expected a hex-digit for character escape sequence",
    [FAULT_MINUS] = " in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value",
    [FAULT_POINT] = " in numeric value: Decimal point not followed by a digit",
    [FAULT_EXPONENT] = " in numeric value: Exponent indicator not followed by a digit",
};

static void add_fault(struct buf *out, str text, const struct scan *s)
{
    str rest = {s->c.at, (size_t)(s->c.end - s->c.at)};

    if (s->c.fault == FAULT_END)
        add_end(out, text, s);
    else if (s->c.fault == FAULT_END_IN_STRING)
        buf_add(out, STR("Unexpected end-of-input: was expecting closing quote for a string value"));
    else if (s->c.fault == FAULT_TOKEN)
        add_token(out, rest);
    else if (s->c.fault == FAULT_COMMA)
        add_unexpected(out, rest,
                       in_object(s) ? ": was expecting comma to separate Object entries"
                                    : ": was expecting comma to separate Array entries");
    else if (s->c.fault == FAULT_CONTROL)
        buf_printf(out,
                   "Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be "
                   "included in string value",
                   *s->c.at);
    else if (s->c.fault == FAULT_ESCAPE)
        buf_add(out, STR("Unrecognized character escape ")), add_char(out, rest);
    else if (s->c.fault == FAULT_UTF8)
        add_bad_utf8(out, rest);
    else if (s->c.fault == FAULT_ZERO)
        buf_add(out, STR("Invalid numeric value: Leading zeroes not allowed"));
    else if (s->c.fault == FAULT_DEPTH)
        buf_printf(out, "Document nesting depth (%d) exceeds the maximum allowed (%d)", JSON_DEPTH_MAX + 1,
                   JSON_DEPTH_MAX);
    else
        add_unexpected(out, rest, unexpected_tails[s->c.fault]);
}

void json_fault_text(str text, struct buf *out)
{
    struct scan s;
    bool valid = scan_document(&s, text);

    assert(!valid);
    buf_add(out, STR("Could not parse request body into json: Could not parse payload into json: "));
    add_fault(out, text, &s);
    buf_add(out, STR("\n at "));
    add_place(out, text, (size_t)(s.c.at - s.c.start));
}
