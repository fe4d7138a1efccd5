#include "monitor/period_private.h"

#include <assert.h>

#define SEPARATOR STR("\x1f")

struct segment {
    int32_t id;
};
struct function_segments {
    int count;
};

static bool keep_stream(struct names *names, int64_t id, const str texts[4])
{
    struct stream *stream = arena_new(&names->arena, struct stream, 1);

    *stream = (struct stream){(int32_t)id, arena_copy(&names->arena, texts[0]), arena_copy(&names->arena, texts[1]),
                              arena_copy(&names->arena, texts[2]), arena_copy(&names->arena, texts[3])};
    map_put(&names->streams,
            arena_concat(&names->arena, texts[0], SEPARATOR, texts[1], SEPARATOR, texts[2], SEPARATOR, texts[3]),
            stream);
    *vec_push(&names->by_id) = stream;
    return id == (int64_t)names->by_id.len; /* given in order, never removed */
}

static struct function_segments *segments_of(struct names *names, str function)
{
    struct function_segments *segments = map_get(&names->functions, function);

    if (!segments) {
        segments = arena_new(&names->arena, struct function_segments, 1);
        map_put(&names->functions, function, segments);
    }
    return segments;
}

static int32_t keep_segment(struct names *names, int64_t id, str function, str segment)
{
    struct segment *kept = arena_new(&names->arena, struct segment, 1);

    kept->id = (int32_t)id;
    map_put(&names->segments, arena_concat(&names->arena, function, SEPARATOR, segment), kept);
    segments_of(names, function)->count++;
    return kept->id;
}

static bool load_streams(struct names *names, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows =
        db_query(names->db, err, "SELECT id, function, version, alias, source FROM streams ORDER BY id");

    while (db_next(&rows, err)) {
        str texts[4];

        for (int i = 0; i < 4; i++)
            texts[i] = db_text(&rows, i + 1, &names->arena);
        if (!keep_stream(names, db_int(&rows, 0), texts))
            return err_set(err, ERR_SYSTEM, "the table streams has holes: the file is damaged");
    }
    return err->code == ERR_NONE;
}

static bool load_segments(struct names *names, struct err *err)
{
    *err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(names->db, err, "SELECT id, function, segment FROM segments ORDER BY id");

    while (db_next(&rows, err))
        keep_segment(names, db_int(&rows, 0), db_text(&rows, 1, &names->arena), db_text(&rows, 2, &names->arena));
    return err->code == ERR_NONE;
}

bool names_load(struct names *names, struct db *db, struct err *err)
{
    *names = (struct names){.db = db};
    return load_streams(names, err) && load_segments(names, err);
}

void names_done(struct names *names)
{
    map_done(&names->streams);
    map_done(&names->segments);
    map_done(&names->functions);
    vec_free(&names->by_id);
    arena_free(&names->arena);
    *names = (struct names){0};
}

static bool is_of(const struct stream *stream, const struct prediction *p)
{
    return stream && str_eq(stream->version, p->version) && str_eq(stream->function, p->function) &&
           str_eq(stream->alias, p->alias) && str_eq(stream->source, p->source);
}

static bool add_stream(struct names *names, const struct prediction *p, struct err *err)
{
    const str texts[4] = {p->function, p->version, p->alias, p->source};

    if (names->by_id.len == STREAMS_MAX)
        return err_set(err, ERR_LIMIT,
                       "this month has predictions of %d different functions, versions, aliases and sources already, "
                       "which is the most: is a version or an alias made anew for each call?",
                       STREAMS_MAX);
    if (!db_run(names->db, err, "INSERT INTO streams (function, version, alias, source) VALUES (?, ?, ?, ?)",
                DB_STR(p->function), DB_STR(p->version), DB_STR(p->alias), DB_STR(p->source)))
        return false;
    return keep_stream(names, db_last_rowid(names->db), texts) ||
           err_set(err, ERR_SYSTEM, "the table streams has holes: the file is damaged");
}

bool names_stream(struct names *names, const struct prediction *p, int32_t *ret, struct err *err)
{
    char room[4 * NAME_BYTES_MAX + 8];
    struct buf key = {.at = room, .capacity = sizeof room, .max = sizeof room};

    if (!is_of(names->last, p)) {
        buf_add_all(&key, p->function, SEPARATOR, p->version, SEPARATOR, p->alias, SEPARATOR, p->source);
        assert(buf_ok(&key)); /* each is at most NAME_BYTES_MAX: who reads them from outside sees to that */
        names->last = map_get(&names->streams, buf_str(&key));
        if (!names->last) {
            if (!add_stream(names, p, err))
                return false;
            names->last = names->by_id.at[names->by_id.len - 1];
        }
    }
    *ret = names->last->id;
    return true;
}

const struct stream *names_stream_of(const struct names *names, int64_t id)
{
    return id >= 1 && id <= (int64_t)names->by_id.len ? names->by_id.at[id - 1] : NULL;
}

static bool add_segment(struct names *names, str function, str segment, int32_t *ret, struct err *err)
{
    if (!db_run(names->db, err, "INSERT INTO segments (function, segment) VALUES (?, ?)", DB_STR(function),
                DB_STR(segment)))
        return false;
    *ret = keep_segment(names, db_last_rowid(names->db), function, segment);
    return true;
}

bool names_segment(struct names *names, str function, str segment, int32_t *ret, struct err *err)
{
    char room[2 * NAME_BYTES_MAX + 8];
    struct buf key = {.at = room, .capacity = sizeof room, .max = sizeof room};
    struct segment *known;

    buf_add_all(&key, function, SEPARATOR, segment);
    assert(buf_ok(&key));
    known = map_get(&names->segments, buf_str(&key));
    if (known) {
        *ret = known->id;
        return true;
    }
    if (segments_of(names, function)->count >= SEGMENTS_MAX && !str_eq(segment, STR(SEGMENT_OTHER)))
        return names_segment(names, function, STR(SEGMENT_OTHER), ret, err);
    return add_segment(names, function, segment, ret, err);
}
