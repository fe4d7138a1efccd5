/*
 * A package on its way to being run:
 *
 *     WAITING ─▶ CHECK ─┬──────────────▶ (ready already)
 *                       ├─▶ UNPACK (cell) ─▶ KEEP ─┐
 *                       └─────────────────────────▶┴─▶ COMPILE (cell) ─▶ MARK ─▶ ready
 *
 * CHECK, KEEP and MARK look at and write the marks, on libuv's threads: `unpacked` after the whole tree was given to
 * the disk (syncfs), `ready-<runtime>` after its bytecode was written.  A tree without its mark is renamed away and
 * made anew, so a crash at any point costs time only.  Bytecode is a gain, not a need: if compiling fails the package
 * is ready all the same, and the log says why.  Both cells have limits (CELL_MEMORY_MB ...): a source that is too much for
 * the compiler stays as it is, and whoever imports it meets the limits of a template.
 *
 * A failure has one of two causes, and whoever waits is told which: the unpacker refused what is in the package, or
 * the machine could not do its part.  Only the unpacker can blame the package, so all else is the machine's.
 *
 * One preparation at a time for a package (a second runtime waits for its turn), PREPARATIONS_MAX in all.
 */
#include "functions/packages.h"

#include "functions/packages_private.h"

#include "cell/keeper.h"

#include "base/buf.h"
#include "base/fd.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/sync.h"
#include "base/vec.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PREPARATIONS_MAX = 2,
    WORDS_BYTES_MAX = 4096, /* of what a cell printed: the first of it */
    CELL_TMP_MB = 64,
    CELL_TIMEOUT_MS = 15 * 60 * 1000,
    /* A package is a stranger's: 23 KB of it may be a source that compiles to gigabytes. */
    CELL_MEMORY_MB = 1024,
    CELL_PIDS_MAX = 64,
    CELL_CPU_WEIGHT = 30,       /* a function's of 512 MB: it may wait, calls may not */
    CELL_CPU_QUOTA_US = 100000, /* and one CPU where nobody else wants it */
};

enum stage { STAGE_WAITING, STAGE_CHECK, STAGE_UNPACK, STAGE_KEEP, STAGE_COMPILE, STAGE_MARK, STAGE_READY };

struct waiter {
    package_on_ready *on_ready;
    void *ctx;
};

struct preparation {
    TAILQ_ENTRY(preparation) link;
    struct packages *packages;
    char hex[PACKAGE_HEX_CHARS + 1];
    const struct interpreter *interpreter;
    char mark[72]; /* "ready-python3.11" */
    VEC(struct waiter) waiters;
    enum stage stage;
    struct cell_run *cell;

    uv_work_t work;  /* CHECK, KEEP, MARK; what they found: */
    enum stage next; /* as the row says, or as CHECK found */
    bool failed;
    char gone[GONE_NAME_MAX]; /* for a half-made tree */
    bool has_gone;
    char why[WORDS_BYTES_MAX];
};

/* One cell of a preparation; lives until its two handles are closed. */
struct cell_run {
    struct preparation *preparation;
    uint32_t cell;
    uv_pipe_t output;
    uv_timer_t timer;
    int handles;
    bool timed_out;
    struct buf words;
    char chunk[1024];
};

/* A stage works on the disk, or in a cell.  (STAGE_WAITING does neither.) */
struct stage_row {
    void (*run)(struct preparation *preparation, struct err *err); /* on libuv's threads; or NULL and a cell: */
    enum cell_kind kind;
    const char *what; /* its cell does */
    bool reads_zip;
    bool is_gain;    /* no need: when its cell fails, `next` all the same */
    enum stage next; /* STAGE_READY: done.  CHECK may jump ahead */
};

static const struct stage_row *row_of(enum stage stage);
static void start_waiting(struct packages *packages);
static void enter(struct preparation *preparation, enum stage stage);

static str hex_of(const struct preparation *preparation)
{
    return str_of(preparation->hex);
}

bool prepare_busy(const struct packages *packages, str hex)
{
    const struct preparation *each;

    TAILQ_FOREACH (each, &packages->preparations, link)
        if (str_eq(hex_of(each), hex))
            return true;
    return false;
}

bool packages_is_ready(const struct packages *packages, str hex, const struct interpreter *interpreter)
{
    char name[72], path[PACKAGE_PATH_MAX], unpacked[PACKAGE_PATH_MAX];

    snprintf(name, sizeof name, "ready-" STR_FMT, STR_ARG(interpreter->runtime));
    package_path(packages, hex, name, path);
    package_path(packages, hex, "unpacked", unpacked);
    return access(unpacked, F_OK) == 0 && access(path, F_OK) == 0;
}

