/*
 * compile: a stage's deployment as the data plane wants it.  The snapshot's JSON and the stage's variables become a
 * struct api_stage: integration URIs are taken apart, ${stageVariables.x} put in, maps turned into arrays.
 */
#pragma once

#include "apis/apis.h"
#include "base/err.h"

/* Pure. snapshot is rest_snapshot_write's text; variables a JSON object of texts, or empty. */
MUST_USE bool apis_compile(str snapshot, str variables, struct api_stage **ret, struct err *err);

/* "arn:aws:apigateway:REGION:lambda:path/2015-03-31/functions/FUNCTION/invocations" -> FUNCTION, as written there. */
MUST_USE bool apis_lambda_uri(str uri, str *ret_function);
