/*
 * store: functions, versions, aliases, policies and tags as they are on disk, in sculler.db.
 *
 * Everything here runs on the `state` lane, inside a transaction that the caller has begun and commits: one control
 * operation is one transaction, so a handler may read, change what it read and write it back, and nobody else comes
 * between.  Structs go in and come out; what comes out is in the caller's arena.  Names and qualifiers come parsed
 * (codec/arn.h); shapes and ranges have been checked by the door; what AWS calls it when it fails is the door's too.
 *
 * The answer says what happened; `err` is written only with STORE_BROKEN.  After any answer but STORE_OK the caller
 * rolls back.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "db/db.h"
#include "functions/catalog.h"

enum store_answer {
    STORE_OK = 0,
    STORE_NO_FUNCTION,
    STORE_NO_VERSION,        /* the function is there, this version is not */
    STORE_NO_SECOND_VERSION, /* of an alias's weights */
    STORE_NO_ALIAS,
    STORE_NO_POLICY,
    STORE_NO_STATEMENT,
    STORE_NO_SETTING,
    STORE_NO_LAYER, /* no such layer, or version of it */
    STORE_FUNCTION_EXISTS,
    STORE_ALIAS_EXISTS,
    STORE_STATEMENT_EXISTS,
    STORE_PENDING,             /* State is Pending: cannot be changed now; nor published, as when it is Failed */
    STORE_UPDATING,            /* LastUpdateStatus is InProgress */
    STORE_UPDATE_FAILED,       /* it is Failed: what $LATEST says it is cannot be run, so it is not published */
    STORE_WRONG_REVISION,      /* RevisionId given and not the latest */
    STORE_WRONG_CODE,          /* CodeSha256 given to publish and not that of $LATEST */
    STORE_VERSION_ALIASED,     /* a version that an alias points at cannot be deleted */
    STORE_ROUTING_REPEATS,     /* main version is also the weighted one */
    STORE_ROUTING_LATEST,      /* weights on an alias of $LATEST */
    STORE_TAGS_LIMIT,          /* more than STORE_TAGS_MAX */
    STORE_POLICY_LIMIT,        /* more than STORE_POLICY_BYTES_MAX */
    STORE_CONCURRENCY_LIMIT,   /* fewer than 100 would stay unreserved */
    STORE_BELOW_PROVISIONED,   /* less reserved than is provisioned */
    STORE_ABOVE_RESERVED,      /* more provisioned than is reserved */
    STORE_ABOVE_ACCOUNT,       /* more provisioned than the account has */
    STORE_PROVISIONED_LIMIT,   /* fewer than 100 would stay for others */
    STORE_VERSION_PROVISIONED, /* an alias of a version that has provisioned concurrency of its own */
    STORE_ALIAS_PROVISIONED,   /* the other way round */
    STORE_BROKEN,              /* the database said no: err */
};

enum {
    STORE_TAGS_MAX = 50,
    STORE_POLICY_BYTES_MAX = 20480,
    STORE_CONCURRENCY_UNRESERVED_MIN = 100,
};

enum update_status { UPDATE_NONE /* absent in the answer */, UPDATE_SUCCESSFUL, UPDATE_IN_PROGRESS, UPDATE_FAILED };

/* FunctionConfiguration.  An empty str is "not set".  The *_json are AWS's structures as JSON text, passed through. */
struct function_config {
    str name, version; /* "$LATEST" or "7" */
    str description, role, runtime, handler, package_type, architecture, kms_key_arn;
    str package;     /* hex of SHA-256 of the zip: the folder */
    str code_sha256; /* the same in base64, as AWS shows it */
    int64_t code_size;
    int memory_mb, timeout_s, tmp_mb; /* EphemeralStorage.Size */
    str environment_json;             /* {"Variables":{...}} */
    str vpc_json, dead_letter_json, file_systems_json, image_json;
    str layers_json;                                 /* of layer_uses_json() */
    str tracing_json, snap_start_json, logging_json; /* always set: the door puts AWS's defaults */
    /* the store's own: ignored on the way in */
    str revision_id;
    int64_t last_modified_us; /* wall */
    enum version_state state;
    str state_reason, state_reason_code;
    enum update_status update_status;
    str update_reason, update_reason_code;
    str run_key; /* changes with code or configuration only; part of runnable.key */
};

struct function_list {
    struct function_config *at;
    int count;
    str next_marker; /* empty: that was all */
};

struct store_tag {
    str key, value;
};

struct store_strings {
    str *at;
    int count;
};

/* --- functions (store.c) --- */

struct store_creation {
    const struct function_config *config; /* version is ignored */
    const struct store_tag *tags;
    int tags_count;
    bool publish;
};

/* ret: as CreateFunction answers ($LATEST, or version 1 when published). */
MUST_USE enum store_answer store_create(struct db *db, const struct store_creation *creation, struct arena *arena,
                                        struct function_config *ret, struct err *err);
/* qualifier: empty, "$LATEST", a number or an alias (ret->version is then the number it points at). */
MUST_USE enum store_answer store_get(struct db *db, str name, str qualifier, struct arena *arena,
                                     struct function_config *ret, struct err *err);
/* Writes back a config that store_get gave for $LATEST and the caller changed; UpdateFunctionCode and
 * UpdateFunctionConfiguration both.  revision_id may be empty.  ret: $LATEST, or the new version if publish. */
MUST_USE enum store_answer store_update(struct db *db, const struct function_config *config, str revision_id,
                                        bool publish, struct arena *arena, struct function_config *ret,
                                        struct err *err);
