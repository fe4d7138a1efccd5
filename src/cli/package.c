#include "cli/package.h"

#include <errno.h>
#include <fnmatch.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/limits.h"
#include "base/vec.h"
#include "cli/files.h"
#include "codec/base64.h"
#include "codec/hash.h"

enum {
    IGNORE_BYTES_MAX = 64 * 1024,
    IGNORE_LINES_MAX = 200,
    PIECE_BYTES = 256 * 1024,
    MODE_FILE = 0644,
    MODE_PROGRAM = 0755,
    DEFLATE_LEVEL = 5, /* libzip takes 9 by itself: three times as long for 2 % of the size */
};

static const char *const ignored_names[] = {".*", "__pycache__", "*.pyc", "*.pyo", "venv", "node_modules"};

struct entry {
    const char *name; /* in the zip */
    const char *path; /* on disk */
    bool is_program, is_own;
    int64_t bytes;
};

struct listing {
    VEC(struct entry) entries;
    const char *patterns[IGNORE_LINES_MAX];
    int patterns_count;
    int64_t bytes;
    const char *prefix;
    struct arena *arena;
};

static bool is_ignored(const struct listing *listing, const char *path, const char *name)
{
    for (size_t i = 0; i < sizeof ignored_names / sizeof *ignored_names; i++)
        if (fnmatch(ignored_names[i], name, 0) == 0)
            return true;
    for (int i = 0; i < listing->patterns_count; i++)
        if (fnmatch(listing->patterns[i], path, 0) == 0 || fnmatch(listing->patterns[i], name, 0) == 0)
            return true;
    return false;
}

/* In the installed requirements only what Python never needs goes: bytecode, and scripts that name this machine. */
static bool is_ignored_installed(const char *path, const char *name)
{
    return strcmp(name, "__pycache__") == 0 || fnmatch("*.pyc", name, 0) == 0 || strcmp(path, "bin") == 0 ||
           strcmp(name, ".lock") == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

MUST_USE static bool add_entry(struct listing *listing, const FTSENT *node, const char *name, bool is_own,
                               struct err *err)
{
    if (listing->entries.len >= UNZIPPED_FILES_MAX)
        return err_set(err, ERR_LIMIT, "the package has more than %d files", UNZIPPED_FILES_MAX);
    *vec_push(&listing->entries) = (struct entry){
        .name = arena_cstr(listing->arena, arena_printf(listing->arena, "%s%s", listing->prefix, name)),
        .path = arena_cstr(listing->arena, str_of(node->fts_path)),
        .is_program = node->fts_statp->st_mode & S_IXUSR,
        .is_own = is_own,
        .bytes = node->fts_statp->st_size,
    };
    listing->bytes += node->fts_statp->st_size;
    return true;
}

MUST_USE static bool list_node(struct listing *listing, FTS *walk, FTSENT *node, size_t root_len, bool is_own,
                               struct err *err)
{
    const char *name = node->fts_path + root_len + (node->fts_path[root_len] == '/');

    if (node->fts_level == 0 || node->fts_info == FTS_DP)
        return true;
    if (node->fts_info == FTS_DNR || node->fts_info == FTS_ERR || node->fts_info == FTS_NS ||
        node->fts_info == FTS_SLNONE) {
        errno = node->fts_errno ? node->fts_errno : ENOENT;
        return err_sys(err, "%s", node->fts_path);
    }
    if (is_own ? is_ignored(listing, name, node->fts_name) : is_ignored_installed(name, node->fts_name)) {
        fts_set(walk, node, FTS_SKIP);
        return true;
    }
    return node->fts_info != FTS_F || add_entry(listing, node, name, is_own, err);
}

/* Every file below `dir`; a symbolic link is taken for what it leads to. */
MUST_USE static bool list_folder(struct listing *listing, const char *dir, bool is_own, struct err *err)
{
    char root[PATH_MAX];
    char *roots[] = {root, NULL};
    FTSENT *node;
    bool done = true;

    if (!realpath(dir, root))
        return err_sys(err, "%s", dir);
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!walk)
        return err_sys(err, "%s", dir);
    while (done && (node = fts_read(walk)))
        done = list_node(listing, walk, node, strlen(root), is_own, err);
    fts_close(walk);
    return done;
}

