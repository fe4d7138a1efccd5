/*
 * The pull reader and the validator are of one mind; reading all values and passing over them, too, but for numbers
 * that are too large for a double.  Views lie within the text or the room.  Rows of a body end.
 */
#include <assert.h>
#include <stdint.h>

#include "codec/json_read.h"
#include "codec/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_value(struct jr *r);

static bool within(str view, str whole)
{
    return view.len == 0 || (view.at >= whole.at && view.at + view.len <= whole.at + whole.len);
}

static void read_scalar(struct jr *r)
{
    str text = STR("");
    double number;
    bool yes;

    switch (jr_kind(r)) {
    case JSON_KIND_TEXT:
        jr_text(r, &text);
        assert(within(text, (str){r->c.start, (size_t)(r->c.end - r->c.start)}) || within(text, buf_str(r->room)));
        break;
    case JSON_KIND_NUMBER:
        jr_double(r, &number);
        break;
    case JSON_KIND_BOOL:
        jr_bool(r, &yes);
        break;
    case JSON_KIND_NULL:
        jr_null(r);
        break;
    case JSON_KIND_NONE:
    case JSON_KIND_OBJECT:
    case JSON_KIND_ARRAY:
        jr_skip(r); /* says what is wrong */
        break;
    }
}

static void read_value(struct jr *r)
{
    str key;

    if (jr_kind(r) == JSON_KIND_OBJECT && r->depth < 100)
        for (jr_object(r); jr_member(r, &key);)
            read_value(r);
    else if (jr_kind(r) == JSON_KIND_ARRAY && r->depth < 100)
        for (jr_array(r); jr_element(r);)
            read_value(r);
    else
        read_scalar(r);
}

static void read_rows(str body)
{
    struct json_rows rows;
    struct err err = {0};
    int64_t count = 0;
    str row;

    json_rows_init(&rows, body);
    for (; json_rows_next(&rows, &row); count++)
        assert(row.len > 0 && within(row, body));
    assert(rows.number == count && (size_t)count <= body.len);
    if (!json_rows_end(&rows, &err))
        assert(!json_valid(body, NULL) && err.text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str text = {(const char *)data, len};
    bool valid = json_valid(text, NULL);
    struct err err = {0};
    BUF_AUTO room = {0};
    struct jr r;

    buf_init(&room, len + 1);
    jr_init(&r, text, &room);
    assert(jr_end(&r, &err) == valid);
    jr_init(&r, text, &room);
    read_value(&r);
    if (jr_end(&r, &err))
        assert(valid);
    else
        assert((!valid || r.c.fault == FAULT_RANGE) && err.text[0] && r.c.at <= r.c.end);
    read_rows(text);
    return 0;
}
