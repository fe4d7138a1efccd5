/*
 * One canonicaliser serves both directions: verifying takes the request as it came off the wire, signing makes the
 * same struct from what is about to be sent, so the two cannot drift apart.
 *
 * Signing keys are kept in a small table by what they are made of (secret, date, region, service), and not by key id:
 * then an unknown key, which is verified against the caller's one dummy secret, costs the same as a known one, and a
 * secret that was changed is never matched by an old entry.  The table belongs to its thread.
 *
 * The signature is compared before the clock is looked at, so a wrong secret says so even when the clock is wrong too.
 */
#include "http/sigv4.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/vec.h"
#include "codec/hash.h"
#include "codec/hex.h"
#include "codec/time_format.h"
#include "codec/url.h"

enum {
    SKEW_S = 5 * 60,
    SKEW_S3_S = 15 * 60,
    EXPIRES_S_MAX = 7 * 24 * 3600,
    /* Encoding makes three bytes of one, at worst. */
    CANONICAL_BYTES_MAX = 6 * HTTP_REQUEST_LINE_MAX + 2 * HTTP_HEADERS_BYTES_MAX,
    QUERY_BYTES_MAX = 3 * HTTP_REQUEST_LINE_MAX + 16,
    CANONICAL_BYTES_USUAL = 2048,
    TOKEN_BYTES_MAX = 128, /* a secret, region or service that is longer is not kept in the table */
    KEYS_COUNT = 64,
    COMPACT_LEN = 16, /* YYYYMMDDTHHMMSSZ */
    DATE_LEN = 8,
};

#define ALGORITHM STR("AWS4-HMAC-SHA256")
#define TERMINATOR STR("aws4_request")

static enum sigv4_fault faulty(enum sigv4_fault fault, struct err *err, const char *text)
{
    err_set(err, ERR_INVALID, "%s", text);
    return fault;
}

static bool is_s3(const struct sigv4 *sig)
{
    return str_eq(sig->service, STR("s3"));
}

/* ---- Reading ---- */

/* Takes what is before the next separator off `rest`: one character, or in a query its percent-encoded form too. */
static bool next_part(str *rest, char separator, bool encoded, str *ret)
{
    char hex[4] = {'%', "0123456789ABCDEF"[separator >> 4], "0123456789ABCDEF"[separator & 15], '\0'};
    size_t len = 0, skip = 0;

    if (!rest->at)
        return false;
    if (!encoded) {
        const char *found = memchr(rest->at, separator, rest->len);
        len = found ? (size_t)(found - rest->at) : rest->len;
        skip = found ? 1 : 0;
    }
    while (encoded && len < rest->len && !skip) {
        if (rest->at[len] == separator)
            skip = 1;
        else if (rest->len - len >= 3 && str_eq_nocase((str){rest->at + len, 3}, str_of(hex)))
            skip = 3;
        else
            len++;
    }
    *ret = (str){rest->at, len};
    *rest = skip ? (str){rest->at + len + skip, rest->len - len - skip} : (str){NULL, 0};
    return true;
}

static bool split_credential(str credential, struct sigv4 *sig)
{
    str terminator, *parts[] = {&sig->access_key, &sig->date, &sig->region, &sig->service, &terminator};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!next_part(&credential, '/', sig->presigned, parts[i]) || parts[i]->len == 0)
            return false;
    return !credential.at && sig->date.len == DATE_LEN && str_eq(terminator, TERMINATOR);
}

