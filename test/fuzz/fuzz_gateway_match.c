/* First line: a request's path; the others: resources.  What matches is one of them, and values are parts of the path. */
#include "apis/apis.h"
#include "gateway/address.h"

#include <assert.h>
#include <stdint.h>

enum { RESOURCES_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str rest = {(const char *)data, len}, path;
    struct api_method method = {.verb = STR("ANY")};
    struct api_resource resources[RESOURCES_MAX] = {0};
    struct api_stage stage = {.resources = resources};
    const struct api_resource *resource;
    struct gateway_address address;
    struct api_pair *params;
    ARENA_AUTO arena = {0};
    int count;

    str_cut(rest, '\n', &path, &rest);
    while (rest.len && stage.resources_count < RESOURCES_MAX) {
        struct api_resource *next = &resources[stage.resources_count++];

        str_cut(rest, '\n', &next->path, &rest);
        next->methods = &method;
        next->methods_count = 1;
    }
    address = gateway_address_of(path, path, &arena);
    assert(address.path.len > 0);
    if (!api_match(&stage, STR("GET"), path, &arena, &resource, &params, &count))
        return 0;
    assert(resource >= resources && resource < resources + stage.resources_count);
    for (int i = 0; i < count; i++)
        assert(params[i].value.at >= path.at && params[i].value.at + params[i].value.len <= path.at + path.len);
    return 0;
}