MUST_USE static bool read_patterns(struct listing *listing, const struct project *project, struct err *err)
{
    const char *path = arena_cstr(listing->arena, arena_printf(listing->arena, "%s/.scullerignore", project->dir));
    str text, line;

    if (access(path, R_OK) != 0)
        return true;
    if (!file_read(path, IGNORE_BYTES_MAX, listing->arena, &text, err))
        return false;
    while (text.len) {
        str_cut(text, '\n', &line, &text);
        while (line.len &&
               (line.at[line.len - 1] == ' ' || line.at[line.len - 1] == '/' || line.at[line.len - 1] == '\r'))
            line.len--;
        if (!line.len || line.at[0] == '#')
            continue;
        if (listing->patterns_count == IGNORE_LINES_MAX)
            return err_set(err, ERR_LIMIT, "%s has more than %d patterns", path, IGNORE_LINES_MAX);
        listing->patterns[listing->patterns_count++] = arena_cstr(listing->arena, line);
    }
    return true;
}

static int by_zip_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* A file of the project's own goes before one of the same name that a requirement brought. */
static void drop_doubles(struct listing *listing)
{
    size_t kept = 0;

    qsort(listing->entries.at, listing->entries.len, sizeof(struct entry), by_zip_name);
    for (size_t i = 0; i < listing->entries.len; i++) {
        struct entry *last = kept ? &listing->entries.at[kept - 1] : NULL, *entry = &listing->entries.at[i];

        if (last && strcmp(last->name, entry->name) == 0) {
            listing->bytes -= last->is_own ? entry->bytes : last->bytes;
            if (entry->is_own)
                *last = *entry;
        } else {
            listing->entries.at[kept++] = *entry;
        }
    }
    listing->entries.len = kept;
}

MUST_USE static bool hash_file(struct sha256 *hash, const char *path, struct err *err)
{
    FILE *file = fopen(path, "re");
    char *piece = malloc(PIECE_BYTES);
    size_t len;

    if (!file || !piece) {
        free(piece);
        return err_sys(err, "%s", path);
    }
    while ((len = fread(piece, 1, PIECE_BYTES, file)) > 0)
        sha256_add(hash, (str){piece, len});
    bool done = !ferror(file) || err_sys(err, "%s", path);
    fclose(file);
    free(piece);
    return done;
}

/* What the zip will hold, as one name.  The installed requirements are named by their key: they never change. */
MUST_USE static bool name_contents(const struct listing *listing, const struct installed *installed,
                                   char ret[SHA256_HEX_CHARS], struct err *err)
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    bool done = true;

    sha256_start(&hash);
    sha256_add(&hash, arena_printf(listing->arena, "deflate %d\n", DEFLATE_LEVEL)); /* packed otherwise: another zip */
    sha256_add(&hash, installed->key);
    for (size_t i = 0; done && i < listing->entries.len; i++) {
        const struct entry *entry = &listing->entries.at[i];

        sha256_add(&hash, (str){entry->name, strlen(entry->name) + 1});
        sha256_add(&hash, (str){entry->is_program ? "x" : "-", 1});
        if (entry->is_own) {
            sha256_add(&hash, arena_printf(listing->arena, "%lld\n", (long long)entry->bytes));
            done = hash_file(&hash, entry->path, err);
        }
    }
    if (!done) {
        sha256_done(&hash);
        return false;
    }
    sha256_end(&hash, digest);
    sha256_hex((str){(char *)digest, sizeof digest}, ret);
    return true;
}

MUST_USE static bool zip_failed(zip_t *zip, const char *path, struct err *err)
{
    (void)err_set(err, ERR_SYSTEM, "%s: %s", path, zip_strerror(zip));
    zip_discard(zip);
    return false;
}

