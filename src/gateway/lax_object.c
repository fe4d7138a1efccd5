#include "gateway/lax_object.h"

struct scan {
    str rest;
};

static void skip_blanks(struct scan *scan)
{
    while (scan->rest.len && strchr(" \t\r\n", scan->rest.at[0]))
        scan->rest = str_from(scan->rest, 1);
}

static char peek(struct scan *scan)
{
    skip_blanks(scan);
    return scan->rest.len ? scan->rest.at[0] : '\0';
}

static bool take(struct scan *scan, char c)
{
    if (peek(scan) != c)
        return false;
    scan->rest = str_from(scan->rest, 1);
    return true;
}

static bool take_quoted(struct scan *scan, str *ret)
{
    char quote = scan->rest.at[0];

    for (size_t i = 1; i < scan->rest.len; i++) {
        if (scan->rest.at[i] == '\\') {
            i++;
        } else if (scan->rest.at[i] == quote) {
            *ret = (str){scan->rest.at + 1, i - 1};
            scan->rest = str_from(scan->rest, i + 1);
            return true;
        }
    }
    return false;
}

/* Up to what can end a bare word. */
static bool take_bare(struct scan *scan, str *ret)
{
    size_t end = 0;

    while (end < scan->rest.len && !memchr(" \t\r\n:,{}[]\"'", scan->rest.at[end], 12))
        end++;
    *ret = (str){scan->rest.at, end};
    scan->rest = str_from(scan->rest, end);
    return end > 0;
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

/* A nested object or list, whatever is in it. */
static bool skip_nested(struct scan *scan)
{
    int depth = 0;
    str ignored;

    do {
        char c = peek(scan);

        if (c == '\0')
            return false;
        if (is_quote(c)) {
            if (!take_quoted(scan, &ignored))
                return false;
            continue;
        }
        depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
        scan->rest = str_from(scan->rest, 1);
    } while (depth > 0);
    return true;
}

static bool take_value(struct scan *scan, str *ret_bare)
{
    char c = peek(scan);
    str ignored;

    *ret_bare = STR("");
    if (is_quote(c))
        return take_quoted(scan, &ignored);
    if (c == '{' || c == '[')
        return skip_nested(scan);
    return take_bare(scan, ret_bare);
}

bool lax_status_code(str text, int *ret)
{
    struct scan scan = {text};
    long long status = 0;
    bool found = false;
    str key, value;

    if (!take(&scan, '{'))
        return false;
    while (peek(&scan) != '}') {
        bool key_read = is_quote(peek(&scan)) ? take_quoted(&scan, &key) : take_bare(&scan, &key);

        if (!key_read || !take(&scan, ':') || !take_value(&scan, &value))
            return false;
        if (str_eq(key, STR("statusCode"))) {
            if (!str_to_int(value, 0, 999, &status))
                return false;
            found = true;
        }
        if (!take(&scan, ',') && peek(&scan) != '}')
            return false;
    }
    if (!take(&scan, '}') || peek(&scan) != '\0' || !found)
        return false;
    *ret = (int)status;
    return true;
}
