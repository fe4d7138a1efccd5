/* The MOCK integration: the request template names a status, which selects the response.  CORS preflights live on it.
 */
#include <stdio.h>

#include "gateway/gateway_private.h"
#include "gateway/lax_object.h"
#include "gateway/media.h"
#include "gateway/template.h"

/* What the request template comes to. */
static bool rendered(struct gateway_call *call, str *ret)
{
    const struct api_method *method = call->method;
    const struct http_request *request = &call->exchange->request;
    str type = media_type_of(http_header(request, STR("Content-Type")));
    const struct api_pair *template = template_for(method->request_templates, method->request_templates_count,
                                                   type.len ? type : STR("application/json"));

    *ret = request->body;
    if (!template && str_eq(method->passthrough, STR("NEVER")))
        return gateway_fail(call, GATEWAY_ERROR_MEDIA_TYPE, "passthroughBehavior is NEVER, and no template fits");
    if (!template && str_eq(method->passthrough, STR("WHEN_NO_TEMPLATES")) && method->request_templates_count > 0)
        return gateway_fail(call, GATEWAY_ERROR_MEDIA_TYPE,
                            "passthroughBehavior is WHEN_NO_TEMPLATES, and no template fits");
    if (!template)
        return true;
    switch (template_kind(template->value)) {
    case TEMPLATE_PASSES:
        return true;
    case TEMPLATE_CONSTANT:
        *ret = template->value;
        return true;
    case TEMPLATE_NEEDS_VTL:
        break;
    }
    return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                        "the MOCK's request template needs the mapping template language (VTL), which this server does "
                        "not have yet");
}

bool mock_decide(struct gateway_call *call)
{
    const struct integration_response *response;
    char text[16];
    str body;
    int status;

    if (!rendered(call, &body))
        return false;
    if (!lax_status_code(body, &status))
        return gateway_fail(call, GATEWAY_ERROR_INTERNAL,
                            "a MOCK's request template must come to an object with an integer statusCode");
    snprintf(text, sizeof text, "%d", status);
    return respond_select(call, str_of(text), &response) && respond_apply(call, response, STR(""));
}
