/*
 * The reader of json_scan.h.  Invariants, while there is no fault:
 *
 *   due          the cursor is at the first byte of a value (or at the end of the text, which is a fault when read)
 *   !due         the cursor is behind a value, or (first) behind the bracket of a container that was just entered
 *   depth        containers that are open; each was entered by jr_object() or jr_array()
 *
 *     jr_init ──▶ due ──jr_object, jr_array──▶ first ──jr_member, jr_element──▶ due │ closed, behind a value
 *                  └──────jr_text, jr_skip …──▶ behind a value ──jr_member, jr_element──▶ due │ closed
 *
 * Passing over is a loop, not a recursion, so depth costs no stack.
 */
#include "codec/json_scan.h"

#include <assert.h>
#include <inttypes.h>

#include "codec/hex.h"
#include "codec/json_number.h"
#include "codec/json_read.h"

#include "base/utf8.h"

static bool in_object(const struct jr *r)
{
    return r->objects[(r->depth - 1) / 64] >> ((r->depth - 1) % 64) & 1;
}

static bool at_byte(const struct jr *r, char c)
{
    return r->c.at < r->c.end && *r->c.at == c;
}

void jr_init(struct jr *r, str text, struct buf *room)
{
    lex_start(&r->c, text); /* not the whole struct: it is made for each row */
    lex_space(&r->c);
    r->room = room;
    r->due = true;
    r->first = false;
    r->expected = NULL;
    r->key = STR("");
    r->depth = 0;
}

bool jr_ok(const struct jr *r)
{
    return r->c.fault == FAULT_NONE;
}

static enum json_kind kind_at_cursor(const struct jr *r)
{
    static const unsigned char kinds[256] = {
        ['{'] = JSON_KIND_OBJECT, ['['] = JSON_KIND_ARRAY,  ['"'] = JSON_KIND_TEXT,   ['-'] = JSON_KIND_NUMBER,
        ['0'] = JSON_KIND_NUMBER, ['1'] = JSON_KIND_NUMBER, ['2'] = JSON_KIND_NUMBER, ['3'] = JSON_KIND_NUMBER,
        ['4'] = JSON_KIND_NUMBER, ['5'] = JSON_KIND_NUMBER, ['6'] = JSON_KIND_NUMBER, ['7'] = JSON_KIND_NUMBER,
        ['8'] = JSON_KIND_NUMBER, ['9'] = JSON_KIND_NUMBER, ['t'] = JSON_KIND_BOOL,   ['f'] = JSON_KIND_BOOL,
        ['n'] = JSON_KIND_NULL,
    };

    return r->c.at == r->c.end ? JSON_KIND_NONE : (enum json_kind)kinds[(unsigned char)*r->c.at];
}

enum json_kind jr_kind(const struct jr *r)
{
    return r->due && jr_ok(r) ? kind_at_cursor(r) : JSON_KIND_NONE;
}

/* A value is due; if it is not there, or of another kind, the reader has a fault. */
static bool expect(struct jr *r, enum json_kind kind)
{
    enum json_kind found = jr_kind(r);

    if (!jr_ok(r) || found == kind)
        return jr_ok(r);
    assert(r->due); /* two reads of one value are a bug of ours */
    if (found == JSON_KIND_NONE)
        return lex_scalar(&r->c); /* says what is wrong with it */
    r->expected = json_kind_text(kind);
    return lex_fail(&r->c, FAULT_KIND);
}

/* Containers */

static bool open_container(struct jr *r, bool object)
{
    uint64_t bit = UINT64_C(1) << (r->depth % 64), *word = &r->objects[r->depth / 64];

    if (r->depth == JSON_DEPTH_MAX)
        return lex_fail(&r->c, FAULT_DEPTH);
    *word = object ? *word | bit : *word & ~bit;
    r->depth++;
    r->c.at++;
    r->due = false;
    r->first = true;
    return true;
}

bool jr_object(struct jr *r)
{
    return expect(r, JSON_KIND_OBJECT) && open_container(r, true);
}

bool jr_array(struct jr *r)
{
    return expect(r, JSON_KIND_ARRAY) && open_container(r, false);
}

/* Behind a value, or first: to the next value (or its key), or past the bracket that closes. */
static bool go_on(struct jr *r, bool object)
{
    lex_space(&r->c);
    if (at_byte(r, object ? '}' : ']')) {
        r->c.at++;
        r->depth--;
        r->first = false;
        return false;
    }
    if (r->first) {
        r->first = false;
        return true;
    }
    if (!at_byte(r, ','))
        return lex_fail(&r->c, FAULT_COMMA);
    r->c.at++;
    lex_space(&r->c);
    return true;
}