static str trim(str s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s = (str){s.at + 1, s.len - 1};
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static int count_headers(const struct http_request *request, str name)
{
    int count = 0;

    for (int i = 0; i < request->headers_count; i++)
        count += request->headers[i].name.len == name.len && str_eq_nocase(request->headers[i].name, name);
    return count;
}

static str query_param(str query, str wanted)
{
    str name, value;

    while (url_next_param(&query, &name, &value))
        if (str_eq(name, wanted))
            return value;
    return (str){NULL, 0};
}

static enum sigv4_fault read_header(str authorization, struct sigv4 *sig, str *ret_credential, struct err *err)
{
    str scheme, rest, part, name, value;
    const struct {
        str name;
        str *value;
    } known[] = {
        {STR("Credential"), ret_credential},
        {STR("SignedHeaders"), &sig->signed_headers},
        {STR("Signature"), &sig->signature},
    };

    (void)str_cut(authorization, ' ', &scheme, &rest);
    if (!str_eq(scheme, ALGORITHM)) {
        err_set(err, ERR_INVALID, "Unsupported AWS 'algorithm': '" STR_FMT "'.",
                (int)(scheme.len < 64 ? scheme.len : 64), scheme.at);
        return SIGV4_INCOMPLETE;
    }
    while (next_part(&rest, ',', false, &part)) {
        if (!str_cut(trim(part), '=', &name, &value))
            return faulty(SIGV4_INCOMPLETE, err,
                          "The Authorization header holds a part that is not a key=value pair (missing equal-sign).");
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            if (str_eq(name, known[i].name))
                *known[i].value = value;
    }
    return SIGV4_OK;
}

static void read_query(str query, struct sigv4 *sig, str *ret_credential)
{
    sig->presigned = true;
    *ret_credential = query_param(query, STR("X-Amz-Credential"));
    sig->signed_headers = query_param(query, STR("X-Amz-SignedHeaders"));
    sig->signature = query_param(query, STR("X-Amz-Signature"));
    sig->amz_date = query_param(query, STR("X-Amz-Date"));
    sig->session_token = query_param(query, STR("X-Amz-Security-Token"));
}

/* What is missing, all of it, in AWS's words. */
static enum sigv4_fault check_complete(const struct sigv4 *sig, str credential, struct err *err)
{
    const char *where = sig->presigned ? "AWS query-string parameters must include" : "Authorization header requires";
    const struct {
        const char *name;
        bool absent;
    } parts[] = {
        {"Credential", credential.len == 0},
        {"Signature", sig->signature.len == 0},
        {"SignedHeaders", sig->signed_headers.len == 0},
    };
    char text[sizeof err->text] = "";
    size_t used = 0;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].absent)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s '%s%s' parameter. ", where,
                                     sig->presigned ? "X-Amz-" : "", parts[i].name);
    if (sig->amz_date.len == 0)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "%s",
                             sig->presigned ? "AWS query-string parameters must include 'X-Amz-Date'. "
                                            : "Authorization header requires existence of either a 'X-Amz-Date' or a "
                                              "'Date' header. ");
    if (used == 0)
        return SIGV4_OK;
    if (used > sizeof text)
        used = sizeof text;
    text[used - 1] = '\0'; /* the last blank */
    return faulty(SIGV4_INCOMPLETE, err, text);
}

static bool is_signed(const struct sigv4 *sig, str name)
{
    str list = sig->signed_headers, part;

    while (next_part(&list, ';', sig->presigned, &part))
        if (part.len == name.len && str_eq_nocase(part, name))
            return true;
    return false;
}

static enum sigv4_fault check_signed_headers(const struct http_request *request, const struct sigv4 *sig,
                                             struct err *err)
{
    str list = sig->signed_headers, part;
    int count = 0;