/* qualifier empty: the whole function; a number: that version (a missing one is fine). */
MUST_USE enum store_answer store_delete(struct db *db, str name, str qualifier, struct err *err);
/* ListFunctions, by name.  all_versions: every version of each, $LATEST first.  marker: next_marker of before. */
MUST_USE enum store_answer store_list(struct db *db, bool all_versions, str marker, int max, struct arena *arena,
                                      struct function_list *ret, struct err *err);
struct store_usage {
    int64_t functions_count, code_bytes;
    int64_t taken_concurrency; /* reserved, or provisioned where nothing is reserved */
};
MUST_USE enum store_answer store_usage(struct db *db, struct store_usage *ret, struct err *err);
/* Does any version, of a function or of a layer, refer to this package; and which packages are referred to at all. */
MUST_USE enum store_answer store_package_used(struct db *db, str package, bool *ret, struct err *err);
MUST_USE enum store_answer store_packages(struct db *db, struct arena *arena, struct store_strings *ret,
                                          struct err *err);

/* --- versions (versions.c) --- */

struct store_publication {
    str description;              /* empty: that of $LATEST */
    str code_sha256, revision_id; /* empty: not checked */
};
/* Nothing changed since the last version: that one again, same RevisionId. */
MUST_USE enum store_answer store_publish(struct db *db, str name, const struct store_publication *publication,
                                         struct arena *arena, struct function_config *ret, struct err *err);
MUST_USE enum store_answer store_list_versions(struct db *db, str name, str marker, int max, struct arena *arena,
                                               struct function_list *ret, struct err *err);
/* The reason code of what failed by our fault, not the package's. */
#define STORE_INTERNAL_ERROR STR("InternalError")
/* Versions that are Pending or InProgress; name empty, at a start: of all functions, and those that failed by our
 * fault, or for want of an interpreter that may be here by now. */
MUST_USE enum store_answer store_list_unready(struct db *db, str name, struct arena *arena, struct function_list *ret,
                                              struct err *err);
/* Pending -> Active, InProgress -> Successful; failure non-empty: Failed, with the reason.  Gives a new RevisionId.
 * Does nothing when the version is gone or its run_key is another by now. */
struct store_readiness {
    str name, version, run_key;
    str failure, failure_code;
};
MUST_USE enum store_answer store_mark_ready(struct db *db, const struct store_readiness *readiness, struct err *err);

/* --- aliases (aliases.c) --- */

struct alias_config {
    str name, description, version;
    str second_version; /* empty: no weights */
    double second_weight;
    str revision_id; /* the store's own */
};
struct alias_list {
    struct alias_config *at;
    int count;
    str next_marker;
};
MUST_USE enum store_answer store_alias_create(struct db *db, str function, const struct alias_config *alias,
                                              struct arena *arena, struct alias_config *ret, struct err *err);
MUST_USE enum store_answer store_alias_get(struct db *db, str function, str alias, struct arena *arena,
                                           struct alias_config *ret, struct err *err);
/* Writes back what store_alias_get gave and the caller changed. */
MUST_USE enum store_answer store_alias_update(struct db *db, str function, const struct alias_config *alias,
                                              str revision_id, struct arena *arena, struct alias_config *ret,
                                              struct err *err);
MUST_USE enum store_answer store_alias_delete(struct db *db, str function, str alias,
                                              struct err *err); /* missing: OK */
/* version empty: all; else those whose main version it is. */
MUST_USE enum store_answer store_alias_list(struct db *db, str function, str version, str marker, int max,
                                            struct arena *arena, struct alias_list *ret, struct err *err);

/* --- policies (policies.c); a function, each version and each alias has its own --- */

struct store_permission {
    str function, qualifier; /* qualifier empty: the function's */
    str statement_id;
    str statement_json; /* add only */
    str revision_id;    /* the policy's; empty: not checked */
};
MUST_USE enum store_answer store_permission_add(struct db *db, const struct store_permission *permission,
                                                struct err *err);
MUST_USE enum store_answer store_permission_remove(struct db *db, const struct store_permission *permission,
                                                   struct err *err);
struct store_policy {
    str json; /* {"Version":"2012-10-17","Id":"default","Statement":[...]} */
    str revision_id;
};
MUST_USE enum store_answer store_policy_get(struct db *db, str function, str qualifier, struct arena *arena,
                                            struct store_policy *ret, struct err *err);

/* --- tags, concurrency, settings (tags.c) --- */

struct tag_list {
    struct store_tag *at;
    int count;
};
MUST_USE enum store_answer store_tags_get(struct db *db, str function, struct arena *arena, struct tag_list *ret,
                                          struct err *err); /* by key */
MUST_USE enum store_answer store_tags_put(struct db *db, str function, const struct store_tag *tags, int count,
                                          struct err *err);
MUST_USE enum store_answer store_tags_remove(struct db *db, str function, const str *keys, int count, struct err *err);

/* ret: -1 when none is set */
MUST_USE enum store_answer store_concurrency_get(struct db *db, str function, int *ret, struct err *err);
/* account_limit: AWS's ConcurrentExecutions. */
MUST_USE enum store_answer store_concurrency_put(struct db *db, str function, int reserved, int account_limit,
                                                 struct err *err);
MUST_USE enum store_answer store_concurrency_delete(struct db *db, str function, struct err *err);

/* What AWS keeps beside a function.  All of it is given back, "recursion" is obeyed as well (entry.c): kind is our word ("event-invoke", "recursion",
 * "runtime-management"), qualifier "$LATEST", a number or an alias; json: the door's, JSON or a bare word. */
MUST_USE enum store_answer store_setting_put(struct db *db, str function, str qualifier, str kind, str json,
                                             struct err *err);
MUST_USE enum store_answer store_setting_get(struct db *db, str function, str qualifier, str kind, struct arena *arena,
                                             str *ret, struct err *err);
MUST_USE enum store_answer store_setting_delete(struct db *db, str function, str qualifier, str kind, struct err *err);
