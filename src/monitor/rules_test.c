/* Thresholds in a real monitor.db: numbered, found by time, undone in order, the same after they are read again. */
#include "monitor/rules.h"

#include "base/test.h"

static struct rules rules;
static struct db *db;
static struct err err;
static struct threshold ret;

static void begin(void)
{
    const struct db_migration migrations[] = {{1, rules_schema}};

    ok(db_open(":memory:", &db, &err) && db_migrate(db, migrations, 1, &err) && rules_load(&rules, db, &err));
}

static void end(void)
{
    rules_done(&rules);
    db_close(db);
}

static void set(double value, int64_t time_us)
{
    ok(rules_set_threshold(&rules, STR("f"), STR("live"), (struct threshold){.value = value, .set_us = time_us}, &ret,
                           &err));
}

static bool rollback(void)
{
    return rules_rollback_threshold(&rules, STR("f"), STR("live"), (struct threshold){.set_us = 1000}, &ret, &err);
}

static bool is(int number, double value, int restores)
{
    return ret.number == number && ret.value == value && ret.restores == restores;
}

static void the_one_that_was_in_force_is_found(void)
{
    begin();
    ok(rules_threshold_at(&rules, STR("f"), STR("live"), 10, 0.25).value == 0.25);
    set(0.5, 10);
    set(0.75, 20);
    ok(rules_threshold_at(&rules, STR("f"), STR("live"), 9, 0.25).number == 0);
    ok(rules_threshold_at(&rules, STR("f"), STR("live"), 19, 0.25).value == 0.5);
    ok(rules_threshold_at(&rules, STR("f"), STR("live"), 20, 0.25).number == 2);
    ok(rules_threshold_at(&rules, STR("f"), STR(""), 20, 0.25).value == 0.25);
    end();
}

static void rolling_back_twice_goes_back_two(void)
{
    begin();
    ok(!rollback() && err.code == ERR_CONFLICT);
    set(0.1, 1);
    ok(!rollback() && err.code == ERR_CONFLICT);
    set(0.2, 2);
    set(0.3, 3);
    ok(rollback() && is(4, 0.2, 2));
    rules_done(&rules);
    ok(rules_load(&rules, db, &err)); /* as after a restart */
    ok(rollback() && is(5, 0.1, 1));
    ok(!rollback() && err.code == ERR_CONFLICT);
    set(0.4, 6); /* behind a rollback: what is before it is what that restored */
    ok(is(6, 0.4, 0) && rollback() && is(7, 0.1, 1));
    ok(!rollback());
    end();
}

TEST_MAIN(the_one_that_was_in_force_is_found, rolling_back_twice_goes_back_two)
