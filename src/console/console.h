/*
 * console: the dashboard's door: GET / and GET /ui/…, files from the program itself, and who may see them.
 *
 * As Jupyter does it: the server prints its address with a token; whoever opens that gets a cookie for it, and the
 * token leaves the address bar.  The cookie stands for the server's key towards service `sculler` (/v1/…) and for
 * nothing else; what changes something must come from a page of the very same origin.  The files themselves are no
 * secret, but without the cookie `/` says how to get in, since the pages could ask nothing.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

struct http_exchange;
struct http_request;

enum { CONSOLE_TOKEN_CHARS = 43, CONSOLE_COOKIE_CHARS = 64, CONSOLE_COOKIE_NAME_CHARS = 16 };

struct console {
    char cookie[CONSOLE_COOKIE_CHARS + 1];           /* made of the token; who has it cannot make the token of it */
    char cookie_name[CONSOLE_COOKIE_NAME_CHARS + 1]; /* of this server: cookies do not keep to a port */
    str token;
    bool is_open; /* --auth off: nothing is asked for */
    bool is_tls;
};

/* token: stays the caller's, and there. */
void console_init(struct console *console, str token, bool is_open, bool is_tls);

bool console_claims(const struct console *console, const struct http_request *request);
void console_route(struct console *console, struct http_exchange *exchange);
void console_handle(struct console *console, struct http_exchange *exchange);

/* Does this request come from a page that was opened with the token?  A method that may change something only with
 * an Origin, and that of the address it is sent to. */
bool console_vouches(const struct console *console, const struct http_request *request);
