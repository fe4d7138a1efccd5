/*
 * Any body, query and path against the shape of CreateFunction, which has nearly everything: it never crashes, a fault
 * has a text, and what was accepted keeps its bounds.  Input: path label, query and body, a line each, then the rest.
 */
#include "aws/lambda/lambda_private.h"
#include "codec/json_read.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void try_shape(const struct shape *shape, const struct shape_source *source, size_t struct_bytes)
{
    ARENA_AUTO arena = {0};
    void *input = arena_alloc(&arena, 1, struct_bytes);
    str text = STR("");
    enum shape_fault fault = shape_parse(shape, source, &arena, input, &text);
    const struct config_input *config = input;

    assert((fault == SHAPE_OK) == (text.len == 0));
    if (fault != SHAPE_OK || shape != &create_function_shape)
        return;
    assert(config->function.len > 0 && config->role.len > 0 && config->code.given);
    assert(!config->memory.given || (config->memory.value >= 128 && config->memory.value <= 10240));
    assert(config->architectures.count <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    str input = {(const char *)data, len}, label, query, body;
    struct shape_label labels[1] = {{STR("FunctionName"), STR("")}};
    json_auto_t *json = NULL;
    struct err err = {0};

    str_cut(input, '\n', &label, &input);
    str_cut(input, '\n', &query, &body);
    labels[0].value = label;
    struct shape_source source = {.labels = labels, .labels_count = 1, .query = query};

    if (body.len && json_parse(body, &json, &err) && json_is_object(json))
        source.body = json;
    try_shape(&create_function_shape, &source, create_function_shape.size);
    try_shape(&update_configuration_shape, &source, update_configuration_shape.size);
    try_shape(&function_qualifier_shape, &source, function_qualifier_shape.size);
    return 0;
}
