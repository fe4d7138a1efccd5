/*
 * catalog: what may be run, as the loop knows it: a copy in memory of functions, versions and aliases.
 *
 * The truth is in sculler.db and is changed by jobs of the state lane; the job that changes a function builds its
 * new `struct function_entry` and its `done` puts it here, before the change is answered.  So a call is resolved
 * by two look-ups, never waits for SQL, and sees every change that was acknowledged.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "base/str.h"
#include "functions/settings.h"

enum version_state { VERSION_PENDING, VERSION_ACTIVE, VERSION_FAILED };

/* One version as it is run.  Immutable; counted; the last release frees it with its arena. */
struct runnable {
    struct arena arena;
    int references;
    str function; /* name */
    str version;  /* "$LATEST" or "7" */
    str arn;      /* unqualified: arn:aws:lambda:REGION:ACCOUNT:function:NAME */
    str key; /* NAME:VERSION:REVISION_OF_WHAT_RUNS, the identity of a template: changes with code or configuration */
    str handler, runtime, interpreter /* absolute path */, prefix;
    str package;      /* hex of SHA-256, folder name under packages/ */
    str *environment; /* "KEY=VALUE" of the customer */
    int environment_count;
    str log_group, role;
    str *layers; /* packages of its layers, in order: hex of SHA-256 */
    int layers_count;
    struct function_settings settings;
    int memory_mb, timeout_ms, tmp_mb;
    int provisioned; /* workers to keep ready, by PutProvisionedConcurrencyConfig; 0: none */
    enum version_state state;
    str state_reason;
    bool updating; /* the database has newer code or configuration that is not ready (or never was): while the
                      catalog holds an active one, catalog_put() keeps that instead, as AWS does */
    void (*on_gone)(void *ctx, const struct runnable *runnable); /* set by catalog_put(): the last release */
    void *on_gone_ctx;
};

struct alias_target {
    str name;
    str version, second_version; /* second empty: no weights */
    double second_weight;        /* 0..1 */
};

struct function_entry {
    struct arena arena;
    str name;
    struct runnable **versions; /* $LATEST first */
    int versions_count;
    struct alias_target *aliases;
    int aliases_count;
    int reserved_concurrency; /* -1: none set */
    bool may_recurse;         /* PutFunctionRecursionConfig: RecursiveLoop is Allow */
};

struct catalog;

struct catalog *catalog_new(void);
void catalog_free(struct catalog *catalog);
void catalog_put(struct catalog *catalog, struct function_entry *entry); /* takes it; replaces the one before */
void catalog_remove(struct catalog *catalog, str name);
const struct function_entry *catalog_function(const struct catalog *catalog, str name);

/* qualifier: empty or "$LATEST", a number, an alias (weights are drawn here).  NULL: not there.
 * The result is retained for the caller: runnable_release() it.  ret_alias: empty unless it was one. */
struct runnable *catalog_resolve(const struct catalog *catalog, str name, str qualifier, str *ret_alias);

/* Is this version, as it is run here, still one that a call can resolve to? */
bool catalog_has(const struct catalog *catalog, const struct runnable *runnable);

/* Told of each runnable that the catalog takes, and of its last release: packages/ pins by it.  One listener. */
void catalog_watch(struct catalog *catalog, void (*on_added)(void *ctx, const struct runnable *runnable),
                   void (*on_gone)(void *ctx, const struct runnable *runnable), void *ctx);
/* One after the other, in no order; cursor starts 0.  NULL: that was all.  Not over a change of the catalog. */
const struct function_entry *catalog_next(const struct catalog *catalog, size_t *cursor);
int catalog_functions_count(const struct catalog *catalog);
int catalog_reserved(const struct catalog *catalog); /* concurrency, of all functions together */

/* The runnables that want workers kept ready (`provisioned`), one after the other; NULL: that was all.  A walk starts
 * as {0} and ends before the catalog changes. */
struct catalog_walk {
    size_t cursor;
    const struct function_entry *entry;
    int version;
};
struct runnable *catalog_next_provisioned(const struct catalog *catalog, struct catalog_walk *walk);

void runnable_retain(struct runnable *runnable);
void runnable_release(struct runnable *runnable);
