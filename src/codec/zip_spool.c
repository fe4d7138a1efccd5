/*
 * A state a character, so that a piece may end anywhere; only the zip itself goes by runs of 8 KB.
 *
 *   OUTSIDE --"--> STRING --"--> OUTSIDE            a string that equals ZipFile is remembered ...
 *   OUTSIDE --:--> VALUE  --"--> ZIP --"--> OUTSIDE ... and if a colon follows, it was a key
 *   VALUE --other--> OUTSIDE                        "ZipFile": null
 *   STRING/ZIP --\--> ..._ESCAPE --u--> ..._UNICODE --4 digits--> STRING/ZIP
 *
 * Escapes are decoded for the comparison and for the zip ("\u005aipFile" is ZipFile; many encoders write "\/").
 */
#include "codec/zip_spool.h"

#include "codec/hex.h"

enum { RUN_MAX = 8 * 1024, KEY_DIFFERS = UINT32_MAX };

enum state {
    STATE_OUTSIDE,
    STATE_STRING,
    STATE_STRING_ESCAPE,
    STATE_STRING_UNICODE,
    STATE_VALUE,
    STATE_ZIP,
    STATE_ZIP_ESCAPE,
    STATE_ZIP_UNICODE,
};

static const str zip_key = {"ZipFile", 7};

void zip_spool_init(struct zip_spool *spool, struct buf *out, bool (*on_bytes)(void *ctx, str bytes), void *ctx)
{
    *spool = (struct zip_spool){.out = out, .on_bytes = on_bytes, .ctx = ctx, .state = STATE_OUTSIDE};
}

/* The JSON around */

static void outside(struct zip_spool *spool, char c)
{
    bool was_key = spool->key_now;

    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return;
    spool->key_now = false;
    if (c == '"') {
        spool->state = STATE_STRING;
        spool->key_len = 0;
    } else if (c == '{' || c == '[') {
        spool->depth++;
    } else if (c == '}' || c == ']') {
        spool->depth--;
    } else if (c == ':' && was_key && spool->depth <= ZIP_SPOOL_DEPTH_MAX) {
        spool->state = STATE_VALUE;
    }
}

static void compare_key(struct zip_spool *spool, uint32_t code)
{
    if (spool->key_len < zip_key.len && (uint32_t)zip_key.at[spool->key_len] == code)
        spool->key_len++;
    else
        spool->key_len = KEY_DIFFERS;
}

static void in_string(struct zip_spool *spool, char c)
{
    if (c == '\\') {
        spool->state = STATE_STRING_ESCAPE;
    } else if (c == '"') {
        spool->state = STATE_OUTSIDE;
        spool->key_now = spool->key_len == zip_key.len;
    } else {
        compare_key(spool, (unsigned char)c);
    }
}

/* True when the escape's four digits are complete; a wrong digit makes a code that equals nothing. */
static bool take_hex(struct zip_spool *spool, char c)
{
    int digit = hex_digit(c);

    spool->code = digit < 0 ? UINT32_MAX >> 4 : spool->code << 4 | (uint32_t)digit;
    return ++spool->code_digits == 4;
}

static void start_hex(struct zip_spool *spool, enum state state)
{
    spool->state = (int)state;
    spool->code = 0;
    spool->code_digits = 0;
}

/* The zip inside */

static bool fail_base64(struct zip_spool *spool, struct err *err)
{
    return err_set(err, ERR_INVALID, "ZipFile is not base64: fault at byte %llu of the body",
                   (unsigned long long)spool->offset);
}

static bool decode(struct zip_spool *spool, str text, struct err *err)
{
    char bytes[RUN_MAX];
    uint64_t before = spool->decoder.offset;
    size_t len;
    bool good = base64_feed(&spool->decoder, text, bytes, &len);

    spool->bytes_decoded += len;
    if (len > 0 && !spool->on_bytes(spool->ctx, (str){bytes, len}))
        return err_set(err, ERR_SYSTEM, "The package could not be stored");
    if (good)
        return true;
    spool->offset += spool->decoder.offset - before;
    return fail_base64(spool, err);
}

