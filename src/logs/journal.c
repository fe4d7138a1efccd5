/*
 * The file system's page cache is the queue between loop and lane: what was written survives kill -9 of the server,
 * needs no memory of its own however far the database is behind, and is read back without touching the disk.
 */
#include "logs/journal.h"

#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES_MAX = JOURNAL_FOLDER_MAX + 64,
    CHUNK_BYTES = 1 << 20, /* read at once; nearly all frames are far smaller */
};

static void file_path(const char *folder, int64_t file, char ret[PATH_BYTES_MAX])
{
    snprintf(ret, PATH_BYTES_MAX, "%s/%06" PRId64 ".log", folder, file);
}

static bool file_number(const char *name, int64_t *ret)
{
    str number, rest;
    long long value;

    if (!str_cut(str_of(name), '.', &number, &rest) || !str_eq(rest, STR("log")) ||
        !str_to_int(number, 1, INT64_MAX - 1, &value))
        return false;
    *ret = value;
    return true;
}

/* Calls on each number that there is, in no order. */
static void for_each_file(const char *folder, void (*each)(void *ctx, int64_t file), void *ctx)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int64_t file;

    while (dir && (entry = readdir(dir)))
        if (file_number(entry->d_name, &file))
            each(ctx, file);
    if (dir)
        closedir(dir);
}

/* Writing */

static void take_highest(void *ctx, int64_t file)
{
    int64_t *highest = ctx;

    if (file > *highest)
        *highest = file;
}

static bool start_file(struct journal *journal, int64_t file, struct err *err)
{
    char path[PATH_BYTES_MAX];
    int fd;

    file_path(journal->folder, file, path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, "%s", path);
    fd_close(&journal->fd);
    journal->fd = fd;
    journal->end = (struct journal_place){file, 0};
    return true;
}

bool journal_open(struct journal *journal, const char *folder, struct err *err)
{
    int64_t highest = 0;

    *journal = (struct journal){.fd = -1};
    if (strlen(folder) >= sizeof journal->folder)
        return err_set(err, ERR_LIMIT, "the path of the journal is too long");
    snprintf(journal->folder, sizeof journal->folder, "%s", folder);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_sys(err, "%s", folder);
    for_each_file(folder, take_highest, &highest);
    return start_file(journal, highest + 1, err);
}

/* Half a record would hide those behind it: cut it off, or else leave the file.  On a disk that refuses both, nothing
 * is written until one of them works. */
static bool mend(struct journal *journal, struct err *err)
{
    if (!journal->is_torn)
        return true;
    if (ftruncate(journal->fd, journal->end.offset) != 0 && !start_file(journal, journal->end.file + 1, err))
        return false;
    journal->is_torn = false;
    return true;
}

static bool undo_append(struct journal *journal, struct err *err)
{
    struct err ignored;

    (void)err_sys(err, "journal");
    journal->is_torn = true;
    (void)mend(journal, &ignored);
    return false;
}

bool journal_append(struct journal *journal, struct record_wire *wire, struct err *err)
{
    ssize_t written;

    if (!mend(journal, err))
        return false;
    if (journal->end.offset > 0 && journal->end.offset + (int64_t)wire->bytes > JOURNAL_FILE_BYTES_MAX &&
        !start_file(journal, journal->end.file + 1, err))
        return false;
    do
        written = writev(journal->fd, wire->pieces, RECORD_TEXTS + 1);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)wire->bytes) {
        errno = written < 0 ? errno : ENOSPC;
        return undo_append(journal, err);
    }
    journal->end.offset += written;
    return true;
}

void journal_close(struct journal *journal)
{
    fd_close(&journal->fd);
}

/* Reading */

void journal_reader_init(struct journal_reader *reader, const char *folder, struct journal_place from)
{
    *reader = (struct journal_reader){.fd = -1, .place = from};
    snprintf(reader->folder, sizeof reader->folder, "%s", folder);
    reader->chunk = malloc(RECORD_FRAME_BYTES_MAX);
    if (!reader->chunk)
        abort();
}

void journal_reader_done(struct journal_reader *reader)
{
    fd_close(&reader->fd);
    free(reader->chunk);
    reader->chunk = NULL;
}

