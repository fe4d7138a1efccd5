/*
 * log_pipe: what a function prints, kept up to the record's bound and counted past it.
 *
 * A flood is read and thrown away, never left in the pipe: a full pipe would stop the function in print().  A
 * turn of the loop reads a bounded amount, so that one loud function does not keep the others waiting.
 */
#include "runtime/runtime_private.h"

#include <errno.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024,
    READS_A_TURN = 8,
    READS_TO_END = 32, /* a pipe holds 16 of them at most (1 MiB); a daemon may go on printing */
};

static void keep(struct buf *log, const char *at, size_t len, uint64_t *ret_dropped)
{
    size_t space = log->max > log->len ? log->max - log->len : 0;
    size_t kept = len < space ? len : space;

    if (kept > 0)
        buf_add(log, (str){at, kept});
    *ret_dropped += len - kept;
}

bool log_pipe_read(int fd, bool to_end, struct buf *ret_log, uint64_t *ret_dropped)
{
    static char bytes[READ_BYTES]; /* the loop's thread alone reads */

    for (int i = 0; i < (to_end ? READS_TO_END : READS_A_TURN); i++) {
        ssize_t len = read(fd, bytes, sizeof bytes);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return len < 0 && errno == EAGAIN;
        keep(ret_log, bytes, (size_t)len, ret_dropped);
        if (len < (ssize_t)sizeof bytes && !to_end)
            break;
    }
    return true;
}
