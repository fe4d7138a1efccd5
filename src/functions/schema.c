/*
 * Rows of a database that exists somewhere are never rewritten: a change is a new row at the end.  Numbers are shared
 * with apis/schema.c: the next one is the highest of both and one.
 *
 * A function is one row of `functions` and a row of `versions` each for $LATEST (number 0) and what was published.
 * Text that is not set is '', so that comparing two versions needs no care for NULL; states are AWS's words, so
 * that a person with sqlite3 can read them.  Whatever hangs on a function goes with it (CASCADE).
 */
#include "functions/schema.h"

const struct db_migration functions_migrations[] = {
    {1, "CREATE TABLE functions ("
        "  name TEXT PRIMARY KEY,"
        "  next_version INTEGER NOT NULL DEFAULT 1,"
        "  reserved_concurrency INTEGER," /* NULL: none */
        "  created_us INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE versions ("
        "  function TEXT NOT NULL REFERENCES functions(name) ON DELETE CASCADE,"
        "  number INTEGER NOT NULL," /* 0: $LATEST */
        "  description TEXT NOT NULL DEFAULT '',"
        "  role TEXT NOT NULL DEFAULT '',"
        "  runtime TEXT NOT NULL DEFAULT '',"
        "  handler TEXT NOT NULL DEFAULT '',"
        "  package_type TEXT NOT NULL DEFAULT 'Zip',"
        "  architecture TEXT NOT NULL DEFAULT 'x86_64',"
        "  kms_key_arn TEXT NOT NULL DEFAULT '',"
        "  package TEXT NOT NULL DEFAULT ''," /* hex of SHA-256 */
        "  code_sha256 TEXT NOT NULL DEFAULT '',"
        "  code_size INTEGER NOT NULL DEFAULT 0,"
        "  memory_mb INTEGER NOT NULL,"
        "  timeout_s INTEGER NOT NULL,"
        "  tmp_mb INTEGER NOT NULL,"
        "  environment_json TEXT NOT NULL DEFAULT '',"
        "  vpc_json TEXT NOT NULL DEFAULT '',"
        "  dead_letter_json TEXT NOT NULL DEFAULT '',"
        "  file_systems_json TEXT NOT NULL DEFAULT '',"
        "  layers_json TEXT NOT NULL DEFAULT '',"
        "  image_json TEXT NOT NULL DEFAULT '',"
        "  tracing_json TEXT NOT NULL DEFAULT '',"
        "  snap_start_json TEXT NOT NULL DEFAULT '',"
        "  logging_json TEXT NOT NULL DEFAULT '',"
        "  revision_id TEXT NOT NULL,"
        "  last_modified_us INTEGER NOT NULL,"
        "  state TEXT NOT NULL CHECK (state IN ('Pending', 'Active', 'Failed')),"
        "  state_reason TEXT NOT NULL DEFAULT '',"
        "  state_reason_code TEXT NOT NULL DEFAULT '',"
        "  update_status TEXT NOT NULL DEFAULT ''"
        "    CHECK (update_status IN ('', 'Successful', 'InProgress', 'Failed')),"
        "  update_reason TEXT NOT NULL DEFAULT '',"
        "  update_reason_code TEXT NOT NULL DEFAULT '',"
        "  run_key TEXT NOT NULL,"
        "  PRIMARY KEY (function, number)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX versions_package ON versions(package);"

        "CREATE TABLE aliases ("
        "  function TEXT NOT NULL REFERENCES functions(name) ON DELETE CASCADE,"
        "  name TEXT NOT NULL,"
        "  description TEXT NOT NULL DEFAULT '',"
        "  version INTEGER NOT NULL,"
        "  second_version INTEGER," /* NULL: no weights */
        "  second_weight REAL NOT NULL DEFAULT 0,"
        "  revision_id TEXT NOT NULL,"
        "  PRIMARY KEY (function, name)"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE policies (" /* qualifier '': the function's own */
        "  function TEXT NOT NULL REFERENCES functions(name) ON DELETE CASCADE,"
        "  qualifier TEXT NOT NULL,"
        "  revision_id TEXT NOT NULL,"
        "  PRIMARY KEY (function, qualifier)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE policy_statements ("
        "  function TEXT NOT NULL,"
        "  qualifier TEXT NOT NULL,"
        "  position INTEGER NOT NULL,"
        "  statement_id TEXT NOT NULL,"
        "  json TEXT NOT NULL,"
        "  PRIMARY KEY (function, qualifier, position),"
        "  UNIQUE (function, qualifier, statement_id),"
        "  FOREIGN KEY (function, qualifier) REFERENCES policies(function, qualifier) ON DELETE CASCADE"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE function_tags ("
        "  function TEXT NOT NULL REFERENCES functions(name) ON DELETE CASCADE,"
        "  key TEXT NOT NULL,"
        "  value TEXT NOT NULL,"
        "  PRIMARY KEY (function, key)"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE function_settings (" /* what AWS keeps beside a function: stored, echoed */
        "  function TEXT NOT NULL REFERENCES functions(name) ON DELETE CASCADE,"
        "  qualifier TEXT NOT NULL,"
        "  kind TEXT NOT NULL,"
        "  json TEXT NOT NULL,"
        "  PRIMARY KEY (function, qualifier, kind)"
        ") STRICT, WITHOUT ROWID;"},

    {3, "CREATE TABLE layers (" /* stays when all versions are gone: numbers are never given twice */
        "  name TEXT PRIMARY KEY,"
        "  next_version INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE layer_versions ("
        "  layer TEXT NOT NULL REFERENCES layers(name),"
        "  version INTEGER NOT NULL,"
        "  description TEXT NOT NULL DEFAULT '',"
        "  license TEXT NOT NULL DEFAULT '',"
        "  runtimes_json TEXT NOT NULL DEFAULT '',"
        "  architectures_json TEXT NOT NULL DEFAULT '',"
        "  package TEXT NOT NULL,"
        "  code_sha256 TEXT NOT NULL,"
        "  code_size INTEGER NOT NULL,"
        "  created_us INTEGER NOT NULL,"
        "  policy_json TEXT NOT NULL DEFAULT '',"
        "  policy_revision TEXT NOT NULL DEFAULT '',"
        "  PRIMARY KEY (layer, version)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX layer_versions_package ON layer_versions(package);"},

    {4, "CREATE TABLE provisioned ("
        "  function TEXT NOT NULL REFERENCES functions(name) ON DELETE CASCADE,"
        "  qualifier TEXT NOT NULL," /* a number or an alias */
        "  requested INTEGER NOT NULL,"
        "  modified_us INTEGER NOT NULL,"
        "  PRIMARY KEY (function, qualifier)"
        ") STRICT, WITHOUT ROWID;"},

    /* A version's number is never given twice, not even when its function was deleted and made anew (Lambda Developer
     * Guide, "versioning"): a record or an alias somewhere that names it never means other code. */
    {5, "CREATE TABLE gone_functions ("
        "  name TEXT PRIMARY KEY,"
        "  next_version INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"},
};

const int functions_migrations_count = sizeof functions_migrations / sizeof *functions_migrations;
