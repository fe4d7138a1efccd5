/*
 * gate: what a fresh worker and the keeper say to each other, byte for byte, and how the worker then seals itself.
 *
 * A gate is a Unix seqpacket pair, one a worker, made by the server (cell/keeper.h).  The worker says GATE_HELLO, in
 * one message of one byte; the kernel attests its pid with it.  The keeper moves that process to its cgroup and
 * answers with one message of one byte and closes its end:
 *
 *   GATE_ENTER  with one descriptor (SCM_RIGHTS): a mount namespace whose /tmp is this worker's.  setns into it.
 *   GATE_STAY   without: this host cannot give one, the worker shares the template's /tmp (told in keeper_note).
 *   end of file: not admitted.  The worker must not serve; it exits.
 *
 * What the guest does right after fork, in C, before any hook of Python or of user code (PyOS_AfterFork_Child comes
 * last); the template closes its copy of the gate in the parent at once.  A failure is _exit(1) with a line on standard
 * error: a worker that is not sealed does not serve.
 *
 * 1. send(gate, {GATE_HELLO}, 1); recvmsg(gate, MSG_CMSG_CLOEXEC).  End of file, or no answer within GATE_ANSWER_MS:
 *    _exit(1).  Then close(gate).
 * 2. GATE_ENTER: setns(fd, CLONE_NEWNS), close(fd), chdir("/var/task") (setns moves to "/").  GATE_STAY: nothing.
 *    setns is EINVAL in a process with threads: one that *becomes* the worker stays in the cell's own /tmp, which is
 *    then nobody else's; it closes fd and goes on.
 * 3. capset with nothing in any set (ambient goes with it; the bounding set is empty since before exec).
 * 4. Landlock.  Handled: every file-system right of the host's ABI (1: 13 rights, 2: + REFER, 3: + TRUNCATE, 5: +
 *    IOCTL_DEV); rules: "/" read and execute, "/dev" read, write, IOCTL_DEV, TRUNCATE, "/tmp" all but MAKE_CHAR and
 *    MAKE_BLOCK.  From ABI 6 `scoped` = ABSTRACT_UNIX_SOCKET | SIGNAL.  Without Landlock (ENOSYS, EOPNOTSUPP):
 *    prctl(PR_SET_DUMPABLE, 0), so that siblings cannot read its memory.
 * 5. seccomp(SECCOMP_SET_MODE_FILTER, 0, prog), the only flags that are let through; prctl(PR_SET_SECCOMP) is not.  A
 *    const BPF array: setns, seccomp, capset -> EPERM, all else -> ALLOW.  No check of the architecture: the filter
 *    below it kills foreign ones.
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
