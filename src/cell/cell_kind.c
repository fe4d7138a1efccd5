/* The table of cell_kind.h. */
#include "cell/cell_kind.h"

#include "cell/cell.h"

#define OF_HOST(field) offsetof(struct cell_host, field)

static const struct cell_kind_row kinds[] = {
    [CELL_TEMPLATE] =
        {
            .name = "template",
            .has_network = true,
            .forks_workers = true,
            .has_own_uid = true,
            .has_control = true,
            .runs_interpreter = true,
            .package = "/var/task",
            .mounts = {{OF_HOST(guest), "/var/runtime"}},
            .may_write = {{"/", LANDLOCK_FILES}}, /* each worker's /tmp is another mount: a rule of /tmp misses it */
            .folder = "/var/task",
            .arguments = {"@interpreter", "-I", "/var/runtime/bootstrap.py"},
            .environment = {"LC_CTYPE=C.UTF-8", "LD_LIBRARY_PATH=/var/task:/var/task/lib:/opt/lib",
                            "PATH=/usr/bin:/bin"},
        },
    [CELL_UNPACKER] =
        {
            .name = "unpacker",
            .has_control = true,
            .writes_package = true,
            .package = "/out",
            .mounts = {{OF_HOST(self), "/sculler"}},
            .may_write = {{"/out", LANDLOCK_FILES}, {"/tmp", LANDLOCK_FILES}, {"/dev", LANDLOCK_DEVICES}},
            .folder = "/out",
            .arguments = {"/sculler", "unpack", "@bytes", "@files"},
        },
    [CELL_COMPILER] =
        {
            .name = "compiler",
            .runs_interpreter = true,
            .writes_package = true,
            .package = "/out",
            .may_write = {{"/out", LANDLOCK_FILES}, {"/tmp", LANDLOCK_FILES}, {"/dev", LANDLOCK_DEVICES}},
            .folder = "/out",
            .arguments = {"@interpreter", "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s",
                          "/out", "-p", "/var/task", "/out"},
            .environment = {"LC_CTYPE=C.UTF-8", "PATH=/usr/bin:/bin"},
        },
};

const struct cell_kind_row *cell_kind_row(enum cell_kind kind)
{
    return (size_t)kind < sizeof kinds / sizeof *kinds ? &kinds[kind] : NULL;
}
