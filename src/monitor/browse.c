#include "monitor/browse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"
#include "monitor/period_private.h"
#include "monitor/store.h"

#define HOUR_US (3600LL * 1000 * 1000)
#define TIME_US_MAX 250000000000000000LL /* the year 9892 */
#define COLUMNS "id, time_us, stream, segment, score, threshold, decision, label"

enum { COL_ID, COL_TIME, COL_STREAM, COL_SEGMENT, COL_SCORE, COL_THRESHOLD, COL_DECISION, COL_LABEL };
enum { UNLABELLED = 1, LABELLED_NEGATIVE = 2, LABELLED_POSITIVE = 4 }; /* sets of labels */
enum { DECIDED_NEGATIVE = 1, DECIDED_POSITIVE = 2 };
enum { ANY_LABEL = 7, ANY_DECISION = 3, SQL_BYTES_MAX = 4096 };

const char *const browse_kinds[] = {"all",      "fp",       "fn",         "tp",      "tn", "positive",
                                    "negative", "labelled", "unlabelled", "changed", NULL};
const char *const browse_orders[] = {"time", "-time", "score", "-score", "margin", NULL};

static const struct {
    int labels, decisions;
} kinds[] = {
    [BROWSE_ALL] = {ANY_LABEL, ANY_DECISION},
    [BROWSE_FP] = {LABELLED_NEGATIVE, DECIDED_POSITIVE},
    [BROWSE_FN] = {LABELLED_POSITIVE, DECIDED_NEGATIVE},
    [BROWSE_TP] = {LABELLED_POSITIVE, DECIDED_POSITIVE},
    [BROWSE_TN] = {LABELLED_NEGATIVE, DECIDED_NEGATIVE},
    [BROWSE_POSITIVE] = {ANY_LABEL, DECIDED_POSITIVE},
    [BROWSE_NEGATIVE] = {ANY_LABEL, DECIDED_NEGATIVE},
    [BROWSE_LABELLED] = {LABELLED_NEGATIVE | LABELLED_POSITIVE, ANY_DECISION},
    [BROWSE_UNLABELLED] = {UNLABELLED, ANY_DECISION},
    [BROWSE_CHANGED] = {ANY_LABEL, ANY_DECISION},
};

struct numbers { /* of a file's streams or segments: which are asked for */
    bool *has;
    int64_t count;
    bool all;
};

struct scan {
    const struct browse *browse;
    struct arena *arena;
    int64_t from_us, to_us;
    int direction; /* of time: 1 up, -1 down */
    struct browse_place *picks;
    int count;
    int64_t scanned, scanned_max;
    bool is_full;             /* in the order of time: nothing that follows can be on the page */
    bool was_cut;             /* scanned_max was reached */
    struct browse_place last; /* that was looked at */
    /* of the file that is read */
    struct numbers streams, segments;
    double labels[BROWSE_LABELS_MAX]; /* the index of labels is read, for these */
    int labels_count;                 /* -1: the index of time */
};

static bool by_time(const struct scan *scan)
{
    return scan->browse->order == BROWSE_BY_TIME || scan->browse->order == BROWSE_BY_TIME_DOWN;
}

/* -- the order ------------------------------------------------------------------------------------------------------
 */

static int compare(const struct scan *scan, const struct browse_place *a, const struct browse_place *b)
{
    int times = (a->time_us > b->time_us) - (a->time_us < b->time_us), rows = (a->row > b->row) - (a->row < b->row);

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return scan->direction * (times ? times : rows);
}

static void swap(struct browse_place *a, struct browse_place *b)
{
    struct browse_place c = *a;

    *a = *b;
    *b = c;
}

/* A heap whose first is the last in order. */
static void sink(const struct scan *scan, int i)
{
    for (;;) {
        int child = 2 * i + 1;

        if (child >= scan->count)
            return;
        if (child + 1 < scan->count && compare(scan, &scan->picks[child + 1], &scan->picks[child]) > 0)
            child++;
        if (compare(scan, &scan->picks[child], &scan->picks[i]) <= 0)
            return;
        swap(&scan->picks[child], &scan->picks[i]);
        i = child;
    }
}

