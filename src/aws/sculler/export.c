/*
 * export: the lane writes a file without a name beside the data, and that is answered as it lies in the page cache: it
 * knows its length, and a client that reads slowly holds up nobody.
 */
#include "aws/sculler/export.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aws/sculler/window.h"
#include "base/fd.h"
#include "codec/arn.h"
#include "monitor/export.h"
#include "monitor/monitor.h"

enum { SPAN_DEFAULT_S = 31 * 86400 };
#define EXPORT_BYTES_MAX (1LL << 30) /* what a slow client has not taken yet is kept in memory */

struct export_input {
    str function, from, to, version, alias, segment, source, format;
};
#define IN_QUERY(name, member)                                                 \
    {                                                                          \
        name, SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct export_input, member) \
    }
static const struct shape_field export_fields[] = {
    {"function", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct export_input, function), SHAPE_REQUIRED},
    IN_QUERY("from", from),
    IN_QUERY("to", to),
    IN_QUERY("version", version),
    IN_QUERY("alias", alias),
    IN_QUERY("segment", segment),
    IN_QUERY("source", source),
    {"format", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct export_input, format),
     .check = {.values = (const char *const[]){"csv", "ndjson", "parquet", NULL}}},
};
const struct shape export_shape = SHAPE_OF(struct export_input, export_fields);

struct exporting {
    struct aws_call *call;
    const char *folder;
    struct question question;
    enum export_format format;
    int fd;
    void *map;
    size_t map_bytes;
    struct err err;
};

static bool map_file(struct exporting *exporting, struct err *err)
{
    struct stat st;

    if (fstat(exporting->fd, &st) < 0)
        return err_sys(err, "the file of the export");
    if (st.st_size > EXPORT_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the export would be %lld MB, more than the %lld of one: ask for a shorter time",
                       (long long)(st.st_size >> 20), EXPORT_BYTES_MAX >> 20);
    exporting->map_bytes = (size_t)st.st_size;
    if (st.st_size == 0)
        return true;
    exporting->map = mmap(NULL, exporting->map_bytes, PROT_READ, MAP_SHARED, exporting->fd, 0);
    if (exporting->map != MAP_FAILED)
        return true;
    exporting->map = NULL;
    return err_sys(err, "the file of the export");
}

static void run(void *ctx)
{
    struct exporting *exporting = ctx;

    exporting->fd = open(exporting->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (exporting->fd < 0) {
        err_sys(&exporting->err, "the file of the export");
        return;
    }
    if (export_predictions(exporting->folder, &exporting->question, exporting->format, exporting->fd, &exporting->err))
        (void)map_file(exporting, &exporting->err);
    fd_close(&exporting->fd);
}

/* The mapping is needed until aws_call_finish() returns, and `exporting` is gone then. */
static void done(void *ctx)
{
    struct exporting *exporting = ctx;
    struct aws_call *call = exporting->call;
    void *map = exporting->map;
    size_t map_bytes = exporting->map_bytes;

    if (exporting->err.code == ERR_LIMIT) {
        aws_fail(call, AWS_ERROR_BAD_REQUEST, "%s", exporting->err.text);
    } else if (exporting->err.code != ERR_NONE) {
        aws_fail_err(call, &exporting->err);
    } else {
        call->content_type = export_types[exporting->format];
        call->raw_answer = (str){exporting->map ? exporting->map : "", exporting->map ? exporting->map_bytes : 0};
        aws_header(
            call, "Content-Disposition",
            arena_printf(call->arena, "attachment; filename=\"predictions.%s\"", export_formats[exporting->format]));
    }
    aws_call_finish(call);
    if (map)
        munmap(map, map_bytes);
}

static enum export_format format_of(str name)
{
    for (int i = 0; export_formats[i]; i++)
        if (str_eq(name, str_of(export_formats[i])))
            return (enum export_format)i;
    return EXPORT_CSV;
}

void export_get(struct aws_call *call)
{
    const struct export_input *input = call->input;
    struct exporting *exporting = arena_new(call->arena, struct exporting, 1);
    struct window window;
    struct arn arn;

    if (!window_read(call, input->from, input->to, SPAN_DEFAULT_S, &window)) {
        aws_call_finish(call);
        return;
    }
    *exporting = (struct exporting){
        .call = call,
        .folder = monitor_folder(call->door->monitor),
        .format = format_of(input->format),
        .fd = -1,
        .question = {.function = arn_parse(input->function, &arn) ? arn.name : input->function,
                     .version = input->version,
                     .alias = input->alias,
                     .segment = input->segment,
                     .source = input->source,
                     .from_us = window.from_us,
                     .to_us = window.to_us},
    };
    monitor_ask(call->door->monitor, run, done, exporting);
}
