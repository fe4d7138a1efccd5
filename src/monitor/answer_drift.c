/*
 * answer_drift: do scores and inputs look as they did before?  The window against the days before it: scores from the
 * histograms, attributes from rows, as many of the newest of each side as FEATURE_ROWS_MAX.
 */
#include "monitor/answer.h"

#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/vec.h"
#include "codec/json_scan.h"
#include "monitor/period_private.h"
#include "monitor/settings.h"
#include "stats/drift.h"

#define DAY_US (24LL * 3600 * 1000 * 1000)

enum {
    REFERENCE_DAYS = 90,
    FEATURE_ROWS_MAX = 20000, /* of each side */
    CATEGORIES_MAX = 50,      /* of a feature that is no number; the rest is one more */
    ROOM_BYTES_MAX = 64 * 1024,
};
#define NUMBERS_SHARE_MIN 0.9 /* of its values: then it is a number */

enum side { REFERENCE, WINDOW, SIDES };

struct category {
    double counts[SIDES];
};

struct feature {
    str name;
    VEC(double) numbers[SIDES];
    struct map categories; /* text -> struct category */
    double texts;          /* values that are no number */
};

struct reading {
    struct answering *answering;
    struct feature *features[ATTRIBUTES_MAX];
    int count;
    enum side side;
    int rows;
    int64_t from_us, to_us;
};

/* -- reading
 * ------------------------------------------------------------------------------------------------------------ */

static struct feature *feature_of(struct reading *reading, str name)
{
    for (int i = 0; i < reading->count; i++)
        if (str_eq(reading->features[i]->name, name))
            return reading->features[i];
    if (reading->count == ATTRIBUTES_MAX)
        return NULL;
    reading->features[reading->count] = arena_new(reading->answering->arena, struct feature, 1);
    reading->features[reading->count]->name = arena_copy(reading->answering->arena, name);
    return reading->features[reading->count++];
}

static void count_category(struct reading *reading, struct feature *feature, str text)
{
    struct category *category = map_get(&feature->categories, text);

    if (!category && feature->categories.len >= CATEGORIES_MAX) {
        text = STR("(other)");
        category = map_get(&feature->categories, text);
    }
    if (!category) {
        category = arena_new(reading->answering->arena, struct category, 1);
        map_put(&feature->categories, text, category);
    }
    category->counts[reading->side]++;
}

static bool number_of(str text, double *ret)
{
    char room[64], *end;

    if (text.len == 0 || text.len >= sizeof room)
        return false;
    memcpy(room, text.at, text.len);
    room[text.len] = '\0';
    *ret = strtod(room, &end);
    return *end == '\0' && isfinite(*ret);
}

static void note_value(struct reading *reading, str name, str text)
{
    struct feature *feature = feature_of(reading, name);
    double number;

    if (!feature)
        return;
    if (number_of(text, &number))
        *vec_push(&feature->numbers[reading->side]) = number;
    else
        feature->texts++;
    count_category(reading, feature, text);
}

static void read_features(struct reading *reading, str features)
{
    BUF_AUTO room = {0};
    struct jr jr;
    str name, text;

    buf_init(&room, ROOM_BYTES_MAX);
    jr_init(&jr, features, &room);
    (void)jr_object(&jr);
    while (jr_member(&jr, &name)) {
        enum json_kind kind = jr_kind(&jr);

        if (kind == JSON_KIND_TEXT ? jr_text(&jr, &text) : kind != JSON_KIND_NULL && jr_raw(&jr, &text))
            note_value(reading, name, text);
    }
}

static bool read_file(void *ctx, struct db *db, struct err *err)
{
    struct reading *reading = ctx;
    struct db_value values[3 + FILTER_VALUES_MAX] = {DB_INT(reading->from_us), DB_INT(reading->to_us)};
    char filter[FILTER_SQL_MAX];
    int count = 2;
    ARENA_AUTO arena = {0}, row = {0};

    question_filter(&reading->answering->question, filter, values, &count);
    values[count++] = DB_INT(FEATURE_ROWS_MAX - reading->rows);
    str sql = arena_printf(&arena,
                           "SELECT r.features FROM rows r JOIN streams s ON s.id = r.stream"
                           " JOIN segments g ON g.id = r.segment WHERE r.time_us >= ? AND r.time_us < ?"
                           " AND r.features IS NOT NULL%s ORDER BY r.time_us DESC LIMIT ?",
                           filter);
    DB_ROWS_AUTO rows = db_query_values(db, err, sql.at, values, count);
    while (db_next(&rows, err)) {
        read_features(reading, db_text(&rows, 0, &row));
        arena_reset(&row);
        reading->rows++;
    }
    return err->code == ERR_NONE;
}

static bool read_side(struct reading *reading, enum side side, int64_t from_us, int64_t to_us, struct err *err)
{
    reading->side = side;
    reading->rows = 0;
    reading->from_us = from_us;
    reading->to_us = to_us;
    return question_files(reading->answering->folder, from_us, to_us, read_file, reading, err);
}

