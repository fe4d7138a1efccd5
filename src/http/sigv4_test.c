/* The vectors were made with botocore 1.43 (SigV4Auth, SigV4QueryAuth, S3SigV4Auth), its clock stopped. */
#include "http/sigv4.h"

#include "base/clock.h"
#include "base/test.h"
#include "codec/hash.h"

enum { HEADERS_MAX = 16 };

static const int64_t signed_at_us = 1763985600 * INT64_C(1000000); /* 20251124T120000Z */
static int64_t now_us;

static const str secret = STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

static int64_t stopped_clock(void)
{
    return now_us;
}

static const struct vector {
    const char *name, *method, *path, *query, *headers, *body;
} vectors[] = {
    {"a plain GET", "GET", "/2015-03-31/functions/", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date, Signature=18f759c8513654319c00fec48203e33d7f090981d1ac69b4db62bbcd26f8d585\n",
     ""},
    {"an ARN in the path", "POST",
     "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Agreet/invocations",
     "Qualifier=prod",
     "Host: 127.0.0.1:4566\n"
     "Content-Type: application/json\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=content-type;host;x-amz-date, Signature=a88f1e5574eafaaf2108ea1ce95ff5a8f8ae6c53d8fa4164b47"
     "600d9e98bc5b3\n",
     "{}"},
    {"a body", "POST", "/2015-03-31/functions", "",
     "Host: 127.0.0.1:4566\n"
     "Content-Type: application/json\n"
     "X-Amz-Client-Context: e30=\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=content-type;host;x-amz-client-context;x-amz-date, Signature=02bf3183869bb510e925a46a512ef3"
     "65068a8d29832742db8f8c69782699943e\n",
     "hello"},
    {"odd queries", "GET", "/tags", "b=x%20y&a=&b=1&Z=%2F%2B~%2A&a-b=%3D&ab=%26&%25=%2541",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date, Signature=fdc3bf81cb4f2334fb1502ec66d35a3d2aa5ca689421fa57e4712f9420f225e3\n",
     ""},
    {"bytes past ASCII in the query and path", "GET", "/t%C3%A4gs/%F0%9F%9A%A3", "n%C3%A4me=%F0%9F%9A%A3",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date, Signature=9d2774558df77821acab1f980a7d01881e3b195539449ef8ccc1f67a8bc6cb13\n",
     ""},
    {"repeated headers", "GET", "/x", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Meta: one\n"
     "X-Amz-Meta: two\n"
     "Other: b\n"
     "Other: a\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;other;x-amz-date;x-amz-meta, Signature=2c75acc354b7eca8316f908a238d62245b2bccc3f209554"
     "e5a7481173c3bfa54\n",
     ""},
    {"blanks inside a value", "GET", "/x", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Meta: a   b    c\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date;x-amz-meta, Signature=099f0ded0414cb09766c4ffb98a516b6ce5479540f54acef66207"
     "1a25028ceb3\n",
     ""},
    {"a session token", "GET", "/x", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "X-Amz-Security-Token: IQoJb3Jp//Z2lu+X2VjEXAMPLE==\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date;x-amz-security-token, Signature=95477390397c7a4a495b373a02c4c26296b108fe623"
     "370dae836eef40af5038a\n",
     ""},
    {"dot segments and empty ones", "GET", "/a/./b/../c//d/", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date, Signature=7a20a39cd3f1a973dba6923ccec30a167a945126c2d9f6306978ba03cc75be27\n",
     ""},
    {"a path of dots", "GET", "/../..", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date, Signature=4b2673be90f567747b2c3df46647079678b3ed58a8d036d95df47fefc94f9693\n",
     ""},
    {"an escaped slash and plus", "PUT", "/a%2Fb+c%20d/e~f@g", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/lambda/aws4_request, Signe"
     "dHeaders=host;x-amz-date, Signature=2e2e76f1eb06e6a5922547c9bbc95124aa3d5f0b61c8ff7327cdbc3c36e6a9ac\n",
     "x"},
    {"apigateway", "PATCH", "/restapis/abc123/resources/%7Bproxy%2B%7D", "",
     "Host: 127.0.0.1:4566\n"
     "Accept: application/json\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/apigateway/aws4_request, S"
     "ignedHeaders=accept;host;x-amz-date, Signature=762e76974064be96a627b2e7c2ac4b5caf9cb2fe8bc914061f1c5"
     "6e872d09b38\n",
     "{\"patchOperations\":[]}"},
    {"S3, whose path is left alone", "GET", "/bucket//a%20b/../c", "",
     "Host: 127.0.0.1:4566\n"
     "X-Amz-Date: 20251124T120000Z\n"
     "X-Amz-Content-SHA256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
     "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20251124/eu-west-1/s3/aws4_request, SignedHea"
     "ders=host;x-amz-content-sha256;x-amz-date, Signature=02ad42741988cfa0ec93dd96861e5ae74d683cb2e3ce1d2"
     "51196c0479693c4b4\n",
     ""},
    {"a presigned request", "GET", "/2015-03-31/functions/",
     "a=b%20c&A=&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20251124%2Feu-west-1%2Fla"
     "mbda%2Faws4_request&X-Amz-Date=20251124T120000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Sig"
     "nature=66155576c7f35d17e2fa3cd73971c6aa78613c559a7e25def4952f91f7d0007d",
     "Host: 127.0.0.1:4566\n", ""},
    {"a presigned request with a token", "GET", "/2015-03-31/functions/arn%3Aaws",
     "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIAEXAMPLE%2F20251124%2Feu-west-1%2Flambda%2Faws4"
     "_request&X-Amz-Date=20251124T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Security-Token="
     "IQoJb3Jp%2F%2FZ2lu%2BX2VjEXAMPLE%3D%3D&X-Amz-Signature=60d8cc6b94570daf9face4685423b5372b938ca43b93a"
     "8a4dd057e0e404eb876",
     "Host: 127.0.0.1:4566\n", ""},
    {"a presigned S3 request", "GET", "/bucket/k%20y",
     "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20251124%2Feu-west-1%2Fs3%2Faws4_req"
     "uest&X-Amz-Date=20251124T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=cf329898c"
     "8082ef27e7fc9638e7021514e024f1a398a05b58e92d8a0a343178c",
     "Host: 127.0.0.1:4566\n", ""},
};

