#include "monitor/posted.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "codec/json_scan.h"
#include "codec/time_format.h"
#include "monitor/rules.h"

#define MILLISECONDS_FROM 1e11 /* as seconds the year 5138 */
#define MICROSECONDS_FROM 1e14
enum { ROOM_BYTES_MAX = 1024 * 1024 };

struct reading {
    struct jr *jr;
    struct arena *arena;
    struct posted_row *row;
    struct err *err;
};

struct member {
    const char *name;
    bool (*read)(struct reading *reading, const struct member *member);
    size_t offset;
    size_t bytes_max;
};

/* -- values ---------------------------------------------------------------------------------------------------------
 */

static bool refuse(struct reading *reading, const char *name, const char *wanted)
{
    return err_set(reading->err, ERR_INVALID, "%s is %s, not %s", name, json_kind_text(jr_kind(reading->jr)), wanted);
}

/* A number is taken as it is written: ids are often numbers. */
static bool text_or_number(struct reading *reading, const char *name, str *ret)
{
    switch (jr_kind(reading->jr)) {
    case JSON_KIND_TEXT:
        return jr_text(reading->jr, ret);
    case JSON_KIND_NUMBER:
    case JSON_KIND_BOOL:
        return jr_raw(reading->jr, ret);
    case JSON_KIND_NULL:
        *ret = STR("");
        return jr_null(reading->jr);
    case JSON_KIND_NONE:
    case JSON_KIND_OBJECT:
    case JSON_KIND_ARRAY:
        break;
    }
    return refuse(reading, name, "a text");
}

static bool read_text(struct reading *reading, const struct member *member)
{
    str *at = (str *)(void *)((char *)reading->row + member->offset);
    str text;

    if (!text_or_number(reading, member->name, &text))
        return false;
    if (text.len > member->bytes_max)
        return err_set(reading->err, ERR_INVALID, "%s is %zu bytes long, more than the %zu it may have", member->name,
                       text.len, member->bytes_max);
    *at = arena_copy(reading->arena, text);
    return true;
}

static bool read_number(struct reading *reading, const char *name, double *ret)
{
    if (jr_kind(reading->jr) != JSON_KIND_NUMBER)
        return refuse(reading, name, "a number");
    return jr_double(reading->jr, ret);
}

static bool read_position(struct reading *reading, const struct member *member)
{
    double number;

    if (!read_number(reading, member->name, &number))
        return false;
    if (number < 0 || number > INT32_MAX || number != floor(number))
        return err_set(reading->err, ERR_INVALID, "position is %g, not a whole number from 0", number);
    reading->row->position = (int64_t)number;
    return true;
}

static bool time_of_number(double number, int64_t *ret_us)
{
    double us = fabs(number) >= MICROSECONDS_FROM   ? number
                : fabs(number) >= MILLISECONDS_FROM ? number * 1e3
                                                    : number * 1e6;

    if (!isfinite(us) || fabs(us) > 2.5e17) /* the year 9892 */
        return false;
    *ret_us = (int64_t)us;
    return true;
}

static bool read_moment(struct reading *reading, const char *name, int64_t *ret_us)
{
    double number;
    int64_t ms;
    str text;

    if (jr_kind(reading->jr) == JSON_KIND_NUMBER) {
        if (jr_double(reading->jr, &number) && time_of_number(number, ret_us))
            return true;
        return err_set(reading->err, ERR_INVALID, "%s is no time that can be", name);
    }
    if (jr_kind(reading->jr) != JSON_KIND_TEXT)
        return refuse(reading, name, "a time (ISO 8601, or seconds since 1970)");
    if (!jr_text(reading->jr, &text))
        return false;
    if (!time_parse_iso(text, &ms))
        return err_set(reading->err, ERR_INVALID, "%s is \"%.40s\", not a time (ISO 8601, or seconds since 1970)", name,
                       arena_cstr(reading->arena, text));
    *ret_us = ms * 1000;
    return true;
}

static bool read_time(struct reading *reading, const struct member *member)
{
    reading->row->has_time = true;
    return read_moment(reading, member->name, &reading->row->time_us);
}

static bool read_label_time(struct reading *reading, const struct member *member)
{
    reading->row->has_label_time = true;
    return read_moment(reading, member->name, &reading->row->label_us);
}

/* What is no number is no decision: told apart, and counted, but no fault of the row. */
static bool read_score(struct reading *reading, const struct member *member)
{
    struct posted_row *row = reading->row;

    (void)member;
    row->has_score = true;
    row->is_decided = jr_kind(reading->jr) == JSON_KIND_NUMBER;
    if (row->is_decided)
        return jr_double(reading->jr, &row->score);
    row->undecided = jr_kind(reading->jr) == JSON_KIND_NULL ? UNDECIDED_NULL : UNDECIDED_NOT_A_NUMBER;
    return jr_skip(reading->jr);
}

