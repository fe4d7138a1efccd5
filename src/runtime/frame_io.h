/*
 * frame_io: frames over the server's non-blocking sockets.
 *
 * Reading: bytes gather in a buf whose maximum is the largest frame of its kind; a frame's header is held against
 * the reader's table before its body is waited for, so nothing is read that nobody wants.  Writing: one writev,
 * and when the socket is full, from where it stopped.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "runtime/frame.h"

struct frame {
    struct frame_header header;
    str head, body;
};

/* A frame that a reader accepts. */
struct frame_rule {
    enum frame_type type;
    uint64_t body_bytes_max; /* no frame to the server has a head */
};

enum frame_status {
    FRAME_COMPLETE,
    FRAME_PARTIAL,   /* wait for more */
    FRAME_REFUSED,   /* not in the table, or not a frame */
    FRAME_TOO_LARGE, /* in the table, its body too long; ret->header says by whom */
    FRAME_CLOSED,    /* the other end is gone */
    FRAME_RESET,     /* it is gone, and had not read all that was sent to it */
};

/* What stands at the beginning of `bytes`.  ret->body borrows from it. */
enum frame_status frame_parse(str bytes, const struct frame_rule *rules, size_t rules_count, struct frame *ret);

/* Reads what is there into `in`, then parses; the caller drops the frame with frame_drop when it is done with it. */
enum frame_status frame_receive(int fd, struct buf *in, const struct frame_rule *rules, size_t rules_count,
                                struct frame *ret);
void frame_drop(struct buf *in, const struct frame *frame);

/* Goes on from *sent; true unless the socket is broken.  Done when *sent == frame_bytes(frame). */
MUST_USE bool frame_write(int fd, const struct frame *frame, size_t *sent);
size_t frame_bytes(const struct frame *frame);

/* A frame without head and body, and descriptors with it.  All or nothing. */
MUST_USE bool frame_send(int fd, const struct frame_header *header, const int *fds, int fds_count);
