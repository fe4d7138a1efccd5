#include "monitor/capture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "codec/json_scan.h"
#include "codec/json_write.h"

enum { ROOM_BYTES_MAX = 16 << 20, PATHS_MAX = 3 + ITEMS_MAX + ATTRIBUTES_MAX };

struct entry { /* of a list of the event */
    str values[LIST_VALUES_MAX];
};

struct capturing {
    const struct monitor_settings *settings;
    const struct captured_call *call;
    struct arena *arena;
    struct buf room; /* names and texts with escapes */
    struct map entries[LISTS_MAX];
    int list; /* being read */
    str event_values[ATTRIBUTES_MAX + 2];
    VEC(struct prediction) rows;
    struct err err;
};

/* -- values ---------------------------------------------------------------------------------------------------------
 */

/* A value as text: of a text what it says, of a number what is written; of null and what is not there, nothing. */
static str value_text(struct capturing *capturing, str raw)
{
    struct jr jr;
    str text = STR("");

    if (raw.len == 0 || str_eq(raw, STR("null")))
        return STR("");
    if (raw.at[0] != '"')
        return raw;
    jr_init(&jr, raw, &capturing->room);
    (void)jr_text(&jr, &text);
    return text;
}

static double value_number(struct capturing *capturing, str raw)
{
    str text = value_text(capturing, raw);
    char room[64], *end;
    double number;

    if (text.len == 0 || text.len >= sizeof room)
        return (double)NAN;
    memcpy(room, text.at, text.len);
    room[text.len] = '\0';
    number = strtod(room, &end);
    return *end || !isfinite(number) ? (double)NAN : number;
}

/* -- the event
 * --------------------------------------------------------------------------------------------------------- */

static bool paths_first(const struct json_path *paths, int count, str text, struct buf *room, str *ret_values,
                        struct err *err)
{
    return count == 0 || json_paths_first(paths, count, text, room, ret_values, err);
}

static str entry_key(char room[NAME_BYTES_MAX + 8], int item, str text)
{
    room[0] = (char)('0' + item);
    memcpy(room + 1, text.at, text.len);
    return (str){room, text.len + 1};
}

static void keep_entry(struct capturing *capturing, struct entry *entry, int item, str text)
{
    char room[NAME_BYTES_MAX + 8];
    str key;

    if (text.len == 0 || text.len > NAME_BYTES_MAX)
        return;
    key = entry_key(room, item, text);
    if (!map_get(&capturing->entries[capturing->list], key)) /* of two with the same id, the first */
        map_put(&capturing->entries[capturing->list], key, entry);
}

static bool on_entry(void *ctx, int path, int64_t index, str value)
{
    struct capturing *capturing = ctx;
    const struct monitor_settings *settings = capturing->settings;
    const struct lookup_list *list = &settings->lists[capturing->list];
    struct entry *entry = arena_new(capturing->arena, struct entry, 1);
    str ids[ITEMS_MAX];

    (void)path;
    if (index >= CAPTURED_ROWS_MAX ||
        !paths_first(list->values, list->values_count, value, &capturing->room, entry->values, &capturing->err) ||
        !paths_first(settings->item_paths, settings->items_count, value, &capturing->room, ids, &capturing->err))
        return false;
    for (int i = 0; i < settings->items_count; i++)
        if (list->key < 0 || list->key == i)
            keep_entry(capturing, entry, i, value_text(capturing, ids[i]));
    return true;
}

/* What a handler behind a gateway's proxy integration takes for its request: the text in `body`. */
static str event_body(struct capturing *capturing, str event)
{
    static const char *const names[] = {"requestContext", "body"};
    struct json_path paths[2];
    str values[2];

    for (int i = 0; i < 2; i++)
        if (!json_path_parse(str_of(names[i]), &paths[i], &capturing->err))
            return event;
    if (!paths_first(paths, 2, event, &capturing->room, values, &capturing->err) || !values[0].at ||
        values[1].len == 0 || values[1].at[0] != '"')
        return event;
    return arena_copy(capturing->arena, value_text(capturing, values[1]));
}