struct sample {
    struct http_request request;
    struct http_header headers[HEADERS_MAX];
    unsigned char body_sha256[SHA256_BYTES];
};

/* A request as the parser would give it. */
static void sample_init(struct sample *sample, const struct vector *vector)
{
    str rest = str_of(vector->headers), line, name, value;
    int count = 0;

    while (rest.len > 0) {
        str_cut(rest, '\n', &line, &rest);
        str_cut(line, ':', &name, &value);
        sample->headers[count++] = (struct http_header){name, str_from(value, 1)};
    }
    sample->request = (struct http_request){
        .method = str_of(vector->method),
        .path = str_of(vector->path),
        .query = str_of(vector->query),
        .headers = sample->headers,
        .headers_count = count,
        .body = str_of(vector->body),
    };
    sha256(sample->request.body, sample->body_sha256);
}

static enum sigv4_fault check(const struct sample *sample, str key, struct err *err)
{
    struct sigv4 sig;
    enum sigv4_fault fault = sigv4_read(&sample->request, &sig, err);

    return fault == SIGV4_OK ? sigv4_verify(&sample->request, &sig, key, sample->body_sha256, err) : fault;
}

static const struct vector *vector_named(const char *name)
{
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        if (strcmp(vectors[i].name, name) == 0)
            return &vectors[i];
    return NULL;
}

static void at(int64_t offset_s)
{
    now_us = signed_at_us + offset_s * 1000000;
    clock_replace(stopped_clock);
}

static bool says(const struct err *err, const char *text)
{
    if (strcmp(err->text, text) != 0)
        printf("# said: %s\n", err->text);
    return strcmp(err->text, text) == 0;
}

#define MISMATCH_TEXT                                                                                       \
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret " \
    "Access Key and signing method. Consult the service documentation for details."

