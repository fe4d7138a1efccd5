/*
 * Which method serves a request (API Gateway developer guide, gateway responses, Routing).
 *
 *  1. Of the resources whose path matches, the most specific: part by part from the left, a literal beats {x}, {x}
 *     beats {x+}.  If it serves the verb (its own, else ANY), that is it.
 *  2. If not, the most specific of the matching *greedy* resources that do serve the verb: so GET on a resource that
 *     only has a CORS OPTIONS goes to the {proxy+} beside or above it, even past a guarded verb.
 *
 * Paths are compared as sent, undecoded.  A stage has at most some hundred resources: a walk over all of them takes
 * microseconds, and is simpler to believe than a tree with backtracking.
 */
#include "apis/apis.h"

enum part_kind { PART_GREEDY, PART_VARIABLE, PART_LITERAL }; /* by rising specificity */

static enum part_kind part_kind(str part)
{
    if (part.len < 3 || part.at[0] != '{' || part.at[part.len - 1] != '}')
        return PART_LITERAL;
    return part.at[part.len - 2] == '+' ? PART_GREEDY : PART_VARIABLE;
}

/* Slashes at both ends do not count; those between do. */
static str trim_slashes(str path)
{
    while (path.len && path.at[0] == '/')
        path = str_from(path, 1);
    while (path.len && path.at[path.len - 1] == '/')
        path.len--;
    return path;
}

/* Both trimmed. */
static bool pattern_matches(str pattern, str path)
{
    str part, value;

    while (pattern.len) {
        str_cut(pattern, '/', &part, &pattern);
        if (path.len == 0)
            return false;
        if (part_kind(part) == PART_GREEDY)
            return true;
        str_cut(path, '/', &value, &path);
        if (part_kind(part) == PART_LITERAL ? !str_eq(part, value) : value.len == 0)
            return false;
    }
    return path.len == 0;
}

/* Of two patterns that match the same path. */
static bool is_more_specific(str a, str b)
{
    str part_a, part_b;

    while (a.len && b.len) {
        str_cut(a, '/', &part_a, &a);
        str_cut(b, '/', &part_b, &b);
        if (part_kind(part_a) != part_kind(part_b))
            return part_kind(part_a) > part_kind(part_b);
    }
    return false;
}

static bool is_greedy(str pattern)
{
    return str_ends(pattern, STR("+}"));
}

static const struct api_method *method_for(const struct api_resource *resource, str verb)
{
    const struct api_method *any = NULL;

    for (int i = 0; i < resource->methods_count; i++) {
        const struct api_method *method = &resource->methods[i];

        if (str_eq(method->verb, verb))
            return method;
        if (str_eq(method->verb, STR("ANY")))
            any = method;
    }
    return any;
}

/* The most specific that matches; with a verb, only greedy ones that serve it. */
static const struct api_resource *best_resource(const struct api_stage *stage, str path, const str *greedy_verb)
{
    const struct api_resource *best = NULL;

    for (int i = 0; i < stage->resources_count; i++) {
        const struct api_resource *resource = &stage->resources[i];
        str pattern = trim_slashes(resource->path);

        if (greedy_verb && (!is_greedy(pattern) || !method_for(resource, *greedy_verb)))
            continue;
        if (pattern_matches(pattern, path) && (!best || is_more_specific(pattern, trim_slashes(best->path))))
            best = resource;
    }
    return best;
}

/* "{x}" or "{x+}" -> "x" */
static str variable_name(str part)
{
    return (str){part.at + 1, part.len - (part_kind(part) == PART_GREEDY ? 3 : 2)};
}

static struct api_pair *collect_params(str pattern, str path, struct arena *arena, int *ret_count)
{
    struct api_pair *params = arena_new(arena, struct api_pair, pattern.len / 4 + 1); /* "/{x}" is the shortest */
    str part, value;
    int count = 0;

    while (pattern.len) {
        str whole = path;

        str_cut(pattern, '/', &part, &pattern);
        str_cut(path, '/', &value, &path);
        if (part_kind(part) != PART_LITERAL)
            params[count++] = (struct api_pair){variable_name(part), part_kind(part) == PART_GREEDY ? whole : value};
        if (part_kind(part) == PART_GREEDY)
            break; /* it took the rest */
    }
    *ret_count = count;
    return params;
}

const struct api_method *api_match(const struct api_stage *stage, str verb, str path, struct arena *arena,
                                   const struct api_resource **ret_resource, struct api_pair **ret_params,
                                   int *ret_params_count)
{
    str trimmed = trim_slashes(path);
    const struct api_resource *resource = best_resource(stage, trimmed, NULL);
    const struct api_method *method = resource ? method_for(resource, verb) : NULL;

    if (!method && (resource = best_resource(stage, trimmed, &verb)))
        method = method_for(resource, verb);
    if (!method)
        return NULL;
    *ret_resource = resource;
    *ret_params = collect_params(trim_slashes(resource->path), trimmed, arena, ret_params_count);
    return method;
}
