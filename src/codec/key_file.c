#include "codec/key_file.h"

static str trim(str text)
{
    while (text.len && (text.at[0] == ' ' || text.at[0] == '\t'))
        text = str_from(text, 1);
    while (text.len && (text.at[text.len - 1] == ' ' || text.at[text.len - 1] == '\t'))
        text.len--;
    return text;
}

str key_file_value(str text, str name)
{
    str line, key, value;

    while (text.len) {
        str_cut(text, '\n', &line, &text);
        if (str_cut(line, '=', &key, &value) && str_eq(trim(key), name)) {
            value = trim(value);
            if (value.len >= 2 && str_starts(value, STR("\"")) && str_ends(value, STR("\"")))
                return (str){value.at + 1, value.len - 2};
            return STR("");
        }
    }
    return STR("");
}
