/*
 * log_pipe: what a function prints.  The first of it is kept up to the record's bound, and the last, since that is
 * where a failure is told (and what X-Amz-Log-Result shows); what lies between is counted.
 *
 * A flood is read and thrown away, never left in the pipe: a full pipe would stop the function in print().  A
 * turn of the loop reads a bounded amount, so that one loud function does not keep the others waiting.
 */
#include "runtime/runtime_private.h"

#include "base/limits.h"

#include <errno.h>
#include <unistd.h>

enum {
    READ_BYTES = 64 * 1024,
    READS_A_TURN = 8,
    READS_TO_END = 32, /* a pipe holds 16 of them at most (1 MiB); a daemon may go on printing */
};

/* What of `bytes` fits; the rest is returned. */
static str fill(struct buf *log, str bytes)
{
    size_t space = log->max > log->len ? log->max - log->len : 0;
    size_t kept = bytes.len < space ? bytes.len : space;

    if (kept > 0)
        buf_add(log, (str){bytes.at, kept});
    return str_from(bytes, kept);
}

/* The tail is a window of at least RECORD_LOG_TAIL_BYTES that moves along: what leaves it is dropped. */
void log_keep(struct run *run, str bytes)
{
    struct buf *tail = &run->log_tail;
    size_t over;

    if (tail->len == 0)
        bytes = fill(&run->log, bytes);
    if (bytes.len == 0)
        return;
    if (tail->max == 0)
        buf_init(tail, 2 * (size_t)RECORD_LOG_TAIL_BYTES);
    if (bytes.len > RECORD_LOG_TAIL_BYTES) {
        run->log_bytes_dropped += tail->len + bytes.len - RECORD_LOG_TAIL_BYTES;
        buf_clear(tail);
        bytes = str_from(bytes, bytes.len - RECORD_LOG_TAIL_BYTES);
    }
    if (tail->len + bytes.len > tail->max) {
        over = tail->len + bytes.len - RECORD_LOG_TAIL_BYTES;
        buf_consume(tail, over);
        run->log_bytes_dropped += over;
    }
    buf_add(tail, bytes);
}

void log_keep_init(void *template, str bytes)
{
    struct template *printed = template;

    printed->init_log_dropped += fill(&printed->init_log, bytes).len;
}

bool log_pipe_read(int fd, bool to_end, log_take *take, void *ctx)
{
    static char bytes[READ_BYTES]; /* the loop's thread alone reads */

    for (int i = 0; i < (to_end ? READS_TO_END : READS_A_TURN); i++) {
        ssize_t len = read(fd, bytes, sizeof bytes);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return len < 0 && errno == EAGAIN;
        take(ctx, (str){bytes, (size_t)len});
        if (len < (ssize_t)sizeof bytes && !to_end)
            break;
    }
    return true;
}
