/*
 * A zip on its way in: written and hashed as it comes, so that it is never whole in memory, then looked at (its
 * directory only: is it a zip, and what would it unpack to), made durable and renamed to its hash.
 *
 * Two uploads of the same bytes meet in the rename: either way the same file stands there afterwards.
 */
#include "functions/packages.h"

#include "functions/packages_private.h"

#include "codec/base64.h"
#include "codec/hash.h"
#include "codec/hex.h"

#include "base/fd.h"
#include "base/limits.h"
#include "base/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

struct upload {
    struct packages *packages;
    struct sha256 hash;
    int fd;
    char path[PACKAGE_PATH_MAX]; /* empty once it has its name */
    struct package package;
};

bool upload_begin(struct packages *packages, struct upload **ret, struct err *err)
{
    struct upload *upload = calloc(1, sizeof *upload);

    if (!upload)
        abort();
    snprintf(upload->path, sizeof upload->path, "%s/tmp-XXXXXX", packages->folder);
    upload->fd = mkostemp(upload->path, O_CLOEXEC);
    if (upload->fd < 0) {
        (void)err_sys(err, "%s", upload->path);
        free(upload);
        return false;
    }
    upload->packages = packages;
    sha256_start(&upload->hash);
    packages->uploads++;
    *ret = upload;
    return true;
}

bool upload_feed(struct upload *upload, str piece, struct err *err)
{
    size_t written = 0;

    upload->package.bytes += (int64_t)piece.len;
    if (upload->package.bytes > upload->packages->zip_bytes_max)
        return err_set(err, ERR_LIMIT, "Zipped size must be smaller than %lld bytes",
                       (long long)upload->packages->zip_bytes_max);
    sha256_add(&upload->hash, piece);
    while (written < piece.len) {
        ssize_t n = write(upload->fd, piece.at + written, piece.len - written);

        if (n < 0 && errno != EINTR)
            return err_sys(err, "write to %s", upload->path);
        written += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* Sizes as the zip's own directory claims them, not counted on past `max`.  False: it is no zip. */
static bool measure_zip(const char *path, int64_t max, int64_t *ret_files, int64_t *ret_bytes)
{
    int code = 0;
    zip_t *zip = zip_open(path, ZIP_RDONLY, &code);

    if (!zip)
        return false;
    *ret_files = zip_get_num_entries(zip, 0);
    *ret_bytes = 0;
    for (int64_t i = 0; i < *ret_files && *ret_bytes <= max; i++) {
        zip_stat_t st;

        if (zip_stat_index(zip, (zip_uint64_t)i, 0, &st) == 0 && (st.valid & ZIP_STAT_SIZE))
            *ret_bytes += st.size > (uint64_t)max ? max + 1 : (int64_t)st.size;
    }
    zip_discard(zip);
    return true;
}

int64_t packages_unzipped_bytes(const struct packages *packages, str hex)
{
    char path[PACKAGE_PATH_MAX];
    int64_t files, bytes;

    packages_zip_path(packages, hex, path, sizeof path);
    return measure_zip(path, INT64_MAX / 2, &files, &bytes) ? bytes : 0;
}

int64_t packages_unzipped_bytes_max(const struct packages *packages)
{
    return packages->unzipped_bytes_max;
}

/* A hint for an early word; the unpacker counts for itself. */
static bool read_directory(struct upload *upload, struct err *err)
{
    int64_t max = upload->packages->unzipped_bytes_max;

    if (!measure_zip(upload->path, max, &upload->package.files, &upload->package.unzipped_bytes))
        return err_set(err, ERR_INVALID,
                       "Could not unzip uploaded file. Please check your file, then try to upload again.");
    if (upload->package.unzipped_bytes > max)
        return err_set(err, ERR_LIMIT, "Unzipped size must be smaller than %lld bytes", (long long)max);
    if (upload->package.files > UNZIPPED_FILES_MAX)
        return err_set(err, ERR_LIMIT, "a package has at most %d files", UNZIPPED_FILES_MAX);
    return true;
}

static void name_package(struct upload *upload)
{
    unsigned char digest[SHA256_BYTES];
    BUF_AUTO text = {0};

    buf_init(&text, sizeof upload->package.base64);
    sha256_end(&upload->hash, digest);
    hex_encode(digest, sizeof digest, upload->package.hex);
    base64_encode(&text, (str){(const char *)digest, sizeof digest});
    memcpy(upload->package.base64, text.at, text.len);
}

/* To its place; the folder and the name in it are on disk before this returns. */
static bool move_in(struct upload *upload, struct err *err)
{
    const struct packages *packages = upload->packages;
    char folder[PACKAGE_PATH_MAX], zip[PACKAGE_PATH_MAX];

    snprintf(folder, sizeof folder, "%s/%s", packages->folder, upload->package.hex);
    package_path(packages, str_of(upload->package.hex), "code.zip", zip);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_sys(err, "%s", folder);
    if (access(zip, F_OK) != 0) {
        if (rename(upload->path, zip) != 0)
            return err_sys(err, "rename to %s", zip);
        upload->path[0] = '\0';
    }
    return sync_folder(folder, err) && sync_folder(packages->folder, err);
}

bool upload_finish(struct upload *upload, struct package *ret, struct err *err)
{
    name_package(upload);
    if (!read_directory(upload, err))
        return false;
    sync_data_or_stop(upload->fd, upload->path);
    if (!move_in(upload, err))
        return false;
    *ret = upload->package;
    return true;
}

void upload_done(struct upload *upload)
{
    struct packages *packages;

    if (!upload)
        return;
    packages = upload->packages;
    packages->uploads--;
    if (upload->path[0])
        (void)unlink(upload->path);
    fd_close(&upload->fd);
    sha256_done(&upload->hash);
    packages_let_go(packages, str_of(upload->package.hex));
    free(upload);
}
