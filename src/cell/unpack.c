/*
 * unpack: `sculler unpack BYTES_MAX FILES_MAX`, inside a cell: the zip on descriptor 3 becomes the tree in /out.
 *
 * The zip is a stranger's.  A name is checked as text, then walked component by component from /out's descriptor
 * with O_NOFOLLOW; files are created with O_EXCL, so what is there twice, or is both file and folder, fails on
 * its own.  Sizes are counted as they are written: what the zip claims is never believed.  Says one line on
 * descriptor 1, `unzipped BYTES files N` or why not, in the words that the client will read; the exit status says
 * who is to blame for that.
 */
#include "cell/keeper.h"

#include "base/fd.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

enum {
    ZIP_FD = 3,
    NAME_BYTES_MAX = 255,
    PATH_BYTES_MAX = 1023,
    DEPTH_MAX = 64,
    CHUNK_BYTES = 256 * 1024,
};

static const char not_a_zip[] = "Could not unzip uploaded file. Please check your file, then try to upload again.";

struct unpack {
    zip_t *zip;
    int out;
    enum unpack_status status; /* set where it fails */
    unsigned long long bytes, bytes_max, files, files_max;
    /* The folder of the entry before, since entries come folder by folder. */
    int folder;
    char folder_path[PATH_BYTES_MAX + 1];
    char *chunk;
};

static bool PRINTF_LIKE(3, 4) fail(struct unpack *self, enum unpack_status status, const char *fmt, ...)
{
    va_list args;

    self->status = status;
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
    (void)putchar('\n');
    return false;
}

#define refuse(self, ...) fail((self), UNPACK_REFUSED, __VA_ARGS__)

/* What making a file or a folder says of a zip that names it twice, as both, or too long; all else is the disk. */
static enum unpack_status blame_for(int error)
{
    static const int of_zip[] = {EEXIST, ENOTDIR, EISDIR, ELOOP, ENAMETOOLONG};

    for (size_t i = 0; i < sizeof of_zip / sizeof *of_zip; i++) {
        if (of_zip[i] == error)
            return UNPACK_REFUSED;
    }
    return UNPACK_BROKEN;
}

/* libzip failed: was it the bytes, or reading them? */
static bool fail_zip(struct unpack *self, zip_error_t *error)
{
    if (zip_error_system_type(error) == ZIP_ET_SYS || zip_error_code_zip(error) == ZIP_ER_MEMORY)
        return fail(self, UNPACK_BROKEN, "Could not read the zip: %s", zip_error_strerror(error));
    return refuse(self, "%s", not_a_zip);
}

static bool is_good_component(str part)
{
    return part.len > 0 && part.len <= NAME_BYTES_MAX && !str_eq(part, STR(".")) && !str_eq(part, STR(".."));
}

/* Relative, no way up, no control characters, nothing that another system would read as a separator.
 *
 * A NUL in a name is never seen here, so it cannot be refused: libzip turns each into a space as it reads (and tells
 * nobody), so that a name is whole and what is checked is what is made. */
static bool check_name(str name)
{
    int depth = 0;

    if (name.len == 0 || name.len > PATH_BYTES_MAX || name.at[0] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if ((unsigned char)name.at[i] < 0x20 || name.at[i] == 0x7f || name.at[i] == '\\')
            return false;
    }
    while (name.len > 0) {
        str part, rest = STR("");
        (void)str_cut(name, '/', &part, &rest);
        if (!is_good_component(part) || ++depth > DEPTH_MAX)
            return false;
        name = rest;
    }
    return true;
}

/* Walks (and makes) the folders of `path` from /out; none of them is a link, since we make none. */
static int open_folder(int out, str path)
{
    FD_AUTO at = dup(out);

    while (path.len > 0 && at >= 0) {
        char name[NAME_BYTES_MAX + 1];
        str part, rest = STR("");

        (void)str_cut(path, '/', &part, &rest);
        (void)snprintf(name, sizeof name, STR_FMT, STR_ARG(part));
        if (mkdirat(at, name, 0755) < 0 && errno != EEXIST)
            return -1;
        int next = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = next;
        path = rest;
    }
    return fd_take(&at);
}

static bool enter_folder(struct unpack *self, str path)
{
    if (self->folder >= 0 && str_eq(path, str_of(self->folder_path)))
        return true;
    fd_close(&self->folder);
    self->folder = open_folder(self->out, path);
    (void)snprintf(self->folder_path, sizeof self->folder_path, STR_FMT, STR_ARG(path));
    return self->folder >= 0;
}

static bool write_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t written = write(fd, at, len);
        if (written < 0 && errno != EINTR)
            return false;
        at += written > 0 ? written : 0;
        len -= (size_t)(written > 0 ? written : 0);
    }
    return true;
}