static bool read_key(struct json_cursor *c, const char **ret_end)
{
    if (c->at == c->end || *c->at != '"')
        return lex_fail(c, FAULT_KEY);
    if (!lex_string(c))
        return false;
    *ret_end = c->at;
    lex_space(c);
    if (c->at == c->end || *c->at != ':')
        return lex_fail(c, FAULT_COLON);
    c->at++;
    lex_space(c);
    return true;
}

static bool take_text(struct jr *r, str quoted, str *ret);

bool jr_member(struct jr *r, str *ret_key)
{
    const char *quote, *end;

    if (!jr_ok(r) || (r->due && !jr_skip(r)))
        return false;
    assert(r->depth > 0 && in_object(r));
    if (!go_on(r, true))
        return false;
    quote = r->c.at;
    if (!read_key(&r->c, &end) || !take_text(r, (str){quote, (size_t)(end - quote)}, &r->key))
        return false;
    r->due = true;
    *ret_key = r->key;
    return true;
}

bool jr_element(struct jr *r)
{
    if (!jr_ok(r) || (r->due && !jr_skip(r)))
        return false;
    assert(r->depth > 0 && !in_object(r));
    if (!go_on(r, false))
        return false;
    r->key = STR("");
    r->due = true;
    return true;
}

/* Passing over */

/* At a value: past it, or into it when it is a container with something in it.  Says in *ret_inside which. */
static bool step_in(struct jr *r, bool *ret_inside)
{
    bool object = at_byte(r, '{');

    *ret_inside = false;
    if (!object && !at_byte(r, '['))
        return lex_scalar(&r->c);
    if (!open_container(r, object))
        return false;
    *ret_inside = true;
    return true;
}

/* Behind a value or first: past all that closes here, to the next value, or until no more than `floor` are open. */
static bool step_on(struct jr *r, int floor)
{
    while (r->depth > floor) {
        bool object = in_object(r);
        const char *end;

        if (go_on(r, object))
            return !object || read_key(&r->c, &end);
        if (!jr_ok(r))
            return false;
    }
    return true;
}

/* Behind a value or first: until no more than `floor` containers are open. */
static bool close_down_to(struct jr *r, int floor)
{
    bool inside;

    for (;;) {
        if (!step_on(r, floor))
            return false;
        if (r->depth <= floor)
            return true;
        if (!step_in(r, &inside))
            return false;
    }
}

bool jr_skip(struct jr *r)
{
    int floor = r->depth;
    bool inside;

    if (!jr_ok(r))
        return false;
    assert(r->due);
    r->due = false;
    return step_in(r, &inside) && (!inside || close_down_to(r, floor));
}

void jr_leave(struct jr *r)
{
    if (!jr_ok(r) || (r->due && !jr_skip(r)))
        return;
    assert(r->depth > 0);
    (void)close_down_to(r, r->depth - 1);
}

bool jr_raw(struct jr *r, str *ret)
{
    const char *first = r->c.at;

    if (!jr_skip(r))
        return false;
    *ret = (str){first, (size_t)(r->c.at - first)};
    return true;
}

/* Values */

/* Past a scalar of this kind; its literal in *ret. */
static bool take(struct jr *r, enum json_kind kind, str *ret)
{
    const char *first = r->c.at;

    if (!expect(r, kind) || !lex_scalar(&r->c))
        return false;
    r->due = false;
    *ret = (str){first, (size_t)(r->c.at - first)};
    return true;
}

static bool refuse(struct jr *r, str literal, enum json_fault fault)
{
    r->c.at = literal.at;
    return lex_fail(&r->c, fault);
}

bool jr_double(struct jr *r, double *ret)
{
    str literal;

    if (!take(r, JSON_KIND_NUMBER, &literal))
        return false;
    return json_number(literal.at, literal.at + literal.len, ret) || refuse(r, literal, FAULT_RANGE);
}

bool jr_int(struct jr *r, int64_t *ret)
{
    const double exact_max = 9007199254740992.0; /* 2^53: up to here each whole number is a double of its own */
    long long whole;
    double value;
    str literal;

    if (!take(r, JSON_KIND_NUMBER, &literal))
        return false;
    if (str_to_int(literal, INT64_MIN, INT64_MAX, &whole)) {
        *ret = whole;
        return true;
    }
    if (!json_number(literal.at, literal.at + literal.len, &value) || value < -exact_max || value > exact_max ||
        (double)(int64_t)value != value)
        return refuse(r, literal, FAULT_WHOLE);
    *ret = (int64_t)value;
    return true;
}

