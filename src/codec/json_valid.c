/*
 * The validator of json_read.h: a loop over three states instead of recursion, one bit a level for the kind of
 * container, so that depth costs no stack.  Runs of plain characters in strings, which most of a payload is, go eight
 * bytes at a step.
 *
 *               { [            scalar, } ]
 *   WANT_VALUE -----> WANT_KEY / WANT_VALUE       AFTER_VALUE --,--> WANT_KEY or WANT_VALUE
 *   WANT_KEY   --"name":--> WANT_VALUE            AFTER_VALUE --} ]--> AFTER_VALUE
 *
 * The texts of faults are those of Jackson, the parser behind AWS's front door.
 */
#include <assert.h>
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/json_read.h"

enum want { WANT_VALUE, WANT_KEY, AFTER_VALUE };

enum fault {
    FAULT_NONE,
    FAULT_END,
    FAULT_END_IN_STRING,
    FAULT_VALUE,
    FAULT_TOKEN,
    FAULT_KEY,
    FAULT_COLON,
    FAULT_COMMA,
    FAULT_BEHIND,
    FAULT_CONTROL,
    FAULT_ESCAPE,
    FAULT_HEX,
    FAULT_UTF8,
    FAULT_ZERO,
    FAULT_MINUS,
    FAULT_POINT,
    FAULT_EXPONENT,
    FAULT_DEPTH,
};

struct scan {
    const char *start, *at, *end;
    enum want want;
    enum fault fault;
    int depth;
    uint64_t objects[JSON_DEPTH_MAX / 64]; /* bit d - 1: the container at depth d is an object */
    uint32_t opened_at[JSON_DEPTH_MAX];    /* for the text of FAULT_END only */
};

static bool scan_value(struct scan *s);
static bool scan_key(struct scan *s);
static bool scan_after_value(struct scan *s);

static bool fail(struct scan *s, enum fault fault)
{
    s->fault = s->at >= s->end ? FAULT_END : fault;
    return false;
}

static void skip_space(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static bool scan_document(struct scan *s, str text)
{
    static bool (*const steps[])(struct scan * s) = {
        [WANT_VALUE] = scan_value, [WANT_KEY] = scan_key, [AFTER_VALUE] = scan_after_value};

    /* Not the whole struct: clearing 2 KB would cost more than checking a small event. */
    s->start = s->at = text.at ? text.at : "";
    s->end = s->at + text.len;
    s->want = WANT_VALUE;
    s->fault = FAULT_NONE;
    s->depth = 0;
    do {
        skip_space(s);
        if (s->at == s->end)
            return s->want == AFTER_VALUE && s->depth == 0 ? true : fail(s, FAULT_END);
    } while (steps[s->want](s));
    return false;
}

/* Strings */

/* Does any of eight bytes end a run of plain characters: '"', '\\', below 0x20, or past ASCII? */
static bool has_special(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');

    return ((word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs) != 0;
}

static void skip_plain(struct scan *s)
{
    uint64_t word;

    for (; s->end - s->at >= 8; s->at += 8) {
        memcpy(&word, s->at, 8);
        if (has_special(word))
            break;
    }
    while (s->at < s->end && *s->at >= 0x20 && *s->at != '"' && *s->at != '\\') /* char is signed: < 0 past ASCII */
        s->at++;
}

static bool scan_escape(struct scan *s)
{
    s->at++;
    if (s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
        return fail(s, FAULT_ESCAPE);
    if (*s->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, s->at++)
        if (s->at == s->end || !isxdigit((unsigned char)*s->at))
            return fail(s, FAULT_HEX);
    return true;
}

static bool scan_string_special(struct scan *s)
{
    size_t len;

    if (*s->at == '\\')
        return scan_escape(s);
    if ((unsigned char)*s->at < 0x20)
        return fail(s, FAULT_CONTROL);
    len = utf8_char_len((str){s->at, (size_t)(s->end - s->at)});
    if (len == 0)
        return fail(s, FAULT_UTF8);
    s->at += len;
    return true;
}

static bool scan_string(struct scan *s)
{
    s->at++;
    for (;;) {
        skip_plain(s);
        if (s->at < s->end && *s->at == '"') {
            s->at++;
            return true;
        }
        if (s->at < s->end && scan_string_special(s))
            continue;
        if (s->at >= s->end)
            s->fault = FAULT_END_IN_STRING;
        return false;
    }
}

/* Numbers and words */

static bool scan_digits(struct scan *s, enum fault fault)
{
    const char *first = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > first || fail(s, fault);
}

static bool scan_number(struct scan *s)
{
    const char *first;

    if (*s->at == '-')
        s->at++;
    first = s->at;
    if (!scan_digits(s, FAULT_MINUS))
        return false;
    if (*first == '0' && s->at - first > 1) {
        s->at = first + 1;
        return fail(s, FAULT_ZERO);
    }
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s, FAULT_POINT))
            return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return scan_digits(s, FAULT_EXPONENT);
    }
    return true;
}

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || c < 0;
}

