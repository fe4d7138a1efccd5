/*
 * Rows of the two answers belong together by their keys, if each has one and no key comes twice; else by their places.
 * A row that only one of them has was decided: what is not in the answer is a no.
 */
#include "replay/compare.h"

#include "codec/json_compare.h"
#include "codec/json_read.h"

#include "base/buf.h"
#include "base/map.h"

#include <math.h>

enum { WORDS_BYTES_MAX = 2048, ERROR_CHARS_MAX = 400, KEY_BYTES_MAX = 1024 };

const char *const replay_kind_words[REPLAY_KINDS] = {"decision", "answer", "failed", "mended"};

void replay_counts_add(struct replay_counts *to, const struct replay_counts *what)
{
#define COUNT(name, meaning) to->name += what->name;
#include "replay/replay.def"
#undef COUNT
}

static void make_room(struct replay_verdict *verdict, struct arena *arena, int count)
{
    verdict->changes_max = count < REPLAY_CHANGES_PER_CALL_MAX ? count : REPLAY_CHANGES_PER_CALL_MAX;
    verdict->changes = arena_new(arena, struct replay_change, (size_t)verdict->changes_max);
}

/* NULL: so many are not shown. */
static struct replay_change *add_change(struct replay_verdict *verdict, enum replay_kind kind)
{
    struct replay_change *change;

    if (verdict->changes_count == verdict->changes_max)
        return NULL;
    change = &verdict->changes[verdict->changes_count++];
    *change = (struct replay_change){.kind = kind, .position = -1, .label = (double)NAN};
    return change;
}

static void add_words(struct replay_verdict *verdict, struct arena *arena, enum replay_kind kind, str words)
{
    make_room(verdict, arena, 1);
    add_change(verdict, kind)->words = words;
}

/* Errors */

/* "ValueError: cannot divide", of an error object. */
static str error_words(str payload, struct arena *arena)
{
    json_auto_t *root = payload.len <= REPLAY_TREE_BYTES_MAX ? json_loadb(payload.at, payload.len, 0, NULL) : NULL;
    str type = json_text(json_object_get(root, "errorType")),
        message = json_text(json_object_get(root, "errorMessage"));

    if (type.len > ERROR_CHARS_MAX)
        type.len = ERROR_CHARS_MAX;
    if (message.len > ERROR_CHARS_MAX)
        message.len = ERROR_CHARS_MAX;
    return arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(type), type.len && message.len ? ": " : "",
                        STR_ARG(message));
}

static void compare_failed(const struct replay_pair *pair, struct arena *arena, struct replay_verdict *ret)
{
    bool mended = pair->before.is_error;

    if (pair->before.is_error && pair->after.is_error) {
        ret->counts.failed_both++;
        return;
    }
    ret->counts.mended += mended;
    ret->counts.failed += !mended;
    add_words(ret, arena, mended ? REPLAY_MENDED : REPLAY_FAILED,
              error_words(mended ? pair->before.answer : pair->after.answer, arena));
}

/* Answers as they are */

/* True: they are alike.  What is no JSON for a reader of trees (NaN) is compared as bytes. */
static bool are_alike(const struct replay_pair *pair, struct buf *words)
{
    str before = pair->before.answer, after = pair->after.answer;
    json_auto_t *left = NULL;
    json_auto_t *right = NULL;

    if (str_eq(before, after))
        return true;
    if (before.len > REPLAY_TREE_BYTES_MAX || after.len > REPLAY_TREE_BYTES_MAX) {
        buf_printf(words, "the bytes differ (more than %d of them are not looked into)", REPLAY_TREE_BYTES_MAX);
        return false;
    }
    left = json_loadb(before.at, before.len, JSON_DECODE_ANY, NULL);
    right = json_loadb(after.at, after.len, JSON_DECODE_ANY, NULL);
    if (left && right)
        return json_compare(left, right, pair->tolerance, &json_compare_change, words) == 0;
    buf_add(words, STR("the bytes differ, and are not what JSON allows"));
    return false;
}

/* Decisions */

static bool is_yes(const struct replay_row *row)
{
    return row && row->decision;
}

static void count_label(struct replay_counts *counts, double label, bool before, bool after)
{
    int64_t *const cells[2][2][2] = {
        {{&counts->joint_000, &counts->joint_001}, {&counts->joint_010, &counts->joint_011}},
        {{&counts->joint_100, &counts->joint_101}, {&counts->joint_110, &counts->joint_111}},
    };

    if (isnan(label))
        return;
    counts->labelled++;
    ++*cells[label >= 0.5][before][after];
}

