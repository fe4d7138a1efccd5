/*
 * doctor: what this machine gives to Sculler, row by row: what is there, what follows when it is not, what to do.
 *
 * Most rows are looked at from here, so they are there without a server too; what the keeper found out is the running
 * server's to tell (GET /v1/status).  A row is a function that fills a finding; the table is all there is to edit.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/landlock.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"
#include "codec/json_read.h"

enum { FILES_WANTED = 4096, DISK_WANTED_GB = 2, ABI_OF_SCOPES = 6, WORDS = 400 };

enum verdict { FINE, DEGRADED, MISSING };

static const char *const verdicts[] = {"ok", "degraded", "missing"};

struct finding {
    enum verdict verdict;
    char what[WORDS], then[WORDS]; /* what was found; what follows, and what to do: empty when fine */
};

static void find(struct finding *ret, enum verdict verdict, const char *then, const char *fmt, ...) PRINTF_LIKE(4, 5);

static void find(struct finding *ret, enum verdict verdict, const char *then, const char *fmt, ...)
{
    va_list args;

    ret->verdict = verdict;
    va_start(args, fmt);
    vsnprintf(ret->what, sizeof ret->what, fmt, args);
    va_end(args);
    snprintf(ret->then, sizeof ret->then, "%s", verdict == FINE ? "" : then);
}

static bool read_line(const char *path, char *ret, size_t size)
{
    FD_AUTO fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, ret, size - 1);

    ret[len > 0 ? len : 0] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    return len > 0;
}

/* The rows */

static void look_at_kernel(struct session *session, struct finding *ret)
{
    struct utsname name;
    int major = 0, minor = 0;

    (void)session;
    if (uname(&name) != 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2) {
        find(ret, MISSING, "Sculler runs on Linux", "not known");
        return;
    }
    find(ret, major > 5 || (major == 5 && minor >= 14) ? FINE : MISSING,
         "cells are built with calls of Linux 5.14 and later: use a newer kernel (Debian 12 has 6.1)", "Linux %s",
         name.release);
}

static void look_at_namespaces(struct session *session, struct finding *ret)
{
    char most[32] = "", restricted[8] = "";

    (void)session;
    (void)read_line("/proc/sys/user/max_user_namespaces", most, sizeof most);
    if (most[0] == '\0' || strcmp(most, "0") == 0)
        find(ret, MISSING, "no cell can be built: sysctl user.max_user_namespaces=10000", "user namespaces are off");
    else if (geteuid() != 0 &&
             read_line("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", restricted, sizeof restricted) &&
             restricted[0] == '1')
        find(ret, MISSING,
             "AppArmor keeps ordinary users from making cells: start the server as root (it drops to an "
             "ordinary user), or sysctl kernel.apparmor_restrict_unprivileged_userns=0",
             "user namespaces are restricted");
    else
        find(ret, FINE, "", "up to %s", most);
}

static void look_at_privilege(struct session *session, struct finding *ret)
{
    (void)session;
    find(ret, geteuid() == 0 ? FINE : DEGRADED,
         "started by this user, all functions share one uid outside and limits need a delegated cgroup (systemd: "
         "Delegate=yes); started as root the server drops to an ordinary user and each cell gets a uid of its own",
         "you are uid %d", (int)geteuid());
}

static void look_at_seccomp(struct session *session, struct finding *ret)
{
    (void)session;
    if (prctl(PR_GET_SECCOMP) < 0)
        find(ret, MISSING, "no cell is started without a filter of its calls: a kernel with CONFIG_SECCOMP_FILTER",
             "not in this kernel");
    else
        find(ret, FINE, "", "filters are there");
}

static void look_at_landlock(struct session *session, struct finding *ret)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    (void)session;
    if (abi < 1)
        find(ret, DEGRADED,
             "a second wall is missing, and workers of one function may signal each other: boot with "
             "lsm=landlock,...",
             "not there");
    else
        find(ret, abi >= ABI_OF_SCOPES ? FINE : DEGRADED,
             "workers of one version may signal each other (Linux 6.12 scopes that)", "ABI %ld", abi);
}

