#include "aws/apigateway/apigateway_private.h"

enum { RESOURCE_ID_LEN = 6, RESOURCES_MAX = 300 };

/* -- path parts ------------------------------------------------------------------------------------------------------
 */

static bool is_part_text(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("._-:", c))))
            return false;
    }
    return s.len > 0;
}

static bool is_variable(str part)
{
    return str_starts(part, STR("{")) && str_ends(part, STR("}"));
}

static bool is_greedy(str part)
{
    return is_variable(part) && str_ends(part, STR("+}"));
}

static bool is_path_part(str part)
{
    str name = part;

    if (is_variable(part)) {
        name = (str){part.at + 1, part.len - 2};
        if (str_ends(name, STR("+")))
            name.len--;
    }
    return is_part_text(name);
}

/* -- create
 * -------------------------------------------------------------------------------------------------------------- */

static bool check_siblings(struct aws_call *call, const struct rest_tree *tree, str parent, str part)
{
    if (tree->resources_count >= RESOURCES_MAX)
        return aws_fail(call, AWS_ERROR_LIMIT_EXCEEDED,
                        "Maximum number of resources for this API has been reached. (%d)", RESOURCES_MAX);
    for (int i = 0; i < tree->resources_count; i++) {
        const struct rest_resource *other = &tree->resources[i];

        if (!str_eq(other->parent_id, parent))
            continue;
        if (str_eq(other->path_part, part))
            return aws_fail(call, AWS_ERROR_CONFLICT,
                            "Another resource with the same parent already has this name: " STR_FMT, STR_ARG(part));
        if (is_variable(other->path_part) && is_variable(part))
            return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                            "A sibling (" STR_FMT ") of this resource already has a variable path part -- only one is "
                            "allowed",
                            STR_ARG(other->path_part));
    }
    return true;
}

bool create_resource(struct aws_call *call)
{
    const struct create_resource_input *input = call->input;
    struct rest_resource parent, resource;
    struct rest_tree tree;
    struct err err = {0};

    if (!find_resource(call, input->api, input->parent, &parent))
        return false;
    if (!is_path_part(input->path_part))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly "
                        "braces at the beginning and the end.");
    if (is_greedy(parent.path_part))
        return aws_fail(call, AWS_ERROR_BAD_REQUEST,
                        "Cannot create a child of a resource with a greedy path variable: " STR_FMT,
                        STR_ARG(parent.path_part));
    if (!load_tree(call, input->api, STR(""), &tree) || !check_siblings(call, &tree, parent.id, input->path_part))
        return false;
    resource = (struct rest_resource){
        .api_id = input->api,
        .id = new_id(call->arena, RESOURCE_ID_LEN),
        .parent_id = parent.id,
        .path_part = input->path_part,
        .path = arena_printf(call->arena, STR_FMT "/" STR_FMT, STR_ARG(parent.parent_id.at ? parent.path : STR("")),
                             STR_ARG(input->path_part)),
    };
    if (!row_insert(call->db, &rest_resources, &resource, &err))
        return aws_fail_err(call, &err);
    rest_resource_write(&call->jw, &(struct rest_tree){0}, &resource, false);
    return true;
}

/* -- get, delete
 * ------------------------------------------------------------------------------------------------------------ */

static bool wants_methods(const struct ref_input *input)
{
    for (int i = 0; i < input->embed.count; i++)
        if (str_eq(shape_list_str(&input->embed, i), STR("methods")))
            return true;
    return false;
}

bool get_resource(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    struct rest_resource resource;
    struct rest_tree tree;

    if (!find_resource(call, input->api, input->resource, &resource) || !load_tree(call, input->api, STR(""), &tree))
        return false;
    rest_resource_write(&call->jw, &tree, &resource, wants_methods(input));
    return true;
}

bool get_resources(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    struct rest_tree tree;

    if (!load_tree(call, input->api, STR(""), &tree))
        return false;
    if (tree.resources_count == 0) /* even an empty API has its root */
        return aws_fail(call, AWS_ERROR_NOT_FOUND, "Invalid Resource identifier specified");
    str *ids = arena_new(call->arena, str, (size_t)tree.resources_count);
    for (int i = 0; i < tree.resources_count; i++)
        ids[i] = tree.resources[i].id;
    struct page page = page_of(input, ids, tree.resources_count);
    page_begin(call);
    for (int i = page.from; i < page.to; i++)
        rest_resource_write(&call->jw, &tree, &tree.resources[i], wants_methods(input));
    page_end(call, &page);
    return true;
}

bool delete_resource(struct aws_call *call)
{
    const struct ref_input *input = call->input;
    const str key[] = {input->api, input->resource};
    struct rest_resource resource;
    struct err err = {0};

    if (!find_resource(call, input->api, input->resource, &resource))
        return false;
    if (!resource.parent_id.at)
        return aws_fail(call, AWS_ERROR_BAD_REQUEST, "Root resource cannot be deleted.");
    return row_delete(call->db, &rest_resources, key, 2, &err) || aws_fail_err(call, &err);
}
