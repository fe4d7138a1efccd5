#include "cli/feed_resume.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "cli/output.h"
#include "codec/json_read.h"

static bool look_at_file(struct feed_resume *resume, struct err *err)
{
    struct stat status;

    if (stat(resume->file, &status) < 0)
        return err_sys(err, "%s", resume->file);
    if (S_ISDIR(status.st_mode))
        return err_set(err, ERR_INVALID, "%s is a folder", resume->file);
    if (!S_ISREG(status.st_mode)) { /* a pipe is read once */
        resume->kept = NULL;
        return true;
    }
    resume->bytes = status.st_size;
    resume->changed_us = status.st_mtim.tv_sec * 1000000LL + status.st_mtim.tv_nsec / 1000;
    return true;
}

static int64_t number(const json_t *kept, const char *name)
{
    return json_integer_value(json_object_get(kept, name));
}

static bool take(struct feed_resume *resume, const struct feed_kind *kind, const json_t *kept, struct err *err)
{
    if (number(kept, "bytes") != resume->bytes || number(kept, "changed_us") != resume->changed_us)
        return err_set(
            err, ERR_CONFLICT,
            "%s has changed since it was sent in part, so lines are not where they were: send all of it (what "
            "was sent before changes nothing)",
            resume->file);
    resume->line = number(kept, "line");
    resume->rows = number(kept, "rows");
    for (int i = 0; kind->figures[i]; i++)
        resume->figures[i] = number(kept, kind->figures[i]);
    return true;
}

bool feed_resume_open(const char *file, bool wanted, const struct feed_kind *kind, struct arena *arena,
                      struct feed_resume *ret, struct err *err)
{
    json_auto_t *kept = NULL;
    bool is_this;

    *ret = (struct feed_resume){.file = strcmp(file, "-") == 0 ? NULL : file};
    if (!ret->file)
        return true;
    ret->kept = arena_concat(arena, str_of(file), STR(".sculler-resume")).at;
    if (!look_at_file(ret, err))
        return false;
    kept = ret->kept ? json_load_file(ret->kept, 0, NULL) : NULL;
    is_this = kept && str_eq(json_text(json_object_get(kept, "command")), str_of(kind->command));
    if (is_this && wanted)
        return take(ret, kind, kept, err);
    if (is_this)
        say("%s was sent in part before, up to line %lld: --resume goes on there. Sending all of it.", file,
            (long long)number(kept, "line"));
    return true;
}

void feed_resume_keep(struct feed_resume *resume, const struct feed_kind *kind)
{
    json_auto_t *kept = json_pack("{s:s, s:I, s:I, s:I, s:I}", "command", kind->command, "bytes",
                                  (json_int_t)resume->bytes, "changed_us", (json_int_t)resume->changed_us, "line",
                                  (json_int_t)resume->line, "rows", (json_int_t)resume->rows);
    char temporary[4096];

    if (!resume->kept || resume->cannot_keep)
        return;
    for (int i = 0; kind->figures[i]; i++)
        json_object_set_new(kept, kind->figures[i], json_integer(resume->figures[i]));
    snprintf(temporary, sizeof temporary, "%s~", resume->kept);
    if (json_dump_file(kept, temporary, JSON_INDENT(1)) == 0 && rename(temporary, resume->kept) == 0)
        return;
    resume->cannot_keep = true;
    say("%s cannot be written (%s), so --resume will not know where to go on.", resume->kept, strerror(errno));
}

void feed_resume_done(struct feed_resume *resume)
{
    if (resume->kept)
        (void)unlink(resume->kept);
}