    while (next_part(&list, ';', sig->presigned, &part))
        if (++count > HTTP_HEADERS_COUNT_MAX)
            return faulty(SIGV4_INCOMPLETE, err, "Too many signed headers.");
    if (!is_signed(sig, STR("host")))
        return faulty(SIGV4_MISMATCH, err, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    for (int i = 0; i < request->headers_count; i++) {
        str name = request->headers[i].name;

        if (name.len > 6 && str_eq_nocase((str){name.at, 6}, STR("x-amz-")) && !is_signed(sig, name)) {
            err_set(err, ERR_INVALID, "'" STR_FMT "' must be a 'SignedHeader' in the AWS Authorization.",
                    (int)(name.len < 64 ? name.len : 64), name.at);
            return SIGV4_MISMATCH;
        }
    }
    return SIGV4_OK;
}

static enum sigv4_fault read_signature(const struct http_request *request, struct sigv4 *sig, struct err *err)
{
    str authorization = http_header(request, STR("Authorization")), algorithm, credential = {0};
    enum sigv4_fault fault = SIGV4_OK;

    if (authorization.len > 0) {
        sig->amz_date = http_header(request, STR("X-Amz-Date"));
        if (sig->amz_date.len == 0)
            sig->amz_date = http_header(request, STR("Date"));
        sig->session_token = http_header(request, STR("X-Amz-Security-Token"));
        if (count_headers(request, STR("Authorization")) > 1)
            return faulty(SIGV4_INCOMPLETE, err, "The request has more than one Authorization header.");
        fault = read_header(authorization, sig, &credential, err);
    } else {
        algorithm = query_param(request->query, STR("X-Amz-Algorithm"));
        if (!algorithm.at)
            return faulty(SIGV4_ABSENT, err, "Missing Authentication Token");
        if (!str_eq(algorithm, ALGORITHM))
            return faulty(SIGV4_INCOMPLETE, err, "Unsupported AWS 'algorithm' in the query string.");
        read_query(request->query, sig, &credential);
    }
    if (fault == SIGV4_OK)
        fault = check_complete(sig, credential, err);
    if (fault != SIGV4_OK)
        return fault;
    if (!split_credential(credential, sig)) {
        err_set(err, ERR_INVALID,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
                "'" STR_FMT "'.",
                (int)(credential.len < 100 ? credential.len : 100), credential.at);
        return SIGV4_INCOMPLETE;
    }
    return check_signed_headers(request, sig, err);
}

enum sigv4_fault sigv4_read(const struct http_request *request, struct sigv4 *ret, struct err *err)
{
    struct sigv4 sig = {0};
    enum sigv4_fault fault = read_signature(request, &sig, err);

