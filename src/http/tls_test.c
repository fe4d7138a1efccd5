/* Client and server in one process, with nothing but memory between them; the client is plain OpenSSL. */
#include "http/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/test.h"

enum { TEXT_BYTES = 200 * 1000, CUTS_MAX = 100 * 1000, YEAR_S = 365 * 24 * 60 * 60 };

/* ---- A certificate for nobody, and its key ---- */

struct pems {
    BIO *cert, *key;
};

static str bio_str(BIO *bio)
{
    char *at;
    long len = BIO_get_mem_data(bio, &at);

    return (str){at, (size_t)len};
}

static struct pems make_pems(void)
{
    struct pems pems = {BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem())};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), YEAR_S);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_sign(cert, key, EVP_sha256());
    PEM_write_bio_X509(pems.cert, cert);
    PEM_write_bio_PrivateKey(pems.key, key, NULL, NULL, 0, NULL, NULL);
    X509_free(cert);
    EVP_PKEY_free(key);
    return pems;
}

static void free_pems(struct pems *pems)
{
    BIO_free(pems->cert);
    BIO_free(pems->key);
}

/* ---- The two ends ---- */

struct pair {
    struct pems pems;
    struct tls_context *context;
    struct tls *server;
    SSL_CTX *client_context;
    SSL *client;
    BIO *to_client, *from_client;
};

static void begin(struct pair *pair)
{
    struct err err = {0};

    pair->pems = make_pems();
    if (!tls_context_new(bio_str(pair->pems.cert), bio_str(pair->pems.key), &pair->context, &err))
        abort();
    pair->server = tls_new(pair->context);
    pair->client_context = SSL_CTX_new(TLS_client_method());
    pair->client = SSL_new(pair->client_context);
    pair->to_client = BIO_new(BIO_s_mem());
    pair->from_client = BIO_new(BIO_s_mem());
    SSL_set_bio(pair->client, pair->to_client, pair->from_client);
    SSL_set_connect_state(pair->client);
}

static void end(struct pair *pair)
{
    SSL_free(pair->client);
    SSL_CTX_free(pair->client_context);
    tls_free(pair->server);
    tls_context_free(pair->context);
    free_pems(&pair->pems);
}

static size_t deliver_to_client(struct pair *pair)
{
    str sealed = tls_outgoing(pair->server);

    if (sealed.len > 0)
        BIO_write(pair->to_client, sealed.at, (int)sealed.len);
    tls_sent(pair->server);
    return sealed.len;
}

/* At most `len` bytes; what else the client said waits. */
static size_t deliver_to_server(struct pair *pair, size_t len)
{
    char bytes[4096];
    int count = BIO_read(pair->from_client, bytes, (int)(len < sizeof bytes ? len : sizeof bytes));

    if (count <= 0)
        return 0;
    tls_feed(pair->server, (str){bytes, (size_t)count});
    return (size_t)count;
}

static bool shake(struct pair *pair, size_t piece_len)
{
    enum tls_result result = TLS_MORE;

    for (int i = 0; i < CUTS_MAX; i++) {
        bool client_done = SSL_do_handshake(pair->client) == 1;

        if (deliver_to_server(pair, piece_len) > 0)
            result = tls_handshake(pair->server);
        deliver_to_client(pair);
        if (client_done && result == TLS_DONE)
            return true;
        if (result != TLS_MORE && result != TLS_DONE)
            return false;
    }
    return false;
}

/* ---- Tests ---- */

static void refuses_files_that_do_not_fit(void)
{
    struct pems good = make_pems(), other = make_pems();
    str cert = bio_str(good.cert), key = bio_str(good.key);
    str half = {cert.at, cert.len / 2};
    const struct {
        str cert, key;
        const char *words;
    } rows[] = {
        {STR(""), key, "no certificate in PEM"},
        {half, key, "no certificate in PEM"},
        {key, key, "no certificate in PEM"},
        {cert, STR(""), "no private key in PEM"},
        {cert, cert, "no private key in PEM"},
        {cert, (str){key.at, key.len / 2}, "no private key in PEM"},
        {cert, bio_str(other.key), "not the one of the"},
    };
    struct tls_context *context = NULL;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};

        ok(!tls_context_new(rows[i].cert, rows[i].key, &context, &err) && !context);
        ok(strstr(err.text, rows[i].words));
    }
    free_pems(&good);
    free_pems(&other);
}

static void knows_who_vouches_for_itself(void)
{
    struct pair pair;

    begin(&pair);
    ok(tls_is_self_signed(pair.context));
    end(&pair);
}

static void shakes_hands_however_the_bytes_are_cut(void)
{
    static const size_t pieces[] = {1, 2, 5, 6, 100, 4096};

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct pair pair;

        begin(&pair);
        ok(shake(&pair, pieces[i]));
        ok(SSL_version(pair.client) == TLS1_3_VERSION);
        end(&pair);
    }
}

