/*
 * layers: what functions share, in versions of its own, as they are on disk; and what a function version keeps of those
 * it has.  As store.h: on the state lane, inside the caller's transaction.
 *
 * A function version holds its layers by their packages and not by their rows, so a layer version that was deleted
 * goes on working in the functions that have it (API_DeleteLayerVersion), and its package stays.
 */
#pragma once

#include "functions/store.h"

enum { LAYERS_PER_FUNCTION_MAX = 5 };

struct layer_version {
    str layer; /* name */
    int64_t version;
    str description, license;
    str runtimes_json, architectures_json; /* JSON lists of texts; empty: none was given */
    str package;                           /* hex of SHA-256 */
    str code_sha256;                       /* the same in base64 */
    int64_t code_size;
    int64_t created_us; /* wall; the store's own, as `version` */
};

struct layer_list {
    struct layer_version *at;
    int count;
    str next_marker; /* empty: that was all */
};

struct layer_filter {
    str runtime, architecture; /* empty: any; else only versions that name it */
};

/* Takes the next number, which is never given again. */
MUST_USE enum store_answer store_layer_publish(struct db *db, const struct layer_version *made, struct arena *arena,
                                               struct layer_version *ret, struct err *err);
MUST_USE enum store_answer store_layer_get(struct db *db, str layer, int64_t version, struct arena *arena,
                                           struct layer_version *ret, struct err *err); /* STORE_NO_LAYER */
/* Of each layer the newest version that the filter lets through, by name. */
MUST_USE enum store_answer store_layer_list(struct db *db, const struct layer_filter *filter, str marker, int max,
                                            struct arena *arena, struct layer_list *ret, struct err *err);
/* Newest first; of an unknown layer none. */
MUST_USE enum store_answer store_layer_versions(struct db *db, str layer, const struct layer_filter *filter, str marker,
                                                int max, struct arena *arena, struct layer_list *ret, struct err *err);
/* A missing one is fine. */
MUST_USE enum store_answer store_layer_delete(struct db *db, str layer, int64_t version, struct err *err);

/* The policy of a layer version: STORE_NO_LAYER, STORE_NO_POLICY, STORE_NO_STATEMENT, STORE_STATEMENT_EXISTS,
 * STORE_WRONG_REVISION (revision_id empty: not checked), STORE_POLICY_LIMIT. */
struct layer_permission {
    str layer;
    int64_t version;
    str statement_id, statement_json /* add only */, revision_id;
};
MUST_USE enum store_answer store_layer_permission_add(struct db *db, const struct layer_permission *permission,
                                                      struct arena *arena, str *ret_revision, struct err *err);
MUST_USE enum store_answer store_layer_permission_remove(struct db *db, const struct layer_permission *permission,
                                                         struct err *err);
MUST_USE enum store_answer store_layer_policy_get(struct db *db, str layer, int64_t version, struct arena *arena,
                                                  struct store_policy *ret, struct err *err);

/* --- what function_config.layers_json holds --- */

struct layer_use {
    str arn; /* with its version */
    int64_t code_size;
    str package;
};

str layer_uses_json(const struct layer_use *uses, int count, struct arena *arena); /* empty for none */
/* At most LAYERS_PER_FUNCTION_MAX; how many. */
int layer_uses_read(str json, struct arena *arena, struct layer_use ret[LAYERS_PER_FUNCTION_MAX]);
