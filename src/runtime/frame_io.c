/*
 * frame_io: see frame_io.h.  frame_parse is pure, for the fuzzer; all system calls are below it.
 */
#include "runtime/frame_io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { READ_AHEAD_BYTES = 16 * 1024 };

static const struct frame_rule *find_rule(const struct frame_rule *rules, size_t count, uint32_t type)
{
    for (size_t i = 0; i < count; i++) {
        if ((uint32_t)rules[i].type == type)
            return &rules[i];
    }
    return NULL;
}

enum frame_status frame_parse(str bytes, const struct frame_rule *rules, size_t rules_count, struct frame *ret)
{
    const struct frame_rule *rule;

    if (bytes.len < sizeof ret->header)
        return FRAME_PARTIAL;
    memcpy(&ret->header, bytes.at, sizeof ret->header);
    rule = find_rule(rules, rules_count, ret->header.type);
    if (!rule || ret->header.head_bytes != 0)
        return FRAME_REFUSED;
    if (ret->header.body_bytes > rule->body_bytes_max)
        return FRAME_TOO_LARGE;
    bytes = str_from(bytes, sizeof ret->header);
    if (bytes.len < ret->header.body_bytes)
        return FRAME_PARTIAL;
    ret->head = STR("");
    ret->body = (str){bytes.at, (size_t)ret->header.body_bytes};
    return FRAME_COMPLETE;
}

/* How much to ask for: the rest of a frame whose header is there, else a little ahead. */
static size_t bytes_wanted(const struct buf *in)
{
    struct frame_header header;
    size_t total;

    if (in->len < sizeof header)
        return READ_AHEAD_BYTES;
    memcpy(&header, in->at, sizeof header);
    total = sizeof header + (size_t)header.body_bytes; /* was held against the table when it came */
    return total > in->len ? total - in->len : READ_AHEAD_BYTES;
}

enum frame_status frame_receive(int fd, struct buf *in, const struct frame_rule *rules, size_t rules_count,
                                struct frame *ret)
{
    enum frame_status status = frame_parse(buf_str(in), rules, rules_count, ret);

    while (status == FRAME_PARTIAL) {
        size_t wanted = bytes_wanted(in);
        char *space = buf_reserve(in, wanted);
        ssize_t got = space ? recv(fd, space, wanted, MSG_DONTWAIT) : -1;

        if (!space)
            return FRAME_REFUSED;
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return FRAME_PARTIAL;
        if (got <= 0)
            return got < 0 && errno == ECONNRESET ? FRAME_RESET : FRAME_CLOSED;
        buf_commit(in, (size_t)got);
        status = frame_parse(buf_str(in), rules, rules_count, ret);
    }
    return status;
}

void frame_drop(struct buf *in, const struct frame *frame)
{
    buf_consume(in, frame_bytes(frame));
    if (in->len == 0 && in->capacity > 4 * READ_AHEAD_BYTES) {
        size_t max = in->max;
        buf_free(in);
        buf_init(in, max);
    }
}

size_t frame_bytes(const struct frame *frame)
{
    return sizeof frame->header + frame->head.len + frame->body.len;
}

bool frame_write(int fd, const struct frame *frame, size_t *sent)
{
    const str parts[] = {{(const char *)&frame->header, sizeof frame->header}, frame->head, frame->body};

    while (*sent < frame_bytes(frame)) {
        struct iovec iov[3];
        struct msghdr message = {.msg_iov = iov};
        size_t skip = *sent;
        ssize_t done;

        for (int i = 0; i < 3; i++) {
            size_t skipped = skip < parts[i].len ? skip : parts[i].len;
            skip -= skipped;
            if (parts[i].len > skipped)
                iov[message.msg_iovlen++] = (struct iovec){(void *)(parts[i].at + skipped), parts[i].len - skipped};
        }
        done = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done < 0)
            return errno == EAGAIN || errno == EINTR;
        *sent += (size_t)done;
    }
    return true;
}

bool frame_send(int fd, const struct frame_header *header, const int *fds, int fds_count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FRAME_FORK_FDS * sizeof(int))];
    } control = {0};
    struct iovec iov = {(void *)header, sizeof *header};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fds_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE((size_t)fds_count * sizeof(int));
        control.align = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN((size_t)fds_count * sizeof(int))};
        memcpy(CMSG_DATA(&control.align), fds, (size_t)fds_count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *header;
}