static str copy_of(struct arena *arena, str text)
{
    if (text.len > KEY_BYTES_MAX)
        text.len = KEY_BYTES_MAX;
    return arena_copy(arena, text);
}

/* One of the two may be NULL. */
static void compare_rows(const struct replay_row *before, const struct replay_row *after, struct arena *arena,
                         struct replay_verdict *ret)
{
    double label = before && !isnan(before->label) ? before->label : after ? after->label : (double)NAN;
    struct replay_change *change;

    ret->counts.decisions++;
    count_label(&ret->counts, label, is_yes(before), is_yes(after));
    if (before && after && before->decision == after->decision)
        return;
    ret->counts.changed++;
    ret->counts.gone += !after;
    ret->counts.fresh += !before;
    change = add_change(ret, REPLAY_DECISION);
    if (!change)
        return;
    change->position = before ? before->position : after->position;
    change->key = copy_of(arena, before ? before->key : after->key);
    change->has_before = before != NULL;
    change->has_after = after != NULL;
    if (before)
        change->before = *before;
    if (after)
        change->after = *after;
    change->label = label;
}

/* Row i's partner by its key.  False: keys do not tell rows apart. */
static bool index_keys(const struct replay_rows *rows, struct map *map)
{
    for (int i = 0; i < rows->count; i++)
        if (rows->at[i].key.len == 0 || map_put(map, rows->at[i].key, &rows->at[i]))
            return false;
    return true;
}

static void compare_by_place(const struct replay_rows *before, const struct replay_rows *after, struct arena *arena,
                             struct replay_verdict *ret)
{
    int count = before->count > after->count ? before->count : after->count;

    for (int i = 0; i < count; i++)
        compare_rows(i < before->count ? &before->at[i] : NULL, i < after->count ? &after->at[i] : NULL, arena, ret);
}

static void compare_by_key(const struct replay_rows *before, const struct replay_rows *after, struct map *befores,
                           struct map *afters, struct arena *arena, struct replay_verdict *ret)
{
    for (int i = 0; i < before->count; i++)
        compare_rows(&before->at[i], map_get(afters, before->at[i].key), arena, ret);
    for (int i = 0; i < after->count; i++)
        if (!map_get(befores, after->at[i].key))
            compare_rows(NULL, &after->at[i], arena, ret);
}

static void compare_decisions(const struct replay_rows *before, const struct replay_rows *after, struct arena *arena,
                              struct replay_verdict *ret)
{
    struct map befores = {0}, afters = {0};

    make_room(ret, arena, before->count + after->count);
    if (index_keys(before, &befores) && index_keys(after, &afters))
        compare_by_key(before, after, &befores, &afters, arena, ret);
    else
        compare_by_place(before, after, arena, ret);
    map_done(&befores);
    map_done(&afters);
}

static bool decide(const struct replay_judge *judge, const struct replay_pair *pair, const struct replay_side *side,
                   struct arena *scratch, struct replay_rows *ret)
{
    const struct replay_answer answer = {
        .function = pair->function,
        .version = side->version,
        .alias = pair->alias,
        .decided_us = side->decided_us,
        .threshold = pair->threshold,
        .request_id = pair->request_id,
        .received_us = pair->received_us,
        .event = pair->event,
        .answer = side->answer,
    };

    if (!judge || !judge->decide(judge->ctx, &answer, scratch, ret))
        return false;
    for (int i = 0; i < ret->count; i++)
        ret->at[i].label = (double)NAN;
    judge->labels(judge->ctx, &answer, ret);
    return true;
}

void replay_compare(const struct replay_judge *judge, const struct replay_pair *pair, struct arena *scratch,
                    struct arena *arena, struct replay_verdict *ret)
{
    struct replay_rows before, after;
    BUF_AUTO words = {0};

    *ret = (struct replay_verdict){0};
    if (pair->before.is_error || pair->after.is_error) {
        compare_failed(pair, arena, ret);
        return;
    }
    ret->counts.compared++;
    buf_init(&words, WORDS_BYTES_MAX);
    bool alike = are_alike(pair, &words);
    ret->counts.same += alike;
    ret->counts.differ += !alike;
    if (decide(judge, pair, &pair->before, scratch, &before) && decide(judge, pair, &pair->after, scratch, &after)) {
        compare_decisions(&before, &after, arena, ret);
    } else if (!alike) {
        add_words(ret, arena, REPLAY_ANSWER, arena_copy(arena, buf_str(&words)));
    }
}