/* Takes the run of base64 at the front of the piece; what ends it is taken by the next step. */
static bool decode_run(struct zip_spool *spool, str *piece, struct err *err)
{
    str run = {piece->at, piece->len < RUN_MAX ? piece->len : RUN_MAX};
    const char *quote = memchr(run.at, '"', run.len);
    const char *backslash;

    if (quote)
        run.len = (size_t)(quote - run.at);
    backslash = memchr(run.at, '\\', run.len);
    if (backslash)
        run.len = (size_t)(backslash - run.at);
    if (run.len > 0 && !decode(spool, run, err))
        return false;
    spool->offset += run.len;
    *piece = str_from(*piece, run.len);
    return true;
}

static bool decode_code(struct zip_spool *spool, uint32_t code, struct err *err)
{
    char c = (char)code;

    spool->state = STATE_ZIP;
    return code < 0x80 ? decode(spool, (str){&c, 1}, err) : fail_base64(spool, err);
}

/* A quote or a backslash: the run stopped there. */
static bool in_zip(struct zip_spool *spool, char c, struct err *err)
{
    if (c == '\\') {
        spool->state = STATE_ZIP_ESCAPE;
        return true;
    }
    if (!base64_end(&spool->decoder))
        return fail_base64(spool, err);
    spool->state = STATE_OUTSIDE;
    buf_add_char(spool->out, '"');
    return true;
}

static bool before_value(struct zip_spool *spool, char c, struct err *err)
{
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
        return true;
    spool->state = STATE_OUTSIDE;
    if (c != '"') {
        outside(spool, c);
        return true;
    }
    if (spool->zips_count++ > 0)
        return err_set(err, ERR_INVALID, "more than one ZipFile");
    spool->state = STATE_ZIP;
    spool->decoder = (struct base64_decoder){0};
    return true;
}

static bool step(struct zip_spool *spool, char c, struct err *err)
{
    if (spool->state < STATE_ZIP)
        buf_add_char(spool->out, c);
    switch ((enum state)spool->state) {
    case STATE_OUTSIDE:
        outside(spool, c);
        break;
    case STATE_STRING:
        in_string(spool, c);
        break;
    case STATE_STRING_ESCAPE:
        spool->key_len = c == 'u' ? spool->key_len : KEY_DIFFERS;
        start_hex(spool, c == 'u' ? STATE_STRING_UNICODE : STATE_STRING);
        break;
    case STATE_STRING_UNICODE:
        if (take_hex(spool, c)) {
            compare_key(spool, spool->code);
            spool->state = STATE_STRING;
        }
        break;
    case STATE_VALUE:
        return before_value(spool, c, err);
    case STATE_ZIP:
        return in_zip(spool, c, err);
    case STATE_ZIP_ESCAPE:
        start_hex(spool, STATE_ZIP_UNICODE);
        return c == 'u' || (c == '/' ? decode_code(spool, '/', err) : fail_base64(spool, err));
    case STATE_ZIP_UNICODE:
        return !take_hex(spool, c) || decode_code(spool, spool->code, err);
    }
    return true;
}

bool zip_spool_feed(struct zip_spool *spool, str piece, struct err *err)
{
    while (piece.len > 0) {
        if (spool->state == STATE_ZIP && *piece.at != '"' && *piece.at != '\\') {
            if (!decode_run(spool, &piece, err))
                return false;
            continue;
        }
        if (!step(spool, *piece.at, err))
            return false;
        if (!buf_ok(spool->out))
            return err_set(err, ERR_LIMIT, "The request, its ZipFile not counted, is longer than %zu bytes",
                           spool->out->max);
        spool->offset++;
        piece = str_from(piece, 1);
    }
    return true;
}

bool zip_spool_end(struct zip_spool *spool, struct err *err)
{
    return spool->state < STATE_ZIP || fail_base64(spool, err);
}
