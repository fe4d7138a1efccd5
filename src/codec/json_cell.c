#include "codec/json_cell.h"

#include <math.h>
#include <stdlib.h>

#include "codec/json_read.h"

enum { NUMBER_BYTES_MAX = 64 };

static str trimmed(str cell)
{
    while (cell.len > 0 && (*cell.at == ' ' || *cell.at == '\t'))
        cell = str_from(cell, 1);
    while (cell.len > 0 && (cell.at[cell.len - 1] == ' ' || cell.at[cell.len - 1] == '\t'))
        cell.len--;
    return cell;
}

static bool write_word(struct jw *w, str word)
{
    if (str_eq_nocase(word, STR("true")) || str_eq_nocase(word, STR("false"))) {
        jw_bool_value(w, word.len == 4);
        return true;
    }
    if (!str_eq_nocase(word, STR("null")))
        return false;
    jw_null_value(w);
    return true;
}

static bool is_plain(str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!strchr("0123456789+-.eE", text.at[i]) || text.at[i] == '\0')
            return false;
    return text.len > 0 && text.len < NUMBER_BYTES_MAX;
}

/* As it stands when JSON writes it so, too; else (".5", "+1", "01") by its value. */
static bool write_number(struct jw *w, str text)
{
    char room[NUMBER_BYTES_MAX], *end;
    double number;

    if (!is_plain(text))
        return false;
    if (json_valid(text, NULL)) {
        jw_raw_value(w, text);
        return true;
    }
    memcpy(room, text.at, text.len);
    room[text.len] = '\0';
    number = strtod(room, &end);
    if (*end || !isfinite(number))
        return false;
    jw_real_value(w, number);
    return true;
}

void json_cell(struct jw *w, str key, enum json_cell kind, str cell)
{
    str text = kind == JSON_CELL_TEXT ? cell : trimmed(cell);

    if (text.len == 0)
        return;
    jw_key(w, key);
    if (kind == JSON_CELL_ANY && json_valid(text, NULL))
        jw_raw_value(w, text);
    else if (kind != JSON_CELL_NUMBER || (!write_word(w, text) && !write_number(w, text)))
        jw_str_value(w, cell);
}
