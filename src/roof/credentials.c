#include "roof/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rand.h"
#include "base/str.h"
#include "codec/key_file.h"

/* The file is lines of `name = "value"`: TOML, written and read by this file and by the CLI alone. */

enum { FILE_BYTES_MAX = 4096, PATH_BYTES_MAX = 512, SECRET_CHARS = 40, KEY_CHARS = 16, TOKEN_CHARS = 43 };

/* Letters of `alphabet` (its length divides 256 or the bias is below 1 in 100, which a 40-letter secret can bear). */
static void random_text(char *ret, size_t len, const char *alphabet)
{
    unsigned char bytes[64];
    size_t letters = strlen(alphabet);

    rand_bytes(bytes, len);
    for (size_t i = 0; i < len; i++)
        ret[i] = alphabet[bytes[i] % letters];
    ret[len] = '\0';
}

/* 256 bits, of letters that a URL carries as they are. */
static void make_token(struct credentials *ret)
{
    random_text(ret->token, TOKEN_CHARS, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}

static void make(struct credentials *ret)
{
    make_token(ret);
    memcpy(ret->access_key, "AKIA", 4);
    random_text(ret->access_key + 4, KEY_CHARS, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    random_text(ret->secret, SECRET_CHARS, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
}

/* Must be there, and fit. */
MUST_USE static bool value_read(str text, const char *name, char *ret, size_t size)
{
    str value = key_file_value(text, str_of(name));

    if (value.len == 0 || value.len >= size)
        return false;
    memcpy(ret, value.at, value.len);
    ret[value.len] = '\0';
    return true;
}

bool credentials_load(const char *state_dir, struct credentials *ret, struct err *err)
{
    char path[PATH_BYTES_MAX], text[FILE_BYTES_MAX];
    ssize_t len;

    snprintf(path, sizeof path, "%s/credentials", state_dir);
    FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        make(ret);
        return true;
    }
    if (fd < 0 || (len = read(fd, text, sizeof text)) < 0)
        return err_sys(err, "%s", path);
    str whole = {text, (size_t)len};
    if (!value_read(whole, "access_key_id", ret->access_key, sizeof ret->access_key) ||
        !value_read(whole, "secret_access_key", ret->secret, sizeof ret->secret))
        return err_set(
            err, ERR_INVALID,
            "%s does not hold an access_key_id and a secret_access_key; remove it and a new key pair is made", path);
    if (!value_read(whole, "dashboard_token", ret->token, sizeof ret->token)) /* of a server before it had one */
        make_token(ret);
    return true;
}

bool credentials_save(const char *state_dir, const struct credentials *credentials, const char *endpoint,
                      const char *region, const char *account, const char *ca, struct err *err)
{
    char path[PATH_BYTES_MAX], part[PATH_BYTES_MAX + 8], text[FILE_BYTES_MAX];

    snprintf(path, sizeof path, "%s/credentials", state_dir);
    snprintf(part, sizeof part, "%s.part", path);
    int len = snprintf(text, sizeof text,
                       "# Who may call this server. Keep it to yourself; `sculler env` prints it for a shell.\n"
                       "access_key_id = \"%s\"\nsecret_access_key = \"%s\"\nendpoint = \"%s\"\nregion = \"%s\"\n"
                       "account = \"%s\"\nca = \"%s\"\ndashboard_token = \"%s\"\n",
                       credentials->access_key, credentials->secret, endpoint, region, account, ca, credentials->token);
    FD_AUTO fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, (size_t)len) != len || fsync(fd) != 0 || rename(part, path) != 0)
        return err_sys(err, "%s", path);
    return true;
}
