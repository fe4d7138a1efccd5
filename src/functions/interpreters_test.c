#include "functions/interpreters.h"

#include "base/clock.h"
#include "base/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

/* A program that answers as a Python would. */
static void put_program(const char *name, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "we");
    if (!file)
        abort();
    fputs(text, file);
    fclose(file);
    chmod(path, 0755);
}

static void answers_decide_what_is_an_interpreter(void)
{
    const struct interpreter *found;
    struct interpreters *interpreters;
    ARENA_AUTO arena = {0};

    snprintf(folder, sizeof folder, "/tmp/sculler-pythons-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    put_program("python3.9", "#!/bin/sh\nprintf 'cpython\\n3.9.18\\n/opt/py/bin/python3.9\\n/opt/py\\n'\n");
    put_program("python3.10", "#!/bin/sh\nprintf 'cpython\\n3.10.1\\n/usr/bin/python3.10\\n/usr\\n'\n");
    put_program("python3.11", "#!/bin/sh\nprintf 'pypy\\n3.11.1\\n/usr/bin/pypy\\n/usr\\n'\n");
    put_program("python3.12", "#!/bin/sh\nexit 127\n");
    put_program("python3.13", "#!/bin/sh\nprintf 'cpython\\n3.13'\n");
    interpreters = interpreters_find(str_of(folder));
    ok(interpreters_count(interpreters) == 2);
    ok(str_eq(interpreters_words(interpreters, &arena), STR("python3.9, python3.10")));
    found = interpreter_for(interpreters, STR("python3.9"));
    ok(found && str_eq(found->path, STR("/opt/py/bin/python3.9")) && str_eq(found->prefix, STR("/opt/py")));
    ok(found && str_eq(found->version, STR("3.9.18")));
    found = interpreter_for(interpreters, STR("python3.10"));
    ok(found && found->prefix.len == 0);
    ok(!interpreter_for(interpreters, STR("python3.12")) && !interpreter_for(interpreters, STR("nodejs20.x")));
    interpreters_free(interpreters);
    for (int minor = 9; minor <= 13; minor++) {
        char path[128];

        snprintf(path, sizeof path, "%s/python3.%d", folder, minor);
        unlink(path);
    }
    rmdir(folder);
}

/* A script that counts how often it is asked. */
static void who_was_asked_once_is_believed_until_it_changes(void)
{
    char own[] = "/tmp/interpreters.XXXXXX", path[64], known[64], asked[64], text[300];
    struct interpreters *interpreters;
    struct err err = {0};
    struct stat info;

    ok(mkdtemp(own) != NULL);
    snprintf(path, sizeof path, "%s/python3.11", own);
    snprintf(known, sizeof known, "%s/known", own);
    snprintf(asked, sizeof asked, "%s/asked", own);
    snprintf(text, sizeof text,
             "#!/bin/sh\necho >> %s\nprintf 'cpython\\n3.11.2\\n/opt/py/bin/python3.11\\n/opt/py\\n'\n", asked);
    for (int round = 0; round < 3; round++) {
        if (round != 1) { /* the last round finds another file of that name */
            FILE *file = fopen(path, "we");
            fputs(text, file);
            fputs(round == 2 ? "#\n" : "", file);
            fclose(file);
            chmod(path, 0700);
        }
        interpreters = interpreters_find_known(str_of(own), known, round == 1);
        const struct interpreter *found = interpreter_for(interpreters, STR("python3.11"));
        ok(found && str_eq(found->version, STR("3.11.2")) && str_eq(found->prefix, STR("/opt/py")));
        ok(interpreters_keep(interpreters, known, &err));
        interpreters_free(interpreters);
        ok(stat(asked, &info) == 0 && info.st_size == (round == 2 ? 2 : 1)); /* a byte for each time */
    }
    unlink(path);
    interpreters = interpreters_find_known(str_of(own), known, true);
    ok(interpreters_count(interpreters) == 0); /* it is gone, and not just out of sight */
    interpreters_free(interpreters);
    unlink(known);
    unlink(asked);
    rmdir(own);
}

static void none_is_a_word(void)
{
    struct interpreters *interpreters = interpreters_find(STR("/nonexistent::relative"));
    ARENA_AUTO arena = {0};

    ok(interpreters_count(interpreters) == 0);
    ok(str_eq(interpreters_words(interpreters, &arena), STR("none")));
    interpreters_free(interpreters);
}

static void this_machine_has_one(void)
{
    int64_t began_us = clock_steady_us();
    struct interpreters *interpreters = interpreters_find(STR(""));

    printf("# %d found in %d ms\n", interpreters_count(interpreters), (int)((clock_steady_us() - began_us) / 1000));
    for (int i = 0; i < interpreters_count(interpreters); i++) {
        const struct interpreter *each = interpreters_at(interpreters, i);

        printf("# " STR_FMT " " STR_FMT " " STR_FMT "\n", STR_ARG(each->runtime), STR_ARG(each->version),
               STR_ARG(each->path));
        ok(each->path.at[0] == '/' && str_starts(each->runtime, STR("python3.")));
    }
    interpreters_free(interpreters);
}

static void runtimes_have_a_standing(void)
{
    static const struct {
        const char *name;
        enum runtime_standing standing;
    } rows[] = {
        {"nodejs20.x", RUNTIME_CURRENT},  {"python3.11", RUNTIME_CURRENT}, {"java8.al2", RUNTIME_CURRENT},
        {"python3.7", RUNTIME_RETIRED},   {"provided", RUNTIME_RETIRED},   {"dotnetcore3.1", RUNTIME_RETIRED},
        {"PYTHON3.11", RUNTIME_UNKNOWN},  {"python3.1", RUNTIME_UNKNOWN},  {"", RUNTIME_UNKNOWN},
        {"python3.11,", RUNTIME_UNKNOWN},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        ok(runtime_standing(str_of(rows[i].name)) == rows[i].standing);
    ok(str_starts(runtime_names(), STR("[nodejs20.x, python3.14, ")) && str_ends(runtime_names(), STR(", java8.al2]")));
}

TEST_MAIN(answers_decide_what_is_an_interpreter, who_was_asked_once_is_believed_until_it_changes, none_is_a_word,
          this_machine_has_one, runtimes_have_a_standing)
