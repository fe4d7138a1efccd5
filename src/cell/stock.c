/* See stock.h. */
#include "cell/stock.h"

#include "base/fd.h"
#include "cell/cell_private.h"
#include "cell/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>

enum { INODE_BYTES = 1024 }; /* what a file of a tmpfs costs beside its contents: about */

void stock_item_close(struct stock_item *item)
{
    fd_close(&item->mounts);
    fd_close(&item->tmp);
}

uint64_t stock_item_used_bytes(const struct stock_item *item)
{
    struct statfs st;

    if (item->tmp < 0 || fstatfs(item->tmp, &st) < 0)
        return 0;
    return (uint64_t)(st.f_blocks - st.f_bfree) * (uint64_t)st.f_bsize + (st.f_files - st.f_ffree) * INODE_BYTES;
}

bool stock_place_is_complete(const struct stock_place *place)
{
    return place->proc >= 0 && place->cell_user >= 0 && place->cell_mounts >= 0 && place->template_user >= 0 &&
           place->template_mounts >= 0;
}

/* In the cell's namespaces.  Files of a tmpfs that is not mapped to its maker cannot be made: hence the cell's user. */
static int make_tmp(uint32_t tmp_mb, struct err *err)
{
    FD_AUTO fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
    char size[24], inodes[24], uid[24], gid[24];
    const struct {
        const char *key, *value;
    } settings[] = {{"size", size}, {"nr_inodes", inodes}, {"mode", "1777"}, {"uid", uid}, {"gid", gid}};
    int tmp;

    (void)snprintf(size, sizeof size, "%um", tmp_mb);
    (void)snprintf(inodes, sizeof inodes, "%u", tmp_mb * CELL_TMP_INODES_PER_MB);
    (void)snprintf(uid, sizeof uid, "%d", CELL_UID);
    (void)snprintf(gid, sizeof gid, "%d", CELL_GID);
    for (size_t i = 0; fs >= 0 && i < sizeof settings / sizeof *settings; i++) {
        if (fsconfig(fs, FSCONFIG_SET_STRING, settings[i].key, settings[i].value, 0) < 0)
            fd_close(&fs);
    }
    if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ||
        (tmp = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)) < 0) {
        (void)err_sys(err, "a /tmp of %u MB", tmp_mb);
        return -1;
    }
    return tmp;
}

/* From the template's namespace each time: a copy of the last one made would have two. */
static int make_namespace(const struct stock_place *place, int tmp, struct err *err)
{
    int made = -1;

    if (setns(place->template_mounts, CLONE_NEWNS) == 0 && unshare(CLONE_NEWNS) == 0 &&
        move_mount(tmp, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) == 0)
        made = openat(place->proc, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (made < 0)
        (void)err_sys(err, "a mount namespace for a worker");
    return made;
}

/* What is sent: one struct err; with the descriptors of what was made, or why it was not. */
static bool send_made(int line, const struct stock_item *made, const struct err *why)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof *made)];
    } control = {0};
    struct iovec iov = {(void *)why, sizeof *why};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    if (made) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.align =
            (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof *made)};
        memcpy(CMSG_DATA(&control.align), made, sizeof *made);
    }
    return sendmsg(line, &message, MSG_NOSIGNAL) == (ssize_t)sizeof *why;
}

static bool enter_cell(const struct stock_place *place, struct err *err)
{
    if (setns(place->cell_user, CLONE_NEWUSER) < 0 || setns(place->cell_mounts, CLONE_NEWNS) < 0)
        return err_sys(err, "entering the cell");
    if (setresgid(CELL_GID, CELL_GID, CELL_GID) < 0 || setresuid(CELL_UID, CELL_UID, CELL_UID) < 0)
        return err_sys(err, "becoming the cell's user");
    return true;
}

static bool make_all(const struct stock_place *place, uint32_t tmp_mb, int count, int line, struct err *err)
{
    int tmps[STOCK_BATCH_MAX];
    struct err none = {0};

    if (!enter_cell(place, err))
        return false;
    for (int i = 0; i < count; i++) {
        tmps[i] = make_tmp(tmp_mb, err);
        if (tmps[i] < 0)
            return false;
    }
    if (setns(place->template_user, CLONE_NEWUSER) < 0)
        return err_sys(err, "entering the template's user namespace");
    for (int i = 0; i < count; i++) {
        struct stock_item made = {make_namespace(place, tmps[i], err), tmps[i]};
        if (made.mounts < 0)
            return false;
        if (!send_made(line, &made, &none))
            return true; /* nobody waits for it any more */
        close(made.mounts), close(made.tmp);
    }
    return true;
}

bool stock_make(const struct stock_place *place, uint32_t tmp_mb, int count, int *ret_line, struct err *err)
{
    struct err why = {0};
    int line[2];
    pid_t pid;

    if (!stock_place_is_complete(place))
        return err_set(err, ERR_INVALID, "the template has no namespaces of its own");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) < 0)
        return err_sys(err, "a line to a helper");

    int kept[] = {place->proc,          place->cell_user,       place->cell_mounts,
                  place->template_user, place->template_mounts, line[1]};

    pid = helper_fork(kept, sizeof kept / sizeof *kept);
    if (pid == 0) {
        if (!make_all(place, tmp_mb, count < STOCK_BATCH_MAX ? count : STOCK_BATCH_MAX, line[1], &why))
            (void)send_made(line[1], NULL, &why);
        _exit(0);
    }
    close(line[1]);
    if (pid < 0) {
        close(line[0]);
        return err_sys(err, "a helper");
    }
    *ret_line = line[0];
    return true;
}

enum stock_status stock_receive(int line, struct stock_item *ret, struct err *err)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof *ret)];
    } control;
    struct err why = {0};
    struct iovec iov = {&why, sizeof why};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t len = recvmsg(line, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    struct cmsghdr *rights = len > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return STOCK_NONE_YET;
    if (len <= 0)
        return STOCK_END;
    if (!rights || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof *ret)) {
        *err = why;
        return STOCK_FAILED;
    }
    memcpy(ret, CMSG_DATA(rights), sizeof *ret);
    return STOCK_MADE;
}
