/*
 * json_lex: the tokens of JSON (RFC 8259), for this room's own readers: json_valid.c, json_scan.c.
 *
 * A cursor goes over a text and never past it.  Each lex_ function stands at the first byte of its token, and leaves
 * the cursor behind it, or at the first fault.  Runs of plain characters in strings, which most of a payload is, go
 * eight bytes at a step.
 */
#pragma once

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

enum { JSON_DEPTH_MAX = 512 };

enum json_fault {
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
    /* of a reader that wants more than JSON */
    FAULT_KIND,
    FAULT_WHOLE,
    FAULT_RANGE,
    FAULT_ROOM,
};

struct json_cursor {
    const char *start, *at, *end;
    enum json_fault fault;
    bool escaped; /* the last string has escapes */
};

static inline void lex_start(struct json_cursor *c, str text)
{
    c->start = c->at = text.at ? text.at : "";
    c->end = c->at + text.len;
    c->fault = FAULT_NONE;
    c->escaped = false;
}

static inline bool lex_fail(struct json_cursor *c, enum json_fault fault)
{
    c->fault = c->at >= c->end ? FAULT_END : fault;
    return false;
}

static inline void lex_space(struct json_cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t' || *c->at == '\r'))
        c->at++;
}

static inline bool lex_is_token_char(char ch)
{
    return isalnum((unsigned char)ch) || ch == '_' || ch == '$' || ch < 0;
}

/* The high bit of each byte that may end a run of plain characters: '"', '\\', below 0x20, or past ASCII.  The lowest
 * of them is exact; a borrow can only mark bytes above it. */
static inline uint64_t lex_specials(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');

    return (word | (word - ones * 0x20) | (quote - ones) | (backslash - ones)) & highs;
}

static inline void lex_plain(struct json_cursor *c)
{
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the lowest byte of a word is its first");
    uint64_t word, specials;

    for (; c->end - c->at >= 8; c->at += 8) {
        memcpy(&word, c->at, 8);
        specials = lex_specials(word);
        if (specials) {
            c->at += __builtin_ctzll(specials) / 8;
            return;
        }
    }
    while (c->at < c->end && *c->at >= 0x20 && *c->at != '"' && *c->at != '\\') /* char is signed: < 0 past ASCII */
        c->at++;
}

bool lex_string_rest(struct json_cursor *c); /* from where lex_plain() stopped, and it was no quote */
bool lex_number(struct json_cursor *c);
bool lex_scalar(struct json_cursor *c); /* any value but a container */

static inline bool lex_string(struct json_cursor *c)
{
    c->at++;
    c->escaped = false;
    lex_plain(c);
    if (c->at == c->end || *c->at != '"')
        return lex_string_rest(c);
    c->at++;
    return true;
}
