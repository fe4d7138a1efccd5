#include "codec/url.h"

#include "codec/hex.h"

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

static void encode(struct buf *out, str text, char kept)
{
    static const char digits[] = "0123456789ABCDEF";

    while (text.len > 0) {
        size_t run = 0;

        while (run < text.len && (is_unreserved(text.at[run]) || (kept && text.at[run] == kept)))
            run++;
        buf_add(out, (str){text.at, run});
        text = str_from(text, run);
        if (text.len > 0) {
            unsigned char c = (unsigned char)text.at[0];
            buf_add(out, (str){(char[]){'%', digits[c >> 4], digits[c & 15]}, 3});
            text = str_from(text, 1);
        }
    }
}

void url_encode(struct buf *out, str text)
{
    encode(out, text, '\0');
}

void url_encode_path(struct buf *out, str text)
{
    encode(out, text, '/');
}

bool url_decode(struct buf *out, str text, enum url_plus plus)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (c == '%') {
            int high = i + 1 < text.len ? hex_digit(text.at[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.at[i + 2]) : -1;

            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus == URL_PLUS_IS_SPACE) {
            c = ' ';
        }
        buf_add_char(out, c);
    }
    return true;
}

bool url_next_param(str *rest, str *ret_name, str *ret_value)
{
    str pair;

    while (rest->len > 0) {
        str_cut(*rest, '&', &pair, rest);
        if (pair.len == 0)
            continue;
        str_cut(pair, '=', ret_name, ret_value);
        return true;
    }
    return false;
}