static bool scan_word(struct scan *s, str word)
{
    str rest = {s->at, (size_t)(s->end - s->at)};

    if (!str_starts(rest, word) || (rest.len > word.len && is_token_char(rest.at[word.len])))
        return fail(s, FAULT_TOKEN);
    s->at += word.len;
    return true;
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
        return fail(s, FAULT_DEPTH);
    *word = object ? *word | bit : *word & ~bit;
    s->opened_at[s->depth++] = (uint32_t)(s->at - s->start);
    s->at++;
    s->want = object ? WANT_KEY : WANT_VALUE;
    skip_space(s);
    if (s->at < s->end && *s->at == (object ? '}' : ']'))
        s->want = AFTER_VALUE; /* which closes it */
    return true;
}

static bool scan_value(struct scan *s)
{
    char c = *s->at;

    if (c == '{' || c == '[')
        return open_container(s, c == '{');
    s->want = AFTER_VALUE;
    if (c == '"')
        return scan_string(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    if (c == 't')
        return scan_word(s, STR("true"));
    if (c == 'f')
        return scan_word(s, STR("false"));
    if (c == 'n')
        return scan_word(s, STR("null"));
    return fail(s, isalpha((unsigned char)c) ? FAULT_TOKEN : FAULT_VALUE);
}

static bool scan_key(struct scan *s)
{
    if (*s->at != '"')
        return fail(s, FAULT_KEY);
    if (!scan_string(s))
        return false;
    skip_space(s);
    if (s->at == s->end || *s->at != ':')
        return fail(s, FAULT_COLON);
    s->at++;
    s->want = WANT_VALUE;
    return true;
}

static bool scan_after_value(struct scan *s)
{
    if (s->depth == 0)
        return fail(s, FAULT_BEHIND);
    if (*s->at == ',') {
        s->at++;
        s->want = in_object(s) ? WANT_KEY : WANT_VALUE;
        return true;
    }
    if (*s->at != (in_object(s) ? '}' : ']'))
        return fail(s, FAULT_COMMA);
    s->at++;
    s->depth--;
    return true;
}

bool json_valid(str text, size_t *ret_offset)
{
    struct scan s;

    if (scan_document(&s, text))
        return true;
    if (ret_offset)
        *ret_offset = (size_t)(s.at - s.start);
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

    while (len < rest.len && len < TOKEN_SHOWN_MAX && is_token_char(rest.at[len]))
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
    str rest = {s->at, (size_t)(s->end - s->at)};

    if (s->fault == FAULT_END)
        add_end(out, text, s);
    else if (s->fault == FAULT_END_IN_STRING)
        buf_add(out, STR("Unexpected end-of-input: was expecting closing quote for a string value"));
    else if (s->fault == FAULT_TOKEN)
        add_token(out, rest);
    else if (s->fault == FAULT_COMMA)
        add_unexpected(out, rest,
                       in_object(s) ? ": was expecting comma to separate Object entries"
                                    : ": was expecting comma to separate Array entries");
    else if (s->fault == FAULT_CONTROL)
        buf_printf(out,
                   "Illegal unquoted character ((CTRL-CHAR, code %d)): has to be escaped using backslash to be "
                   "included in string value",
                   *s->at);
    else if (s->fault == FAULT_ESCAPE)
        buf_add(out, STR("Unrecognized character escape ")), add_char(out, rest);
    else if (s->fault == FAULT_UTF8)
        add_bad_utf8(out, rest);
    else if (s->fault == FAULT_ZERO)
        buf_add(out, STR("Invalid numeric value: Leading zeroes not allowed"));
    else if (s->fault == FAULT_DEPTH)
        buf_printf(out, "Document nesting depth (%d) exceeds the maximum allowed (%d)", JSON_DEPTH_MAX + 1,
                   JSON_DEPTH_MAX);
    else
        add_unexpected(out, rest, unexpected_tails[s->fault]);
}

void json_fault_text(str text, struct buf *out)
{
    struct scan s;
    bool valid = scan_document(&s, text);

    assert(!valid);
    buf_add(out, STR("Could not parse request body into json: Could not parse payload into json: "));
    add_fault(out, text, &s);
    buf_add(out, STR("\n at "));
    add_place(out, text, (size_t)(s.at - s.start));
}
