#include "codec/json_lex.h"

#include "base/utf8.h"

/* Strings */

static bool lex_escape(struct json_cursor *c)
{
    c->escaped = true;
    c->at++;
    if (c->at == c->end || !*c->at || !strchr("\"\\/bfnrtu", *c->at))
        return lex_fail(c, FAULT_ESCAPE);
    if (*c->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, c->at++)
        if (c->at == c->end || !isxdigit((unsigned char)*c->at))
            return lex_fail(c, FAULT_HEX);
    return true;
}

static bool lex_special(struct json_cursor *c)
{
    size_t len;

    if (*c->at == '\\')
        return lex_escape(c);
    if ((unsigned char)*c->at < 0x20)
        return lex_fail(c, FAULT_CONTROL);
    len = utf8_char_len((str){c->at, (size_t)(c->end - c->at)});
    if (len == 0)
        return lex_fail(c, FAULT_UTF8);
    c->at += len;
    return true;
}

bool lex_string_rest(struct json_cursor *c)
{
    while (c->at < c->end) {
        if (*c->at == '"') {
            c->at++;
            return true;
        }
        if (!lex_special(c))
            break;
        lex_plain(c);
    }
    if (c->at >= c->end)
        c->fault = FAULT_END_IN_STRING;
    return false;
}

/* Numbers and words */

static bool lex_digits(struct json_cursor *c, enum json_fault fault)
{
    const char *first = c->at;

    while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
        c->at++;
    return c->at > first || lex_fail(c, fault);
}

bool lex_number(struct json_cursor *c)
{
    const char *first;

    if (*c->at == '-')
        c->at++;
    first = c->at;
    if (!lex_digits(c, FAULT_MINUS))
        return false;
    if (*first == '0' && c->at - first > 1) {
        c->at = first + 1;
        return lex_fail(c, FAULT_ZERO);
    }
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!lex_digits(c, FAULT_POINT))
            return false;
    }
    if (c->at < c->end && (*c->at == 'e' || *c->at == 'E')) {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-'))
            c->at++;
        return lex_digits(c, FAULT_EXPONENT);
    }
    return true;
}

static bool lex_word(struct json_cursor *c, str word)
{
    str rest = {c->at, (size_t)(c->end - c->at)};

    if (!str_starts(rest, word) || (rest.len > word.len && lex_is_token_char(rest.at[word.len])))
        return lex_fail(c, FAULT_TOKEN);
    c->at += word.len;
    return true;
}

bool lex_scalar(struct json_cursor *c)
{
    char first = c->at < c->end ? *c->at : '\0';

    if (first == '"')
        return lex_string(c);
    if (first == '-' || (first >= '0' && first <= '9'))
        return lex_number(c);
    if (first == 't')
        return lex_word(c, STR("true"));
    if (first == 'f')
        return lex_word(c, STR("false"));
    if (first == 'n')
        return lex_word(c, STR("null"));
    return lex_fail(c, isalpha((unsigned char)first) ? FAULT_TOKEN : FAULT_VALUE);
}