static void keep_best(struct scan *scan, const struct browse_place *place)
{
    if (scan->count == scan->browse->limit) {
        if (compare(scan, place, &scan->picks[0]) < 0) {
            scan->picks[0] = *place;
            sink(scan, 0);
        }
        return;
    }
    scan->picks[scan->count++] = *place;
    if (scan->count == scan->browse->limit)
        for (int i = scan->count / 2 - 1; i >= 0; i--)
            sink(scan, i);
}

static int in_order(const void *a, const void *b, void *scan)
{
    return compare(scan, a, b);
}

/* -- a row ----------------------------------------------------------------------------------------------------------
 */

static bool has_number(const struct numbers *numbers, int64_t number)
{
    return numbers->all || (number >= 0 && number < numbers->count && numbers->has[number]);
}

static int label_of(const struct db_rows *rows)
{
    return db_is_null(rows, COL_LABEL)       ? UNLABELLED
           : db_real(rows, COL_LABEL) >= 0.5 ? LABELLED_POSITIVE
                                             : LABELLED_NEGATIVE;
}

static bool is_of_kind(const struct browse *browse, const struct db_rows *rows)
{
    bool was_decided = db_int(rows, COL_DECISION) != 0, decision = was_decided;

    if (browse->question.has_threshold)
        decision = db_real(rows, COL_SCORE) >= browse->question.threshold;
    return (kinds[browse->kind].labels & label_of(rows)) &&
           (kinds[browse->kind].decisions & (decision ? DECIDED_POSITIVE : DECIDED_NEGATIVE)) &&
           (browse->kind != BROWSE_CHANGED || decision != was_decided);
}

static double key_of(const struct browse *browse, const struct db_rows *rows)
{
    double threshold = browse->question.has_threshold ? browse->question.threshold : db_real(rows, COL_THRESHOLD);

    switch (browse->order) {
    case BROWSE_BY_SCORE:
        return db_real(rows, COL_SCORE);
    case BROWSE_BY_SCORE_DOWN:
        return -db_real(rows, COL_SCORE);
    case BROWSE_BY_MARGIN:
        return fabs(db_real(rows, COL_SCORE) - threshold);
    case BROWSE_BY_TIME:
    case BROWSE_BY_TIME_DOWN:
        break;
    }
    return 0;
}

static void look_at(struct scan *scan, const struct db_rows *rows)
{
    const struct browse *browse = scan->browse;
    struct browse_place place = {0, db_int(rows, COL_TIME), db_int(rows, COL_ID)};

    scan->scanned++;
    scan->last = place;
    if (!has_number(&scan->streams, db_int(rows, COL_STREAM)) ||
        !has_number(&scan->segments, db_int(rows, COL_SEGMENT)) || !is_of_kind(browse, rows))
        return;
    place.key = key_of(browse, rows);
    if (browse->has_after && compare(scan, &place, &browse->after) <= 0)
        return;
    if (!by_time(scan)) {
        keep_best(scan, &place);
        return;
    }
    scan->picks[scan->count++] = place;
    scan->is_full = scan->count == browse->limit;
}

/* -- a file ---------------------------------------------------------------------------------------------------------
 */

static bool read_numbers(struct scan *scan, struct db *db, const char *sql, const struct db_value *values, int count,
                         struct numbers *ret, struct err *err)
{
    DB_ROWS_AUTO rows = db_query_values(db, err, sql, values, count);

    *ret = (struct numbers){0};
    while (db_next(&rows, err)) { /* the greatest comes first */
        if (!ret->has) {
            ret->count = db_int(&rows, 0) + 1;
            ret->has = arena_new(scan->arena, bool, ret->count);
        }
        ret->has[db_int(&rows, 0)] = true;
    }
    return err->code == ERR_NONE;
}

static bool read_streams(struct scan *scan, struct db *db, struct err *err)
{
    struct question of_streams = scan->browse->question;
    struct db_value values[FILTER_VALUES_MAX];
    char filter[FILTER_SQL_MAX];
    ARENA_AUTO arena = {0};
    int count = 0;

    of_streams.segment = (str){0};
    question_filter(&of_streams, filter, values, &count);
    return read_numbers(scan, db,
                        arena_printf(&arena, "SELECT s.id FROM streams s WHERE 1%s ORDER BY s.id DESC", filter).at,
                        values, count, &scan->streams, err);
}