MUST_USE static bool write_zip(const struct listing *listing, const char *path, struct err *err)
{
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);

    if (!zip)
        return err_sys(err, "%s", path);
    for (size_t i = 0; i < listing->entries.len; i++) {
        const struct entry *entry = &listing->entries.at[i];
        zip_source_t *source = zip_source_file(zip, entry->path, 0, -1);
        zip_int64_t index = source ? zip_file_add(zip, entry->name, source, ZIP_FL_ENC_UTF_8) : -1;
        zip_uint32_t mode = (zip_uint32_t)(S_IFREG | (entry->is_program ? MODE_PROGRAM : MODE_FILE)) << 16;

        if (index < 0)
            return zip_failed(zip, entry->path, err);
        /* The first day that a zip can name. */
        if (zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_DEFLATE, DEFLATE_LEVEL) != 0 ||
            zip_file_set_dostime(zip, (zip_uint64_t)index, 0, 1 << 5 | 1, 0) != 0 ||
            zip_file_set_external_attributes(zip, (zip_uint64_t)index, 0, ZIP_OPSYS_UNIX, mode) != 0)
            return zip_failed(zip, entry->path, err);
    }
    return zip_close(zip) == 0 || zip_failed(zip, path, err);
}

MUST_USE static bool weigh(struct package *package, struct err *err)
{
    unsigned char digest[SHA256_BYTES];
    struct sha256 hash;
    struct stat info;
    struct buf text = {0};

    if (stat(package->path, &info) != 0)
        return err_sys(err, "%s", package->path);
    package->zip_bytes = info.st_size;
    sha256_start(&hash);
    if (!hash_file(&hash, package->path, err)) {
        sha256_done(&hash);
        return false;
    }
    sha256_end(&hash, digest);
    buf_init(&text, sizeof package->code_sha256);
    base64_encode(&text, (str){(char *)digest, sizeof digest});
    snprintf(package->code_sha256, sizeof package->code_sha256, STR_FMT, STR_ARG(buf_str(&text)));
    buf_free(&text);
    return true;
}

MUST_USE static bool make_zip(struct listing *listing, const struct installed *installed, struct package *ret,
                              struct err *err)
{
    char hex[SHA256_HEX_CHARS];
    const char *dir =
        arena_cstr(listing->arena, arena_printf(listing->arena, "%s/packages", cache_dir(listing->arena)));

    if (!name_contents(listing, installed, hex, err) || !folder_make(dir, err))
        return false;
    ret->path = arena_cstr(listing->arena, arena_printf(listing->arena, "%s/%s.zip", dir, hex));
    ret->cached = access(ret->path, R_OK) == 0;
    ret->bytes = listing->bytes;
    ret->files = (int)listing->entries.len;
    if (ret->cached)
        return weigh(ret, err);
    const char *part = arena_cstr(listing->arena, arena_printf(listing->arena, "%s.part-%d", ret->path, (int)getpid()));
    if (!write_zip(listing, part, err))
        return false;
    if (rename(part, ret->path) != 0)
        return err_sys(err, "%s", ret->path);
    return weigh(ret, err);
}

bool package_of_zip(const char *path, struct package *ret, struct err *err)
{
    struct package package = {.path = path};

    if (!weigh(&package, err))
        return false;
    *ret = package;
    return true;
}

bool package_make(const struct project *project, const struct installed *installed, struct arena *arena,
                  struct package *ret, struct err *err)
{
    struct listing listing = {.arena = arena, .prefix = project->prefix};
    struct package package = {0};

    bool done = read_patterns(&listing, project, err) && list_folder(&listing, project->dir, true, err) &&
                (!installed->dir || list_folder(&listing, installed->dir, false, err));
    if (done && listing.entries.len == 0)
        done = err_set(err, ERR_INVALID, "%s holds nothing to package", project->dir);
    if (done) {
        drop_doubles(&listing);
        done = make_zip(&listing, installed, &package, err);
    }
    vec_free(&listing.entries);
    if (done)
        *ret = package;
    return done;
}
