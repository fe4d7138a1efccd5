/*
 * OpenSSL 3 looks algorithms up by name in its providers, under a lock, which costs more than hashing a short
 * string.  So SHA-256 is fetched once, each thread keeps one context, and HMAC is written out over it (RFC 2104):
 * EVP_MAC would fetch, allocate and free on each of the five HMACs that one signature takes.
 */
#include "codec/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hex.h"

enum { BLOCK_BYTES = 64 };

static EVP_MD *algorithm;
static pthread_key_t context_key; /* frees a thread's context when it ends */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void must(int good)
{
    if (!good) {
        fprintf(stderr, "OpenSSL cannot compute SHA-256\n");
        abort();
    }
}

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

static void fetch(void)
{
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    must(algorithm != NULL);
    must(pthread_key_create(&context_key, free_context) == 0);
}

static EVP_MD_CTX *thread_context(void)
{
    EVP_MD_CTX *context;

    pthread_once(&once, fetch);
    context = pthread_getspecific(context_key);
    if (!context) {
        context = EVP_MD_CTX_new();
        must(context && pthread_setspecific(context_key, context) == 0);
    }
    return context;
}

static void hash_two(str a, str b, unsigned char ret[SHA256_BYTES])
{
    EVP_MD_CTX *context = thread_context();

    must(EVP_DigestInit_ex2(context, algorithm, NULL));
    must(EVP_DigestUpdate(context, a.at, a.len));
    must(EVP_DigestUpdate(context, b.at, b.len));
    must(EVP_DigestFinal_ex(context, ret, NULL));
}

void sha256(str bytes, unsigned char ret[SHA256_BYTES])
{
    hash_two(bytes, STR(""), ret);
}

void sha256_hex(str bytes, char ret[SHA256_HEX_CHARS])
{
    unsigned char digest[SHA256_BYTES];

    sha256(bytes, digest);
    hex_encode(digest, sizeof digest, ret);
}

void sha256_start(struct sha256 *hash)
{
    pthread_once(&once, fetch);
    hash->state = EVP_MD_CTX_new();
    must(hash->state && EVP_DigestInit_ex2(hash->state, algorithm, NULL));
}

void sha256_add(struct sha256 *hash, str bytes)
{
    must(EVP_DigestUpdate(hash->state, bytes.at, bytes.len));
}

void sha256_end(struct sha256 *hash, unsigned char ret[SHA256_BYTES])
{
    must(EVP_DigestFinal_ex(hash->state, ret, NULL));
    sha256_done(hash);
}

void sha256_done(struct sha256 *hash)
{
    EVP_MD_CTX_free(hash->state);
    hash->state = NULL;
}

void hmac_sha256(str key, str bytes, unsigned char ret[SHA256_BYTES])
{
    unsigned char block[BLOCK_BYTES] = {0}, inner[SHA256_BYTES];

    if (key.len > BLOCK_BYTES)
        sha256(key, block);
    else if (key.len > 0)
        memcpy(block, key.at, key.len);
    for (int i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36;
    hash_two((str){(char *)block, BLOCK_BYTES}, bytes, inner);
    for (int i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36 ^ 0x5c;
    hash_two((str){(char *)block, BLOCK_BYTES}, (str){(char *)inner, SHA256_BYTES}, ret);
    OPENSSL_cleanse(block, sizeof block);
}

bool equal_in_constant_time(str a, str b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.at, b.at, a.len) == 0);
}

/* CRC-32C, a byte at a step by table: 0.4 GB/s.  SSE4.2 does 10 times that where the processor has it. */

static uint32_t crc_table[256];
static pthread_once_t crc_once = PTHREAD_ONCE_INIT;
static uint32_t (*crc_update)(uint32_t crc, const unsigned char *at, size_t len);

static uint32_t crc_by_table(uint32_t crc, const unsigned char *at, size_t len)
{
    while (len-- > 0)
        crc = crc >> 8 ^ crc_table[(crc ^ *at++) & 0xff];
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_by_sse42(uint32_t crc, const unsigned char *at, size_t len)
{
    uint64_t wide = crc, word;

    for (; len >= 8; at += 8, len -= 8) {
        memcpy(&word, at, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    while (len-- > 0)
        crc = __builtin_ia32_crc32qi(crc, *at++);
    return crc;
}
#endif

static void crc_choose(void)
{
    const uint32_t polynomial = 0x82f63b78; /* Castagnoli's, bits reversed */

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
        crc_table[i] = crc;
    }
    crc_update = crc_by_table;
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        crc_update = crc_by_sse42;
#endif
}

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    pthread_once(&crc_once, crc_choose);
    return ~crc_update(~crc, bytes, len);
}
