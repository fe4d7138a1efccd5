/*
 * gate: what a fresh worker and the keeper say to each other, byte for byte.
 *
 * A gate is a Unix seqpacket pair, one a worker, made by the server (cell/keeper.h).  The worker says GATE_HELLO, in
 * one message of one byte; the kernel attests its pid with it.  The keeper moves that process to its cgroup and
 * answers with one message of one byte and closes its end:
 *
 *   GATE_ENTER  with one descriptor (SCM_RIGHTS): a mount namespace whose /tmp is this worker's.  setns into it.
 *   GATE_STAY   without: this host cannot give one, the worker shares the template's /tmp (told in keeper_note).
 *   end of file: not admitted.  The worker must not serve; it exits.
 *
 * Included by the keeper and by the guest (src/runtime/guest/): plain C, no other room.
 */
#pragma once

enum gate_word {
    GATE_HELLO = 1,
    GATE_ENTER = 2,
    GATE_STAY = 3,
};

/* A worker waits no longer than this for its answer. */
enum { GATE_ANSWER_MS = 5000 };
