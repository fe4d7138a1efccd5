/*
 * json_cell: a cell of a table that knows no types (CSV, what somebody put into SQL) as a member of a JSON object.
 * An empty cell is no member.
 */
#pragma once

#include "codec/json_write.h"

enum json_cell {
    JSON_CELL_TEXT,
    JSON_CELL_NUMBER, /* or a truth value, as tables write them: True, FALSE; or null.  What is neither stays a text */
    JSON_CELL_ANY,    /* JSON of any kind; what is none stays a text */
};

void json_cell(struct jw *w, str key, enum json_cell kind, str cell);
