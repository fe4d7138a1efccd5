/*
 * privilege: what the server owns on disk, and the step down from root to an ordinary user.
 *
 * Before the step: the state directory is made and given to that user, and made sure of to be reachable by them.
 * The keeper is started before the step and keeps what it was started with; the server keeps nothing.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct privilege {
    bool is_root;
    uid_t uid; /* who the server will be */
    gid_t gid;
    char name[64];
};

/* `user` empty: sculler when there is such an account, else nobody.  Not root: the one who started it. */
MUST_USE bool privilege_find(const char *user, struct privilege *ret, struct err *err);
/* Makes <state> and its folders, owned by that user, and takes the lock that keeps a second server out: the
 * descriptor stays open for the life of the process. */
MUST_USE bool privilege_make_state(const struct privilege *privilege, const char *state_dir, int *ret_lock_fd,
                                   struct err *err);
MUST_USE bool privilege_drop(const struct privilege *privilege, struct err *err);