/* -- verdicts ---------------------------------------------------------------------------------------------------------
 */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static struct stats_drift drift_of_numbers(struct feature *feature, const struct stats_drift_options *options)
{
    double counts[SIDES][STATS_PSI_BINS_MAX] = {{0}}, cuts[STATS_PSI_BINS_MAX];
    size_t n = feature->numbers[REFERENCE].len, m = feature->numbers[WINDOW].len, least = n < m ? n : m;
    int bins = (int)(least / 10) < STATS_PSI_BINS_MAX ? (int)(least / 10) : STATS_PSI_BINS_MAX;

    if (least < STATS_DRIFT_ROWS_MIN)
        return (struct stats_drift){
            .n = (double)n, .m = (double)m, .p = (double)NAN, .statistic = (double)NAN, .threshold = (double)NAN};
    qsort(feature->numbers[REFERENCE].at, n, sizeof(double), by_size);
    bins = stats_quantile_cuts(feature->numbers[REFERENCE].at, n, bins, cuts);
    for (int side = 0; side < SIDES; side++)
        for (size_t i = 0; i < feature->numbers[side].len; i++)
            counts[side][stats_bin_by_cuts(cuts, bins, feature->numbers[side].at[i])]++;
    return stats_psi(counts[REFERENCE], counts[WINDOW], bins, options);
}

static struct stats_drift drift_of_categories(struct feature *feature, const struct stats_drift_options *options)
{
    double counts[SIDES][CATEGORIES_MAX + 1] = {{0}};
    size_t cursor = 0;
    void *category;
    int categories = 0;
    str text;

    while (categories <= CATEGORIES_MAX && map_next(&feature->categories, &cursor, &text, &category)) {
        for (int side = 0; side < SIDES; side++)
            counts[side][categories] = ((struct category *)category)->counts[side];
        categories++;
    }
    return stats_chi_square(counts[REFERENCE], counts[WINDOW], categories, options);
}

static bool is_number(const struct feature *feature)
{
    double numbers = (double)(feature->numbers[REFERENCE].len + feature->numbers[WINDOW].len);

    return numbers > 0 && numbers / (numbers + feature->texts) >= NUMBERS_SHARE_MIN;
}

/* n: rows of the window, m: of the reference */
static void write_drift(struct jw *jw, bool is_psi, const struct stats_drift *drift)
{
    jw_str(jw, "test", is_psi ? STR("psi") : STR("chi-square"));
    jw_real(jw, is_psi ? "psi" : "cramers_v", drift->statistic);
    jw_real(jw, "threshold", drift->threshold);
    jw_real(jw, "p", drift->p);
    answer_number(jw, "n", drift->m);
    answer_number(jw, "m", drift->n);
    jw_bool(jw, "enough", drift->bins > 0);
    jw_bool(jw, "drifted", drift->drifted);
}

static void write_feature(struct jw *jw, struct feature *feature, const struct stats_drift_options *options)
{
    bool numbers = is_number(feature);
    struct stats_drift drift = numbers ? drift_of_numbers(feature, options) : drift_of_categories(feature, options);

    jw_object(jw);
    jw_str(jw, "name", feature->name);
    write_drift(jw, numbers, &drift);
    jw_object_end(jw);
}

static void free_features(struct reading *reading)
{
    for (int i = 0; i < reading->count; i++) {
        vec_free(&reading->features[i]->numbers[REFERENCE]);
        vec_free(&reading->features[i]->numbers[WINDOW]);
        map_done(&reading->features[i]->categories);
    }
}

static void all_of(const struct stats_scores *scores, double ret[STATS_BINS])
{
    for (int i = 0; i < STATS_BINS; i++)
        ret[i] = scores->negative[i] + scores->positive[i] + scores->unknown[i];
}

static bool read_scores(struct answering *answering, int64_t from_us, int64_t to_us, double ret[STATS_BINS],
                        struct err *err)
{
    struct question question = answering->question;
    struct answer_figures figures;

    question.from_us = from_us;
    question.to_us = to_us;
    question.by = BY_NOTHING;
    if (!question_figures(answering->folder, &question, answering->arena, &figures, err))
        return false;
    all_of(&figures.groups[0].scores, ret);
    return true;
}

static void write_answer(struct reading *reading, int64_t reference_us, const double *before, const double *now)
{
    struct answering *answering = reading->answering;
    const struct question *question = &answering->question;
    const struct stats_drift_options options = {.features = reading->count + 1};
    struct stats_drift drift = stats_psi_of_scores(before, now, &options);
    struct jw *jw = answering->jw;

    jw_object(jw);
    answer_head(answering, question->from_us, question->to_us);
    jw_object_key(jw, "reference");
    answer_time(jw, "from", reference_us);
    answer_time(jw, "to", question->from_us);
    jw_object_end(jw);
    jw_object_key(jw, "score");
    write_drift(jw, true, &drift);
    jw_object_end(jw);
    jw_array_key(jw, "features");
    for (int i = 0; i < reading->count; i++)
        write_feature(jw, reading->features[i], &options);
    jw_array_end(jw);
    jw_object_end(jw);
}

bool answer_drift(struct answering *answering, struct err *err)
{
    const struct question *question = &answering->question;
    int64_t reference_us = question->from_us - REFERENCE_DAYS * DAY_US;
    double *before = arena_new(answering->arena, double, STATS_BINS),
           *now = arena_new(answering->arena, double, STATS_BINS);
    struct reading reading = {.answering = answering};
    bool good = read_scores(answering, reference_us, question->from_us, before, err) &&
                read_scores(answering, question->from_us, question->to_us, now, err) &&
                read_side(&reading, REFERENCE, reference_us, question->from_us, err) &&
                read_side(&reading, WINDOW, question->from_us, question->to_us, err);

    if (good)
        write_answer(&reading, reference_us, before, now);
    free_features(&reading);
    return good;
}
