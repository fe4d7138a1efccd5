/*
 * console: three answers: a file (200, or 304 when the browser has it), the way in (303 with the cookie), and the words
 * for who has neither cookie nor token (403).
 *
 * The cookie is HMAC(token): a strict one, so that no foreign page's link or form carries it, and HttpOnly, so that no
 * script reads it.  Cookies of one host are sent to all its ports, so the name tells servers apart, and what another
 * port's page may do with it is what console_vouches() lets it: read nothing (it sees no answer of another origin),
 * change nothing (its Origin is not ours).
 */
#include "console/console.h"

#include <string.h>

#include "codec/hash.h"
#include "codec/hex.h"
#include "codec/url.h"
#include "console/files.h"
#include "http/server.h"

#define COOKIE_SECONDS "34560000" /* 400 days; browsers keep none longer */

/* Nothing from elsewhere, nothing in line, no frame around us: what is served is what was built. */
#define CSP                                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

enum { HEADERS_MAX = 12, TOKEN_TEXT_MAX = 256 };

void console_init(struct console *console, str token, bool is_open, bool is_tls)
{
    unsigned char mac[SHA256_BYTES];

    *console = (struct console){.cookie_name = "sculler-", .token = token, .is_open = is_open, .is_tls = is_tls};
    hmac_sha256(token, STR("sculler: cookie of the dashboard, 1"), mac);
    hex_encode(mac, sizeof mac, console->cookie);
    hmac_sha256(token, STR("sculler: name of the cookie of the dashboard, 1"), mac);
    hex_encode(mac, 4, console->cookie_name + strlen("sculler-"));
}

bool console_claims(const struct console *console, const struct http_request *request)
{
    (void)console;
    if (str_starts(request->path, STR("/ui/")))
        return true;
    /* POST / and what asks for an Action is of AWS's query services */
    return str_eq(request->path, STR("/")) && !http_header(request, STR("Authorization")).len &&
           (str_eq(request->method, STR("GET")) || str_eq(request->method, STR("HEAD"))) &&
           !memmem(request->query.at ? request->query.at : "", request->query.len, "Action=", 7) &&
           !memmem(request->query.at ? request->query.at : "", request->query.len, "X-Amz-", 6);
}

/* -- who it is ----------------------------------------------------------------------------------------------------- */

static str trim(str text)
{
    while (text.len && *text.at == ' ')
        text = str_from(text, 1);
    return text;
}

static bool header_has_cookie(const struct console *console, str header)
{
    str pair, name, value;

    while (header.len > 0) {
        str_cut(header, ';', &pair, &header);
        if (str_cut(trim(pair), '=', &name, &value) && str_eq(name, str_of(console->cookie_name)) &&
            equal_in_constant_time(value, str_of(console->cookie)))
            return true;
    }
    return false;
}

/* A browser may send several lines, when it speaks through a proxy. */
static bool has_cookie(const struct console *console, const struct http_request *request)
{
    for (int i = 0; i < request->headers_count; i++)
        if (str_eq_nocase(request->headers[i].name, STR("Cookie")) &&
            header_has_cookie(console, request->headers[i].value))
            return true;
    return false;
}

static bool only_reads(str method)
{
    return str_eq(method, STR("GET")) || str_eq(method, STR("HEAD"));
}

static bool is_same_origin(const struct console *console, const struct http_request *request)
{
    str scheme = console->is_tls ? STR("https://") : STR("http://"), origin = http_header(request, STR("Origin"));

    return request->host.len && str_starts(origin, scheme) &&
           str_eq_nocase(str_from(origin, scheme.len), request->host);
}

bool console_vouches(const struct console *console, const struct http_request *request)
{
    return has_cookie(console, request) && (only_reads(request->method) || is_same_origin(console, request));
}

static bool has_token(const struct console *console, str query)
{
    char room[TOKEN_TEXT_MAX];
    str name, value;

    while (url_next_param(&query, &name, &value))
        if (str_eq(name, STR("token")) && value.len < sizeof room)
            return equal_in_constant_time(value, console->token);
    return false;
}

/* -- answers ------------------------------------------------------------------------------------------------------- */

