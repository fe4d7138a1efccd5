/* The operations of API Gateway that are served: API Gateway V1 API reference, Actions.
 */
#include "aws/apigateway/apigateway.h"
#include "aws/apigateway/apigateway_private.h"

#define API "/restapis/{restapi_id}"
#define RESOURCE API "/resources/{resource_id}"
#define METHOD RESOURCE "/methods/{http_method}"
#define JOB(title, http_verb, at, code, parameters, function)                                                 \
    {                                                                                                         \
        .name = title, .method = http_verb, .path = at, .status = code, .shape = parameters, .kind = AWS_JOB, \
        .job = function                                                                                       \
    }

static const struct aws_operation operations[] = {
    JOB("CreateRestApi", "POST", "/restapis", 201, &create_rest_api_shape, create_rest_api),
    JOB("GetRestApis", "GET", "/restapis", 200, &ref_shape, get_rest_apis),
    JOB("GetRestApi", "GET", API, 200, &ref_shape, get_rest_api),
    JOB("DeleteRestApi", "DELETE", API, 202, &ref_shape, delete_rest_api),
    JOB("GetAccount", "GET", "/account", 200, NULL, get_account),

    JOB("GetResources", "GET", API "/resources", 200, &ref_shape, get_resources),
    JOB("CreateResource", "POST", API "/resources/{parent_id}", 201, &create_resource_shape, create_resource),
    JOB("GetResource", "GET", RESOURCE, 200, &ref_shape, get_resource),
    JOB("DeleteResource", "DELETE", RESOURCE, 202, &ref_shape, delete_resource),

    JOB("PutMethod", "PUT", METHOD, 201, &put_method_shape, put_method),
    JOB("GetMethod", "GET", METHOD, 200, &ref_shape, get_method),
    JOB("DeleteMethod", "DELETE", METHOD, 204, &ref_shape, delete_method),
    JOB("PutMethodResponse", "PUT", METHOD "/responses/{status_code}", 201, &put_method_response_shape,
        put_method_response),
    JOB("GetMethodResponse", "GET", METHOD "/responses/{status_code}", 200, &ref_shape, get_method_response),
    JOB("DeleteMethodResponse", "DELETE", METHOD "/responses/{status_code}", 204, &ref_shape, delete_method_response),

    JOB("PutIntegration", "PUT", METHOD "/integration", 201, &put_integration_shape, put_integration),
    JOB("GetIntegration", "GET", METHOD "/integration", 200, &ref_shape, get_integration),
    JOB("DeleteIntegration", "DELETE", METHOD "/integration", 204, &ref_shape, delete_integration),
    JOB("PutIntegrationResponse", "PUT", METHOD "/integration/responses/{status_code}", 201,
        &put_integration_response_shape, put_integration_response),
    JOB("GetIntegrationResponse", "GET", METHOD "/integration/responses/{status_code}", 200, &ref_shape,
        get_integration_response),
    JOB("DeleteIntegrationResponse", "DELETE", METHOD "/integration/responses/{status_code}", 204, &ref_shape,
        delete_integration_response),

    JOB("CreateDeployment", "POST", API "/deployments", 201, &create_deployment_shape, create_deployment),
    JOB("GetDeployments", "GET", API "/deployments", 200, &ref_shape, get_deployments),
    JOB("GetDeployment", "GET", API "/deployments/{deployment_id}", 200, &ref_shape, get_deployment),
    JOB("DeleteDeployment", "DELETE", API "/deployments/{deployment_id}", 202, &ref_shape, delete_deployment),

    JOB("CreateStage", "POST", API "/stages", 201, &create_stage_shape, create_stage),
    JOB("GetStages", "GET", API "/stages", 200, &ref_shape, get_stages),
    JOB("GetStage", "GET", API "/stages/{stage_name}", 200, &ref_shape, get_stage),
    JOB("UpdateStage", "PATCH", API "/stages/{stage_name}", 200, &update_stage_shape, update_stage),
    JOB("DeleteStage", "DELETE", API "/stages/{stage_name}", 202, &ref_shape, delete_stage),
};

const struct aws_service aws_apigateway = {
    .name = "apigateway",
    .protocol = AWS_REST_JSON,
    .operations = operations,
    .operations_count = sizeof operations / sizeof *operations,
};