    if (fault == SIGV4_OK)
        *ret = sig;
    return fault;
}

/* ---- The canonical request ---- */

/* botocore's remove_dot_segments, which is what AWS does: segments that are empty or "." go, ".." takes one back. */
static void add_normal_path(struct buf *out, str path)
{
    size_t start = out->len;
    str rest = path, part;

    while (next_part(&rest, '/', false, &part)) {
        if (part.len == 0 || str_eq(part, STR(".")))
            continue;
        if (str_eq(part, STR(".."))) {
            while (out->len > start && out->at[--out->len] != '/')
                ;
            continue;
        }
        buf_add_char(out, '/');
        url_encode(out, part);
    }
    if (out->len == start || (path.len > 0 && path.at[path.len - 1] == '/'))
        buf_add_char(out, '/');
}

struct param { /* offsets, since the text may move while it grows */
    size_t name_at, name_len, value_at, value_len;
};

static int compare_text(const char *base, size_t a_at, size_t a_len, size_t b_at, size_t b_len)
{
    int order = memcmp(base + a_at, base + b_at, a_len < b_len ? a_len : b_len);

    return order ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_params(const void *left, const void *right, void *base)
{
    const struct param *a = left, *b = right;
    int order = compare_text(base, a->name_at, a->name_len, b->name_at, b->name_len);

    return order ? order : compare_text(base, a->value_at, a->value_len, b->value_at, b->value_len);
}

/* However the client spelled it: decoded, then encoded in the one way. */
static bool add_encoded(struct buf *encoded, struct buf *scratch, str text, size_t *ret_at, size_t *ret_len)
{
    bool good;

    buf_clear(scratch);
    good = url_decode(scratch, text, URL_PLUS_IS_PLUS);
    *ret_at = encoded->len;
    url_encode(encoded, buf_str(scratch));
    *ret_len = encoded->len - *ret_at;
    return good;
}

static bool add_canonical_query(struct buf *out, str query, bool presigned)
{
    BUF_AUTO encoded = {0}, scratch = {0};
    VEC(struct param) params = {0};
    str name, value;
    bool good = true;

    buf_init(&encoded, QUERY_BYTES_MAX);
    buf_init(&scratch, QUERY_BYTES_MAX);
    while (good && url_next_param(&query, &name, &value)) {
        struct param param;

        if (presigned && str_eq(name, STR("X-Amz-Signature")))
            continue;
        good = add_encoded(&encoded, &scratch, name, &param.name_at, &param.name_len) &&
               add_encoded(&encoded, &scratch, value, &param.value_at, &param.value_len);
        *vec_push(&params) = param;
    }
    if (params.len > 1)
        qsort_r(params.at, params.len, sizeof *params.at, compare_params, encoded.at);
    for (size_t i = 0; i < params.len; i++) {
        const struct param *param = &params.at[i];

        if (i > 0)
            buf_add_char(out, '&');
        buf_add(out, (str){encoded.at + param->name_at, param->name_len});
        buf_add_char(out, '=');
        buf_add(out, (str){encoded.at + param->value_at, param->value_len});
    }
    vec_free(&params);
    return good && buf_ok(&encoded) && buf_ok(&scratch);
}

/* Runs of blanks inside become one. */
static void add_folded(struct buf *out, str value)
{
    bool blank = false;

    value = trim(value);
    for (size_t i = 0; i < value.len; i++) {
        bool is_blank = value.at[i] == ' ' || value.at[i] == '\t';

        if (!is_blank)
            buf_add_char(out, value.at[i]);
        else if (!blank)
            buf_add_char(out, ' ');
        blank = is_blank;
    }
}

static void add_lower(struct buf *out, str name)
{
    for (size_t i = 0; i < name.len; i++)
        buf_add_char(out, (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] + ('a' - 'A') : name.at[i]));
}

static void add_canonical_headers(struct buf *out, const struct http_request *request, const struct sigv4 *sig)
{
    str list = sig->signed_headers, name;
    bool first = true;

    while (next_part(&list, ';', sig->presigned, &name)) {
        bool found = false;

        add_lower(out, name);
        buf_add_char(out, ':');
        for (int i = 0; i < request->headers_count; i++) {
            const struct http_header *header = &request->headers[i];

            if (header->name.len != name.len || !str_eq_nocase(header->name, name))
                continue;
            if (found)
                buf_add_char(out, ',');
            add_folded(out, header->value);
            found = true;
        }
        buf_add_char(out, '\n');
    }
    buf_add_char(out, '\n');
    list = sig->signed_headers;
    while (next_part(&list, ';', sig->presigned, &name)) {
        if (!first)
            buf_add_char(out, ';');
        add_lower(out, name);
        first = false;
    }
    buf_add_char(out, '\n');
}

/* ---- The signature ---- */

struct key_slot {
    size_t secret_len, scope_len;
    char secret[TOKEN_BYTES_MAX], scope[DATE_LEN + 2 * TOKEN_BYTES_MAX + 2];
    unsigned char key[SHA256_BYTES];
};

static _Thread_local struct key_slot keys[KEYS_COUNT];

static void derive_key(const struct sigv4 *sig, str secret, unsigned char ret[SHA256_BYTES])
{
    char first[4 + TOKEN_BYTES_MAX * 8];
    str key = {(const char *)ret, SHA256_BYTES};
    size_t len = secret.len < sizeof first - 4 ? secret.len : sizeof first - 4;

    memcpy(first, "AWS4", 4);
    memcpy(first + 4, secret.at ? secret.at : "", len);
    hmac_sha256((str){first, len + 4}, sig->date, ret);
    hmac_sha256(key, sig->region, ret);
    hmac_sha256(key, sig->service, ret);
    hmac_sha256(key, TERMINATOR, ret);
    explicit_bzero(first, sizeof first);
}

static size_t slot_of(str scope, str secret)
{
    uint32_t sum = crc32c(crc32c(0, scope.at, scope.len), secret.at, secret.len);

    return sum % KEYS_COUNT;
}

/* scope: date/region/service */
static void signing_key(const struct sigv4 *sig, str secret, str scope, unsigned char ret[SHA256_BYTES])
{
    struct key_slot *slot;

    if (secret.len > TOKEN_BYTES_MAX || sig->region.len > TOKEN_BYTES_MAX || sig->service.len > TOKEN_BYTES_MAX) {
        derive_key(sig, secret, ret);
        return;
    }
    slot = &keys[slot_of(scope, secret)];
    if (slot->scope_len == 0 || !str_eq((str){slot->scope, slot->scope_len}, scope) ||
        !equal_in_constant_time((str){slot->secret, slot->secret_len}, secret)) {
        derive_key(sig, secret, slot->key);
        memcpy(slot->scope, scope.at, scope.len);
        memcpy(slot->secret, secret.at ? secret.at : "", secret.len);
        slot->scope_len = scope.len;
        slot->secret_len = secret.len;
    }
    memcpy(ret, slot->key, SHA256_BYTES);
}

/* False: the query cannot be decoded, or is longer than any we take. */
static bool make_signature(const struct http_request *request, const struct sigv4 *sig, str amz_date, str payload_hash,
                           str secret, char ret[SHA256_HEX_CHARS])
{
    BUF_AUTO text = {0};
    char hash[SHA256_HEX_CHARS];
    unsigned char key[SHA256_BYTES], mac[SHA256_BYTES];
    size_t scope_at, scope_len;
    bool good;

    buf_init(&text, CANONICAL_BYTES_MAX);
    (void)buf_reserve(&text, CANONICAL_BYTES_USUAL);
    buf_add(&text, request->method);
    buf_add_char(&text, '\n');
    if (is_s3(sig))
        buf_add(&text, request->path);
    else
        add_normal_path(&text, request->path);
    buf_add_char(&text, '\n');
    good = add_canonical_query(&text, request->query, sig->presigned);
    buf_add_char(&text, '\n');
    add_canonical_headers(&text, request, sig);
    buf_add(&text, payload_hash);
    good = good && buf_ok(&text);
    sha256_hex(buf_str(&text), hash);

    buf_clear(&text);
    buf_add_all(&text, ALGORITHM, STR("\n"), amz_date, STR("\n"));
    scope_at = text.len;
    buf_add_all(&text, sig->date, STR("/"), sig->region, STR("/"), sig->service);
    scope_len = text.len - scope_at;
    buf_add_all(&text, STR("/"), TERMINATOR, STR("\n"), str_of(hash));
    signing_key(sig, secret, (str){text.at + scope_at, scope_len}, key);
    hmac_sha256((str){(const char *)key, sizeof key}, buf_str(&text), mac);
    hex_encode(mac, sizeof mac, ret);
    explicit_bzero(key, sizeof key);
    return good && buf_ok(&text);
}

/* ---- Verifying ---- */

static enum sigv4_fault mismatch(struct err *err)
{
    return faulty(SIGV4_MISMATCH, err,
                  "The request signature we calculated does not match the signature you provided. Check your AWS "
                  "Secret Access Key and signing method. Consult the service documentation for details.");
}

/* The hash that was signed: what the client says it is, if that is true, else the body's own. */
static bool payload_hash(const struct http_request *request, const struct sigv4 *sig,
                         const unsigned char body_sha256[SHA256_BYTES], char own[SHA256_HEX_CHARS], str *ret)
{
    str said = http_header(request, STR("X-Amz-Content-Sha256"));
    unsigned char claimed[SHA256_BYTES];

    hex_encode(body_sha256, SHA256_BYTES, own);
    *ret = said.len > 0 ? said : str_of(own);
    if (is_s3(sig) && sig->presigned && said.len == 0)
        *ret = STR("UNSIGNED-PAYLOAD");
    if (said.len == 0 || (is_s3(sig) && str_eq(said, STR("UNSIGNED-PAYLOAD"))))
        return true;
    return hex_decode(said, claimed, sizeof claimed) && memcmp(claimed, body_sha256, sizeof claimed) == 0;
}

static enum sigv4_fault check_presigned_time(const struct http_request *request, int64_t signed_s, int64_t now_s,
                                             struct err *err)
{
    str text = query_param(request->query, STR("X-Amz-Expires"));
    char end[TIME_TEXT_MAX], now[TIME_TEXT_MAX];
    long long expires_s;