static void verifies_what_botocore_signs(void)
{
    struct err err;

    at(0);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct sample sample;

        sample_init(&sample, &vectors[i]);
        printf("# %s\n", vectors[i].name);
        ok(check(&sample, secret, &err) == SIGV4_OK);
        ok(check(&sample, secret, &err) == SIGV4_OK); /* by the key in the table */
        ok(check(&sample, STR("another secret"), &err) == SIGV4_MISMATCH);
        ok(says(&err, MISMATCH_TEXT));
    }
}

/* Every part of the request that is signed, changed. */
static void refuses_what_was_changed(void)
{
    struct sample sample;
    struct err err;

    at(0);
    sample_init(&sample, vector_named("a body"));
    sample.body_sha256[0] ^= 1;
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH);
    sample_init(&sample, vector_named("a body"));
    sample.request.method = STR("PUT");
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH);
    sample_init(&sample, vector_named("a body"));
    sample.request.query = STR("a");
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH);
    sample_init(&sample, vector_named("a body"));
    sample.headers[0].value = STR("elsewhere");
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH);
    sample_init(&sample, vector_named("an ARN in the path"));
    sample.request.path = STR("/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Agreat");
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH);
}

static void takes_any_spelling_of_a_query(void)
{
    struct sample sample;
    struct err err;

    at(0);
    sample_init(&sample, vector_named("odd queries"));
    sample.request.query = STR("Z=%2f%2B%7e*&%25=%2541&a&a-b==&ab=%26&b=1&b=x%20y");
    ok(check(&sample, secret, &err) == SIGV4_OK);
    sample.request.query = STR("Z=%2f%2B%7e*&%25=%2541&a&a-b==&ab=%26&b=1&b=x+y");
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH); /* a plus is a plus */
    sample.request.query = STR("a=%4");
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH);
}

static void keeps_to_five_minutes(void)
{
    struct sample sample;
    struct err err;

    sample_init(&sample, vector_named("a plain GET"));
    at(300);
    ok(check(&sample, secret, &err) == SIGV4_OK);
    at(-300);
    ok(check(&sample, secret, &err) == SIGV4_OK);
    at(301);
    ok(check(&sample, secret, &err) == SIGV4_EXPIRED);
    ok(says(&err,
            "Signature expired: 20251124T120000Z is now earlier than 20251124T120001Z (20251124T120501Z - 5 min.)"));
    at(-301);
    ok(check(&sample, secret, &err) == SIGV4_EARLY);
    ok(says(&err, "Signature not yet current: 20251124T120000Z is still later than 20251124T115959Z (20251124T115459Z "
                  "+ 5 min.)"));
    sample_init(&sample, vector_named("S3, whose path is left alone"));
    at(900);
    ok(check(&sample, secret, &err) == SIGV4_OK);
    at(901);
    ok(check(&sample, secret, &err) == SIGV4_EXPIRED);
}

static void lets_a_presigned_request_live_as_long_as_it_says(void)
{
    struct sample sample;
    struct err err;

    sample_init(&sample, vector_named("a presigned request"));
    at(900);
    ok(check(&sample, secret, &err) == SIGV4_OK);
    at(901);
    ok(check(&sample, secret, &err) == SIGV4_EXPIRED);
    ok(says(&err, "Signature expired: 20251124T121500Z is now earlier than 20251124T121501Z"));
}

/* One header of "a plain GET" is another; NULL leaves it out. */
static enum sigv4_fault with_header(const char *name, const char *value, struct err *err)
{
    struct sample sample;

    at(0);
    sample_init(&sample, vector_named("a plain GET"));
    for (int i = 0; i < sample.request.headers_count; i++) {
        if (!str_eq(sample.headers[i].name, str_of(name)))
            continue;
        if (value)
            sample.headers[i].value = str_of(value);
        else
            sample.headers[i] = sample.headers[--sample.request.headers_count];
    }
    return check(&sample, secret, err);
}