static bool read_event(struct capturing *capturing)
{
    const struct monitor_settings *settings = capturing->settings;
    BUF_AUTO room = {0}; /* on_entry uses capturing->room meanwhile */
    str event;

    buf_init(&room, ROOM_BYTES_MAX);

    if (settings->lists_count + settings->event_paths_count == 0)
        return true;
    event = event_body(capturing, capturing->call->event);
    if (!paths_first(settings->event_paths, settings->event_paths_count, event, &capturing->room,
                     capturing->event_values, &capturing->err))
        return false;
    for (capturing->list = 0; capturing->list < settings->lists_count; capturing->list++)
        if (!json_paths_each(&settings->lists[capturing->list].rows, 1, event, &room, on_entry, capturing,
                             &capturing->err))
            return false;
    return true;
}

/* -- a row ------------------------------------------------------------------------------------------------------------
 */

struct row {
    str values[PATHS_MAX]; /* by settings->row_paths */
    str ids[ITEMS_MAX];    /* texts */
};

static const struct entry *find_entry(struct capturing *capturing, const struct row *row, int list)
{
    char room[NAME_BYTES_MAX + 8];
    const struct entry *entry = NULL;

    for (int i = 0; i < capturing->settings->items_count && !entry; i++)
        if (row->ids[i].len > 0 && row->ids[i].len <= NAME_BYTES_MAX)
            entry = map_get(&capturing->entries[list], entry_key(room, i, row->ids[i]));
    return entry;
}

static str look_up(struct capturing *capturing, const struct row *row, const struct lookup *lookup)
{
    const struct entry *entry;

    switch (lookup->from) {
    case LOOKUP_ROW:
        return row->values[lookup->value];
    case LOOKUP_EVENT:
        return capturing->event_values[lookup->value];
    case LOOKUP_LIST:
        entry = find_entry(capturing, row, lookup->list);
        return entry ? entry->values[lookup->value] : STR("");
    case LOOKUP_NONE:
        break;
    }
    return STR("");
}

static void read_score(struct capturing *capturing, str raw, struct prediction *p)
{
    double score;

    if (raw.len == 0) {
        p->undecided = UNDECIDED_MISSING;
    } else if (str_eq(raw, STR("null"))) {
        p->undecided = UNDECIDED_NULL;
    } else if (isnan(score = raw.at[0] == '"' ? (double)NAN : value_number(capturing, raw))) {
        p->undecided = UNDECIDED_NOT_A_NUMBER;
    } else {
        p->score = settings_scale(capturing->settings, score);
        p->is_decided = p->score >= 0 && p->score <= 1;
        p->undecided = UNDECIDED_OUT_OF_RANGE;
    }
}

static str read_items(struct capturing *capturing, struct row *row)
{
    const struct monitor_settings *settings = capturing->settings;
    struct item items[ITEMS_MAX];
    str text;

    for (int i = 0; i < settings->items_count; i++) {
        row->ids[i] = value_text(capturing, row->values[ROW_PATH_ITEMS + i]);
        items[i] = (struct item){str_of(settings->items[i]), row->ids[i]};
    }
    text = items_text(items, settings->items_count, capturing->arena);
    return text.len <= ITEMS_BYTES_MAX ? text : STR("");
}

static str read_attributes(struct capturing *capturing, const struct row *row)
{
    const struct monitor_settings *settings = capturing->settings;
    BUF_AUTO text = {0};

    if (settings->attributes_count == 0)
        return STR("");
    buf_init(&text, FEATURES_BYTES_MAX);
    for (int i = 0; i < settings->attributes_count; i++) {
        str raw = look_up(capturing, row, &settings->attributes[i]);

        buf_add_char(&text, i ? ',' : '{');
        json_quote(&text, str_of(settings->attributes[i].name));
        buf_add_char(&text, ':');
        buf_add(&text, raw.len ? raw : STR("null"));
    }
    buf_add_char(&text, '}');
    return buf_ok(&text) ? arena_copy(capturing->arena, buf_str(&text)) : STR("");
}