static bool copy_content(struct unpack *self, zip_file_t *file, int fd, str name)
{
    zip_int64_t len;

    while ((len = zip_fread(file, self->chunk, CHUNK_BYTES)) > 0) {
        self->bytes += (unsigned long long)len;
        if (self->bytes > self->bytes_max)
            return refuse(self, "Unzipped size must be smaller than %llu bytes", self->bytes_max);
        if (!write_all(fd, self->chunk, (size_t)len))
            return fail(self, UNPACK_BROKEN, "Could not write " STR_FMT ": %s", STR_ARG(name), strerror(errno));
    }
    return len == 0 || fail_zip(self, zip_file_get_error(file)); /* a bad CRC or a broken stream */
}

static bool unpack_file(struct unpack *self, zip_uint64_t index, str path, bool executable)
{
    size_t slash = path.len;
    str folder = STR(""), name;
    zip_file_t *file;
    bool done;

    while (slash > 0 && path.at[slash - 1] != '/')
        slash--;
    if (slash > 0)
        folder = (str){path.at, slash - 1};
    name = str_from(path, slash);
    if (!enter_folder(self, folder))
        return fail(self, blame_for(errno), "Could not make the folder of " STR_FMT ": %s", STR_ARG(path),
                    strerror(errno));
    /* `path` ends at a NUL: it is the whole name as libzip gave it. */
    FD_AUTO fd =
        openat(self->folder, name.at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, executable ? 0755 : 0644);
    if (fd < 0)
        return fail(self, blame_for(errno), "The file " STR_FMT " is there twice or cannot be made: %s", STR_ARG(path),
                    strerror(errno));
    file = zip_fopen_index(self->zip, index, 0);
    if (!file)
        return fail_zip(self, zip_get_error(self->zip));
    done = copy_content(self, file, fd, path);
    (void)zip_fclose(file);
    return done;
}

static bool unpack_entry(struct unpack *self, zip_uint64_t index)
{
    zip_uint8_t system = 0;
    zip_uint32_t attributes = 0;
    zip_stat_t stat;
    const char *raw = zip_get_name(self->zip, index, ZIP_FL_ENC_RAW);
    str path = str_of(raw);
    mode_t mode = 0;
    bool is_folder;

    if (!raw || zip_stat_index(self->zip, index, 0, &stat) < 0)
        return fail_zip(self, zip_get_error(self->zip));
    is_folder = path.len > 0 && path.at[path.len - 1] == '/';
    if (is_folder)
        path.len--;
    if (!check_name(path))
        return refuse(self, "The zip holds a name that cannot be used (entry %llu)", (unsigned long long)index);
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) && stat.encryption_method != ZIP_EM_NONE)
        return refuse(self, "The file " STR_FMT " is encrypted", STR_ARG(path));
    if (zip_file_get_external_attributes(self->zip, index, 0, &system, &attributes) == 0 && system == ZIP_OPSYS_UNIX)
        mode = attributes >> 16;
    if ((mode & S_IFMT) && !S_ISREG(mode) && !S_ISDIR(mode))
        return refuse(self, "The entry " STR_FMT " is a link or a device", STR_ARG(path));
    if (is_folder || S_ISDIR(mode))
        return enter_folder(self, path) || fail(self, blame_for(errno), "Could not make the folder " STR_FMT ": %s",
                                                STR_ARG(path), strerror(errno));
    if (++self->files > self->files_max)
        return refuse(self, "The zip holds more than %llu files", self->files_max);
    return unpack_file(self, index, path, mode & 0111);
}

static bool unpack_all(struct unpack *self)
{
    zip_int64_t count = zip_get_num_entries(self->zip, 0);

    if ((unsigned long long)count > 2 * self->files_max) /* folders count too */
        return refuse(self, "The zip holds more than %llu files", self->files_max);
    for (zip_int64_t i = 0; i < count; i++) {
        if (!unpack_entry(self, (zip_uint64_t)i))
            return false;
    }
    (void)printf("unzipped %llu files %llu\n", self->bytes, self->files);
    return true;
}

static bool open_zip(struct unpack *self)
{
    zip_error_t error;
    int code = 0;
    bool opened;

    self->zip = zip_fdopen(ZIP_FD, 0, &code);
    if (self->zip)
        return true;
    zip_error_init_with_code(&error, code);
    opened = fail_zip(self, &error);
    zip_error_fini(&error);
    return opened;
}

/* A sanitized build asks this before it looks for leaks by tracing us, which the cell's filter refuses. */
int __lsan_is_turned_off(void);
static bool is_in_cell;

__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return is_in_cell;
}

int unpack_main(int argc, char **argv)
{
    struct unpack self = {.folder = -1};
    FD_AUTO out = open("/out", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (argc < 3 || out < 0) {
        (void)fail(&self, UNPACK_BROKEN, "unpack: it is started by the keeper, not by hand");
        return self.status;
    }
    is_in_cell = true;
    self.out = out;
    self.bytes_max = strtoull(argv[1], NULL, 10);
    self.files_max = strtoull(argv[2], NULL, 10);
    if (!open_zip(&self))
        return self.status;
    self.chunk = malloc(CHUNK_BYTES);
    if (!self.chunk)
        abort();
    if (unpack_all(&self))
        self.status = UNPACK_DONE;
    free(self.chunk);
    fd_close(&self.folder);
    zip_discard(self.zip);
    return self.status;
}
