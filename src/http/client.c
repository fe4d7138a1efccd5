/*
 * libcurl's easy interface, one handle a call: the CLI makes a handful of calls and ends.  What libcurl would add by
 * itself (Expect, Accept, form types) is switched off, so that what is signed is what is sent.
 */
#include "http/client.h"

#include <stdlib.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/vec.h"

enum {
    CALL_BODY_BYTES_MAX = 1024 * 1024 * 1024,
    CALL_HEADERS_BYTES_MAX = 1024 * 1024,
    CALL_CONNECT_TIMEOUT_MS = 5 * 1000,
};

struct transfer {
    const struct http_call *call;
    struct arena *arena;
    VEC(struct http_header) headers;
    struct buf body;
    size_t headers_bytes;
    bool stopped;
};

static void free_handle(CURL **handle)
{
    curl_easy_cleanup(*handle);
}

static void free_list(struct curl_slist **list)
{
    curl_slist_free_all(*list);
}

static bool is_unix(const char *endpoint)
{
    return strncmp(endpoint, "unix:", 5) == 0;
}

/* The host as it is signed: what follows the scheme, up to a slash. */
static str host_of(const char *endpoint)
{
    const char *start = strstr(endpoint, "://");

    if (is_unix(endpoint) || !start)
        return STR("localhost");
    start += 3;
    return (str){start, strcspn(start, "/")};
}

static size_t on_header(char *at, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    str line = {at, size * count}, name, value;

    transfer->headers_bytes += line.len;
    if (transfer->headers_bytes > CALL_HEADERS_BYTES_MAX)
        return 0;
    if (str_starts(line, STR("HTTP/"))) { /* after a 100 Continue the real ones follow */
        transfer->headers.len = 0;
        return line.len;
    }
    while (line.len > 0 && (line.at[line.len - 1] == '\r' || line.at[line.len - 1] == '\n'))
        line.len--;
    if (!str_cut(line, ':', &name, &value))
        return size * count;
    while (value.len > 0 && value.at[0] == ' ')
        value = str_from(value, 1);
    *vec_push(&transfer->headers) =
        (struct http_header){arena_copy(transfer->arena, name), arena_copy(transfer->arena, value)};
    return size * count;
}

static size_t on_body(char *at, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    str piece = {at, size * count};

    if (transfer->call->on_piece) {
        transfer->stopped = !transfer->call->on_piece(transfer->call->ctx, piece);
        return transfer->stopped ? CURL_WRITEFUNC_ERROR : piece.len;
    }
    buf_add(&transfer->body, piece);
    return buf_ok(&transfer->body) ? piece.len : CURL_WRITEFUNC_ERROR;
}

/* "Name:" would tell libcurl to leave a header out; "Name;" sends an empty one. */
static void add_header(struct curl_slist **list, struct arena *arena, struct http_header header)
{
    str line = header.value.len > 0
                   ? arena_printf(arena, STR_FMT ": " STR_FMT, STR_ARG(header.name), STR_ARG(header.value))
                   : arena_printf(arena, STR_FMT ";", STR_ARG(header.name));

    *list = curl_slist_append(*list, line.at);
}

static bool make_headers(const struct http_call *call, struct arena *arena, struct curl_slist **list, struct err *err)
{
    struct http_header added[3];
    int added_count = 0;

    if (call->credentials &&
        !sigv4_sign(call->method, call->path, call->query, host_of(call->endpoint), call->headers, call->headers_count,
                    call->body, call->credentials, arena, added, &added_count, err))
        return false;
    for (int i = 0; i < call->headers_count; i++)
        add_header(list, arena, call->headers[i]);
    for (int i = 0; i < added_count; i++)
        add_header(list, arena, added[i]);
    *list = curl_slist_append(*list, "Expect:");
    if (!http_result_header(&(struct http_result){.headers = (struct http_header *)call->headers,
                                                  .headers_count = call->headers_count},
                            STR("Content-Type"))
             .at)
        *list = curl_slist_append(*list, "Content-Type:");
    return true;
}

