#include "monitor/settings.h"

#include <stdio.h>
#include <string.h>

#include "codec/json_read.h"

struct reading {
    struct monitor_settings *settings;
    struct err *err;
};

/* -- paths ----------------------------------------------------------------------------------------------------------
 */

static bool parse_path(struct reading *reading, const char *setting, str text, struct json_path *ret)
{
    return json_path_parse(text, ret, reading->err) || err_wrap(reading->err, "monitor.%s", setting);
}

static bool text_of(struct reading *reading, const char *setting, const json_t *value, str *ret)
{
    if (!json_is_string(value))
        return err_set(reading->err, ERR_INVALID, "monitor.%s is to be a text", setting);
    *ret = json_text(value);
    return ret->len > 0 || err_set(reading->err, ERR_INVALID, "monitor.%s is empty", setting);
}

static bool read_path(struct reading *reading, const char *setting, const json_t *value, struct json_path *ret)
{
    str text;

    return text_of(reading, setting, value, &text) && parse_path(reading, setting, text, ret);
}

static bool copy_name(struct reading *reading, const char *setting, str name, char ret[SETTING_NAME_MAX + 1])
{
    if (name.len == 0 || name.len > SETTING_NAME_MAX)
        return err_set(reading->err, ERR_INVALID, "monitor.%s: a name has 1 to %d bytes", setting, SETTING_NAME_MAX);
    memcpy(ret, name.at, name.len);
    ret[name.len] = '\0';
    return true;
}

/* -- look-ups ---------------------------------------------------------------------------------------------------------
 */

static int item_named(const struct monitor_settings *settings, str name)
{
    for (int i = 0; i < settings->items_count; i++)
        if (str_eq(name, str_of(settings->items[i])))
            return i;
    return -1;
}

