/* A store of two months: pages over both are the rows in order, however small a page and however few rows it may look
 * at. */
#include "monitor/browse.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "monitor/period_private.h"
#include "monitor/store.h"

#include "base/test.h"

#define START 1764072000000000LL /* 2025-11-25T12:00 */
#define MINUTE 60000000LL

enum { ROWS = 1200, OF_ONE_TIME = 40, STEP_MINUTES = 600 };

static char folder[64];
static struct err err;

static int64_t time_of(int i)
{
    return START + (int64_t)(i / OF_ONE_TIME) * STEP_MINUTES * MINUTE; /* over the end of November */
}

static double score_of(int i)
{
    return (i * 37 % 100) / 100.0;
}

/* Every third has none; the others are graded in as many steps as asked. */
static double label_of(int i, int grades)
{
    return (double)(i * 7 % grades) / (grades - 1);
}

static void fill(int grades)
{
    struct store *store;
    enum inserted inserted;

    snprintf(folder, sizeof folder, "/tmp/sculler-browse-XXXXXX");
    ok(mkdtemp(folder) != NULL && store_open(folder, &store, &err) && store_begin(store, true, &err));
    for (int i = 0; i < ROWS; i++) {
        const struct label truth = {.value = label_of(i, grades), .known_us = START};
        const struct prediction p = {.time_us = time_of(i),
                                     .function = i % 4 ? STR("mine") : STR("other"),
                                     .version = STR("1"),
                                     .alias = STR("live"),
                                     .source = STR("live"),
                                     .is_decided = true,
                                     .score = score_of(i),
                                     .threshold = 0.5,
                                     .segment = STR("")};

        if (!store_predict(store, &p, i % 3 ? &truth : NULL, &inserted, &err))
            ok(false);
    }
    ok(store_commit(store, &err));
    store_close(store);
}

static void end(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", folder);
    FILE *gone = popen(command, "r");
    ok(gone && pclose(gone) == 0);
}

static struct browse question(enum browse_kind kind, enum browse_order order)
{
    return (struct browse){
        .question = {.function = STR("mine"), .from_us = START - MINUTE, .to_us = time_of(ROWS) + MINUTE},
        .kind = kind,
        .order = order,
        .limit = 7,
        .scanned_max = 30, /* less than the rows of one time */
    };
}

/* The number of i in its month's file. */
static int64_t row_of(int i)
{
    int first = i;

    while (first > 0 && month_of(time_of(first - 1)) == month_of(time_of(i)))
        first--;
    return i - first + 1;
}

static bool is_false_positive(int i, int grades)
{
    return i % 4 && i % 3 && score_of(i) >= 0.5 && label_of(i, grades) < 0.5;
}

/* Reads all pages; expects those i, up or down, that are wanted. */
static void expect_pages(struct browse browse, int grades, bool (*is_wanted)(int i, int grades), bool down)
{
    int i = down ? ROWS - 1 : 0, step = down ? -1 : 1, found = 0, pages = 0;
    ARENA_AUTO arena = {0};
    struct browsed page;

    do {
        if (!browse_rows(folder, &browse, &arena, &page, &err) || ++pages > ROWS)
            break;
        for (int k = 0; k < page.count; k++, i += step, found++) {
            while (i >= 0 && i < ROWS && !is_wanted(i, grades))
                i += step;
            if (i < 0 || i >= ROWS || page.rows[k].row != row_of(i) || page.rows[k].time_us != time_of(i))
                ok(false);
        }
        if (page.scanned > browse.scanned_max || page.count > browse.limit)
            ok(false);
    } while (page.has_next && browse_after(&browse, browse_cursor(&page, &arena)));
    ok(err.code == ERR_NONE && !page.has_next && page.is_complete);
    while (i >= 0 && i < ROWS && !is_wanted(i, grades))
        i += step;
    ok(found > 0 && (i < 0 || i == ROWS));
}

static bool is_mine(int i, int grades)
{
    (void)grades;
    return i % 4 != 0;
}

static void pages_are_the_rows_in_the_order_of_time(void)
{
    fill(2);
    expect_pages(question(BROWSE_ALL, BROWSE_BY_TIME), 2, is_mine, false);
    expect_pages(question(BROWSE_ALL, BROWSE_BY_TIME_DOWN), 2, is_mine, true);
    expect_pages(question(BROWSE_FP, BROWSE_BY_TIME), 2, is_false_positive, false);
    expect_pages(question(BROWSE_FP, BROWSE_BY_TIME_DOWN), 2, is_false_positive, true);
    end();
}

static void graded_labels_are_read_from_their_index_or_without_it(void)
{
    static const int grades[] = {5, BROWSE_LABELS_MAX * 2 + 1, BROWSE_LABELS_MAX * 2 + 3, 100};

    for (size_t i = 0; i < sizeof grades / sizeof *grades; i++) {
        fill(grades[i]);
        expect_pages(question(BROWSE_FP, BROWSE_BY_TIME_DOWN), grades[i], is_false_positive, true);
        end();
    }
}

static void an_order_of_scores_says_when_it_saw_the_newest_only(void)
{
    struct browse browse = question(BROWSE_ALL, BROWSE_BY_SCORE);
    ARENA_AUTO arena = {0};
    struct browsed page;

    fill(2);
    ok(browse_rows(folder, &browse, &arena, &page, &err));
    ok(!page.is_complete && page.scanned == 30 && page.count == 7);
    for (int i = 0; i < page.count; i++)
        ok(page.rows[i].time_us == time_of(ROWS - 1) && (i == 0 || page.rows[i].key >= page.rows[i - 1].key));
    browse.scanned_max = ROWS;
    ok(browse_rows(folder, &browse, &arena, &page, &err) && page.is_complete && page.rows[6].key <= 0.01);
    end();
}

static void what_is_no_cursor_is_refused(void)
{
    struct browse browse = {0};
    char text[BROWSE_CURSOR_CHARS + 1];

    for (int i = 0; i < BROWSE_CURSOR_CHARS; i++)
        text[i] = 'f';
    ok(!browse_after(&browse, (str){text, BROWSE_CURSOR_CHARS}));
    ok(!browse_after(&browse, (str){text, BROWSE_CURSOR_CHARS - 1}));
    text[3] = 'x';
    ok(!browse_after(&browse, (str){text, BROWSE_CURSOR_CHARS}));
    ok(!browse.has_after);
}

TEST_MAIN(pages_are_the_rows_in_the_order_of_time, graded_labels_are_read_from_their_index_or_without_it,
          an_order_of_scores_says_when_it_saw_the_newest_only, what_is_no_cursor_is_refused)