    if (!str_to_int(text, 1, EXPIRES_S_MAX, &expires_s))
        return faulty(SIGV4_INCOMPLETE, err, "X-Amz-Expires must be a number of seconds from 1 to 604800.");
    if (now_s <= signed_s + expires_s)
        return SIGV4_OK;
    time_format_compact(signed_s + expires_s, end);
    time_format_compact(now_s, now);
    err_set(err, ERR_INVALID, "Signature expired: %s is now earlier than %s", end, now);
    return SIGV4_EXPIRED;
}

static enum sigv4_fault check_time(const struct http_request *request, const struct sigv4 *sig, int64_t signed_s,
                                   struct err *err)
{
    int64_t now_s = clock_wall_us() / 1000000, skew_s = is_s3(sig) ? SKEW_S3_S : SKEW_S;
    char was[TIME_TEXT_MAX], bound[TIME_TEXT_MAX], now[TIME_TEXT_MAX];

    if (!sig->presigned && signed_s >= now_s - skew_s && signed_s <= now_s + skew_s)
        return SIGV4_OK;
    time_format_compact(signed_s, was);
    time_format_compact(now_s, now);
    if (signed_s > now_s + skew_s) {
        time_format_compact(now_s + skew_s, bound);
        err_set(err, ERR_INVALID, "Signature not yet current: %s is still later than %s (%s + %d min.)", was, bound,
                now, (int)(skew_s / 60));
        return SIGV4_EARLY;
    }
    if (sig->presigned)
        return check_presigned_time(request, signed_s, now_s, err);
    time_format_compact(now_s - skew_s, bound);
    err_set(err, ERR_INVALID, "Signature expired: %s is now earlier than %s (%s - %d min.)", was, bound, now,
            (int)(skew_s / 60));
    return SIGV4_EXPIRED;
}

enum sigv4_fault sigv4_verify(const struct http_request *request, const struct sigv4 *sig, str secret,
                              const unsigned char body_sha256[32], struct err *err)
{
    char own[SHA256_HEX_CHARS], wanted[SHA256_HEX_CHARS], compact[TIME_TEXT_MAX];
    int64_t signed_s;
    str hash;
    bool good;

    if (!time_parse_compact(sig->amz_date, &signed_s) && (sig->presigned || !time_parse_http(sig->amz_date, &signed_s)))
        return faulty(SIGV4_INCOMPLETE, err, "Date must be in ISO-8601 'basic format', e.g. 20150830T123600Z.");
    time_format_compact(signed_s, compact);
    if (!str_eq(sig->date, (str){compact, DATE_LEN})) {
        err_set(err, ERR_INVALID,
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                "'" STR_FMT "' != '%.8s', from '%s'.",
                STR_ARG(sig->date), compact, compact);
        return SIGV4_MISMATCH;
    }
    good = payload_hash(request, sig, body_sha256, own, &hash);
    good &= make_signature(request, sig, (str){compact, COMPACT_LEN}, hash, secret, wanted);
    good &= equal_in_constant_time(sig->signature, str_of(wanted));
    return good ? check_time(request, sig, signed_s, err) : mismatch(err);
}

/* ---- Signing ---- */

/* Content-Type and our own x-amz-* are worth signing; what a proxy may touch is not. */
static bool is_worth_signing(str name)
{
    return (name.len == 12 && str_eq_nocase(name, STR("Content-Type"))) ||
           (name.len > 6 && str_eq_nocase((str){name.at, 6}, STR("x-amz-")));
}

static int compare_headers(const void *left, const void *right)
{
    const struct http_header *a = left, *b = right;
    int order = strncasecmp(a->name.at, b->name.at, a->name.len < b->name.len ? a->name.len : b->name.len);

    return order ? order : (a->name.len > b->name.len) - (a->name.len < b->name.len);
}

static str join_names(struct arena *arena, const struct http_header *headers, int count)
{
    str names = STR("");

    for (int i = 0; i < count; i++)
        if (i == 0 || !str_eq_nocase(headers[i].name, headers[i - 1].name))
            names = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(names), i ? ";" : "", STR_ARG(headers[i].name));
    for (size_t i = 0; i < names.len; i++)
        if (names.at[i] >= 'A' && names.at[i] <= 'Z')
            ((char *)names.at)[i] = (char)(names.at[i] + ('a' - 'A'));
    return names;
}