static bool read_label(struct reading *reading, const struct member *member)
{
    struct posted_row *row = reading->row;
    bool yes;

    row->has_label = true;
    row->label_is_null = jr_kind(reading->jr) == JSON_KIND_NULL;
    if (row->label_is_null)
        return jr_null(reading->jr);
    if (jr_kind(reading->jr) == JSON_KIND_BOOL) {
        if (!jr_bool(reading->jr, &yes))
            return false;
        row->label = yes;
        return true;
    }
    if (!read_number(reading, member->name, &row->label))
        return false;
    return (row->label >= 0 && row->label <= 1) ||
           err_set(reading->err, ERR_INVALID, "%s is %g, not between 0 and 1", member->name, row->label);
}

static bool read_threshold(struct reading *reading, const struct member *member)
{
    struct posted_row *row = reading->row;

    row->has_threshold = true;
    if (!read_number(reading, member->name, &row->threshold))
        return false;
    return (row->threshold >= 0 && row->threshold <= 1) ||
           err_set(reading->err, ERR_INVALID, "threshold is %g, not between 0 and 1", row->threshold);
}

static bool read_amount(struct reading *reading, const struct member *member)
{
    if (jr_kind(reading->jr) == JSON_KIND_NULL)
        return jr_null(reading->jr);
    return read_number(reading, member->name, &reading->row->amount);
}

static bool read_value(struct reading *reading, const struct member *member)
{
    if (jr_kind(reading->jr) == JSON_KIND_NULL)
        return jr_null(reading->jr);
    return read_number(reading, member->name, &reading->row->value);
}

static bool read_items(struct reading *reading, const struct member *member)
{
    struct item items[ITEMS_MAX];
    int count = 0;
    str key;

    if (jr_kind(reading->jr) == JSON_KIND_NULL)
        return jr_null(reading->jr);
    if (jr_kind(reading->jr) != JSON_KIND_OBJECT)
        return refuse(reading, member->name, "an object of names and ids");
    (void)jr_object(reading->jr);
    while (jr_member(reading->jr, &key)) {
        if (count == ITEMS_MAX)
            return err_set(reading->err, ERR_INVALID, "items has more than %d names", ITEMS_MAX);
        items[count].name = arena_copy(reading->arena, key);
        if (!text_or_number(reading, member->name, &items[count].text))
            return false;
        items[count].text = arena_copy(reading->arena, items[count].text);
        count++;
    }
    reading->row->items = items_text(items, count, reading->arena);
    return reading->row->items.len <= ITEMS_BYTES_MAX ||
           err_set(reading->err, ERR_INVALID, "items is longer than the %d bytes it may have", ITEMS_BYTES_MAX);
}

static bool read_features(struct reading *reading, const struct member *member)
{
    str raw;

    if (jr_kind(reading->jr) == JSON_KIND_NULL)
        return jr_null(reading->jr);
    if (jr_kind(reading->jr) != JSON_KIND_OBJECT)
        return refuse(reading, member->name, "an object of names and values");
    if (!jr_raw(reading->jr, &raw))
        return false;
    if (raw.len > FEATURES_BYTES_MAX)
        return err_set(reading->err, ERR_INVALID, "features is longer than the %d bytes it may have",
                       FEATURES_BYTES_MAX);
    reading->row->features = arena_copy(reading->arena, raw);
    return true;
}

#define TEXT(name, field, bytes)                                   \
    {                                                              \
        name, read_text, offsetof(struct posted_row, field), bytes \
    }
static const struct member members[] = {
    TEXT("function", function, NAME_BYTES_MAX),
    TEXT("version", version, NAME_BYTES_MAX),
    TEXT("alias", alias, NAME_BYTES_MAX),
    {"time", read_time},
    TEXT("prediction_id", prediction_id, NAME_BYTES_MAX),
    TEXT("request_id", request_id, NAME_BYTES_MAX),
    {"position", read_position},
    {"score", read_score},
    {"threshold", read_threshold},
    {"items", read_items},
    TEXT("segment", segment, NAME_BYTES_MAX),
    {"amount", read_amount},
    {"features", read_features},
    {"label", read_label},
    {"label_time", read_label_time},
    TEXT("source", source, NAME_BYTES_MAX),
    TEXT("note", note, NOTE_BYTES_MAX),
    /* NannyML */
    {"timestamp", read_time},
    {"y_pred_proba", read_score},
    {"y_true", read_label},
    TEXT("identifier", prediction_id, NAME_BYTES_MAX),
    {0},
};

static const struct member event_members[] = {
    TEXT("function", function, NAME_BYTES_MAX),
    TEXT("version", version, NAME_BYTES_MAX),
    TEXT("name", name, NAME_BYTES_MAX),
    TEXT("key", key, NAME_BYTES_MAX),
    TEXT("phase", phase, NAME_BYTES_MAX),
    {"value", read_value},
    {"time", read_time},
    {"timestamp", read_time},
    {0},
};

/* -- a row --------------------------------------------------------------------------------------------------------- */

static const struct member *find_member(const struct member *known, str key)
{
    for (; known->name; known++)
        if (str_eq(key, str_of(known->name)))
            return known;
    return NULL;
}