static void refuses_what_is_old(void)
{
    struct pair pair;

    begin(&pair);
    SSL_set_security_level(pair.client, 0);
    SSL_set_min_proto_version(pair.client, TLS1_VERSION);
    SSL_set_max_proto_version(pair.client, TLS1_1_VERSION);
    ok(!shake(&pair, 4096));
    end(&pair);

    begin(&pair);
    SSL_set_max_proto_version(pair.client, TLS1_2_VERSION);
    ok(shake(&pair, 4096) && SSL_version(pair.client) == TLS1_2_VERSION);
    end(&pair);
}

/* From the client, delivered in pieces of any length. */
static void reads_all_and_no_more(void)
{
    char *text = malloc(TEXT_BYTES), *got = malloc(TEXT_BYTES);
    size_t at = 0, len;
    struct pair pair;

    for (size_t i = 0; i < TEXT_BYTES; i++)
        text[i] = (char)('a' + i % 26);
    begin(&pair);
    ok(shake(&pair, 4096));
    ok(SSL_write(pair.client, text, TEXT_BYTES) == TEXT_BYTES);
    while (deliver_to_server(&pair, 777) > 0)
        while (at < TEXT_BYTES && tls_read(pair.server, got + at, TEXT_BYTES - at, &len) == TLS_DONE)
            at += len;
    ok(at == TEXT_BYTES && memcmp(text, got, at) == 0);
    ok(tls_read(pair.server, got, 1, &len) == TLS_MORE);
    end(&pair);
    free(text);
    free(got);
}

static void writes_all(void)
{
    char *text = calloc(1, TEXT_BYTES), *got = malloc(TEXT_BYTES);
    int at = 0, len;
    struct pair pair;

    begin(&pair);
    ok(shake(&pair, 4096));
    ok(tls_write(pair.server, (str){text, TEXT_BYTES}));
    ok(tls_write(pair.server, STR("")));
    ok(deliver_to_client(&pair) > TEXT_BYTES);
    ok(tls_outgoing(pair.server).len == 0);
    while (at < TEXT_BYTES && (len = SSL_read(pair.client, got + at, TEXT_BYTES - at)) > 0)
        at += len;
    ok(at == TEXT_BYTES && memcmp(text, got, (size_t)at) == 0);
    end(&pair);
    free(text);
    free(got);
}

static void says_goodbye_once_and_hears_it(void)
{
    char byte;
    size_t len;
    struct pair pair;

    begin(&pair);
    ok(shake(&pair, 4096));
    deliver_to_client(&pair);
    tls_close(pair.server);
    ok(deliver_to_client(&pair) > 0);
    tls_close(pair.server);
    ok(deliver_to_client(&pair) == 0);
    ok(SSL_read(pair.client, &byte, 1) <= 0 && SSL_get_shutdown(pair.client) & SSL_RECEIVED_SHUTDOWN);
    SSL_shutdown(pair.client);
    ok(deliver_to_server(&pair, 4096) > 0);
    ok(tls_read(pair.server, &byte, 1, &len) == TLS_CLOSED);
    end(&pair);
}

/* In a handshake that has not begun there is nothing to say goodbye in. */
static void ends_at_any_time(void)
{
    struct pair pair;

    begin(&pair);
    tls_close(pair.server);
    ok(deliver_to_client(&pair) == 0);
    end(&pair);
    tls_free(NULL);
    tls_context_free(NULL);
}

static void a_byte_that_was_changed_is_noticed(void)
{
    char bytes[4096], byte;
    size_t read;
    struct pair pair;
    int len;

    begin(&pair);
    ok(shake(&pair, 4096));
    SSL_write(pair.client, "hello", 5);
    len = BIO_read(pair.from_client, bytes, sizeof bytes);
    bytes[len - 1] ^= 1;
    tls_feed(pair.server, (str){bytes, (size_t)len});
    ok(tls_read(pair.server, &byte, 1, &read) == TLS_FAILED);
    ok(tls_outgoing(pair.server).len > 0); /* the alert */
    ok(!tls_write(pair.server, STR("x")));
    end(&pair);
}

static void what_is_no_handshake_fails(void)
{
    static const str said[] = {STR("\x16\x03\x01\x00\x05hello"),
                               STR("\x16\x03\x01\xff\xff"
                                   "hello, again"),
                               STR("GET / HTTP/1.1\r\n\r\n"),
                               STR("\x80\x2e\x01\x00\x02 an old one, of SSL 2, which nobody speaks today")};

    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct pair pair;

        begin(&pair);
        tls_feed(pair.server, said[i]);
        ok(tls_handshake(pair.server) == TLS_FAILED);
        end(&pair);
    }
    ok(tls_looks_like_one(said[0]) && tls_looks_like_one(said[1]));
    ok(!tls_looks_like_one(said[2]) && !tls_looks_like_one(said[3]) && !tls_looks_like_one(STR("")));
}

TEST_MAIN(refuses_files_that_do_not_fit, knows_who_vouches_for_itself, shakes_hands_however_the_bytes_are_cut,
          refuses_what_is_old, reads_all_and_no_more, writes_all, says_goodbye_once_and_hears_it, ends_at_any_time,
          a_byte_that_was_changed_is_noticed, what_is_no_handshake_fails)