bool sigv4_sign(const char *method, str url_path, str query, str host, const struct http_header *headers,
                int headers_count, str body, const struct sigv4_credentials *credentials, struct arena *arena,
                struct http_header ret_headers[3], int *ret_count, struct err *err)
{
    struct http_header *signed_headers = arena_new(arena, struct http_header, (size_t)headers_count + 3);
    char date[TIME_TEXT_MAX], body_hash[SHA256_HEX_CHARS], signature[SHA256_HEX_CHARS];
    struct http_request request = {.method = str_of(method), .path = url_path, .query = query};
    struct sigv4 sig = {.region = credentials->region, .service = credentials->service};
    int count = 0, added = 0;

    time_format_compact(clock_wall_us() / 1000000, date);
    sig.amz_date = arena_copy(arena, (str){date, COMPACT_LEN});
    sig.date = (str){sig.amz_date.at, DATE_LEN};
    ret_headers[added++] = (struct http_header){STR("x-amz-date"), sig.amz_date};
    if (credentials->session_token.len > 0)
        ret_headers[added++] = (struct http_header){STR("x-amz-security-token"), credentials->session_token};

    signed_headers[count++] = (struct http_header){STR("host"), host};
    for (int i = 0; i < added; i++)
        signed_headers[count++] = ret_headers[i];
    for (int i = 0; i < headers_count; i++)
        if (is_worth_signing(headers[i].name))
            signed_headers[count++] = headers[i];
    qsort(signed_headers, (size_t)count, sizeof *signed_headers, compare_headers);
    request.headers = signed_headers;
    request.headers_count = count;
    sig.signed_headers = join_names(arena, signed_headers, count);

    sha256_hex(body, body_hash);
    if (!make_signature(&request, &sig, sig.amz_date, str_of(body_hash), credentials->secret, signature))
        return err_set(err, ERR_INVALID, "the query of the request cannot be signed");
    ret_headers[added++] = (struct http_header){
        STR("authorization"), arena_printf(arena,
                                           "AWS4-HMAC-SHA256 Credential=" STR_FMT "/" STR_FMT "/" STR_FMT "/" STR_FMT
                                           "/aws4_request, SignedHeaders=" STR_FMT ", Signature=%s",
                                           STR_ARG(credentials->access_key), STR_ARG(sig.date), STR_ARG(sig.region),
                                           STR_ARG(sig.service), STR_ARG(sig.signed_headers), signature)};
    *ret_count = added;
    return true;
}