static bool read_segments(struct scan *scan, struct db *db, struct err *err)
{
    const struct question *question = &scan->browse->question;

    if (!question->segment.at) {
        scan->segments = (struct numbers){.all = true};
        return true;
    }
    return read_numbers(scan, db, "SELECT id FROM segments WHERE segment = ? ORDER BY id DESC",
                        (struct db_value[]){DB_STR(question->segment)}, 1, &scan->segments, err);
}

/* Each step is a look-up in the index, however many rows have the label. */
static const char labels_sql[] =
    "WITH RECURSIVE seen(label) AS (SELECT min(label) FROM rows WHERE label IS NOT NULL UNION ALL"
    " SELECT (SELECT min(label) FROM rows WHERE label > seen.label) FROM seen WHERE seen.label IS NOT NULL LIMIT 10)"
    " SELECT label FROM seen WHERE label IS NOT NULL";

/* Where only labelled rows are asked for, their index has no others.  It is in the order of time for each label. */
static bool choose_index(struct scan *scan, struct db *db, struct err *err)
{
    int wanted = kinds[scan->browse->kind].labels;
    int count = 0;

    scan->labels_count = -1;
    if (wanted & UNLABELLED)
        return true;
    DB_ROWS_AUTO rows = db_query(db, err, labels_sql);
    while (count <= BROWSE_LABELS_MAX && db_next(&rows, err)) {
        if (!(wanted & (db_real(&rows, 0) >= 0.5 ? LABELLED_POSITIVE : LABELLED_NEGATIVE)))
            continue;
        if (count < BROWSE_LABELS_MAX)
            scan->labels[count] = db_real(&rows, 0);
        count++;
    }
    if (count <= BROWSE_LABELS_MAX)
        scan->labels_count = count;
    return err->code == ERR_NONE;
}

/* where: of ?1 and ?2.  A SELECT for each label; SQLite merges them. */
static bool scan_where(struct scan *scan, struct db *db, const char *where, int64_t first, int64_t second,
                       struct err *err)
{
    struct db_value values[2 + BROWSE_LABELS_MAX] = {DB_INT(first), DB_INT(second)};
    int parts = scan->labels_count < 0 ? 1 : scan->labels_count;
    BUF_AUTO sql = {0};

    if (scan->is_full || scan->was_cut || parts == 0)
        return true;
    buf_init(&sql, SQL_BYTES_MAX);
    for (int i = 0; i < parts; i++) {
        buf_printf(&sql, "%sSELECT " COLUMNS " FROM rows WHERE ", i ? " UNION ALL " : "");
        if (scan->labels_count > 0) {
            buf_printf(&sql, "label = ?%d AND ", i + 3);
            values[i + 2] = DB_REAL(scan->labels[i]);
        }
        buf_add(&sql, str_of(where));
    }
    buf_add(&sql, scan->direction > 0 ? STR(" ORDER BY time_us, id") : STR(" ORDER BY time_us DESC, id DESC"));
    buf_add_char(&sql, '\0');
    DB_ROWS_AUTO rows = db_query_values(db, err, sql.at, values, scan->labels_count > 0 ? 2 + parts : 2);
    while (!scan->is_full && db_next(&rows, err)) {
        if (scan->scanned == scan->scanned_max) {
            scan->was_cut = true;
            break;
        }
        look_at(scan, &rows);
    }
    return err->code == ERR_NONE;
}

/* Many rows may have the very time of the one that ended the last page. */
static bool scan_file(struct scan *scan, struct db *db, struct err *err)
{
    const struct browse_place *after = by_time(scan) && scan->browse->has_after ? &scan->browse->after : NULL;
    int64_t from_us = scan->from_us, to_us = scan->to_us;

    if (!read_streams(scan, db, err) || !read_segments(scan, db, err) || !choose_index(scan, db, err))
        return false;
    if (after) {
        if (!scan_where(scan, db, scan->direction > 0 ? "time_us = ?1 AND id > ?2" : "time_us = ?1 AND id < ?2",
                        after->time_us, after->row, err))
            return false;
        if (scan->direction > 0)
            from_us = after->time_us + 1;
        else
            to_us = after->time_us;
    }
    return scan_where(scan, db, "time_us >= ?1 AND time_us < ?2", from_us, to_us, err);
}

