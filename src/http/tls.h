/*
 * tls: TLS 1.2 and 1.3 for the server, bytes in and bytes out: no socket here, so the loop stays in charge of reading,
 * writing and time.  A context is a certificate with its key; each connection has a tls of it.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct tls_context;
struct tls;

/* PEM texts: the certificate with the chain behind it, and its key.  The errors say what does not fit. */
MUST_USE bool tls_context_new(str cert_pem, str key_pem, struct tls_context **ret, struct err *err);
void tls_context_free(struct tls_context *context);
bool tls_is_self_signed(const struct tls_context *context); /* then clients need the certificate itself to trust it */

struct tls *tls_new(struct tls_context *context);
void tls_free(struct tls *tls);

enum tls_result { TLS_DONE, TLS_MORE /* bytes are needed */, TLS_CLOSED /* it said goodbye */, TLS_FAILED };

bool tls_looks_like_one(str first_bytes); /* of a connection; else it is somebody who speaks plain HTTP */
void tls_feed(struct tls *tls, str sealed);
enum tls_result tls_handshake(struct tls *tls);
/* DONE: *ret_len bytes were put there; ask again, until it says MORE. */
enum tls_result tls_read(struct tls *tls, char *to, size_t size, size_t *ret_len);
MUST_USE bool tls_write(struct tls *tls, str plain);
void tls_close(struct tls *tls); /* says goodbye */

str tls_outgoing(const struct tls *tls); /* what is to be sent, until tls_sent(); after each of the calls above */
void tls_sent(struct tls *tls);
