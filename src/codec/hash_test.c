#include "codec/hash.h"

#include "base/test.h"
#include "codec/hex.h"

static bool is(const unsigned char digest[SHA256_BYTES], const char *hex)
{
    char text[SHA256_HEX_CHARS];

    hex_encode(digest, SHA256_BYTES, text);
    return str_eq(str_of(text), str_of(hex));
}

static void hashes(void)
{
    static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    unsigned char digest[SHA256_BYTES];
    char text[SHA256_HEX_CHARS];
    struct sha256 hash = {0};

    sha256_hex((str){0}, text);
    ok(str_eq(str_of(text), STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")));
    sha256(STR("abc"), digest);
    ok(is(digest, abc));
    sha256_done(&hash);
    sha256_start(&hash);
    sha256_add(&hash, STR("a"));
    sha256_hex(STR("another in between"), text);
    sha256_add(&hash, STR("bc"));
    sha256_end(&hash, digest);
    ok(is(digest, abc));
    sha256_done(&hash);
}

static void authenticates(void) /* RFC 4231, cases 2, 3 and 6 */
{
    unsigned char digest[SHA256_BYTES];
    char key[131], data[50];

    hmac_sha256(STR("Jefe"), STR("what do ya want for nothing?"), digest);
    ok(is(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    hmac_sha256((str){key, 20}, (str){data, sizeof data}, digest);
    ok(is(digest, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"));
    hmac_sha256((str){key, sizeof key}, STR("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    ok(is(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

static void compares(void)
{
    ok(equal_in_constant_time(STR("abc"), STR("abc")) && equal_in_constant_time((str){0}, STR("")));
    ok(!equal_in_constant_time(STR("abc"), STR("abd")) && !equal_in_constant_time(STR("abc"), STR("ab")));
}

static void checks_records(void) /* RFC 3720 B.4 */
{
    unsigned char bytes[32];
    bool pieces_agree = true;

    ok(crc32c(0, "123456789", 9) == 0xe3069283);
    memset(bytes, 0, sizeof bytes);
    ok(crc32c(0, bytes, sizeof bytes) == 0x8a9136aa);
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)i;
    ok(crc32c(0, bytes, sizeof bytes) == 0x46dd794e);
    for (size_t cut = 0; cut <= 32; cut++)
        pieces_agree = pieces_agree && crc32c(crc32c(0, bytes, cut), bytes + cut, 32 - cut) == 0x46dd794e;
    ok(pieces_agree);
}

TEST_MAIN(hashes, authenticates, compares, checks_records)