/* -- all ------------------------------------------------------------------------------------------------------------
 */

static bool scan_each(void *ctx, struct db *db, struct err *err)
{
    return scan_file(ctx, db, err);
}

static bool has_part(const struct scan *scan, int64_t month_us)
{
    const struct browse_place *after = by_time(scan) && scan->browse->has_after ? &scan->browse->after : NULL;

    if (after && scan->direction > 0 && month_after(month_us) <= after->time_us)
        return false;
    if (after && scan->direction < 0 && month_us > after->time_us)
        return false;
    return month_us < scan->to_us && month_after(month_us) > scan->from_us;
}

static bool scan_months(struct scan *scan, const char *folder, struct err *err)
{
    int64_t months[PERIODS_MAX];
    int count;

    if (!store_months(folder, months, &count, err))
        return false;
    for (int i = 0; i < count && !scan->is_full && !scan->was_cut; i++) {
        int64_t month_us = months[scan->direction > 0 ? count - 1 - i : i];

        if (has_part(scan, month_us) && !question_file(folder, month_us, scan_each, scan, err))
            return false;
    }
    return true;
}

static void finish(struct scan *scan, struct browsed *ret)
{
    bool is_page_full = scan->count == scan->browse->limit;

    if (!by_time(scan))
        qsort_r(scan->picks, (size_t)scan->count, sizeof *scan->picks, in_order, scan);
    *ret = (struct browsed){
        .rows = scan->picks,
        .count = scan->count,
        .from_us = scan->from_us,
        .to_us = scan->to_us,
        .scanned = scan->scanned,
        .is_complete = !scan->was_cut,
        .has_next = is_page_full || (scan->was_cut && by_time(scan)),
    };
    if (ret->has_next)
        ret->next = is_page_full ? scan->picks[scan->count - 1] : scan->last;
}

bool browse_rows(const char *folder, const struct browse *browse, struct arena *arena, struct browsed *ret,
                 struct err *err)
{
    struct scan scan = {
        .browse = browse,
        .arena = arena,
        .from_us = hour_of(browse->question.from_us),
        .to_us = hour_of(browse->question.to_us + HOUR_US - 1),
        .direction = browse->order == BROWSE_BY_TIME ? 1 : -1,
        .scanned_max = browse->scanned_max ? browse->scanned_max : BROWSE_SCANNED_MAX,
        .picks = arena_new(arena, struct browse_place, browse->limit),
    };

    *err = (struct err){0};
    if (!scan_months(&scan, folder, err))
        return false;
    finish(&scan, ret);
    return true;
}

/* -- cursors --------------------------------------------------------------------------------------------------------
 */

struct cursor {
    int64_t from_us, to_us;
    struct browse_place place;
};
_Static_assert(sizeof(struct cursor) * 2 == BROWSE_CURSOR_CHARS, "it is written as hexadecimal digits");

str browse_cursor(const struct browsed *browsed, struct arena *arena)
{
    const struct cursor cursor = {browsed->from_us, browsed->to_us, browsed->next};
    char *text = arena_new(arena, char, BROWSE_CURSOR_CHARS + 1);

    hex_encode(&cursor, sizeof cursor, text);
    return (str){text, BROWSE_CURSOR_CHARS};
}

bool browse_after(struct browse *browse, str text)
{
    struct cursor cursor;

    if (text.len != BROWSE_CURSOR_CHARS || !hex_decode(text, &cursor, sizeof cursor))
        return false;
    if (!isfinite(cursor.place.key) || cursor.place.time_us < 0 || cursor.from_us < 0 ||
        cursor.to_us < cursor.from_us || cursor.to_us > TIME_US_MAX || cursor.place.time_us > TIME_US_MAX)
        return false;
    browse->has_after = true;
    browse->after = cursor.place;
    browse->question.from_us = cursor.from_us;
    browse->question.to_us = cursor.to_us;
    return true;
}