static void says_what_is_missing(void)
{
    static const struct {
        const char *header, *value;
        enum sigv4_fault fault;
        const char *text;
    } cases[] = {
        {"Authorization", NULL, SIGV4_ABSENT, "Missing Authentication Token"},
        {"Authorization", "Basic eDp5", SIGV4_INCOMPLETE, "Unsupported AWS 'algorithm': 'Basic'."},
        {"Authorization", "AWS4-HMAC-SHA256 Credential=a/20251124/r/lambda/aws4_request, SignedHeaders=host",
         SIGV4_INCOMPLETE, "Authorization header requires 'Signature' parameter."},
        {"Authorization", "AWS4-HMAC-SHA256 x", SIGV4_INCOMPLETE,
         "The Authorization header holds a part that is not a key=value pair (missing equal-sign)."},
        {"Authorization", "AWS4-HMAC-SHA256 Credential=a/b,SignedHeaders=host,Signature=c", SIGV4_INCOMPLETE,
         "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/b'."},
        {"Authorization",
         "AWS4-HMAC-SHA256 Credential=a/20251124/r/lambda/aws4_request,SignedHeaders=x-amz-date,Signature=c",
         SIGV4_MISMATCH, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
        {"Authorization", "AWS4-HMAC-SHA256 Credential=a/20251124/r/lambda/aws4_request,SignedHeaders=host,Signature=c",
         SIGV4_MISMATCH, "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization."},
        {"X-Amz-Date", NULL, SIGV4_INCOMPLETE,
         "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."},
        {"X-Amz-Date", "yesterday", SIGV4_INCOMPLETE,
         "Date must be in ISO-8601 'basic format', e.g. 20150830T123600Z."},
        {"X-Amz-Date", "20251125T120000Z", SIGV4_MISMATCH,
         "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20251124' != "
         "'20251125', from '20251125T120000Z'."},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct err err = {0};

        ok(with_header(cases[i].header, cases[i].value, &err) == cases[i].fault);
        ok(says(&err, cases[i].text));
    }
}

/* x-amz-content-sha256 is believed only where it is true. */
static void checks_a_claimed_hash(void)
{
    struct sample sample;
    struct err err;

    at(0);
    sample_init(&sample, vector_named("S3, whose path is left alone"));
    ok(check(&sample, secret, &err) == SIGV4_OK);
    sample.body_sha256[5] ^= 1;
    ok(check(&sample, secret, &err) == SIGV4_MISMATCH);
}

static void verifies_what_it_signs(void)
{
    static const struct {
        str service, token, body;
        bool unsigned_payload, good;
    } cases[] = {
        {STR("lambda"), STR(""), STR("{}"), false, true},
        {STR("lambda"), STR("tok/en=="), STR(""), false, true},
        {STR("lambda"), STR(""), STR("{}"), true, false}, /* the signer signs the body, not the claim */
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ARENA_AUTO arena = {0};
        struct http_header headers[8] = {{STR("Host"), STR("[::1]:80")},
                                         {STR("Content-Type"), STR("text/plain")},
                                         {STR("X-Amz-B"), STR("1  2")},
                                         {STR("User-Agent"), STR("us")}};
        struct sigv4_credentials credentials = {STR("AKID"), secret, cases[i].token, STR("eu-west-1"),
                                                cases[i].service};
        struct sample sample = {.request = {.method = STR("POST"),
                                            .path = STR("/a%3Ab/"),
                                            .query = STR("b=1&a"),
                                            .headers = headers,
                                            .body = cases[i].body}};
        struct err err;
        int count = 4, added;

        at(0);
        if (cases[i].unsigned_payload)
            headers[count++] = (struct http_header){STR("x-amz-content-sha256"), STR("UNSIGNED-PAYLOAD")};
        sha256(cases[i].body, sample.body_sha256);
        ok(sigv4_sign("POST", sample.request.path, sample.request.query, headers[0].value, headers + 1, count - 1,
                      cases[i].body, &credentials, &arena, headers + count, &added, &err));
        ok(added == (cases[i].token.len ? 3 : 2));
        sample.request.headers_count = count + added;
        ok((check(&sample, secret, &err) == SIGV4_OK) == cases[i].good);
    }
}

TEST_MAIN(verifies_what_botocore_signs, refuses_what_was_changed, takes_any_spelling_of_a_query, keeps_to_five_minutes,
          lets_a_presigned_request_live_as_long_as_it_says, says_what_is_missing, checks_a_claimed_hash,
          verifies_what_it_signs)