void packages_prepare(struct packages *packages, str hex, const struct interpreter *interpreter,
                      package_on_ready *on_ready, void *ctx)
{
    struct preparation *each;

    TAILQ_FOREACH (each, &packages->preparations, link)
        if (str_eq(hex_of(each), hex) && each->interpreter == interpreter)
            break;
    if (!each) {
        each = calloc(1, sizeof *each);
        if (!each)
            abort();
        each->packages = packages;
        each->interpreter = interpreter;
        snprintf(each->hex, sizeof each->hex, STR_FMT, STR_ARG(hex));
        snprintf(each->mark, sizeof each->mark, "ready-" STR_FMT, STR_ARG(interpreter->runtime));
        gone_name(packages, hex, each->gone);
        TAILQ_INSERT_TAIL(&packages->preparations, each, link);
    }
    *vec_push(&each->waiters) = (struct waiter){on_ready, ctx};
    start_waiting(packages);
}

/* The end: whoever waits is told; a waiter may prepare something anew. */
static void finish(struct preparation *preparation, enum prepared prepared)
{
    struct packages *packages = preparation->packages;

    TAILQ_REMOVE(&packages->preparations, preparation, link);
    for (size_t i = 0; i < preparation->waiters.len; i++)
        preparation->waiters.at[i].on_ready(preparation->waiters.at[i].ctx, prepared, preparation->why);
    packages_let_go(packages, hex_of(preparation));
    vec_free(&preparation->waiters);
    free(preparation);
    start_waiting(packages);
}

static void fail(struct preparation *preparation, enum prepared prepared, const char *why)
{
    snprintf(preparation->why, sizeof preparation->why, "%s", why);
    finish(preparation, prepared);
}

/* Work on the disk: marks */

static bool write_mark(const struct preparation *preparation, const char *name, struct err *err)
{
    char path[PACKAGE_PATH_MAX], folder[PACKAGE_PATH_MAX];

    package_path(preparation->packages, hex_of(preparation), name, path);
    package_path(preparation->packages, hex_of(preparation), "", folder);
    FD_AUTO fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_sys(err, "%s", path);
    sync_or_stop(fd, path);
    return sync_folder(folder, err);
}

/* A tree that nobody vouches for is taken away, not reused.  It belongs to another user, so it cannot be moved, but its
 * parent can: a new folder with the same zip changes places with it, in one step. */
static bool take_tree_away(struct preparation *preparation, struct err *err)
{
    const struct packages *packages = preparation->packages;
    char zip[PACKAGE_PATH_MAX], tree[PACKAGE_PATH_MAX], folder[PACKAGE_PATH_MAX], gone[PACKAGE_PATH_MAX],
        gone_zip[PACKAGE_PATH_MAX];

    package_path(packages, hex_of(preparation), "tree", tree);
    if (access(tree, F_OK) != 0)
        return errno == ENOENT || err_sys(err, "%s", tree);
    package_path(packages, hex_of(preparation), "code.zip", zip);
    package_path(packages, hex_of(preparation), "", folder);
    package_path(packages, str_of(preparation->gone), "", gone);
    package_path(packages, str_of(preparation->gone), "code.zip", gone_zip);
    if (mkdir(gone, 0700) != 0 || link(zip, gone_zip) != 0 ||
        renameat2(AT_FDCWD, gone, AT_FDCWD, folder, RENAME_EXCHANGE) != 0)
        return err_sys(err, "%s", gone);
    preparation->has_gone = true;
    return sync_folder(packages->folder, err);
}

static void check_run(struct preparation *preparation, struct err *err)
{
    char unpacked[PACKAGE_PATH_MAX];

    package_path(preparation->packages, hex_of(preparation), "unpacked", unpacked);
    if (packages_is_ready(preparation->packages, hex_of(preparation), preparation->interpreter))
        preparation->next = STAGE_READY;
    else if (access(unpacked, F_OK) == 0)
        preparation->next = STAGE_COMPILE;
    else
        preparation->failed = !take_tree_away(preparation, err);
}

