/*
 * sigv4: AWS Signature Version 4, one canonicaliser that verifies and signs (AWS IAM user guide, Create a signed AWS
 * API request). Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * Verifying has two steps, because the body comes last: sigv4_read() takes the Authorization header (or the
 * presigned query) apart when the headers are there; sigv4_verify() compares, in constant time, when the hash
 * of the body is known.  The caller looks the secret up in between; an unknown key must cost the same, so it
 * verifies against a dummy secret and then refuses.
 */
#pragma once

#include "base/err.h"
#include "http/server.h"

struct sigv4 {
    str access_key, date /* YYYYMMDD */, region, service, signed_headers, signature;
    str amz_date;      /* YYYYMMDDTHHMMSSZ */
    str session_token; /* as sent: percent-encoded when presigned */
    bool presigned;    /* then signed_headers may be separated by %3B */
};

enum sigv4_fault {
    SIGV4_OK,
    SIGV4_ABSENT,     /* no signature at all */
    SIGV4_INCOMPLETE, /* a signature that cannot be read */
    SIGV4_MISMATCH,
    SIGV4_EXPIRED,
    SIGV4_EARLY,
};

/* err.text is AWS's own text for the fault. */
enum sigv4_fault sigv4_read(const struct http_request *request, struct sigv4 *ret, struct err *err);
enum sigv4_fault sigv4_verify(const struct http_request *request, const struct sigv4 *sig, str secret,
                              const unsigned char body_sha256[32], struct err *err);

struct sigv4_credentials {
    str access_key, secret, session_token, region, service;
};
/* The headers that a client of ours must add: x-amz-date, authorization[, x-amz-security-token]. */
MUST_USE bool sigv4_sign(const char *method, str url_path, str query, str host, const struct http_header *headers,
                         int headers_count, str body, const struct sigv4_credentials *credentials, struct arena *arena,
                         struct http_header ret_headers[3], int *ret_count, struct err *err);
