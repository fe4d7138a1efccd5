/*
 * routes: one port speaks everything; this says which door a request is for, and which are for none.
 *
 * Order: a Host we are not known by is refused (DNS rebinding); /health; addresses that name
 * an API; the dashboard's files (GET / and /ui/); what aws/ claims (a signature for a service, or a first part that
 * control APIs have); everything else is the data plane's short path.  A foreign Origin is refused everywhere but on
 * the data plane, where the method's own CORS decides.
 */
#pragma once

#include "http/server.h"

struct aws_door;
struct console;
struct gateway;

struct routes {
    struct aws_door *aws;
    struct console *console;
    struct gateway *gateway;
    const char *allowed_hosts; /* comma between; beside loopback names and the listening address */
    str own_address;           /* "127.0.0.1:4566" */
    bool listens_on_unix;
};

struct http_handlers routes_handlers(struct routes *routes);

/* For tests: is this Host (with or without port) one of ours? */
bool routes_knows_host(const struct routes *routes, str host);
