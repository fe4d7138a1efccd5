#include "http/body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/limits.h"

enum { KEPT_BYTES_MAX = 16 * 1024 }; /* memory that a connection keeps for its next body */

void http_body_init(struct http_body *body)
{
    *body = (struct http_body){.fd = -1};
    buf_init(&body->memory, HTTP_BODY_MEMORY_MAX);
}

/* O_TMPFILE leaves nothing behind even when we are killed; where the file system lacks it, a name for an instant. */
static bool spool_open(const char *dir, int *ret, struct err *err)
{
    char path[4096];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        if (snprintf(path, sizeof path, "%s/body-XXXXXX", dir) >= (int)sizeof path)
            return err_set(err, ERR_INVALID, "the spool folder's name is too long");
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    if (fd < 0)
        return err_sys(err, "open a file in %s", dir);
    *ret = fd;
    return true;
}

/* Blocks for as long as the page cache needs: a copy, as into memory. */
static bool spool_write(int fd, str bytes, struct err *err)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.at, bytes.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_sys(err, "keep the body of a request");
        bytes = str_from(bytes, (size_t)written);
    }
    return true;
}

void http_body_pass(struct http_body *body, str piece)
{
    if (body->hashed && !body->hash.state)
        sha256_start(&body->hash);
    if (body->hashed)
        sha256_add(&body->hash, piece);
    body->len += piece.len;
}

bool http_body_add(struct http_body *body, str piece, uint64_t expected_len, const char *spool_dir, struct err *err)
{
    bool fits = body->len + piece.len <= HTTP_BODY_MEMORY_MAX && expected_len <= HTTP_BODY_MEMORY_MAX;

    if (body->fd < 0 && !fits) {
        if (!spool_open(spool_dir, &body->fd, err) || !spool_write(body->fd, buf_str(&body->memory), err))
            return false;
        buf_free(&body->memory);
    }
    if (body->fd >= 0 && !spool_write(body->fd, piece, err))
        return false;
    if (body->fd < 0) {
        if (body->len == 0 && expected_len > piece.len)
            (void)buf_reserve(&body->memory, (size_t)expected_len);
        buf_add(&body->memory, piece);
    }
    http_body_pass(body, piece);
    return true;
}

bool http_body_end(struct http_body *body, str *ret, struct err *err)
{
    if (body->fd >= 0) {
        void *map = mmap(NULL, body->len, PROT_READ, MAP_PRIVATE, body->fd, 0);

        if (map == MAP_FAILED)
            return err_sys(err, "map the body of a request");
        body->map = map;
        fd_close(&body->fd);
    }
    *ret = body->map ? (str){body->map, body->len} : buf_str(&body->memory);
    return true;
}

void http_body_hash(struct http_body *body, unsigned char ret[SHA256_BYTES])
{
    if (!body->hash.state)
        sha256(STR(""), ret);
    else
        sha256_end(&body->hash, ret);
}

void http_body_done(struct http_body *body)
{
    sha256_done(&body->hash);
    fd_close(&body->fd);
    if (body->map)
        munmap(body->map, body->len);
    if (body->memory.capacity > KEPT_BYTES_MAX)
        buf_free(&body->memory);
    buf_clear(&body->memory);
    body->map = NULL;
    body->hash.state = NULL;
    body->hashed = false;
    body->len = 0;
}
