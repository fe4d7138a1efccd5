#include "gateway/address.h"

static str fold_leading_slashes(str path)
{
    while (str_starts(path, STR("//")))
        path = str_from(path, 1);
    return path;
}

/* "/part/rest" -> "part" and "/rest" (or nothing) */
static str take_part(str *path)
{
    str whole = str_starts(*path, STR("/")) ? str_from(*path, 1) : *path;
    str part, rest;

    *path = str_cut(whole, '/', &part, &rest) ? (str){rest.at - 1, rest.len + 1} : STR("");
    return part;
}

/* "{api}.execute-api.…" */
static bool host_names_api(str host, str *ret_api)
{
    str service, rest;

    return str_cut(host, '.', ret_api, &rest) && ret_api->len && str_cut(rest, '.', &service, &rest) &&
           str_eq_nocase(service, STR("execute-api"));
}

/* The two forms that local emulators taught users; on success `path` is what is behind them: "/rest". */
static bool path_names_api(str *path, str *ret_api, str *ret_stage)
{
    str rest = *path;
    str first = take_part(&rest), second = take_part(&rest);

    if (str_eq(first, STR("_aws")) && str_eq(second, STR("execute-api"))) {
        *ret_api = take_part(&rest);
        *ret_stage = take_part(&rest);
    } else if (str_eq(first, STR("restapis"))) {
        *ret_api = second;
        *ret_stage = take_part(&rest);
        if (!str_eq(take_part(&rest), STR("_user_request_")))
            return false;
    } else {
        return false;
    }
    if (ret_api->len == 0)
        return false;
    *path = rest;
    return true;
}

struct gateway_address gateway_address_of(str host, str path, struct arena *arena)
{
    struct gateway_address address = {0};
    str rest = fold_leading_slashes(path);

    if (host_names_api(host, &address.api)) {
        address.named = true;
        address.full = rest;
        address.stage = take_part(&rest);
    } else if (path_names_api(&rest, &address.api, &address.stage)) {
        address.named = true;
        address.full = arena_printf(arena, "/" STR_FMT STR_FMT, STR_ARG(address.stage), STR_ARG(rest));
    } else {
        address.api = STR("");
        address.full = rest;
        address.stage = take_part(&rest);
    }
    rest = fold_leading_slashes(rest);
    address.path = rest.len ? rest : STR("/");
    return address;
}
