#include "roof/handover.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "codec/json_write.h"

/*
 * The note that goes along is an environment variable of words: NAME=NUMBER, conn=NUMBER for each connection, and
 * warm=FUNCTION:VERSION,... which is looked up like any caller's name.
 * Who can write our environment at a start can do all that we can, so it is read plainly; descriptors that are none of
 * ours are refused where they are used.
 */

enum { NOTE_BYTES_MAX = 100 * 1024 /* the kernel takes 128 KiB for one variable */, LISTEN_FDS_FIRST = 3 };

static const char variable[] = "SCULLER_HANDED_ON";

static bool read_word(struct handed *handed, str name, long long number)
{
    const struct {
        str name;
        int *place;
    } descriptors[] = {
        {STR("listener"), &handed->listener},     {STR("lock"), &handed->lock},
        {STR("keeper"), &handed->keeper},         {STR("certificate"), &handed->certificate},
        {STR("keeper_pid"), &handed->keeper_pid},
    };

    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++)
        if (str_eq(name, descriptors[i].name)) {
            *descriptors[i].place = (int)number;
            return true;
        }
    if (str_eq(name, STR("keeper_cells")))
        handed->keeper_cells = (uint32_t)number;
    else if (str_eq(name, STR("starts")))
        handed->starts = number;
    else if (str_eq(name, STR("asked_us")))
        handed->asked_us = number;
    else if (str_eq(name, STR("conn")) && handed->conns_count < HANDED_CONNS_MAX)
        handed->conns[handed->conns_count++] = (int)number;
    return true;
}

static void take_note(struct handed *handed, str note)
{
    str word, name, value;
    long long number;

    handed->conns = calloc(HANDED_CONNS_MAX, sizeof(int));
    if (!handed->conns)
        abort();
    while (note.len) {
        str_cut(note, ' ', &word, &note);
        if (!str_cut(word, '=', &name, &value))
            continue;
        if (str_eq(name, STR("warm")))
            handed->warm = strndup(value.at, value.len);
        else if (str_to_int(value, 0, INT64_MAX, &number))
            (void)read_word(handed, name, number);
    }
    handed->is_restart = handed->listener > 0 && handed->lock > 0 && handed->keeper > 0;
    if (handed->lock > 0)
        (void)fcntl(handed->lock, F_SETFD, FD_CLOEXEC);
    if (handed->certificate > 0)
        (void)fcntl(handed->certificate, F_SETFD, FD_CLOEXEC);
}

/* sd_listen_fds(3), without the library: the first socket is ours. */
static void take_from_systemd(struct handed *handed)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    long long number;

    if (pid && fds && str_to_int(str_of(pid), 1, INT32_MAX, &number) && number == getpid() &&
        str_to_int(str_of(fds), 1, 1000, &number))
        handed->listener = LISTEN_FDS_FIRST;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

void handed_take(struct handed *ret)
{
    const char *note = getenv(variable);

    *ret = (struct handed){0};
    take_from_systemd(ret);
    if (note)
        take_note(ret, str_of(note));
    unsetenv(variable);
}

static bool write_note(const struct handed *handed, struct buf *out)
{
    buf_printf(out, "listener=%d lock=%d keeper=%d certificate=%d", handed->listener, handed->lock, handed->keeper,
               handed->certificate);
    buf_printf(out, " keeper_pid=%d keeper_cells=%u starts=%lld asked_us=%lld", handed->keeper_pid,
               handed->keeper_cells, (long long)handed->starts, (long long)handed->asked_us);
    for (int i = 0; i < handed->conns_count && i < HANDED_CONNS_MAX; i++)
        buf_printf(out, " conn=%d", handed->conns[i]);
    if (handed->warm)
        buf_printf(out, " warm=%s", handed->warm);
    buf_add(out, (str){"", 1});
    return buf_ok(out);
}

/* Signals are held back, not lost, until the new program listens for them. */
static void hold_signals(void)
{
    static const int held[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR2};
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        sigaddset(&set, held[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

bool handed_exec(const char *binary, char **argv, const struct handed *handed, struct err *err)
{
    BUF_AUTO note = {0};

    buf_init(&note, NOTE_BYTES_MAX);
    if (!write_note(handed, &note))
        return err_set(err, ERR_LIMIT, "there are too many connections to hand on");
    if (fcntl(handed->lock, F_SETFD, 0) != 0 || fcntl(handed->keeper, F_SETFD, 0) != 0 ||
        (handed->certificate > 0 && fcntl(handed->certificate, F_SETFD, 0) != 0) || setenv(variable, note.at, 1) != 0)
        return err_sys(err, "handing on");
    hold_signals();
    execve(binary, argv, environ);
    execve("/proc/self/exe", argv, environ); /* what is on disk is none: better ourselves than nobody */
    return err_sys(err, "%s", binary);
}

void lock_say(int lock_fd, const struct lock_words *words)
{
    BUF_AUTO out = {0};
    struct jw w;

    buf_init(&out, 4096);
    jw_init(&w, &out);
    jw_object(&w);
    jw_int(&w, "pid", getpid());
    jw_int(&w, "starts", words->starts);
    jw_int(&w, "asked", words->asked);
    jw_str(&w, "state", str_of(words->state));
    jw_str(&w, "problem", str_of(words->problem));
    jw_object_end(&w);
    buf_add(&out, STR("\n"));
    /* A reader may see half of it, which is no JSON; it looks again. */
    if (pwrite(lock_fd, out.at, out.len, 0) != (ssize_t)out.len || ftruncate(lock_fd, (off_t)out.len) != 0)
        return; /* a full disk: words only */
}