static bool read_members(struct reading *reading, const struct member *known)
{
    const struct member *member;
    str key;

    if (!jr_object(reading->jr))
        return true; /* jr_end() says what it is instead */
    while (jr_member(reading->jr, &key)) {
        member = find_member(known, key);
        if (member && !member->read(reading, member))
            return reading->err->code == ERR_NONE; /* else it is no JSON: jr_end() says why */
    }
    return true;
}

static bool read_row(str json, const struct member *known, struct arena *arena, struct posted_row *ret, struct err *err)
{
    struct posted_row row = {.amount = (double)NAN, .value = (double)NAN, .undecided = UNDECIDED_MISSING};
    BUF_AUTO room = {0};
    struct jr jr;
    struct reading reading = {&jr, arena, &row, err};

    *err = (struct err){0};
    buf_init(&room, ROOM_BYTES_MAX);
    jr_init(&jr, json, &room);
    if (!read_members(&reading, known))
        return false;
    if (!jr_end(&jr, err)) {
        err->code = ERR_INVALID;
        return false;
    }
    *ret = row;
    return true;
}

bool posted_row_read(str json, struct arena *arena, struct posted_row *ret, struct err *err)
{
    return read_row(json, members, arena, ret, err);
}

bool posted_event_read(str json, struct arena *arena, struct posted_row *ret, struct err *err)
{
    return read_row(json, event_members, arena, ret, err);
}

static bool name_function(const struct posted_row *row, str otherwise, str *ret, struct err *err)
{
    *ret = row->function.len > 0 ? row->function : otherwise;
    return ret->len > 0 || err_set(err, ERR_INVALID, "function is missing: which function is this about?");
}

bool posted_prediction(const struct posted_row *row, str function, int64_t now_us, struct prediction *ret,
                       struct err *err)
{
    struct prediction p = {
        .time_us = row->has_time ? row->time_us : now_us,
        .version = row->version,
        .alias = row->alias,
        .source = row->source.len > 0 ? row->source : STR("posted"),
        .request_id = row->request_id,
        .position = (int)row->position,
        .is_decided = row->is_decided,
        .undecided = row->undecided,
        .score = row->score,
        .threshold = row->has_threshold ? row->threshold : (double)NAN,
        .segment = row->segment,
        .items = row->items,
        .features = row->features,
        .amount = row->amount,
        .client_id = row->prediction_id,
    };

    if (!name_function(row, function, &p.function, err))
        return false;
    if (!row->has_score)
        return err_set(err, ERR_INVALID, "score is missing");
    *ret = p;
    return true;
}

bool posted_label(const struct posted_row *row, str function, int64_t now_us, struct label *ret, struct err *err)
{
    struct label label = {
        .prediction_id = row->prediction_id,
        .request_id = row->request_id,
        .position = (int)row->position,
        .items = row->items,
        .is_retracted = row->label_is_null,
        .value = row->label,
        .known_us = row->has_label_time ? row->label_us
                    : row->has_time     ? row->time_us
                                        : now_us,
        .source = row->source.len > 0 ? row->source : STR("posted"),
        .note = row->note,
    };

    if (!name_function(row, function, &label.function, err))
        return false;
    if (!row->has_label)
        return err_set(err, ERR_INVALID, "label is missing: 1, 0, a number between, or null to take one back");
    if (label.prediction_id.len == 0 && label.request_id.len == 0 && label.items.len == 0)
        return err_set(
            err, ERR_INVALID,
            "nothing says which prediction this is about: prediction_id, or request_id with position, or items");
    *ret = label;
    return true;
}

static bool read_phase(str text, enum event_phase *ret, struct err *err)
{
    static const char *const phases[] = {[EVENT_WHOLE] = "", [EVENT_START] = "start", [EVENT_END] = "end"};

    for (int i = EVENT_WHOLE; i <= EVENT_END; i++)
        if (str_eq(text, str_of(phases[i]))) {
            *ret = (enum event_phase)i;
            return true;
        }
    return err_set(err, ERR_INVALID, "phase is \"" STR_FMT "\": start or end is understood, or none", STR_ARG(text));
}

bool posted_event(const struct posted_row *row, str function, int64_t now_us, struct event *ret, struct err *err)
{
    struct event event = {
        .time_us = row->has_time ? row->time_us : now_us,
        .name = row->name,
        .version = row->version,
        .key = row->key,
        .value = row->value,
    };

    if (!name_function(row, function, &event.function, err) || !read_phase(row->phase, &event.phase, err))
        return false;
    if (event.name.len == 0)
        return err_set(err, ERR_INVALID, "name is missing: what happened?");
    if (event.phase != EVENT_WHOLE && event.key.len == 0)
        return err_set(err, ERR_INVALID, "key is missing: of what is this the " STR_FMT "?", STR_ARG(row->phase));
    if (event.phase != EVENT_WHOLE && !isnan(event.value))
        return err_set(err, ERR_INVALID, "value cannot stand beside a phase: it is the time from start to end");
    *ret = event;
    return true;
}
