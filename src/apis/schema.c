/*
 * One table an entity of API Gateway; the columns are read and written by the tables in rest.c.  What AWS takes as a
 * map or list, and gives back as it came, is kept as its JSON.  NULL is "not set", which is not the empty text.
 */
#include "apis/schema.h"

static const char tables[] =
    "CREATE TABLE rest_apis ("
    " id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, description TEXT, created_us INTEGER NOT NULL, version TEXT,"
    " binary_media_types TEXT, minimum_compression_size INTEGER, api_key_source TEXT NOT NULL,"
    " endpoint_configuration TEXT NOT NULL, policy TEXT, tags TEXT, endpoint_disabled INTEGER NOT NULL,"
    " root_resource_id TEXT NOT NULL) STRICT;"
    "CREATE INDEX rest_apis_name ON rest_apis (name);"

    "CREATE TABLE rest_resources ("
    " api_id TEXT NOT NULL REFERENCES rest_apis (id) ON DELETE CASCADE, id TEXT NOT NULL, parent_id TEXT,"
    " path_part TEXT, path TEXT NOT NULL, PRIMARY KEY (api_id, id),"
    " FOREIGN KEY (api_id, parent_id) REFERENCES rest_resources (api_id, id) ON DELETE CASCADE) STRICT;"
    "CREATE UNIQUE INDEX rest_resources_parts ON rest_resources (api_id, parent_id, path_part);"

    "CREATE TABLE rest_methods ("
    " api_id TEXT NOT NULL, resource_id TEXT NOT NULL, verb TEXT NOT NULL, authorization_type TEXT NOT NULL,"
    " authorization_scopes TEXT, api_key_required INTEGER NOT NULL, operation_name TEXT, request_parameters TEXT,"
    " request_models TEXT, PRIMARY KEY (api_id, resource_id, verb),"
    " FOREIGN KEY (api_id, resource_id) REFERENCES rest_resources (api_id, id) ON DELETE CASCADE) STRICT;"

    "CREATE TABLE rest_method_responses ("
    " api_id TEXT NOT NULL, resource_id TEXT NOT NULL, verb TEXT NOT NULL, status TEXT NOT NULL,"
    " response_parameters TEXT, response_models TEXT, PRIMARY KEY (api_id, resource_id, verb, status),"
    " FOREIGN KEY (api_id, resource_id, verb) REFERENCES rest_methods (api_id, resource_id, verb)"
    " ON DELETE CASCADE) STRICT;"

    "CREATE TABLE rest_integrations ("
    " api_id TEXT NOT NULL, resource_id TEXT NOT NULL, verb TEXT NOT NULL, type TEXT NOT NULL,"
    " integration_verb TEXT, uri TEXT, credentials TEXT, request_parameters TEXT, request_templates TEXT,"
    " passthrough_behavior TEXT NOT NULL, content_handling TEXT, timeout_ms INTEGER NOT NULL,"
    " cache_namespace TEXT NOT NULL, cache_key_parameters TEXT NOT NULL, PRIMARY KEY (api_id, resource_id, verb),"
    " FOREIGN KEY (api_id, resource_id, verb) REFERENCES rest_methods (api_id, resource_id, verb)"
    " ON DELETE CASCADE) STRICT;"

    "CREATE TABLE rest_integration_responses ("
    " api_id TEXT NOT NULL, resource_id TEXT NOT NULL, verb TEXT NOT NULL, status TEXT NOT NULL,"
    " selection_pattern TEXT, response_parameters TEXT, response_templates TEXT, content_handling TEXT,"
    " PRIMARY KEY (api_id, resource_id, verb, status),"
    " FOREIGN KEY (api_id, resource_id, verb) REFERENCES rest_integrations (api_id, resource_id, verb)"
    " ON DELETE CASCADE) STRICT;"

    /* snapshot: what the data plane needs, as it was then; never changed */
    "CREATE TABLE rest_deployments ("
    " api_id TEXT NOT NULL REFERENCES rest_apis (id) ON DELETE CASCADE, id TEXT NOT NULL, description TEXT,"
    " created_us INTEGER NOT NULL, snapshot TEXT NOT NULL, PRIMARY KEY (api_id, id)) STRICT;"

    "CREATE TABLE rest_stages ("
    " api_id TEXT NOT NULL REFERENCES rest_apis (id) ON DELETE CASCADE, name TEXT NOT NULL,"
    " deployment_id TEXT NOT NULL, description TEXT, variables TEXT, documentation_version TEXT,"
    " tracing_enabled INTEGER NOT NULL, tags TEXT, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,"
    " PRIMARY KEY (api_id, name),"
    " FOREIGN KEY (api_id, deployment_id) REFERENCES rest_deployments (api_id, id)) STRICT;";

const struct db_migration apis_migrations[] = {{2, tables}};
const int apis_migrations_count = sizeof apis_migrations / sizeof *apis_migrations;
