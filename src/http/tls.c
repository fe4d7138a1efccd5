/*
 * OpenSSL over two memory BIOs.  No renegotiation and no compression (both were attacks), no session cache (tickets
 * are without state), ALPN with the one protocol we speak.  What a peer makes us keep is one record, since every read
 * is fed and then emptied.
 */
#include "http/tls.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdlib.h>

enum { RECORD_HANDSHAKE = 0x16 };

struct tls_context {
    SSL_CTX *ssl;
    bool is_self_signed;
};

struct tls {
    SSL *ssl;
    BIO *in, *out; /* ssl's */
};

/* OpenSSL's own word for what went wrong, and nothing left behind for the next one who asks. */
static const char *ssl_words(void)
{
    const char *words = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return words ? words : "no reason given";
}

/* RFC 7301: who offers protocols and not ours is told so. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in, unsigned len,
                   void *ctx)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *found;

    (void)ssl, (void)ctx;
    if (SSL_select_next_proto(&found, out_len, ours, sizeof ours - 1, in, len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = found;
    return SSL_TLSEXT_ERR_OK;
}

static bool load_cert(struct tls_context *context, BIO *pem, struct err *err)
{
    X509 *cert = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL), *above;
    bool is_cert = cert != NULL, good = cert && SSL_CTX_use_certificate(context->ssl, cert) == 1;

    context->is_self_signed = cert && X509_self_signed(cert, 0) == 1;
    X509_free(cert);
    if (!good)
        return err_set(err, ERR_INVALID, "the certificate %s (%s)",
                       is_cert ? "cannot be used" : "file holds no certificate in PEM", ssl_words());
    while ((above = PEM_read_bio_X509(pem, NULL, NULL, NULL)))
        if (SSL_CTX_add0_chain_cert(context->ssl, above) != 1) {
            X509_free(above);
            return err_set(err, ERR_INVALID, "the chain behind the certificate is not understood (%s)", ssl_words());
        }
    ERR_clear_error(); /* the end of the file */
    return true;
}

/* A key with a password has nobody here to type it. */
static int no_password(char *buf, int size, int writing, void *ctx)
{
    (void)buf, (void)size, (void)writing, (void)ctx;
    return -1;
}

static bool load_key(struct tls_context *context, BIO *pem, struct err *err)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(pem, NULL, no_password, NULL);
    bool fits = key && SSL_CTX_use_PrivateKey(context->ssl, key) == 1 && SSL_CTX_check_private_key(context->ssl) == 1;
    bool is_key = key != NULL;

    EVP_PKEY_free(key);
    if (!is_key)
        return err_set(err, ERR_INVALID, "it is no private key in PEM without a password (%s)", ssl_words());
    return fits || err_set(err, ERR_INVALID, "the key is not the one of the certificate (%s)", ssl_words());
}

bool tls_context_new(str cert_pem, str key_pem, struct tls_context **ret, struct err *err)
{
    struct tls_context *context = calloc(1, sizeof *context);
    BIO *cert = BIO_new_mem_buf(cert_pem.at, (int)cert_pem.len), *key = BIO_new_mem_buf(key_pem.at, (int)key_pem.len);
    bool good;

    if (!context || !cert || !key || !(context->ssl = SSL_CTX_new(TLS_server_method())))
        abort();
    SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(context->ssl,
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context->ssl, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context->ssl, on_alpn, NULL);
    good = load_cert(context, cert, err) && load_key(context, key, err);
    BIO_free(cert);
    BIO_free(key);
    if (!good) {
        tls_context_free(context);
        return false;
    }
    *ret = context;
    return true;
}

void tls_context_free(struct tls_context *context)
{
    if (!context)
        return;
    SSL_CTX_free(context->ssl);
    free(context);
}

bool tls_is_self_signed(const struct tls_context *context)
{
    return context->is_self_signed;
}

struct tls *tls_new(struct tls_context *context)
{
    struct tls *tls = calloc(1, sizeof *tls);

    if (!tls || !(tls->ssl = SSL_new(context->ssl)) || !(tls->in = BIO_new(BIO_s_mem())) ||
        !(tls->out = BIO_new(BIO_s_mem())))
        abort();
    SSL_set_bio(tls->ssl, tls->in, tls->out);
    SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (!tls)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

bool tls_looks_like_one(str first_bytes)
{
    return first_bytes.len > 0 && first_bytes.at[0] == RECORD_HANDSHAKE;
}

void tls_feed(struct tls *tls, str sealed)
{
    if (sealed.len > 0 && BIO_write(tls->in, sealed.at, (int)sealed.len) != (int)sealed.len)
        abort();
}

static enum tls_result result_of(struct tls *tls, int code)
{
    int error = SSL_get_error(tls->ssl, code);

    ERR_clear_error();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return TLS_MORE;
    return error == SSL_ERROR_ZERO_RETURN ? TLS_CLOSED : TLS_FAILED;
}

enum tls_result tls_handshake(struct tls *tls)
{
    int code = SSL_do_handshake(tls->ssl);

    return code == 1 ? TLS_DONE : result_of(tls, code);
}

enum tls_result tls_read(struct tls *tls, char *to, size_t size, size_t *ret_len)
{
    int code = SSL_read_ex(tls->ssl, to, size, ret_len);

    return code == 1 ? TLS_DONE : result_of(tls, code);
}

bool tls_write(struct tls *tls, str plain)
{
    size_t written;
    bool done = plain.len == 0 || SSL_write_ex(tls->ssl, plain.at, plain.len, &written) == 1;

    ERR_clear_error();
    return done; /* all of it: memory takes everything */
}

void tls_close(struct tls *tls)
{
    if (SSL_is_init_finished(tls->ssl))
        (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
}

str tls_outgoing(const struct tls *tls)
{
    char *at;
    long len = BIO_get_mem_data(tls->out, &at);

    return (str){at, len > 0 ? (size_t)len : 0};
}

void tls_sent(struct tls *tls)
{
    (void)BIO_reset(tls->out);
}
