/*
 * shape: the parameters of an operation as a const table, and everything that follows from the table.
 *
 * A shape describes a C struct in AWS's words: each row says what a member is called on the wire, where it
 * travels (path, query, header, body), its type, its bounds, and where in the struct it is kept.  From the rows
 * come the parsing of a request (shape_parse), AWS's validation messages (AWS Lambda API reference, Common errors), and
 * the writing of an answer (shape_write).  So an operation's parameters cost rows, not code:
 *
 *     struct create_alias {
 *         str function, name, version;
 *         struct shape_int weight;
 *     };
 *     static const struct shape_field fields[] = {
 *         {"FunctionName", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct create_alias, function), SHAPE_REQUIRED,
 *          .check = {LENGTH(1, 140), .pattern = &pattern_fn_create}},
 *         {"Name", SHAPE_IN_BODY, SHAPE_STR, offsetof(struct create_alias, name), SHAPE_REQUIRED,
 *          .check = {LENGTH(1, 128), .pattern = &pattern_alias}},
 *     };
 *     const struct shape create_alias_shape = SHAPE_OF(struct create_alias, fields);
 *
 * What was not sent stays zero: a str has at == NULL (a sent empty string has len 0 and at != NULL); the other
 * types carry `given`.  JSON null counts as not sent.  Unknown members are ignored, as AWS does.
 * Everything parsed lives in the arena, or is borrowed from the request.  Patterns are matched by hand-written
 * functions next to AWS's own text, which appears in messages: there is no regex engine.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/str.h"

struct jw;
struct http_request;
struct shape;

enum shape_where { SHAPE_IN_BODY, SHAPE_IN_PATH, SHAPE_IN_QUERY, SHAPE_IN_HEADER };

enum shape_type {
    SHAPE_STR,    /* str */
    SHAPE_INT,    /* struct shape_int */
    SHAPE_REAL,   /* struct shape_real */
    SHAPE_BOOL,   /* struct shape_bool */
    SHAPE_LIST,   /* struct shape_list: of str, or with `.shape` of structs; in the query: the repeated name */
    SHAPE_MAP,    /* struct shape_map: text to text, or with SHAPE_OF_REALS to numbers */
    SHAPE_STRUCT, /* the struct itself, in place, described by `.shape`; its first member is `bool given` */
    SHAPE_JSON,   /* json_t *: as it came, borrowed from the request's tree; NULL when not sent */
};

struct shape_int {
    int64_t value;
    bool given;
};
struct shape_real {
    double value;
    bool given;
};
struct shape_bool {
    bool value, given;
};
struct shape_list {
    void *items; /* str[count], or struct[count] when the row names a shape */
    int count;
    bool given;
};
struct shape_pair {
    str key, value;
    double number; /* of SHAPE_OF_REALS */
};
struct shape_map {
    struct shape_pair *pairs;
    int count;
    bool given;
};

static inline str shape_list_str(const struct shape_list *list, int i)
{
    return ((const str *)list->items)[i];
}

struct shape_pattern {
    const char *text; /* AWS's, as it appears in messages */
    bool (*matches)(str s);
};

/* Bounds: of a text or list its length, of a number its value.  LENGTH and VALUE are the same, for the reader. */
struct shape_check {
    enum { SHAPE_BOUND_NONE = 0, SHAPE_BOUND_MIN = 1, SHAPE_BOUND_MAX = 2 } bounds;
    int64_t min, max;
    const struct shape_pattern *pattern;
    const char *const *values; /* an enum: its values in AWS's order, NULL-ended */
};
#define LENGTH(lo, hi) .bounds = SHAPE_BOUND_MIN | SHAPE_BOUND_MAX, .min = (lo), .max = (hi)
#define VALUE(lo, hi) LENGTH(lo, hi)
#define AT_LEAST(lo) .bounds = SHAPE_BOUND_MIN, .min = (lo)
#define AT_MOST(hi) .bounds = SHAPE_BOUND_MAX, .max = (hi)

enum shape_flag {
    SHAPE_REQUIRED = 1, /* absent: "Value null at 'x' failed to satisfy constraint: Member must not be null" */
    SHAPE_OF_REALS = 2, /* SHAPE_MAP: its values are numbers */
};

struct shape_field {
    const char *name; /* AWS's name on the wire: JSON key, {label}, query name or header name */
    enum shape_where where;
    enum shape_type type;
    size_t offset; /* in the struct */
    unsigned flags;
    struct shape_check check;  /* of the member itself */
    struct shape_check item;   /* of a list's items, or a map's values */
    struct shape_check key;    /* of a map's keys */
    const struct shape *shape; /* SHAPE_STRUCT, or SHAPE_LIST of structs */
    const char *path;          /* in messages; NULL: the name in lower camel case */
};

struct shape {
    const struct shape_field *fields;
    int count;
    size_t size;             /* of the C struct */
    const char *body_prefix; /* API Gateway: body members are 'putIntegrationInput.type' in messages; or NULL */
};
#define SHAPE_OF(c_type, rows)                                                           \
    {                                                                                    \
        .fields = (rows), .count = sizeof(rows) / sizeof *(rows), .size = sizeof(c_type) \
    }

struct shape_label { /* a {label} of the path, percent-decoded */
    str name, value;
};

struct shape_source {
    const struct shape_label *labels;
    int labels_count;
    str query;                          /* undecoded */
    const struct http_request *request; /* for headers; may be NULL */
    const json_t *body;                 /* an object, or NULL: no body */
};

enum shape_fault {
    SHAPE_OK,
    SHAPE_BAD_TYPE, /* SerializationException: text says what could not be converted */
    SHAPE_INVALID,  /* ValidationException: all faults of the request in one text */
};

/* ret: a zeroed struct of shape->size bytes.  ret_text (in the arena) is set unless SHAPE_OK. */
MUST_USE enum shape_fault shape_parse(const struct shape *shape, const struct shape_source *source, struct arena *arena,
                                      void *ret, str *ret_text);

/* "N validation error(s) detected: " + errors, for checks that a table cannot say.  One error's text: */
str shape_message(struct arena *arena, str value, const char *path, const char *constraint); /* value NULL: null */
str shape_messages(struct arena *arena, const str *errors, int count);

/* Percent-decoded, in the arena; what cannot be decoded stays as it was. */
str shape_decode(struct arena *arena, str text, bool plus_is_space);

/* The members of `from` that were given, as JSON members in the order of the rows (the object is the caller's). */
void shape_write(struct jw *jw, const struct shape *shape, const void *from);