static bool is_in_path(const char *program)
{
    const char *path = getenv("PATH");
    str rest = str_of(path ? path : "/usr/bin:/bin"), folder;
    char file[512];

    while (rest.len) {
        str_cut(rest, ':', &folder, &rest);
        snprintf(file, sizeof file, STR_FMT "/%s", STR_ARG(folder), program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

static void look_at_uplink(struct session *session, struct finding *ret)
{
    (void)session;
    if (!is_in_path("pasta"))
        find(ret, MISSING,
             "functions with egress, the default, are refused: apt install passt, or set SCULLER_NETWORK=none",
             "pasta is not installed");
    else if (access("/dev/net/tun", R_OK | W_OK) != 0)
        find(ret, geteuid() == 0 ? MISSING : DEGRADED,
             "functions with egress are refused to this user: chmod 0666 /dev/net/tun, or start the server as root",
             "pasta is there, /dev/net/tun is closed: %s", strerror(errno));
    else
        find(ret, FINE, "", "pasta, /dev/net/tun");
}

static void look_at_files(struct session *session, struct finding *ret)
{
    struct rlimit limit = {0};

    (void)session;
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    find(ret, limit.rlim_max >= FILES_WANTED ? FINE : DEGRADED,
         "each connection, and three for each worker, takes one: raise ulimit -n (systemd: LimitNOFILE)",
         "at most %llu open files", (unsigned long long)limit.rlim_max);
}

static void look_at_disk(struct session *session, struct finding *ret)
{
    struct statvfs fs;
    const char *where = session->state_dir && access(session->state_dir, F_OK) == 0 ? session->state_dir : "/var/lib";
    double free_gb;

    if (statvfs(where, &fs) != 0) {
        find(ret, DEGRADED, "make the state directory, or name it with --state", "%s: %s", where, strerror(errno));
        return;
    }
    free_gb = (double)fs.f_bavail * (double)fs.f_frsize / 1e9;
    find(ret, free_gb >= DISK_WANTED_GB ? FINE : DEGRADED,
         "packages and records need room: free some, or --state elsewhere", "%.1f GB free at %s", free_gb, where);
}

static void look_at_side_channels(struct session *session, struct finding *ret)
{
    static const char *const names[] = {"spec_store_bypass", "retbleed", "mds", "l1tf", "spectre_v2"};
    char path[128], line[200], open_ones[200] = "";

    (void)session;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/vulnerabilities/%s", names[i]);
        if (read_line(path, line, sizeof line) && strncmp(line, "Vulnerable", 10) == 0)
            snprintf(open_ones + strlen(open_ones), sizeof open_ones - strlen(open_ones), "%s%s",
                     open_ones[0] ? ", " : "", names[i]);
    }
    if (open_ones[0])
        find(ret, DEGRADED,
             "code of one function might read another's memory by timing: do not run strangers' code here",
             "vulnerable: %s", open_ones);
    else
        find(ret, FINE, "", "none that the kernel knows of is open");
}

/* What a running server says */

static json_t *status; /* of /v1/status, or NULL */
static struct err no_session;

static void look_at_server(struct session *session, struct finding *ret)
{
    struct err err = no_session;

    if (err.code == ERR_NONE && session_json(session, "sculler", "GET", STR("/v1/status"), NULL, &status, &err))
        find(ret, FINE, "", "%s at %s", json_string_value(json_object_get(status, "version")), session->endpoint);
    else
        find(ret, DEGRADED, "start one: sculler server; what its keeper finds out is not known until then", "%.300s",
             err.text);
}

static void look_at_cells(struct session *session, struct finding *ret)
{
    const char *lacks = json_string_value(json_object_get(status, "host_lacks"));

    (void)session;
    if (!lacks)
        find(ret, DEGRADED, "ask again when a server runs", "not known without a server");
    else if (lacks[0])
        find(ret, DEGRADED, "see the manual, \"What a cell holds and what it does not\"", "%.390s", lacks);
    else
        find(ret, FINE, "", "everything: cgroups, Landlock, an uplink, /proc");
}

static void look_at_pythons(struct session *session, struct finding *ret)
{
    char names[WORDS] = "";
    json_t *one;
    size_t i;

    (void)session;
    json_array_foreach (json_object_get(status, "interpreters"), i, one)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", names[0] ? ", " : "",
                 json_string_value(json_object_get(one, "runtime")));
    if (!status)
        find(ret, DEGRADED, "ask again when a server runs", "not known without a server");
    else
        find(ret, names[0] ? FINE : MISSING,
             "no function can run: apt install python3, or install one with uv or pyenv", "%s",
             names[0] ? names : "none");
}

static const struct row {
    const char *name;
    void (*look)(struct session *session, struct finding *ret);
} rows[] = {
    {"kernel", look_at_kernel},    {"privilege", look_at_privilege}, {"user namespaces", look_at_namespaces},
    {"seccomp", look_at_seccomp},  {"landlock", look_at_landlock},   {"uplink", look_at_uplink},
    {"open files", look_at_files}, {"disk", look_at_disk},           {"side channels", look_at_side_channels},
    {"server", look_at_server},    {"cells get", look_at_cells},     {"pythons", look_at_pythons},
};

static void print_row(const struct row *row, const struct finding *finding)
{
    static const char *const marks[] = {"✓", "!", "✗"};

    printf("  %s %-16s %s\n", marks[finding->verdict], row->name, finding->what);
    if (finding->then[0])
        printf("    %-16s %s\n", "", finding->then);
}

static int doctor_run(const struct arguments *arguments)
{
    json_auto_t *all = json_array();
    bool json = option_flag(arguments, "json"), answers;
    enum verdict worst = FINE;
    struct session session = {0};

    if (!session_open(arguments, &session, &no_session) && no_session.code == ERR_NONE)
        (void)err_set(&no_session, ERR_SYSTEM, "no server is known");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct finding finding = {FINE, "", ""};
        rows[i].look(&session, &finding);
        worst = finding.verdict > worst ? finding.verdict : worst;
        if (!json)
            print_row(&rows[i], &finding);
        json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:s}", "name", rows[i].name, "verdict",
                                             verdicts[finding.verdict], "found", finding.what, "then", finding.then));
    }
    if (json)
        print_json(all);
    answers = status != NULL;
    json_decref(status);
    session_close(&session);
    return worst == MISSING ? EXIT_FAILED : answers ? EXIT_OK : EXIT_NO_SERVER;
}

const struct command doctor_command = {
    .name = "doctor",
    .summary = "Look at what this machine gives to Sculler, and what to do about the rest",
    .usage = "[--state DIR] [--json]",
    .text = "  sculler doctor\n\n"
            "Each row is ok, degraded (it works, with less than it could) or missing (something will be\n"
            "refused). Exit status 1 when something is missing, else 3 when no server answers.\n",
    .run = doctor_run,
};
