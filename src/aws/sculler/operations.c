/* operations: the rows of our own HTTP. */
#include "aws/lambda/lambda_private.h"
#include "aws/lambda/links.h"
#include "aws/sculler/import.h"
#include "aws/sculler/logs.h"
#include "aws/sculler/posts.h"
#include "aws/sculler/quality.h"
#include "aws/sculler/sculler.h"
#include "aws/sculler/status.h"
#include "aws/sculler/traffic.h"
#include "monitor/monitor.h"

static const struct aws_operation operations[] = {
    {.name = "GetStatus", .method = "GET", .path = "/v1/status", .status = 200, .kind = AWS_LOOP, .loop = status_get},
    {.name = "GetLogs",
     .method = "GET",
     .path = "/v1/logs",
     .status = 200,
     .shape = &logs_shape,
     .kind = AWS_LOOP,
     .loop = logs_get},
    {.name = "GetTraffic",
     .method = "GET",
     .path = "/v1/traffic",
     .status = 200,
     .shape = &traffic_shape,
     .kind = AWS_LOOP,
     .loop = traffic_get},
    {.name = "ListFunctions",
     .method = "GET",
     .path = "/v1/functions",
     .status = 200,
     .kind = AWS_LOOP,
     .loop = functions_overview},
    {.name = "ImportFunction",
     .method = "POST",
     .path = "/v1/functions/{FunctionName}/import",
     .status = 200,
     .shape = &function_qualifier_shape,
     .kind = AWS_LOOP,
     .loop = import_operation},
    {.name = "PostPredictions",
     .method = "POST",
     .path = "/v1/predictions",
     .status = 200,
     .shape = &posts_shape,
     .kind = AWS_LOOP,
     .loop = posts_predictions,
     .body_max = POST_BODY_BYTES_MAX,
     .raw_body = true},
    {.name = "PostLabels",
     .method = "POST",
     .path = "/v1/labels",
     .status = 200,
     .shape = &posts_shape,
     .kind = AWS_LOOP,
     .loop = posts_labels,
     .body_max = POST_BODY_BYTES_MAX,
     .raw_body = true},
    {.name = "GetQuality",
     .method = "GET",
     .path = "/v1/quality/{FunctionName}",
     .status = 200,
     .shape = &quality_shape,
     .kind = AWS_LOOP,
     .loop = quality_get},
    {.name = "GetCurve",
     .method = "GET",
     .path = "/v1/quality/{FunctionName}/curve",
     .status = 200,
     .shape = &quality_shape,
     .kind = AWS_LOOP,
     .loop = quality_curve},
    {.name = "GetCode",
     .method = "GET",
     .path = "/_sculler/code/{sha256}",
     .status = 200,
     .shape = &code_link_shape,
     .kind = AWS_LOOP,
     .loop = code_link_serve,
     .open = true},
};

const struct aws_service aws_sculler = {
    .name = "sculler",
    .protocol = AWS_REST_JSON,
    .operations = operations,
    .operations_count = sizeof operations / sizeof *operations,
};
