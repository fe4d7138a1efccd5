/*
 * Compiled for each use: patterns are matched only when a function failed, compiling takes microseconds, and so the
 * stage needs no objects with a life of their own.  As in Java, '.' does not match a line end, so `.*x.*` does not
 * match a text of two lines.
 */
#include "gateway/select.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    PATTERN_BYTES_MAX = 4096,
    TEXT_BYTES_MAX = 256 * 1024,
    MATCH_STEPS_MAX = 1000000, /* tens of milliseconds at worst */
    MATCH_HEAP_KIB_MAX = 16 * 1024,
};

static enum select_answer match(pcre2_code *code, str text)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int rc;

    pcre2_set_match_limit(limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(limits, MATCH_STEPS_MAX);
    pcre2_set_heap_limit(limits, MATCH_HEAP_KIB_MAX);
    rc = pcre2_match(code, (PCRE2_SPTR)(text.len ? text.at : ""), text.len, 0, 0, data, limits);
    pcre2_match_data_free(data);
    pcre2_match_context_free(limits);
    if (rc >= 0)
        return SELECT_YES;
    return rc == PCRE2_ERROR_NOMATCH ? SELECT_NO : SELECT_TOO_HARD;
}

enum select_answer select_matches(str pattern, str text)
{
    enum select_answer answer;
    PCRE2_SIZE offset;
    pcre2_code *code;
    int error;

    if (pattern.len > PATTERN_BYTES_MAX)
        return SELECT_BAD_PATTERN;
    if (text.len > TEXT_BYTES_MAX)
        return SELECT_TOO_HARD;
    code = pcre2_compile((PCRE2_SPTR)(pattern.len ? pattern.at : ""), pattern.len,
                         PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED |
                             PCRE2_NEVER_BACKSLASH_C,
                         &error, &offset, NULL);
    if (!code)
        return SELECT_BAD_PATTERN;
    answer = match(code, text);
    pcre2_code_free(code);
    return answer;
}
