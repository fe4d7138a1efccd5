#include "monitor/capture.h"

#include <math.h>
#include <stdio.h>

#include "codec/json_read.h"

#include "base/test.h"

static struct monitor_settings settings;
static struct arena arena;
static struct predictions got;
static struct err err;

static bool read_settings(const char *text)
{
    json_auto_t *object = NULL;
    struct err ignored;

    if (!json_parse(str_of(text), &object, &ignored))
        ok(false);
    return monitor_settings_read(object, &settings, &err);
}

static void capture_from(const char *event, const char *response)
{
    struct captured_call call = {
        .time_us = 1,
        .function = STR("f"),
        .version = STR("1"),
        .request_id = STR("r"),
        .event = str_of(event),
        .response = str_of(response),
        .threshold = 0.5,
    };

    arena_free(&arena);
    capture(&settings, &call, &arena, &got);
}

#define MATCHER                                                                                           \
    "{\"rows\":\"$[*]\",\"score\":\"score\",\"threshold\":0.5,\"items\":[\"budget_id\",\"item_id\"],"     \
    "\"segment\":{\"name\":\"type\",\"rows\":\"$.budgets[*]\",\"key\":\"budget_id\",\"value\":\"type\"}," \
    "\"amount\":{\"rows\":\"$.items[*]\",\"key\":\"item_id\",\"value\":\"amount\"},"                      \
    "\"attributes\":{\"price\":\"$.budgets[*].price\",\"category\":\"$.items[*].category\",\"kind\":\"kind\"}}"
#define EVENT                                                                   \
    "{\"budgets\":[{\"budget_id\":\"b1\",\"type\":\"car\",\"price\":\"12.5\"}," \
    "{\"budget_id\":2,\"type\":\"hotel\",\"price\":7}],"                        \
    "\"items\":[{\"item_id\":\"i1\",\"amount\":\"3.5\",\"category\":\"x\"},{\"item_id\":\"i\\u0032\",\"amount\":4}]}"

static void a_decision_has_what_its_items_lead_to(void)
{
    ok(read_settings(MATCHER));
    capture_from(EVENT, "[{\"score\":0.75,\"budget_id\":\"b1\",\"item_id\":\"i1\",\"kind\":\"k\"},"
                        "{\"score\":0,\"budget_id\":2,\"item_id\":\"i2\"}]");
    ok(got.count == 2);
    ok(got.list[0].is_decided && got.list[0].score == 0.75 && got.list[0].position == 0);
    ok(str_eq(got.list[0].items, STR("{\"budget_id\":\"b1\",\"item_id\":\"i1\"}")));
    ok(str_eq(got.list[0].segment, STR("car")) && got.list[0].amount == 3.5);
    ok(str_eq(got.list[0].features, STR("{\"price\":\"12.5\",\"category\":\"x\",\"kind\":\"k\"}")));
    ok(got.list[1].is_decided && got.list[1].score == 0 && got.list[1].position == 1);
    ok(str_eq(got.list[1].items, STR("{\"budget_id\":\"2\",\"item_id\":\"i2\"}")));
    ok(str_eq(got.list[1].segment, STR("hotel")) && got.list[1].amount == 4);
    ok(str_eq(got.list[1].features, STR("{\"price\":7,\"category\":null,\"kind\":null}")));
}

static void what_is_no_decision_says_why(void)
{
    static const struct {
        const char *row;
        enum undecided why;
    } rows[] = {
        {"{\"score\":null}", UNDECIDED_NULL},
        {"{\"score\":\"0.5\"}", UNDECIDED_NOT_A_NUMBER},
        {"{\"score\":[1]}", UNDECIDED_NOT_A_NUMBER},
        {"{\"score\":1.5}", UNDECIDED_OUT_OF_RANGE},
        {"{\"score\":-0.1}", UNDECIDED_OUT_OF_RANGE},
        {"{\"scores\":1}", UNDECIDED_MISSING},
        {"3", UNDECIDED_MISSING},
    };

    ok(read_settings("{\"rows\":\"$[*]\",\"score\":\"score\"}"));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char response[64];

        snprintf(response, sizeof response, "[%s]", rows[i].row);
        capture_from("{}", response);
        ok(got.count == 1 && !got.list[0].is_decided && got.list[0].undecided == rows[i].why);
    }
    capture_from("{}", "[{\"score\":0.5},");
    ok(got.count == 1 && !got.list[0].is_decided && got.list[0].undecided == UNDECIDED_UNREADABLE);
    capture_from("{}", "{\"message\":\"no\"}"); /* $[*] is each member of an object, too */
    ok(got.count == 1 && got.list[0].undecided == UNDECIDED_MISSING);
    capture_from("{}", "\"no\"");
    ok(got.count == 0);
}

static void a_gateways_proxy_form_is_looked_into(void)
{
    ok(read_settings(MATCHER));
    capture_from(
        "{\"requestContext\":{},\"body\":\"{\\\"budgets\\\":[{\\\"budget_id\\\":\\\"b1\\\",\\\"type\\\":\\\"rail\\\"}]}"
        "\"}",
        "{\"statusCode\":200,\"body\":\"[{\\\"score\\\":1,\\\"budget_id\\\":\\\"b1\\\",\\\"item_id\\\":\\\"i\\\"}]\"}");
    ok(got.count == 1 && got.list[0].score == 1 && str_eq(got.list[0].segment, STR("rail")));
    capture_from("{}", "{\"statusCode\":500,\"body\":\"[{\\\"score\\\":1}]\"}");
    ok(got.count == 0);
}

static void a_single_answer_is_a_row(void)
{
    ok(read_settings(
        "{\"score\":\"fraud.score\",\"prediction_id\":\"id\",\"segment\":\"$.country\",\"score_range\":[-10,10]}"));
    capture_from("{\"country\":\"nl\"}", "{\"id\":7,\"fraud\":{\"score\":5}}");
    ok(got.count == 1 && got.list[0].score == 0.75 && str_eq(got.list[0].segment, STR("nl")));
    ok(str_eq(got.list[0].client_id, STR("7")));
}

static void settings_that_make_no_sense_are_refused_in_words(void)
{
    static const struct {
        const char *settings, *words;
    } bad[] = {
        {"{}", "monitor.score is missing"},
        {"[]", "are to be an object"},
        {"{\"score\":\"s\",\"treshold\":1}", "monitor.treshold is not known"},
        {"{\"score\":7}", "monitor.score is to be a text"},
        {"{\"score\":\"s\",\"rows\":\"$[\"}", "monitor.rows"},
        {"{\"score\":\"s\",\"threshold\":2}", "outside of the scores' range"},
        {"{\"score\":\"s\",\"score_range\":[1,1]}", "[least, most]"},
        {"{\"score\":\"s\",\"segment\":\"$.a[*].b\"}", "monitor.items names none"},
        {"{\"score\":\"s\",\"items\":[\"a\"],\"segment\":{\"rows\":\"$.x[*]\",\"key\":\"b\",\"value\":\"v\"}}",
         "not one of monitor.items"},
        {"{\"score\":\"s\",\"unlabelled_after\":{\"days\":0,\"means\":\"right\"}}", "monitor.unlabelled_after"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ok(!read_settings(bad[i].settings) && err.code == ERR_INVALID);
        ok(memmem(err.text, strlen(err.text), bad[i].words, strlen(bad[i].words)) != NULL);
    }
    arena_free(&arena);
}

TEST_MAIN(a_decision_has_what_its_items_lead_to, what_is_no_decision_says_why, a_gateways_proxy_form_is_looked_into,
          a_single_answer_is_a_row, settings_that_make_no_sense_are_refused_in_words)
