#include "base/str.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(str a, str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.at[i] != b.at[i] && lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool str_cut(str s, char at, str *ret_left, str *ret_right)
{
    const char *found = s.len ? memchr(s.at, at, s.len) : NULL;

    if (!found) {
        *ret_left = s;
        *ret_right = STR("");
        return false;
    }
    *ret_left = (str){s.at, (size_t)(found - s.at)};
    *ret_right = (str){found + 1, s.len - ret_left->len - 1};
    return true;
}

bool str_to_int(str s, long long min, long long max, long long *ret)
{
    bool negative = s.len > 0 && s.at[0] == '-';
    size_t i = negative ? 1 : 0;
    long long value = 0;

    if (i == s.len)
        return false;
    for (; i < s.len; i++) {
        int digit = s.at[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value)) /* negative: reaches LLONG_MIN */
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    if (value < min || value > max)
        return false;
    *ret = value;
    return true;
}

str str_of_uint(unsigned long long number, char room[UINT_DIGITS_MAX])
{
    char *end = room + UINT_DIGITS_MAX, *at = end;

    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return (str){at, (size_t)(end - at)};
}
