#include "codec/hex.h"

#include "base/test.h"

static void goes_there_and_back(void)
{
    unsigned char bytes[4] = {0};
    char text[9];

    hex_encode("\x00\x0f\xa5\xff", 4, text);
    ok(str_eq(str_of(text), STR("000fa5ff")));
    ok(hex_decode(STR("000FA5fF"), bytes, 4));
    ok(memcmp(bytes, "\x00\x0f\xa5\xff", 4) == 0);
}

static void refuses_what_is_not_hex(void)
{
    unsigned char bytes[2] = {7, 7};

    ok(!hex_decode(STR("0g00"), bytes, 2) && !hex_decode(STR("000"), bytes, 2) && !hex_decode(STR("000000"), bytes, 2));
    ok(bytes[0] == 7 && bytes[1] == 7);
    ok(hex_digit('/') == -1 && hex_digit(':') == -1 && hex_digit('@') == -1 && hex_digit('G') == -1);
}

TEST_MAIN(goes_there_and_back, refuses_what_is_not_hex)