bool jr_text(struct jr *r, str *ret)
{
    str quoted;

    return take(r, JSON_KIND_TEXT, &quoted) && take_text(r, quoted, ret);
}

bool jr_bool(struct jr *r, bool *ret)
{
    str literal;

    if (!take(r, JSON_KIND_BOOL, &literal))
        return false;
    *ret = literal.at[0] == 't';
    return true;
}

bool jr_null(struct jr *r)
{
    str literal;

    return take(r, JSON_KIND_NULL, &literal);
}

/* Texts with escapes */

static uint32_t four_digits(const char *at)
{
    uint32_t code = 0;

    for (int i = 0; i < 4; i++)
        code = code << 4 | (uint32_t)hex_digit(at[i]);
    return code;
}

/* At the backslash of a checked \u: one character, or two halves of one.  A half by itself becomes U+FFFD. */
static const char *decode_code(const char *at, const char *end, uint32_t *ret)
{
    uint32_t code = four_digits(at + 2), low;

    at += 6;
    if (code >= 0xd800 && code < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
        low = four_digits(at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *ret = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            return at + 6;
        }
    }
    *ret = code >= 0xd800 && code < 0xe000 ? 0xfffd : code;
    return at;
}

/* At a backslash; returns what is behind the escape. */
static const char *decode_escape(const char *at, const char *end, struct buf *out)
{
    static const char meanings[256] = {
        ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    uint32_t code;
    char bytes[4];

    if (at[1] != 'u') {
        buf_add_char(out, meanings[(unsigned char)at[1]]);
        return at + 2;
    }
    at = decode_code(at, end, &code);
    buf_add(out, (str){bytes, utf8_encode(code, bytes)});
    return at;
}

/* What is between the quotes of a text that the lexer has passed, decoded where it has escapes.  Decoded it is no
 * longer than it was, so room for the rest of the text is room for all that comes. */
static bool take_text(struct jr *r, str quoted, str *ret)
{
    const char *at = quoted.at + 1, *end = quoted.at + quoted.len - 1, *escape;
    size_t before = r->room->len, rest = (size_t)(r->c.end - quoted.at);

    if (!r->c.escaped) {
        *ret = (str){at, (size_t)(end - at)};
        return true;
    }
    (void)buf_reserve(r->room, rest < r->room->max - before ? rest : r->room->max - before);
    while ((escape = memchr(at, '\\', (size_t)(end - at)))) {
        buf_add(r->room, (str){at, (size_t)(escape - at)});
        at = decode_escape(escape, end, r->room);
    }
    buf_add(r->room, (str){at, (size_t)(end - at)});
    if (!buf_ok(r->room))
        return refuse(r, quoted, FAULT_ROOM);
    *ret = (str){r->room->at + before, r->room->len - before};
    return true;
}

/* The end, and what was wrong */

const char *json_kind_text(enum json_kind kind)
{
    static const char *const texts[] = {
        [JSON_KIND_NONE] = "nothing", [JSON_KIND_OBJECT] = "an object", [JSON_KIND_ARRAY] = "an array",
        [JSON_KIND_TEXT] = "a text",  [JSON_KIND_NUMBER] = "a number",  [JSON_KIND_BOOL] = "true or false",
        [JSON_KIND_NULL] = "null",
    };

    return texts[kind];
}

static const char *const fault_texts[] = {
    [FAULT_END] = "it ends too soon",
    [FAULT_END_IN_STRING] = "it ends within a text; a closing \" is missing",
    [FAULT_VALUE] = "expected a value",
    [FAULT_TOKEN] = "expected a value (words other than true, false and null need quotes)",
    [FAULT_KEY] = "expected a name in double quotes",
    [FAULT_COLON] = "expected a colon behind the name",
    [FAULT_COMMA] = "expected a comma or the closing bracket",
    [FAULT_BEHIND] = "there is something behind the value",
    [FAULT_CONTROL] = "a control character in a text must be written as an escape",
    [FAULT_ESCAPE] = "unknown escape in a text",
    [FAULT_HEX] = "expected four hexadecimal digits behind \\u",
    [FAULT_UTF8] = "a text is not UTF-8",
    [FAULT_ZERO] = "a number may not start with 0",
    [FAULT_MINUS] = "expected a digit behind the minus",
    [FAULT_POINT] = "expected a digit behind the point",
    [FAULT_EXPONENT] = "expected a digit in the exponent",
    [FAULT_DEPTH] = "it is nested too deep",
};

static bool say_refused(const struct jr *r, struct err *err)
{
    size_t offset = (size_t)(r->c.at - r->c.start);
    str key = {r->key.at, r->key.len < 64 ? r->key.len : 64};
    char place[128];

    snprintf(place, sizeof place, key.len > 0 ? "`" STR_FMT "` at byte %zu" : "" STR_FMT "byte %zu", STR_ARG(key),
             offset);
    if (r->c.fault == FAULT_KIND)
        return err_set(err, ERR_INVALID, "%s: expected %s, found %s", place, r->expected,
                       json_kind_text(kind_at_cursor(r)));
    if (r->c.fault == FAULT_WHOLE)
        return err_set(err, ERR_INVALID, "%s: expected a whole number of at most 63 bits", place);
    if (r->c.fault == FAULT_RANGE)
        return err_set(err, ERR_INVALID, "%s: the number is too large for a double", place);
    return err_set(err, ERR_LIMIT, "%s: more text with escapes than the limit of %zu bytes", place, r->room->max);
}

static bool say(const struct jr *r, struct err *err)
{
    size_t offset = (size_t)(r->c.at - r->c.start);
    unsigned char found = r->c.at < r->c.end ? (unsigned char)*r->c.at : 0;

    if (r->c.fault > FAULT_DEPTH)
        return say_refused(r, err);
    if (r->c.at == r->c.end)
        return err_set(err, ERR_INVALID, "not JSON at byte %zu: %s", offset, fault_texts[r->c.fault]);
    if (found > 0x20 && found < 0x7f)
        return err_set(err, ERR_INVALID, "not JSON at byte %zu ('%c'): %s", offset, found, fault_texts[r->c.fault]);
    return err_set(err, ERR_INVALID, "not JSON at byte %zu (0x%02x): %s", offset, found, fault_texts[r->c.fault]);
}

bool jr_end(struct jr *r, struct err *err)
{
    if (jr_ok(r) && (!r->due || jr_skip(r)) && close_down_to(r, 0)) {
        lex_space(&r->c);
        if (r->c.at == r->c.end)
            return true;
        lex_fail(&r->c, FAULT_BEHIND);
    }
    return say(r, err);
}

/* Rows */

static str trim(str line)
{
    while (line.len > 0 && strchr(" \t\r\n", line.at[line.len - 1]) && line.at[line.len - 1])
        line.len--;
    while (line.len > 0 && strchr(" \t\r\n", *line.at) && *line.at)
        line = str_from(line, 1);
    return line;
}

void json_rows_init(struct json_rows *rows, str body)
{
    str bom = STR("\xef\xbb\xbf"), first, others;

    rows->number = 0;
    rows->rest = trim(str_starts(body, bom) ? str_from(body, bom.len) : body);
    rows->form = ROWS_LINES;
    if (str_starts(rows->rest, STR("["))) {
        rows->form = ROWS_ARRAY;
        jr_init(&rows->array, rows->rest, NULL);
        jr_array(&rows->array);
    } else if (str_cut(rows->rest, '\n', &first, &others) && !json_valid(first, NULL) && json_valid(rows->rest, NULL)) {
        rows->form = ROWS_ONE;
    }
}

static bool next_line(struct json_rows *rows, str *ret)
{
    str line = STR("");

    while (line.len == 0 && rows->rest.len > 0) {
        if (!str_cut(rows->rest, '\n', &line, &rows->rest))
            rows->rest = STR("");
        line = trim(line);
    }
    if (line.len == 0)
        return false;
    *ret = line;
    return true;
}

static bool next_one(struct json_rows *rows, str *ret)
{
    if (rows->rest.len == 0)
        return false;
    *ret = rows->rest;
    rows->rest = STR("");
    return true;
}

static bool next_in_array(struct json_rows *rows, str *ret)
{
    return jr_element(&rows->array) && jr_raw(&rows->array, ret);
}

bool json_rows_next(struct json_rows *rows, str *ret_row)
{
    static bool (*const nexts[])(struct json_rows * rows, str * ret) = {
        [ROWS_LINES] = next_line, [ROWS_ARRAY] = next_in_array, [ROWS_ONE] = next_one};

    if (!nexts[rows->form](rows, ret_row))
        return false;
    rows->number++;
    return true;
}

bool json_rows_end(struct json_rows *rows, struct err *err)
{
    return rows->form != ROWS_ARRAY || jr_end(&rows->array, err) || err_wrap(err, "row %" PRId64, rows->number + 1);
}