static void keep_run(struct preparation *preparation, struct err *err)
{
    char tree[PACKAGE_PATH_MAX];

    package_path(preparation->packages, hex_of(preparation), "tree", tree);
    FD_AUTO fd = open(preparation->packages->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    preparation->failed = fd < 0 || syncfs(fd) != 0 || !write_mark(preparation, "unpacked", err);
}

static void mark_run(struct preparation *preparation, struct err *err)
{
    preparation->failed = !write_mark(preparation, preparation->mark, err);
}

static void work_run(uv_work_t *work)
{
    struct preparation *preparation = work->data;
    struct err err = {0};

    row_of(preparation->stage)->run(preparation, &err);
    if (preparation->failed)
        snprintf(preparation->why, sizeof preparation->why, "%s", err.code ? err.text : "the disk refused a sync");
}

static void work_done(uv_work_t *work, int status)
{
    struct preparation *preparation = work->data;

    if (preparation->has_gone)
        remove_gone(preparation->packages, preparation->gone);
    preparation->has_gone = false;
    if (status != 0 || preparation->failed)
        finish(preparation, PREPARED_BROKEN);
    else
        enter(preparation, preparation->next);
}

/* Work in a cell */

static void on_handle_closed(uv_handle_t *handle)
{
    struct cell_run *run = handle->data;

    if (--run->handles > 0)
        return;
    buf_free(&run->words);
    free(run);
}

static void on_words_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    struct cell_run *run = handle->data;

    (void)suggested;
    *ret = uv_buf_init(run->chunk, sizeof run->chunk);
}

static void on_words(uv_stream_t *stream, ssize_t n, const uv_buf_t *chunk)
{
    struct cell_run *run = stream->data;

    if (n > 0)
        buf_add(&run->words, (str){chunk->base, (size_t)n});
    else if (n < 0)
        uv_read_stop(stream);
}

static void on_cell_timeout(uv_timer_t *timer)
{
    struct cell_run *run = timer->data;

    run->timed_out = true;
    keeper_kill_cell(run->preparation->packages->options.keeper, run->cell);
}

/* What it printed last may still be in the pipe when its end is known. */
static void read_rest(struct cell_run *run)
{
    uv_os_fd_t fd;
    ssize_t n;

    uv_read_stop((uv_stream_t *)&run->output);
    if (uv_fileno((uv_handle_t *)&run->output, &fd) != 0)
        return;
    while ((n = read(fd, run->chunk, sizeof run->chunk)) > 0)
        buf_add(&run->words, (str){run->chunk, (size_t)n});
}

static void describe_end(struct cell_run *run, int status, char *ret, size_t size)
{
    str words = buf_str(&run->words);
    const struct keeper *keeper = run->preparation->packages->options.keeper;

    while (words.len > 0 && words.at[words.len - 1] == '\n')
        words.len--;
    if (run->timed_out)
        snprintf(ret, size, "took longer than %d s", CELL_TIMEOUT_MS / 1000);
    else if (status == -1)
        snprintf(ret, size, "%s", keeper_last_error(keeper));
    else if (keeper_was_out_of_memory(keeper))
        snprintf(ret, size, "%s took more than %d MB of memory", row_of(run->preparation->stage)->what, CELL_MEMORY_MB);
    else if (words.len > 0)
        snprintf(ret, size, STR_FMT, STR_ARG(words));
    else if (WIFSIGNALED(status))
        snprintf(ret, size, "was killed by signal %d", WTERMSIG(status));
    else
        snprintf(ret, size, "ended with status %d", WEXITSTATUS(status));
}

static bool is_refusal(int status)
{
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == UNPACK_REFUSED;
}

static void cell_failed(struct preparation *preparation, enum prepared prepared, const char *why)
{
    if (!row_of(preparation->stage)->is_gain) {
        fail(preparation, prepared, why);
        return;
    }
    log_warn("bytecode was not written", F_CSTR("package", preparation->hex), F_CSTR("why", why));
    enter(preparation, preparation->next);
}

static void on_cell_exit(void *ctx, int status)
{
    struct cell_run *run = ctx;
    struct preparation *preparation = run->preparation;
    char words[WORDS_BYTES_MAX];

    read_rest(run);
    describe_end(run, status, words, sizeof words);
    uv_close((uv_handle_t *)&run->output, on_handle_closed);
    uv_close((uv_handle_t *)&run->timer, on_handle_closed);
    preparation->cell = NULL;
    if (status == 0)
        enter(preparation, preparation->next);
    else
        cell_failed(preparation, is_refusal(status) ? PREPARED_REFUSED : PREPARED_BROKEN, words);
}

static struct cell_run *cell_run_new(struct preparation *preparation, int output)
{
    struct cell_run *run = calloc(1, sizeof *run);
    uv_loop_t *loop = preparation->packages->options.loop;

    if (!run)
        abort();
    run->preparation = preparation;
    run->handles = 2;
    buf_init(&run->words, WORDS_BYTES_MAX - 1);
    uv_pipe_init(loop, &run->output, 0);
    uv_timer_init(loop, &run->timer);
    run->output.data = run->timer.data = run;
    (void)uv_pipe_open(&run->output, output);
    (void)uv_read_start((uv_stream_t *)&run->output, on_words_room, on_words);
    uv_timer_start(&run->timer, on_cell_timeout, CELL_TIMEOUT_MS, 0);
    return run;
}