static void set_request(CURL *handle, const struct http_call *call, struct arena *arena)
{
    bool local = is_unix(call->endpoint);
    int endpoint_len = (int)strlen(call->endpoint);
    str url;

    while (!local && endpoint_len > 0 && call->endpoint[endpoint_len - 1] == '/')
        endpoint_len--;
    url = arena_printf(arena, "%.*s" STR_FMT "%s" STR_FMT, local ? (int)strlen("http://localhost") : endpoint_len,
                       local ? "http://localhost" : call->endpoint, STR_ARG(call->path), call->query.len ? "?" : "",
                       STR_ARG(call->query));
    curl_easy_setopt(handle, CURLOPT_URL, url.at);
    if (local)
        curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, call->endpoint + strlen("unix:"));
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L); /* as signed */
    if (call->body.len > 0 || strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, call->body.at ? call->body.at : "");
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    }
    if (strcmp(call->method, "HEAD") == 0)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_transfer(CURL *handle, struct transfer *transfer, struct curl_slist *headers)
{
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (transfer->call->ca)
        curl_easy_setopt(handle, CURLOPT_CAINFO, transfer->call->ca);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)CALL_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)transfer->call->timeout_ms);
    if (is_unix(transfer->call->endpoint) || strstr(transfer->call->endpoint, "//127.") ||
        strstr(transfer->call->endpoint, "//localhost") || strstr(transfer->call->endpoint, "//[::1]"))
        curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
}

static bool explain(const struct transfer *transfer, CURLcode code, const char *detail, struct err *err)
{
    const char *endpoint = transfer->call->endpoint;

    switch ((int)code) {
    case CURLE_COULDNT_CONNECT:
        return err_set(err, ERR_SYSTEM, "no server answers at %s; start one with `sculler server`", endpoint);
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, ERR_SYSTEM, "the host in %s has no address", endpoint);
    case CURLE_OPERATION_TIMEDOUT:
        return err_set(err, ERR_TIMEOUT, "%s did not answer in time", endpoint);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(err, ERR_INVALID, "%s is not an endpoint: use http://host:port or unix:/path", endpoint);
    case CURLE_PEER_FAILED_VERIFICATION:
        return err_set(err, ERR_SYSTEM,
                       "the certificate of %.80s is not trusted by %.80s; name the file of its CA, or a self-signed "
                       "one's own, in AWS_CA_BUNDLE",
                       endpoint, transfer->call->ca ? transfer->call->ca : "this machine");
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(err, ERR_SYSTEM,
                       "the certificate to trust cannot be read: %.120s; AWS_CA_BUNDLE, or the server's tls_cert, "
                       "names it",
                       transfer->call->ca ? transfer->call->ca : "");
    default:
        break;
    }
    if (!buf_ok(&transfer->body))
        return err_set(err, ERR_LIMIT, "the answer from %s is too large", endpoint);
    return err_set(err, ERR_SYSTEM, "%s: %s", endpoint, detail[0] ? detail : curl_easy_strerror(code));
}

static void keep_result(struct transfer *transfer, long status, struct http_result *ret)
{
    size_t count = transfer->headers.len;
    struct http_header *headers = NULL;

    if (count > 0) {
        headers = arena_new(transfer->arena, struct http_header, count);
        memcpy(headers, transfer->headers.at, count * sizeof *headers);
    }
    *ret = (struct http_result){
        .status = (int)status,
        .headers = headers,
        .headers_count = (int)count,
        .body = arena_copy(transfer->arena, buf_str(&transfer->body)),
    };
}

bool http_call(const struct http_call *call, struct arena *arena, struct http_result *ret, struct err *err)
{
    CLEANUP(free_handle) CURL *handle = curl_easy_init();
    CLEANUP(free_list) struct curl_slist *headers = NULL;
    struct transfer transfer = {.call = call, .arena = arena};
    char detail[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURLcode code;

    if (!handle)
        return err_set(err, ERR_SYSTEM, "libcurl could not be started");
    if (!make_headers(call, arena, &headers, err))
        return false;
    buf_init(&transfer.body, CALL_BODY_BYTES_MAX);
    set_request(handle, call, arena);
    set_transfer(handle, &transfer, headers);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);

    code = curl_easy_perform(handle);
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK || transfer.stopped)
        keep_result(&transfer, status, ret);
    else
        explain(&transfer, code, detail, err);
    vec_free(&transfer.headers);
    buf_free(&transfer.body);
    return code == CURLE_OK || transfer.stopped;
}

str http_result_header(const struct http_result *result, str name)
{
    for (int i = 0; i < result->headers_count; i++)
        if (result->headers[i].name.len == name.len && str_eq_nocase(result->headers[i].name, name))
            return result->headers[i].value;
    return (str){NULL, 0};
}
