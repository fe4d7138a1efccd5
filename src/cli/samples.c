#include "cli/samples.h"

#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "codec/json_read.h"

enum { SAMPLE_BYTES_MAX = 6291456 };

static const char event_end[] = ".json", expected_end[] = ".expected.json";

/* "events/one.json" */
static const char *shown(const char *path)
{
    return strrchr(path, '/') - strlen("events");
}

/* An event goes out as it is, so it may be what Lambda takes and a tree would not hold (a member given twice). */
MUST_USE static bool load_event(const char *path, struct arena *arena, str *ret, struct err *err)
{
    json_auto_t *value = NULL;

    if (!file_read(path, SAMPLE_BYTES_MAX, arena, ret, err))
        return false;
    if (json_valid(*ret, NULL) || json_parse(*ret, &value, err))
        return true;
    return err_wrap(err, "%s", shown(path));
}

MUST_USE static bool load_expected(const char *path, struct arena *arena, json_t **ret, struct err *err)
{
    str text;

    if (access(path, F_OK) != 0)
        return true;
    return file_read(path, SAMPLE_BYTES_MAX, arena, &text, err) &&
           (json_parse(text, ret, err) || err_wrap(err, "%s", shown(path)));
}

static const char *with_end(struct arena *arena, str path, const char *old_end, const char *new_end)
{
    str stem = {path.at, path.len - strlen(old_end)};

    return arena_cstr(arena, arena_printf(arena, STR_FMT "%s", STR_ARG(stem), new_end));
}

MUST_USE static bool load(const char *path, struct arena *arena, struct samples *samples, struct err *err)
{
    struct sample *sample = &samples->at[samples->count];

    if (str_ends(str_of(path), str_of(expected_end))) {
        const char *event = with_end(arena, str_of(path), expected_end, event_end);

        return access(event, F_OK) == 0 ||
               err_set(err, ERR_INVALID, "%s says what is expected, but there is no %s to be answered", shown(path),
                       shown(event));
    }
    if (samples->count == SAMPLES_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %d sample events in events/", SAMPLES_MAX);
    *sample = (struct sample){.name = arena_copy(arena, str_of(strrchr(path, '/') + 1))};
    if (!load_event(path, arena, &sample->event, err) ||
        !load_expected(with_end(arena, str_of(path), event_end, expected_end), arena, &sample->expected, err))
        return false;
    samples->count++;
    return true;
}

bool samples_load(const char *dir, struct arena *arena, struct samples *ret, struct err *err)
{
    const char *pattern = arena_cstr(arena, arena_printf(arena, "%s/events/*.json", dir));
    glob_t found = {0};
    bool done = true;

    ret->count = 0;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; done && i < found.gl_pathc; i++)
            done = load(found.gl_pathv[i], arena, ret, err);
    globfree(&found);
    if (!done)
        samples_done(ret);
    return done;
}

void samples_done(struct samples *samples)
{
    for (int i = 0; i < samples->count; i++)
        json_decref(samples->at[i].expected);
    samples->count = 0;
}