static bool same_path(const struct json_path *a, const struct json_path *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static struct lookup_list *list_of(struct reading *reading, const struct json_path *rows, int key)
{
    struct monitor_settings *settings = reading->settings;

    for (int i = 0; i < settings->lists_count; i++)
        if (settings->lists[i].key == key && same_path(&settings->lists[i].rows, rows))
            return &settings->lists[i];
    if (settings->lists_count == LISTS_MAX)
        return NULL;
    settings->lists[settings->lists_count] = (struct lookup_list){.rows = *rows, .key = key};
    return &settings->lists[settings->lists_count++];
}

static bool look_in_list(struct reading *reading, const char *setting, const struct json_path *rows, int key,
                         const struct json_path *value, struct lookup *ret)
{
    struct lookup_list *list = list_of(reading, rows, key);

    if (reading->settings->items_count == 0)
        return err_set(reading->err, ERR_INVALID,
                       "monitor.%s is looked up by the decision's items, and monitor.items names none", setting);
    if (!list)
        return err_set(reading->err, ERR_INVALID, "monitor.%s: the settings look into more than %d lists of the event",
                       setting, LISTS_MAX);
    ret->from = LOOKUP_LIST;
    ret->list = (int)(list - reading->settings->lists);
    ret->value = list->values_count;
    list->values[list->values_count++] = *value; /* one a look-up: there is room for all */
    return true;
}

/* {rows, key, value}; `name` is what it is called, for people. */
static bool read_full_lookup(struct reading *reading, const char *setting, const json_t *value, struct lookup *ret)
{
    static const char *const known[] = {"name", "rows", "key", "value"};
    struct json_path rows, path;
    const char *key;
    json_t *ignored;
    str name;

    json_object_foreach ((json_t *)(uintptr_t)value, key, ignored) {
        bool is_known = false;

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            is_known = is_known || strcmp(key, known[i]) == 0;
        if (!is_known)
            return err_set(reading->err, ERR_INVALID, "monitor.%s.%s is not known: name, rows, key and value are",
                           setting, key);
    }
    if (!text_of(reading, setting, json_object_get(value, "key"), &name))
        return err_wrap(reading->err, "key");
    if (item_named(reading->settings, name) < 0)
        return err_set(reading->err, ERR_INVALID, "monitor.%s.key is %.64s, which is not one of monitor.items", setting,
                       json_string_value(json_object_get(value, "key")));
    return read_path(reading, setting, json_object_get(value, "rows"), &rows) &&
           read_path(reading, setting, json_object_get(value, "value"), &path) &&
           look_in_list(reading, setting, &rows, item_named(reading->settings, name), &path, ret);
}

/* "$.budgets[*].price": the list is what is before the last [*], the value what is behind it. */
static bool read_list_lookup(struct reading *reading, const char *setting, str text, size_t star, struct lookup *ret)
{
    struct json_path rows, value;
    str rest = str_from(text, star + 3);

    if (rest.len < 2 || rest.at[0] != '.')
        return err_set(reading->err, ERR_INVALID,
                       "monitor.%s: behind [*] a value of the entries is due, as in $.budgets[*].price", setting);
    return parse_path(reading, setting, (str){text.at, star + 3}, &rows) &&
           parse_path(reading, setting, str_from(rest, 1), &value) &&
           look_in_list(reading, setting, &rows, -1, &value, ret);
}

static bool look_at_path(struct reading *reading, const char *setting, str text, struct lookup *ret)
{
    struct monitor_settings *settings = reading->settings;

    if (text.at[0] == '$') {
        ret->from = LOOKUP_EVENT;
        ret->value = settings->event_paths_count++;
        return parse_path(reading, setting, text, &settings->event_paths[ret->value]);
    }
    ret->from = LOOKUP_ROW;
    ret->value = settings->row_paths_count++;
    return parse_path(reading, setting, text, &settings->row_paths[ret->value]);
}

static bool read_lookup(struct reading *reading, const char *setting, const json_t *value, struct lookup *ret)
{
    str text;
    const char *star = NULL;

    if (json_is_object(value))
        return read_full_lookup(reading, setting, value, ret);
    if (!text_of(reading, setting, value, &text))
        return false;
    for (const char *at = text.at; (at = memmem(at, text.len - (size_t)(at - text.at), "[*]", 3)); at++)
        star = at;
    if (star && text.at[0] == '$')
        return read_list_lookup(reading, setting, text, (size_t)(star - text.at), ret);
    return look_at_path(reading, setting, text, ret);
}

/* -- settings ---------------------------------------------------------------------------------------------------------
 */

static bool read_rows(struct reading *reading, const json_t *value)
{
    return read_path(reading, "rows", value, &reading->settings->rows);
}

static bool read_score(struct reading *reading, const json_t *value)
{
    return read_path(reading, "score", value, &reading->settings->row_paths[ROW_PATH_SCORE]);
}

static bool read_prediction_id(struct reading *reading, const json_t *value)
{
    reading->settings->has_prediction_id = true;
    return read_path(reading, "prediction_id", value, &reading->settings->row_paths[ROW_PATH_PREDICTION_ID]);
}

static bool read_threshold(struct reading *reading, const json_t *value)
{
    reading->settings->threshold = json_number_value(value);
    return json_is_number(value) || err_set(reading->err, ERR_INVALID, "monitor.threshold is to be a number");
}

static bool read_score_range(struct reading *reading, const json_t *value)
{
    const json_t *low = json_array_get(value, 0), *high = json_array_get(value, 1);

    if (json_array_size(value) != 2 || !json_is_number(low) || !json_is_number(high) ||
        json_number_value(low) >= json_number_value(high))
        return err_set(reading->err, ERR_INVALID, "monitor.score_range is to be [least, most]");
    reading->settings->score_low = json_number_value(low);
    reading->settings->score_high = json_number_value(high);
    return true;
}

static bool read_item(struct reading *reading, str path)
{
    struct monitor_settings *settings = reading->settings;
    int at = settings->items_count;

    if (at == ITEMS_MAX)
        return err_set(reading->err, ERR_INVALID, "monitor.items names more than %d", ITEMS_MAX);
    settings->items_count++;
    return copy_name(reading, "items", path, settings->items[at]) &&
           parse_path(reading, "items", path, &settings->row_paths[ROW_PATH_ITEMS + at]) &&
           parse_path(reading, "items", path, &settings->item_paths[at]);
}

static bool read_items(struct reading *reading, const json_t *value)
{
    size_t i;
    json_t *item;
    str path;

    if (!json_is_array(value))
        return err_set(reading->err, ERR_INVALID, "monitor.items is to be a list of names");
    json_array_foreach (value, i, item)
        if (!text_of(reading, "items", item, &path) || !read_item(reading, path))
            return false;
    return true;
}

static bool read_segment(struct reading *reading, const json_t *value)
{
    return read_lookup(reading, "segment", value, &reading->settings->segment);
}

static bool read_amount(struct reading *reading, const json_t *value)
{
    return read_lookup(reading, "amount", value, &reading->settings->amount);
}

static bool read_attributes(struct reading *reading, const json_t *value)
{
    struct monitor_settings *settings = reading->settings;
    const char *name;
    json_t *lookup;

    if (!json_is_object(value))
        return err_set(reading->err, ERR_INVALID, "monitor.attributes is to be a table of names and paths");
    json_object_foreach ((json_t *)(uintptr_t)value, name, lookup) {
        struct lookup *attribute = &settings->attributes[settings->attributes_count];

        if (settings->attributes_count++ == ATTRIBUTES_MAX)
            return err_set(reading->err, ERR_INVALID, "monitor.attributes names more than %d", ATTRIBUTES_MAX);
        if (!copy_name(reading, "attributes", str_of(name), attribute->name) ||
            !read_lookup(reading, "attributes", lookup, attribute))
            return false;
    }
    return true;
}

static bool read_unlabelled_after(struct reading *reading, const json_t *value)
{
    const json_t *days = json_object_get(value, "days");
    str means = json_text(json_object_get(value, "means"));

    if (!json_is_integer(days) || json_integer_value(days) < 1 || json_integer_value(days) > 3650 ||
        !(str_eq(means, STR("negative")) || str_eq(means, STR("right"))))
        return err_set(reading->err, ERR_INVALID,
                       "monitor.unlabelled_after is to be {days = 30, means = \"negative\"}, or means = \"right\"");
    reading->settings->unlabelled_days = (int)json_integer_value(days);
    reading->settings->unlabelled_is_right = str_eq(means, STR("right"));
    return true;
}

/* In this order: look-ups ask which items there are. */
static const struct {
    const char *name;
    bool (*read)(struct reading *reading, const json_t *value);
} settings_known[] = {
    {"rows", read_rows},
    {"score", read_score},
    {"score_range", read_score_range},
    {"threshold", read_threshold},
    {"prediction_id", read_prediction_id},
    {"items", read_items},
    {"segment", read_segment},
    {"amount", read_amount},
    {"attributes", read_attributes},
    {"unlabelled_after", read_unlabelled_after},
};
enum { SETTINGS_COUNT = sizeof settings_known / sizeof *settings_known };

static bool is_known(const char *name)
{
    for (int i = 0; i < SETTINGS_COUNT; i++)
        if (strcmp(settings_known[i].name, name) == 0)
            return true;
    return false;
}

static bool check_names(const json_t *object, struct err *err)
{
    const char *name;
    json_t *ignored;

    if (!json_is_object(object))
        return err_set(err, ERR_INVALID, "the settings of a monitor are to be an object");
    json_object_foreach ((json_t *)(uintptr_t)object, name, ignored)
        if (!is_known(name))
            return err_set(err, ERR_INVALID,
                           "monitor.%.64s is not known; known are rows, score, score_range, threshold, "
                           "prediction_id, items, segment, amount, attributes, unlabelled_after",
                           name);
    return json_object_get(object, "score") ||
           err_set(err, ERR_INVALID, "monitor.score is missing: where in an entry of the response is the score?");
}

static bool check_values(const struct monitor_settings *settings, struct err *err)
{
    double threshold = settings_scale(settings, settings->threshold);

    return (threshold >= 0 && threshold <= 1) ||
           err_set(err, ERR_INVALID, "monitor.threshold is %g, outside of the scores' range of %g to %g",
                   settings->threshold, settings->score_low, settings->score_high);
}

bool monitor_settings_read(const json_t *object, struct monitor_settings *ret, struct err *err)
{
    struct reading reading = {ret, err};
    const json_t *value;

    memset(ret, 0, sizeof *ret);
    ret->score_high = 1;
    ret->threshold = 0.5;
    ret->row_paths_count = ROW_PATH_ITEMS + ITEMS_MAX;
    if (!check_names(object, err) || !json_path_parse(STR("$"), &ret->rows, err))
        return false;
    for (int i = 0; i < SETTINGS_COUNT; i++)
        if ((value = json_object_get(object, settings_known[i].name)) && !settings_known[i].read(&reading, value)) {
            err->code = ERR_INVALID;
            return false;
        }
    return check_values(ret, err);
}
