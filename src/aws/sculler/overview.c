/*
 * overview: what there is, on one page.  Names, versions and aliases are copied from the catalog on the loop; when each
 * was last called and how it went is asked on the records lane.
 */
#include "aws/sculler/figures.h"
#include "aws/sculler/traffic.h"
#include "aws/sculler/window.h"
#include "base/clock.h"
#include "functions/catalog.h"
#include "invoke/invoke.h"
#include "loop/lane.h"

#include <stdlib.h>

enum { HOUR_S = 60 * 60, DAY_S = 24 * 60 * 60 };

struct described {
    str name;
    str *versions;
    int versions_count;
    struct alias_target *aliases;
    int aliases_count;
    int memory_mb;
};

struct asking {
    struct aws_call *call;
    struct records *records;
    struct described *functions;
    int count;
    struct rollup_figures *sum;
    struct err err;
};

static void describe(struct arena *arena, const struct function_entry *entry, struct described *ret)
{
    *ret = (struct described){
        .name = arena_copy(arena, entry->name),
        .versions = arena_new(arena, str, (size_t)entry->versions_count + 1),
        .versions_count = entry->versions_count,
        .aliases = arena_new(arena, struct alias_target, (size_t)entry->aliases_count + 1),
        .aliases_count = entry->aliases_count,
        .memory_mb = entry->versions_count ? entry->versions[0]->memory_mb : 0,
    };
    for (int i = 0; i < entry->versions_count; i++)
        ret->versions[i] = arena_copy(arena, entry->versions[i]->version);
    for (int i = 0; i < entry->aliases_count; i++)
        ret->aliases[i] = (struct alias_target){
            arena_copy(arena, entry->aliases[i].name),
            arena_copy(arena, entry->aliases[i].version),
            arena_copy(arena, entry->aliases[i].second_version),
            entry->aliases[i].second_weight,
        };
}

static int by_name(const void *a, const void *b)
{
    const struct described *one = a, *other = b;
    size_t len = one->name.len < other->name.len ? one->name.len : other->name.len;
    int order = memcmp(one->name.at, other->name.at, len);

    return order ? order : (one->name.len > other->name.len) - (one->name.len < other->name.len);
}

static void write_names(struct jw *jw, const struct described *function)
{
    jw_str(jw, "function", function->name);
    jw_int(jw, "memory_mb", function->memory_mb);
    jw_array_key(jw, "versions");
    for (int i = 0; i < function->versions_count; i++)
        jw_str_value(jw, function->versions[i]);
    jw_array_end(jw);
    jw_array_key(jw, "aliases");
    for (int i = 0; i < function->aliases_count; i++) {
        jw_object(jw);
        jw_str(jw, "alias", function->aliases[i].name);
        jw_str(jw, "version", function->aliases[i].version);
        jw_str(jw, "second_version", function->aliases[i].second_version);
        jw_real(jw, "second_weight", function->aliases[i].second_weight);
        jw_object_end(jw);
    }
    jw_array_end(jw);
}

static void on_row(void *ctx, const struct rollup_row *row)
{
    rollup_add(((struct asking *)ctx)->sum, &row->figures);
}

static bool write_span(struct asking *asking, const char *key, str name, int64_t span_s, int tier_s)
{
    struct jw *jw = &asking->call->jw;
    int64_t now_s = clock_wall_us() / 1000000;
    const struct rollup_filter filter = {
        .function = name, .from_s = (now_s - span_s) / tier_s * tier_s, .to_s = now_s + 1, .tier_s = tier_s};

    memset(asking->sum, 0, sizeof *asking->sum);
    if (!rollup_query(records_db(asking->records), &filter, on_row, asking, &asking->err))
        return false;
    jw_object_key(jw, key);
    figures_write(jw, asking->sum);
    jw_object_end(jw);
    return true;
}

static bool write_last_call(struct asking *asking, str name)
{
    struct jw *jw = &asking->call->jw;

    asking->err = (struct err){0};
    DB_ROWS_AUTO rows = db_query(records_db(asking->records), &asking->err,
                                 "SELECT received_us FROM invocations WHERE function = ? AND source NOT IN"
                                 " ('replay', 'shadow', 'import') ORDER BY id DESC LIMIT 1",
                                 DB_STR(name));
    if (db_next(&rows, &asking->err))
        window_write_time(jw, "last_call", db_int(&rows, 0));
    else
        jw_null(jw, "last_call");
    return asking->err.code == ERR_NONE;
}

static void run(void *ctx)
{
    struct asking *asking = ctx;
    struct jw *jw = &asking->call->jw;
    bool good = true;

    jw_object(jw);
    jw_array_key(jw, "functions");
    for (int i = 0; i < asking->count && good; i++) {
        str name = asking->functions[i].name;

        jw_object(jw);
        write_names(jw, &asking->functions[i]);
        good = write_last_call(asking, name) && write_span(asking, "hour", name, HOUR_S, ROLLUP_MINUTE_S) &&
               write_span(asking, "day", name, DAY_S, ROLLUP_HOUR_S);
        jw_object_end(jw);
    }
    jw_array_end(jw);
    jw_object_end(jw);
    if (!good)
        aws_fail_err(asking->call, &asking->err);
}

static void done(void *ctx)
{
    struct asking *asking = ctx;

    aws_call_finish(asking->call);
}

void functions_overview(struct aws_call *call)
{
    struct asking *asking = arena_new(call->arena, struct asking, 1);
    const struct function_entry *entry;
    size_t cursor = 0;

    asking->call = call;
    asking->records = call->door->invoker->records;
    asking->sum = arena_new(call->arena, struct rollup_figures, 1);
    asking->functions =
        arena_new(call->arena, struct described, (size_t)catalog_functions_count(call->door->catalog) + 1);
    while ((entry = catalog_next(call->door->catalog, &cursor)))
        describe(call->arena, entry, &asking->functions[asking->count++]);
    qsort(asking->functions, (size_t)asking->count, sizeof *asking->functions, by_name);
    lane_submit(records_lane(asking->records), run, done, asking);
}