static bool fill_options(const struct preparation *preparation, struct cell_options *ret, struct err *err)
{
    const struct interpreter *interpreter = preparation->interpreter;
    const struct packages *packages = preparation->packages;

    *ret = (struct cell_options){
        .kind = row_of(preparation->stage)->kind,
        .tmp_mb = CELL_TMP_MB,
        .limits = {.cpu_weight = CELL_CPU_WEIGHT, .cpu_quota_us = CELL_CPU_QUOTA_US},
        .own = {.memory_bytes = (uint64_t)CELL_MEMORY_MB << 20, .pids_max = CELL_PIDS_MAX},
        .unpacked_bytes_max = (uint64_t)packages->unzipped_bytes_max,
        .unpacked_files_max = UNZIPPED_FILES_MAX,
        .control_fd = -1,
        .output_fd = -1,
    };
    if (interpreter->path.len >= sizeof ret->interpreter || interpreter->prefix.len >= sizeof ret->prefix)
        return err_set(err, ERR_LIMIT, "the path of the interpreter is too long");
    snprintf(ret->package, sizeof ret->package, "%s", preparation->hex);
    snprintf(ret->interpreter, sizeof ret->interpreter, STR_FMT, STR_ARG(interpreter->path));
    snprintf(ret->prefix, sizeof ret->prefix, STR_FMT, STR_ARG(interpreter->prefix));
    return true;
}

static bool start_cell(struct preparation *preparation, struct err *err)
{
    struct packages *packages = preparation->packages;
    bool reads_zip = row_of(preparation->stage)->reads_zip;
    struct cell_options options;
    char path[PACKAGE_PATH_MAX];
    int ends[2];

    if (!packages->options.keeper)
        return err_set(err, ERR_SYSTEM, "there is no keeper");
    if (!fill_options(preparation, &options, err))
        return false;
    package_path(packages, hex_of(preparation), "code.zip", path);
    FD_AUTO zip = reads_zip ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (reads_zip && zip < 0)
        return err_sys(err, "%s", path);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_sys(err, "pipe");
    FD_AUTO output = ends[1];
    options.control_fd = zip;
    options.output_fd = output;
    preparation->cell = cell_run_new(preparation, ends[0]);
    preparation->cell->cell =
        keeper_start_cell(packages->options.keeper, &options, on_cell_exit, preparation->cell, err);
    return preparation->cell->cell > 0;
}

static void drop_cell(struct preparation *preparation)
{
    if (!preparation->cell)
        return;
    uv_close((uv_handle_t *)&preparation->cell->output, on_handle_closed);
    uv_close((uv_handle_t *)&preparation->cell->timer, on_handle_closed);
    preparation->cell = NULL;
}

static void enter_cell(struct preparation *preparation)
{
    struct err err = {0};

    if (start_cell(preparation, &err))
        return;
    drop_cell(preparation);
    cell_failed(preparation, PREPARED_BROKEN, err.text);
}

static const struct stage_row *row_of(enum stage stage)
{
    static const struct stage_row rows[] = {
        [STAGE_CHECK] = {.run = check_run, .next = STAGE_UNPACK},
        [STAGE_UNPACK] = {.kind = CELL_UNPACKER, .what = "unpacking it", .reads_zip = true, .next = STAGE_KEEP},
        [STAGE_KEEP] = {.run = keep_run, .next = STAGE_COMPILE},
        [STAGE_COMPILE] = {.kind = CELL_COMPILER, .what = "compiling its sources", .is_gain = true, .next = STAGE_MARK},
        [STAGE_MARK] = {.run = mark_run, .next = STAGE_READY},
    };

    return &rows[stage];
}

/* The one function that changes the stage. */
static void enter(struct preparation *preparation, enum stage stage)
{
    if (stage == STAGE_READY) {
        finish(preparation, PREPARED);
        return;
    }
    preparation->stage = stage;
    preparation->next = row_of(stage)->next;
    if (!row_of(stage)->run) {
        enter_cell(preparation);
        return;
    }
    preparation->work.data = preparation;
    if (uv_queue_work(preparation->packages->options.loop, &preparation->work, work_run, work_done) != 0)
        abort();
}

static bool may_start(const struct packages *packages, const struct preparation *preparation)
{
    const struct preparation *each;
    int running = 0;

    TAILQ_FOREACH (each, &packages->preparations, link) {
        if (each->stage == STAGE_WAITING)
            continue;
        running++;
        if (str_eq(hex_of(each), hex_of(preparation)))
            return false;
    }
    return running < PREPARATIONS_MAX;
}

static void start_waiting(struct packages *packages)
{
    struct preparation *each;

    TAILQ_FOREACH (each, &packages->preparations, link)
        if (each->stage == STAGE_WAITING && may_start(packages, each))
            enter(each, STAGE_CHECK);
}