static str bounded(str text, struct arena *arena)
{
    return arena_copy(arena, text.len <= NAME_BYTES_MAX ? text : (str){text.at, NAME_BYTES_MAX});
}

static struct prediction blank(const struct capturing *capturing, int position)
{
    const struct captured_call *call = capturing->call;

    return (struct prediction){
        .time_us = call->time_us,
        .function = call->function,
        .version = call->version,
        .alias = call->alias,
        .source = call->source,
        .request_id = call->request_id,
        .position = position,
        .threshold = call->threshold,
        .threshold_number = call->threshold_number,
        .amount = (double)NAN,
    };
}

static bool on_row(void *ctx, int path, int64_t index, str value)
{
    struct capturing *capturing = ctx;
    const struct monitor_settings *settings = capturing->settings;
    struct prediction p = blank(capturing, (int)index);
    struct row row;

    (void)path;
    if (index >= CAPTURED_ROWS_MAX || !paths_first(settings->row_paths, settings->row_paths_count, value,
                                                   &capturing->room, row.values, &capturing->err))
        return false;
    read_score(capturing, row.values[ROW_PATH_SCORE], &p);
    p.items = read_items(capturing, &row);
    if (settings->has_prediction_id)
        p.client_id = bounded(value_text(capturing, row.values[ROW_PATH_PREDICTION_ID]), capturing->arena);
    p.segment = bounded(value_text(capturing, look_up(capturing, &row, &settings->segment)), capturing->arena);
    if (p.is_decided) {
        p.amount = value_number(capturing, look_up(capturing, &row, &settings->amount));
        p.features = read_attributes(capturing, &row);
    }
    *vec_push(&capturing->rows) = p;
    buf_clear(&capturing->room);
    return true;
}

/* -- a call -----------------------------------------------------------------------------------------------------------
 */

static bool read_response(struct capturing *capturing)
{
    str body;
    int status;
    BUF_AUTO room = {0}, names = {0}; /* on_row uses capturing->room meanwhile */

    buf_init(&room, ROOM_BYTES_MAX);
    buf_init(&names, ROOM_BYTES_MAX);
    if (!json_proxy_body(capturing->call->response, &room, &body, &status, &capturing->err))
        return false;
    if (status >= 400)
        return true; /* an error, told by the handler itself: no decisions */
    return json_paths_each(&capturing->settings->rows, 1, body, &names, on_row, capturing, &capturing->err) &&
           capturing->err.code == ERR_NONE;
}

static void note_unreadable(struct capturing *capturing)
{
    struct prediction p = blank(capturing, 0);

    p.undecided = UNDECIDED_UNREADABLE;
    capturing->rows.len = 0;
    *vec_push(&capturing->rows) = p;
}

void capture(const struct monitor_settings *settings, const struct captured_call *call, struct arena *arena,
             struct predictions *ret)
{
    struct capturing capturing = {.settings = settings, .call = call, .arena = arena};

    buf_init(&capturing.room, ROOM_BYTES_MAX);
    if (call->is_cut || !read_event(&capturing) || !read_response(&capturing))
        note_unreadable(&capturing);
    ret->count = (int)capturing.rows.len;
    ret->list = arena_new(arena, struct prediction, capturing.rows.len ? capturing.rows.len : 1);
    if (ret->count > 0)
        memcpy(ret->list, capturing.rows.at, capturing.rows.len * sizeof *ret->list);
    vec_free(&capturing.rows);
    for (int i = 0; i < settings->lists_count; i++)
        map_done(&capturing.entries[i]);
    buf_free(&capturing.room);
}
