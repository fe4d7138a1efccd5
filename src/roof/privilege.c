#include "roof/privilege.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/str.h"

enum { PATH_BYTES_MAX = 512 };

/* Folders of the state directory.  packages/ is read by the cells' users, so it and what leads there may be
 * passed through by everyone; the rest is the server's alone. */
static const struct {
    const char *name;
    mode_t mode;
} folders[] = {{"packages", 0755}, {"journal", 0700}, {"spool", 0700}};

bool privilege_find(const char *user, struct privilege *ret, struct err *err)
{
    struct privilege found = {.is_root = geteuid() == 0, .uid = geteuid(), .gid = getegid()};
    const struct passwd *entry;

    if (found.is_root) {
        entry = getpwnam(*user ? user : "sculler");
        if (!entry && !*user)
            entry = getpwnam("nobody");
        if (!entry)
            return err_set(err, ERR_NOT_FOUND, "there is no user '%s' to become; make one, or say --user NAME",
                           *user ? user : "nobody");
        found.uid = entry->pw_uid;
        found.gid = entry->pw_gid;
    } else {
        entry = getpwuid(found.uid);
    }
    snprintf(found.name, sizeof found.name, "%s", entry ? entry->pw_name : "?");
    *ret = found;
    return true;
}

MUST_USE static bool make_folder(const struct privilege *privilege, const char *path, mode_t mode, struct err *err)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return err_sys(err, "cannot make %s", path);
    if (chmod(path, mode) != 0)
        return err_sys(err, "cannot set the mode of %s", path);
    if (privilege->is_root && chown(path, privilege->uid, privilege->gid) != 0)
        return err_sys(err, "cannot give %s to %s", path, privilege->name);
    return true;
}

MUST_USE static bool make_parents(const char *path, struct err *err)
{
    char part[PATH_BYTES_MAX];

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return err_sys(err, "cannot make %s", part);
    }
    return true;
}

/* Root reads everything; the user it becomes may not.  Better said now than as a failed open later. */
MUST_USE static bool check_reachable(const struct privilege *privilege, const char *path, struct err *err)
{
    char part[PATH_BYTES_MAX];
    struct stat info;

    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (stat(part, &info) != 0)
            return err_sys(err, "%s", part);
        bool own = info.st_uid == privilege->uid && (info.st_mode & S_IXUSR);
        if (!own && !(info.st_mode & S_IXOTH))
            return err_set(err, ERR_INVALID,
                           "the state directory %.160s is behind %.120s, which user '%s' (whom the server becomes) and "
                           "the cells may not enter; choose another --state",
                           path, part, privilege->name);
    }
    return true;
}

/* A folder with somebody's files in it, and none of ours, is a mistake in --state: it must not be taken over. */
MUST_USE static bool check_ours(const char *state_dir, struct err *err)
{
    char lock[PATH_BYTES_MAX];
    DIR *folder = opendir(state_dir);
    bool is_empty = true;

    if (!folder)
        return errno == ENOENT || err_sys(err, "%s", state_dir);
    for (const struct dirent *entry; is_empty && (entry = readdir(folder));)
        is_empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(folder);
    snprintf(lock, sizeof lock, "%s/lock", state_dir);
    return is_empty || access(lock, F_OK) == 0 ||
           err_set(err, ERR_INVALID,
                   "%s holds files that are not Sculler's; name an empty or a new folder with --state", state_dir);
}

bool privilege_make_state(const struct privilege *privilege, const char *state_dir, int *ret_lock_fd, struct err *err)
{
    char path[PATH_BYTES_MAX];

    if (*state_dir != '/')
        return err_set(err, ERR_INVALID, "the state directory must be an absolute path, not '%s'", state_dir);
    if (strlen(state_dir) > PATH_BYTES_MAX - 32)
        return err_set(err, ERR_INVALID, "the path of the state directory is too long");
    if (!check_ours(state_dir, err) || !make_parents(state_dir, err) || !make_folder(privilege, state_dir, 0711, err))
        return false;
    if (privilege->is_root && !check_reachable(privilege, state_dir, err))
        return false;
    /* The lock comes first: it is what says that the folder is ours, wherever a crash falls. */
    snprintf(path, sizeof path, "%s/lock", state_dir);
    FD_AUTO fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, ERR_CONFLICT, "another sculler server works on %s; stop it, or choose another --state",
                       state_dir);
    if (privilege->is_root && fchown(fd, privilege->uid, privilege->gid) != 0)
        return err_sys(err, "%s", path);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", state_dir, folders[i].name);
        if (!make_folder(privilege, path, folders[i].mode, err))
            return false;
    }
    *ret_lock_fd = fd_take(&fd);
    return true;
}

bool privilege_drop(const struct privilege *privilege, struct err *err)
{
    if (privilege->is_root && privilege->uid != 0 &&
        (setgroups(0, NULL) != 0 || setresgid(privilege->gid, privilege->gid, privilege->gid) != 0 ||
         setresuid(privilege->uid, privilege->uid, privilege->uid) != 0))
        return err_sys(err, "cannot become user %s", privilege->name);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_sys(err, "no_new_privs");
    return true;
}
