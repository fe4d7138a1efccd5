#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/fd.h"

enum { PIECE_BYTES = 64 * 1024, WALK_FDS_MAX = 16, FOLDER_CHARS_MAX = 4096 };

bool file_read(const char *path, size_t bytes_max, struct arena *arena, str *ret, struct err *err)
{
    BUF_AUTO text = {0};
    FD_AUTO fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len;

    if (fd < 0)
        return err_sys(err, "%s", path);
    buf_init(&text, bytes_max + PIECE_BYTES);
    do {
        char *room = buf_reserve(&text, PIECE_BYTES);

        if (!room || text.len > bytes_max)
            return err_set(err, ERR_LIMIT, "%s is larger than %zu bytes", path, bytes_max);
        len = read(fd, room, PIECE_BYTES);
        if (len < 0)
            return err_sys(err, "%s", path);
        buf_commit(&text, (size_t)len);
    } while (len > 0);
    *ret = arena_copy(arena, buf_str(&text));
    return true;
}

bool folder_make(const char *path, struct err *err)
{
    char part[FOLDER_CHARS_MAX];

    if (strlen(path) >= sizeof part)
        return err_set(err, ERR_LIMIT, "%s: the path is too long", path);
    for (size_t len = 1; len <= strlen(path); len++) {
        if (path[len] != '/' && path[len] != '\0')
            continue;
        memcpy(part, path, len);
        part[len] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return err_sys(err, "%s", part);
    }
    return true;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

void folder_remove(const char *path)
{
    (void)nftw(path, remove_one, WALK_FDS_MAX, FTW_DEPTH | FTW_PHYS);
}