static void answer(struct http_exchange *exchange, int status, const char *type, str body,
                   const struct http_header *more, int more_count)
{
    struct http_header headers[HEADERS_MAX] = {
        {STR("Content-Security-Policy"), STR(CSP)},
        {STR("X-Content-Type-Options"), STR("nosniff")},
        {STR("Referrer-Policy"), STR("no-referrer")},
        {STR("Cross-Origin-Opener-Policy"), STR("same-origin")},
        {STR("Cross-Origin-Resource-Policy"), STR("same-origin")},
    };
    int count = 5;

    for (int i = 0; i < more_count; i++)
        headers[count++] = more[i];
    const struct http_answer whole = {
        .status = status, .content_type = str_of(type), .headers = headers, .headers_count = count, .body = body};
    http_answer(exchange, &whole);
}

static bool takes_gzip(const struct http_request *request)
{
    str accepted = http_header(request, STR("Accept-Encoding"));

    return memmem(accepted.at ? accepted.at : "", accepted.len, "gzip", 4) != NULL;
}

static bool is_known(const struct http_request *request, const struct console_file *file)
{
    str known = http_header(request, STR("If-None-Match"));

    return memmem(known.at ? known.at : "", known.len, file->etag, strlen(file->etag)) != NULL;
}

static void answer_file(struct http_exchange *exchange, const struct console_file *file)
{
    bool gzip = takes_gzip(&exchange->request), known = is_known(&exchange->request, file);
    const struct http_header more[] = {
        {STR("ETag"), str_of(file->etag)},
        {STR("Cache-Control"), STR("no-cache")}, /* ask each time, by the ETag: a new build shows at once */
        {STR("Vary"), STR("Accept-Encoding")},
        {STR("Content-Encoding"), STR("gzip")},
    };

    answer(exchange, known ? 304 : 200, file->type,
           known  ? STR("")
           : gzip ? file->gzip
                  : file->plain,
           more, gzip && !known ? 4 : 3);
}

/* The token goes out of the address, and so out of histories, screenshots and what is sent to a colleague. */
static void answer_welcome(struct console *console, struct http_exchange *exchange)
{
    const struct http_header more[] = {
        {STR("Location"), STR("/")},
        {STR("Cache-Control"), STR("no-store")},
        {STR("Set-Cookie"),
         arena_printf(&exchange->arena, "%s=%s; Path=/; Max-Age=" COOKIE_SECONDS "; HttpOnly; SameSite=Strict%s",
                      console->cookie_name, console->cookie, console->is_tls ? "; Secure" : "")},
    };

    answer(exchange, 303, "", STR(""), more, 3);
}

static const char way_in[] =
    "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
    "<title>Sculler: how to get in</title><link rel=\"stylesheet\" href=\"/ui/style.css\">"
    "<main class=\"gate\"><h1>Sculler</h1><p>%s</p><p>The address with the token is what the server printed when it "
    "started, behind <b>Dashboard:</b>. To see it again, run this where the server runs:</p>"
    "<pre>sculler dashboard</pre><p>Open the address that it prints. This browser is then known here, and the token "
    "leaves the address bar.</p></main></html>";

static void answer_way_in(struct http_exchange *exchange, bool token_is_wrong)
{
    const struct http_header more[] = {{STR("Cache-Control"), STR("no-store")}};

    answer(exchange, 403, "text/html; charset=utf-8",
           arena_printf(&exchange->arena, way_in,
                        token_is_wrong ? "That token is not this server's: it may be of another server, or of a state "
                                         "folder that is no more."
                                       : "This dashboard is opened with a token, and this browser has not shown one."),
           more, 1);
}

void console_route(struct console *console, struct http_exchange *exchange)
{
    (void)console;
    exchange->body_max = 0;
}

void console_handle(struct console *console, struct http_exchange *exchange)
{
    const struct http_request *request = &exchange->request;
    const struct console_file *file = console_file_find(request->path);
    const struct http_header allow = {STR("Allow"), STR("GET, HEAD")};
    bool asked = memmem(request->query.at ? request->query.at : "", request->query.len, "token=", 6) != NULL;

    if (!only_reads(request->method))
        answer(exchange, 405, "text/plain; charset=utf-8", STR("Only GET and HEAD are possible here.\n"), &allow, 1);
    else if (!file)
        answer(exchange, 404, "text/plain; charset=utf-8",
               STR("The dashboard has no such file. It begins at /; a stage named 'ui' is reached by "
                   "/restapis/{api}/ui/_user_request_/.\n"),
               NULL, 0);
    else if (!str_eq(request->path, STR("/")))
        answer_file(exchange, file);
    else if (asked && has_token(console, request->query))
        answer_welcome(console, exchange);
    else if (console->is_open || (!asked && has_cookie(console, request)))
        answer_file(exchange, file);
    else
        answer_way_in(exchange, asked);
}
