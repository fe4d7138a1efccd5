#include "logs/history.h"

#include <math.h>

#include "base/limits.h"
#include "codec/json_scan.h"
#include "codec/time_format.h"
#include "codec/uuid.h"

enum { WORD_BYTES_MAX = 256, ROOM_BYTES_MAX = 1024 * 1024 };

struct reading {
    struct jr jr;
    struct arena *arena;
    struct record *record;
    bool has_time;
    double duration_ms;
    struct err *err;
};

struct member {
    const char *name;
    bool (*read)(struct reading *reading, const struct member *member);
    size_t offset;
    int64_t bytes_max;
};

static bool refuse(struct reading *reading, const char *name, const char *wanted)
{
    return err_set(reading->err, ERR_INVALID, "%s is %s, not %s", name, json_kind_text(jr_kind(&reading->jr)), wanted);
}

static bool read_word(struct reading *reading, const struct member *member)
{
    enum json_kind kind = jr_kind(&reading->jr);
    str text;

    if (kind != JSON_KIND_TEXT && kind != JSON_KIND_NUMBER)
        return refuse(reading, member->name, "a text");
    if (!(kind == JSON_KIND_TEXT ? jr_text(&reading->jr, &text) : jr_raw(&reading->jr, &text)))
        return false;
    if (text.len > (size_t)member->bytes_max)
        return err_set(reading->err, ERR_INVALID, "%s is longer than the %lld bytes it may have", member->name,
                       (long long)member->bytes_max);
    *(str *)(void *)((char *)reading->record + member->offset) = arena_copy(reading->arena, text);
    return true;
}

static bool read_body(struct reading *reading, const struct member *member)
{
    str *at = (str *)(void *)((char *)reading->record + member->offset);

    if (!jr_raw(&reading->jr, at))
        return false;
    return at->len <= (size_t)member->bytes_max ||
           err_set(reading->err, ERR_INVALID, "%s is longer than the %lld bytes that Lambda allows", member->name,
                   (long long)member->bytes_max);
}

static bool read_duration(struct reading *reading, const struct member *member)
{
    if (jr_kind(&reading->jr) != JSON_KIND_NUMBER)
        return refuse(reading, member->name, "a number");
    if (!jr_double(&reading->jr, &reading->duration_ms))
        return false;
    return (reading->duration_ms >= 0 && reading->duration_ms <= FUNCTION_TIMEOUT_MS_MAX) ||
           err_set(reading->err, ERR_INVALID, "duration_ms is %g, not between 0 and %d", reading->duration_ms,
                   FUNCTION_TIMEOUT_MS_MAX);
}

static bool read_time(struct reading *reading, const struct member *member)
{
    double seconds;
    int64_t ms;
    str text;

    reading->has_time = true;
    if (jr_kind(&reading->jr) == JSON_KIND_NUMBER) {
        if (!jr_double(&reading->jr, &seconds))
            return false;
        reading->record->received_wall_us = seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1e6) : -1;
        return reading->record->received_wall_us > 0 ||
               err_set(reading->err, ERR_INVALID, "time is %g, which are no seconds since 1970", seconds);
    }
    if (jr_kind(&reading->jr) != JSON_KIND_TEXT)
        return refuse(reading, member->name, "a time (ISO 8601, or seconds since 1970)");
    if (!jr_text(&reading->jr, &text))
        return false;
    if (!time_parse_iso(text, &ms))
        return err_set(reading->err, ERR_INVALID, "time is no time: write 2026-11-24T10:00:00Z, or seconds since 1970");
    reading->record->received_wall_us = ms * 1000;
    return true;
}

#define WORD(name)                                                      \
    {                                                                   \
#name, read_word, offsetof(struct record, name), WORD_BYTES_MAX \
    }
static const struct member members[] = {
    {"time", read_time},
    WORD(function),
    WORD(version),
    WORD(alias),
    WORD(request_id),
    {"event", read_body, offsetof(struct record, input), INVOKE_EVENT_BYTES_MAX},
    {"response", read_body, offsetof(struct record, output), INVOKE_RESPONSE_BYTES_MAX},
    {"duration_ms", read_duration},
};

static bool read_members(struct reading *reading)
{
    str key;

    if (!jr_object(&reading->jr))
        return true; /* jr_end() says what it is instead */
    while (jr_member(&reading->jr, &key))
        for (size_t i = 0; i < sizeof members / sizeof *members; i++)
            if (str_eq(key, str_of(members[i].name)) && !members[i].read(reading, &members[i]))
                return reading->err->code == ERR_NONE; /* else it is no JSON: jr_end() says why */
    return true;
}

static bool check(const struct reading *reading, int64_t now_us)
{
    const struct record *record = reading->record;

    if (!record->function.len || !reading->has_time || !record->input.len || !record->output.len)
        return err_set(reading->err, ERR_INVALID, "function, time, event and response are all needed; %s is missing",
                       !record->function.len ? "function"
                       : !reading->has_time  ? "time"
                       : !record->input.len  ? "event"
                                             : "response");
    return record->received_wall_us <= now_us ||
           err_set(reading->err, ERR_INVALID, "time is in the future: a history is of what has been");
}

/* As if it had been called then: a worker had it at once, and answered after its duration. */
static void fill(struct reading *reading)
{
    struct record *record = reading->record;
    char id[UUID_CHARS];

    if (!record->request_id.len) {
        uuid_v7(record->received_wall_us / 1000, id);
        record->request_id = arena_copy(reading->arena, str_of(id));
    }
    record->source = STR("history");
    record->status = 200;
    record->ended_us = record->answered_us = (int32_t)(reading->duration_ms * 1000);
    record->input_bytes = (int64_t)record->input.len;
    record->output_bytes = (int64_t)record->output.len;
}

bool history_read(str row, int64_t now_us, struct arena *arena, struct record *ret, struct err *err)
{
    struct record record = {0};
    struct reading reading = {.arena = arena, .record = &record, .err = err};
    BUF_AUTO room = {0};

    *err = (struct err){0};
    buf_init(&room, ROOM_BYTES_MAX);
    jr_init(&reading.jr, row, &room);
    if (!read_members(&reading))
        return false;
    if (!jr_end(&reading.jr, err)) {
        err->code = ERR_INVALID;
        return false;
    }
    if (!check(&reading, now_us))
        return false;
    fill(&reading);
    *ret = record;
    return true;
}
