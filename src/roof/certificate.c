#include "roof/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fd.h"
#include "base/str.h"
#include "http/tls.h"
#include "roof/config.h"

enum { PEM_BYTES_MAX = 256 * 1024 };

MUST_USE static bool read_pem(const char *setting, const char *path, struct arena *arena, str *ret, struct err *err)
{
    FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = arena_new(arena, char, PEM_BYTES_MAX);
    ssize_t len = fd >= 0 ? read(fd, text, PEM_BYTES_MAX) : -1;

    if (len < 0)
        return err_sys(err, "%s %.300s", setting, path);
    if (len == PEM_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "%s %.300s is too large for a PEM file", setting, path);
    *ret = (str){text, (size_t)len};
    return true;
}

/* The certificate, a byte of zero, the key: PEM has no such byte. */
static int keep_texts(str cert, str key)
{
    int fd = memfd_create("certificate", MFD_CLOEXEC);

    if (fd >= 0 && (write(fd, cert.at, cert.len) != (ssize_t)cert.len || write(fd, "", 1) != 1 ||
                    write(fd, key.at, key.len) != (ssize_t)key.len))
        fd_close(&fd);
    return fd > 0 ? fd : 0;
}

static bool recall_texts(int fd, struct arena *arena, str *ret_cert, str *ret_key)
{
    char *text = arena_new(arena, char, 2 * PEM_BYTES_MAX);
    ssize_t len = fd > 0 ? pread(fd, text, 2 * PEM_BYTES_MAX, 0) : -1;

    return len > 0 && str_cut((str){text, (size_t)len}, '\0', ret_cert, ret_key);
}

/* Clients stand in other folders. */
static void whole_path(const char *path, char ret[PATH_MAX])
{
    char here[PATH_MAX] = "";

    if (path[0] != '/' && !getcwd(here, sizeof here))
        here[0] = '\0';
    if (snprintf(ret, PATH_MAX, "%s%s%s", here, *here ? "/" : "", path) >= PATH_MAX)
        ret[0] = '\0';
}

bool certificate_load(const struct config *config, int handed_fd, struct certificate *ret, struct err *err)
{
    ARENA_AUTO arena = {0};
    struct certificate certificate = {0};
    str cert, key;

    *ret = certificate;
    if (!*config->tls_cert && !*config->tls_key)
        return true;
    if (!*config->tls_cert || !*config->tls_key)
        return err_set(err, ERR_INVALID, "TLS needs both a certificate and its key: give %s, too",
                       *config->tls_cert ? "--tls-key FILE" : "--tls-cert FILE");
    if (!read_pem("tls_cert", config->tls_cert, &arena, &cert, err) ||
        !read_pem("tls_key", config->tls_key, &arena, &key, err)) {
        certificate.is_old = err->os_errno == EACCES && recall_texts(handed_fd, &arena, &cert, &key);
        if (!certificate.is_old)
            return false;
    }
    if (!tls_context_new(cert, key, &certificate.context, err))
        return err_wrap(err, "tls_cert %.150s, tls_key %.150s", config->tls_cert, config->tls_key);
    if (tls_is_self_signed(certificate.context))
        whole_path(config->tls_cert, certificate.ca);
    certificate.texts_fd = keep_texts(cert, key);
    *ret = certificate;
    return true;
}

const char *certificate_ca(const struct certificate *certificate)
{
    return certificate->ca;
}
