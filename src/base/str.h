/*
 * str: a borrowed view of bytes, pointer and length, passed by value.
 *
 * A str owns nothing and need not end in NUL.  Whoever made the bytes says how long they live:
 * an arena, a request, a string literal.  Use buf.h to build text, and arena_cstr() for the rare
 * libc call that wants a NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct str {
    const char *at;
    size_t len;
} str;

#define STR(literal) ((str){"" literal, sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).at

static inline str str_of(const char *text) /* of a NUL-terminated string; NULL is empty */
{
    return (str){text, text ? strlen(text) : 0};
}

static inline bool str_eq(str a, str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool str_starts(str s, str prefix)
{
    return s.len >= prefix.len && str_eq((str){s.at, prefix.len}, prefix);
}

static inline bool str_ends(str s, str suffix)
{
    return s.len >= suffix.len && str_eq((str){s.at + s.len - suffix.len, suffix.len}, suffix);
}

static inline str str_from(str s, size_t start) /* the rest of s from `start`, empty past its end */
{
    return start < s.len ? (str){s.at + start, s.len - start} : STR("");
}

bool str_eq_nocase(str a, str b);                            /* ASCII letters only: header names */
bool str_cut(str s, char at, str *ret_left, str *ret_right); /* at the first `at`; false: not there, left = s */
bool str_to_int(str s, long long min, long long max, long long *ret); /* whole string, base 10 */

enum { UINT_DIGITS_MAX = 20 };
str str_of_uint(unsigned long long number, char room[UINT_DIGITS_MAX]); /* base 10; the text lies in `room` */

/* A list of strs, as its elements and their number: what joins texts takes one (buf_add_all, arena_concat). */
#define STR_LIST(...) (const str[]){__VA_ARGS__}, (int)(sizeof((const str[]){__VA_ARGS__}) / sizeof(str))