struct next_file {
    int64_t wanted, found;
};

static void take_next(void *ctx, int64_t file)
{
    struct next_file *next = ctx;

    if (file >= next->wanted && (next->found == 0 || file < next->found))
        next->found = file;
}

/* Opens the first file that is there at or behind place.file. */
static bool open_file(struct journal_reader *reader, struct err *err)
{
    struct next_file next = {.wanted = reader->place.file};
    char path[PATH_BYTES_MAX];

    for_each_file(reader->folder, take_next, &next);
    if (next.found == 0)
        return false;
    fd_close(&reader->fd);
    reader->chunk_len = 0;
    file_path(reader->folder, next.found, path);
    reader->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (reader->fd < 0)
        return err_sys(err, "%s", path);
    if (next.found != reader->place.file)
        reader->place = (struct journal_place){next.found, 0};
    reader->fd_file = next.found;
    return true;
}

static int64_t file_end(const struct journal_reader *reader, struct journal_place end)
{
    struct stat st;

    if (reader->place.file == end.file)
        return end.offset;
    return fstat(reader->fd, &st) == 0 ? st.st_size : 0;
}

static str chunk_rest(const struct journal_reader *reader)
{
    size_t at = (size_t)(reader->place.offset - reader->chunk_offset);

    if (reader->place.offset < reader->chunk_offset || at > reader->chunk_len)
        return STR("");
    return (str){reader->chunk + at, reader->chunk_len - at};
}

static bool fill_chunk(struct journal_reader *reader, int64_t end, int64_t bytes, struct err *err)
{
    int64_t left = end - reader->place.offset;
    size_t want = (size_t)(left < bytes ? left : bytes);

    reader->chunk_offset = reader->place.offset;
    reader->chunk_len = 0;
    while (reader->chunk_len < want) {
        ssize_t n = pread(reader->fd, reader->chunk + reader->chunk_len, want - reader->chunk_len,
                          reader->chunk_offset + (int64_t)reader->chunk_len);

        if (n < 0 && errno != EINTR)
            return err_sys(err, "journal");
        if (n == 0)
            break;
        reader->chunk_len += n > 0 ? (size_t)n : 0;
    }
    return true;
}

/* From the chunk, from a fresh one, or from one as large as a frame can be: what that does not hold is torn. */
static bool read_record(struct journal_reader *reader, int64_t end, struct record *ret, struct err *err)
{
    size_t len;

    if (!record_decode(chunk_rest(reader), ret, &len) &&
        (!fill_chunk(reader, end, CHUNK_BYTES, err) || !record_decode(chunk_rest(reader), ret, &len)) &&
        (!fill_chunk(reader, end, RECORD_FRAME_BYTES_MAX, err) || !record_decode(chunk_rest(reader), ret, &len)))
        return false;
    reader->place.offset += (int64_t)len;
    return true;
}

bool journal_read(struct journal_reader *reader, struct journal_place end, struct record *ret, struct err *err)
{
    int64_t stop;

    for (;;) {
        if ((reader->fd < 0 || reader->fd_file != reader->place.file) && !open_file(reader, err))
            return false;
        if (reader->place.file > end.file)
            return false;
        stop = file_end(reader, end);
        if (reader->place.offset < stop && read_record(reader, stop, ret, err))
            return true;
        if (err->code != ERR_NONE)
            return false;
        if (reader->place.offset < stop) { /* torn: the rest of this file is lost */
            reader->torn_count++;
            reader->place.offset = stop;
        }
        if (reader->place.file == end.file)
            return false;
        reader->place = (struct journal_place){reader->place.file + 1, 0};
    }
}

struct removal {
    const char *folder;
    int64_t before;
};

static void remove_if_before(void *ctx, int64_t file)
{
    const struct removal *removal = ctx;
    char path[PATH_BYTES_MAX];

    if (file >= removal->before)
        return;
    file_path(removal->folder, file, path);
    (void)unlink(path);
}

void journal_remove_before(const char *folder, struct journal_place place)
{
    struct removal removal = {folder, place.file};

    for_each_file(folder, remove_if_before, &removal);
}
