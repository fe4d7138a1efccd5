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
static str fill(struct buf *log, size_t bytes_max, str bytes)
{
    size_t space = bytes_max > log->len ? bytes_max - log->len : 0;
    size_t kept = bytes.len < space ? bytes.len : space;

    if (kept > 0)
        buf_add(log, (str){bytes.at, kept});
    return str_from(bytes, kept);
}

/* All calls of a batch keep together what one alone would, but each enough to be of use. */
static size_t share_of(size_t bytes_max, int sharers)
{
    size_t share = bytes_max / (size_t)sharers;

    return share > RECORD_LOG_SHARE_BYTES_MIN ? share : RECORD_LOG_SHARE_BYTES_MIN;
}

/* The tail is a window that moves along, its half at least is kept: what leaves it is dropped. */
void log_keep(struct run *run, int sharers, str bytes)
{
    struct buf *tail = &run->log_tail;
    size_t kept, over;

    if (tail->len == 0)
        bytes = fill(&run->log, share_of(run->log.max, sharers), bytes);
    if (bytes.len == 0)
        return;
    if (tail->max == 0)
        buf_init(tail, 2 * share_of(RECORD_LOG_TAIL_BYTES, sharers));
    kept = tail->max / 2;
    if (bytes.len > kept) {
        run->log_bytes_dropped += tail->len + bytes.len - kept;
        buf_clear(tail);
        bytes = str_from(bytes, bytes.len - kept);
    }
    if (tail->len + bytes.len > tail->max) {
        over = tail->len + bytes.len - kept;
        buf_consume(tail, over);
        run->log_bytes_dropped += over;
    }
    buf_add(tail, bytes);
}

void log_keep_init(void *template, str bytes)
{
    struct template *printed = template;

    printed->init_log_dropped += fill(&printed->init_log, printed->init_log.max, bytes).len;
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
