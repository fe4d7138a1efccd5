/* address: which API, stage and path a request is for.  Pure: views of the request, no look-ups. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct gateway_address {
    bool named; /* the API is named by Host or path; else it is the default one, and `api` is empty */
    str api, stage;
    str path; /* behind the stage, leading slashes folded into one: "/a/"; "/" when there is nothing */
    str full; /* requestContext.path: "/stage//a" */
};

struct gateway_address gateway_address_of(str host, str path, struct arena *arena);
