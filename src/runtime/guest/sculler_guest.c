/*
 * sculler_guest: the part of the guest that Python would be too slow or too clumsy for: frames and forking.
 *
 * Runs inside a cell, in an interpreter of any version from 3.9 on (stable ABI).  bootstrap.py calls, in order:
 *
 *   receive_init(control)                     -> (handler, task root, [KEY=VALUE, ...])
 *   use_huge_pages()                          for what is imported from now on: heap.h
 *   send_init_error(control, payload)         when the handler could not be imported
 *   serve_template(control, init_us, abilities, words) -> returns only in a worker: (work socket, is it parked)
 *   serve_worker(work, call, call_batch)      -> returns when the server hangs up
 *
 * serve_worker holds the GIL while it waits for an event: a handler's background threads stand still between
 * calls, as they do on Lambda, and a call costs no hand-over.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "base/limits.h"
#include "runtime/frame.h"
#include "runtime/guest/heap.h"
#include "runtime/guest/pages.h"
#include "runtime/guest/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    WORKERS_MAX = 4096,       /* of one template; the server's own limit is lower */
    BUFFER_FIRST = 64 * 1024, /* of a worker, kept from call to call */
    HEAD_STRINGS = 5,         /* request id, invoked ARN, trace id, client context, threshold */
    TRACE_ID_BYTES_MAX = 512,
};

static uint32_t peak_memory_kb(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint32_t)usage.ru_maxrss : 0;
}

static bool send_frame(int fd, struct frame_header header, const char *body, size_t body_bytes)
{
    size_t total = sizeof header + body_bytes, sent = 0;

    header.body_bytes = body_bytes;
    while (sent < total) {
        size_t in_body = sent > sizeof header ? sent - sizeof header : 0;
        size_t in_header = sent - in_body;
        struct iovec parts[2] = {{(char *)&header + in_header, sizeof header - in_header},
                                 {(void *)(uintptr_t)(body + in_body), body_bytes - in_body}};
        ssize_t done = writev(fd, parts, body_bytes > 0 ? 2 : 1);
        if (done < 0 && errno != EINTR)
            return false;
        sent += (size_t)(done > 0 ? done : 0);
    }
    return true;
}

static bool receive_all(int fd, char *at, size_t len)
{
    while (len > 0) {
        ssize_t got = recv(fd, at, len, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        at += got > 0 ? got : 0;
        len -= (size_t)(got > 0 ? got : 0);
    }
    return true;
}

/* The next NUL-ended string of a head whose last byte is NUL; an empty one past its end. */
static const char *next_string(const char **at, const char *end)
{
    const char *string = *at;

    if (string >= end)
        return "";
    *at = string + strlen(string) + 1;
    return string;
}

/* Init */

static PyObject *init_as_tuple(const char *head, size_t len)
{
    const char *at = head, *end = head + len;
    const char *handler = next_string(&at, end), *root = next_string(&at, end);
    PyObject *environment = PyList_New(0);

    while (environment && at < end) {
        PyObject *variable = PyUnicode_DecodeFSDefault(next_string(&at, end));
        int failed = !variable || PyList_Append(environment, variable) < 0;
        Py_XDECREF(variable);
        if (failed)
            Py_CLEAR(environment);
    }
    return environment ? Py_BuildValue("ssN", handler, root, environment) : NULL;
}

static PyObject *receive_init(PyObject *module, PyObject *args)
{
    struct frame_header header;
    PyObject *result;
    char *head;
    int fd;

    (void)module;
    if (!PyArg_ParseTuple(args, "i", &fd))
        return NULL;
    if (!receive_all(fd, (char *)&header, sizeof header) || header.type != FRAME_INIT || header.body_bytes != 0 ||
        header.head_bytes == 0 || header.head_bytes > FRAME_HEAD_BYTES_MAX)
        return PyErr_Format(PyExc_OSError, "the server said something else than FRAME_INIT");
    head = malloc(header.head_bytes);
    if (!head)
        return PyErr_NoMemory();
    if (receive_all(fd, head, header.head_bytes) && head[header.head_bytes - 1] == '\0')
        result = init_as_tuple(head, header.head_bytes);
    else
        result = PyErr_Format(PyExc_OSError, "FRAME_INIT is broken");
    free(head);
    return result;
}

static PyObject *send_init_error(PyObject *module, PyObject *args)
{
    Py_ssize_t len;
    const char *payload;
    int fd;

    (void)module;
    if (!PyArg_ParseTuple(args, "iy#", &fd, &payload, &len))
        return NULL;
    send_frame(fd, (struct frame_header){.type = FRAME_INIT_ERROR}, payload, (size_t)len);
    Py_RETURN_NONE;
}

/* Template */

struct template
{
    int control, children; /* children: a signalfd */
    int count;
    struct {
        uint32_t number;
        pid_t pid;
    } workers[WORKERS_MAX];
};

static struct template template;

struct fork_request {
    uint32_t number;
    int start; /* set of enum frame_start */
    int work, log, gate;
};

static void reap_workers(void)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    (void)!read(template.children, &info, sizeof info);
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < template.count; i++) {
            if (template.workers[i].pid != pid)
                continue;
            send_frame(
                template.control,
                (struct frame_header){
                    .type = FRAME_EXITED, .worker = template.workers[i].number, .status = status, .pid = (uint32_t)pid},
                NULL, 0);
            template.workers[i] = template.workers[--template.count];
            break;
        }
    }
}

/* One control frame with its descriptors; they come with its first byte. */
static bool receive_control(struct frame_header *header, struct fork_request *request)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(FRAME_FORK_FDS * sizeof(int))];
    } control;
    struct iovec iov = {header, sizeof *header};
    struct msghdr message = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got = recvmsg(template.control, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int fds[FRAME_FORK_FDS] = {-1, -1, -1};

    if (rights && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(sizeof fds))
        memcpy(fds, CMSG_DATA(rights), sizeof fds);
    if (got <= 0 || !receive_all(template.control, (char *)header + got, sizeof *header - (size_t)got))
        return false;
    *request = (struct fork_request){header->worker, header->status, fds[0], fds[1], fds[2]};
    return header->head_bytes == 0 && header->body_bytes == 0;
}

/* Nothing of Python has run yet in this process: see seal.h. */
static void become_worker(const struct fork_request *request, bool forked)
{
    const char *why;

    dup2(request->log, STDOUT_FILENO);
    dup2(request->log, STDERR_FILENO);
    close(request->log);
    if (forked) {
        close(template.control);
        close(template.children);
        setsid();
    }
    why = seal_worker(request->gate, forked);
    if (!why)
        return;
    dprintf(STDERR_FILENO, "sculler: a worker does not start: %s: %s\n", why, strerror(errno));
    _exit(1);
}

static void answer_fork(const struct fork_request *request, pid_t pid, int error)
{
    send_frame(
        template.control,
        (struct frame_header){
            .type = FRAME_FORKED, .worker = request->number, .pid = pid > 0 ? (uint32_t)pid : 0, .status = error},
        NULL, 0);
}

/* True in the child, which keeps the work socket and nothing else of ours. */
static bool fork_worker(const struct fork_request *request)
{
    pid_t pid = -1;
    int error = EAGAIN;

    if (template.count < WORKERS_MAX && request->work >= 0) {
        PyOS_BeforeFork();
        pid = fork();
        error = pid < 0 ? errno : 0;
        if (pid == 0) {
            become_worker(request, true);
            PyOS_AfterFork_Child();
            return true;
        }
        PyOS_AfterFork_Parent();
    }
    if (pid > 0) {
        template.workers[template.count].number = request->number;
        template.workers[template.count++].pid = pid;
    }
    if (request->work >= 0)
        close(request->work), close(request->log), close(request->gate);
    answer_fork(request, pid, error);
    return false;
}

/* The process that has imported the handler serves itself.  Its control socket stays: its end would be the cell's. */
static bool start_worker(const struct fork_request *request)
{
    if (!(request->start & FRAME_START_BECOME))
        return fork_worker(request);
    answer_fork(request, getpid(), request->work >= 0 ? 0 : EAGAIN);
    if (request->work < 0)
        return false;
    become_worker(request, false);
    return true;
}

static PyObject *serve_template(PyObject *module, PyObject *args)
{
    struct frame_header done = {.type = FRAME_INIT_DONE, .memory_kb = peak_memory_kb()}, header;
    struct fork_request request;
    sigset_t child, before;
    const char *words;
    Py_ssize_t words_len;
    long long init_us;

    (void)module;
    if (!PyArg_ParseTuple(args, "iLis#", &template.control, &init_us, &done.status, &words, &words_len))
        return NULL;
    done.time_us = init_us;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    template.children = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    heap_settle();
    pages_share();
    send_frame(template.control, done, words, (size_t)words_len);
    for (;;) {
        struct pollfd fds[] = {{.fd = template.control, .events = POLLIN}, {.fd = template.children, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            _exit(1);
        if (fds[1].revents)
            reap_workers();
        if (!fds[0].revents)
            continue;
        if (!receive_control(&header, &request) || header.type != FRAME_FORK)
            _exit(0); /* the server hung up, or speaks another language */
        if (start_worker(&request))
            break;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return Py_BuildValue("ii", request.work, (request.start & FRAME_START_PARK) != 0);
}

/* Worker */

struct buffer {
    char *at;
    size_t len, used, capacity; /* used: of the frame before, dropped when the next is read */
};

static bool buffer_grow(struct buffer *buffer, size_t capacity)
{
    char *at = capacity > buffer->capacity ? realloc(buffer->at, capacity) : buffer->at;

    if (!at)
        return false;
    buffer->at = at;
    if (capacity > buffer->capacity)
        buffer->capacity = capacity;
    return true;
}

/* What one large event needed does not stay for ever. */
static void buffer_shrink(struct buffer *buffer)
{
    char *at =
        buffer->capacity > BUFFER_FIRST && buffer->len <= BUFFER_FIRST ? realloc(buffer->at, BUFFER_FIRST) : NULL;

    if (at) {
        buffer->at = at;
        buffer->capacity = BUFFER_FIRST;
    }
}

static void buffer_drop_used(struct buffer *buffer)
{
    buffer->len -= buffer->used;
    if (buffer->len > 0)
        memmove(buffer->at, buffer->at + buffer->used, buffer->len);
    buffer->used = 0;
}

static bool is_invoke(const struct frame_header *header)
{
    return header->type == FRAME_INVOKE && header->head_bytes > 0 && header->head_bytes <= FRAME_HEAD_BYTES_MAX &&
           header->body_bytes <= GATEWAY_BODY_BYTES_MAX * 2ULL && header->status >= 0 &&
           header->status < FRAME_BATCH_MAX;
}

/* One FRAME_INVOKE to the buffer's beginning: mostly one recv; the rest of a batch may have come with it. */
static bool receive_invoke(int fd, struct buffer *buffer, struct frame_header *ret)
{
    size_t need = sizeof *ret;

    buffer_drop_used(buffer);
    for (;;) {
        if (buffer->len >= need && need == sizeof *ret) {
            memcpy(ret, buffer->at, sizeof *ret);
            if (!is_invoke(ret))
                return false;
            need += ret->head_bytes + (size_t)ret->body_bytes;
            if (!buffer_grow(buffer, need))
                return false;
        }
        if (buffer->len >= need)
            break;
        ssize_t got = recv(fd, buffer->at + buffer->len, buffer->capacity - buffer->len, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        buffer->len += (size_t)(got > 0 ? got : 0);
    }
    buffer->used = need;
    return buffer->at[sizeof *ret + ret->head_bytes - 1] == '\0';
}

/* (event, request id, ARN, trace id, client context, deadline in ms, threshold) */
static PyObject *invoke_as_tuple(const struct buffer *buffer, const struct frame_header *header)
{
    const char *at = buffer->at + sizeof *header, *end = at + header->head_bytes;
    const char *strings[HEAD_STRINGS];
    PyObject *event;

    for (int i = 0; i < HEAD_STRINGS; i++)
        strings[i] = next_string(&at, end);
    event = PyUnicode_DecodeUTF8(end, (Py_ssize_t)header->body_bytes, NULL);
    if (!event) { /* the server lets only UTF-8 through; were it otherwise, the handler's answer says so */
        PyErr_Clear();
        event = PyBytes_FromStringAndSize(end, (Py_ssize_t)header->body_bytes);
    }
    return event ? Py_BuildValue("NssssLs", event, strings[0], strings[1], strings[2], strings[3],
                                 (long long)(header->time_us / 1000), strings[4])
                 : NULL;
}

/* What `call` returned: bytes are the response; a tuple holds the bytes of an error. */
static bool send_answer(int fd, uint32_t call, PyObject *result)
{
    struct frame_header header = {.type = FRAME_RESPONSE, .pid = call, .memory_kb = peak_memory_kb()};
    char *payload = NULL;
    Py_ssize_t len = 0;

    if (PyTuple_Check(result)) {
        header.type = FRAME_ERROR;
        result = PyTuple_GetItem(result, 0);
    }
    if (!result || PyBytes_AsStringAndSize(result, &payload, &len) < 0)
        return false;
    if (len > INVOKE_RESPONSE_BYTES_MAX) {
        header.type = FRAME_OVERSIZE;
        len = 0;
    }
    return send_frame(fd, header, payload, (size_t)len);
}

/* A handler that forks and lets the child return must not make that child answer the next call. */
static void end_if_forked(pid_t worker)
{
    if (getpid() != worker)
        _exit(1);
}

static bool serve_one(int fd, PyObject *call, const struct buffer *buffer, const struct frame_header *header)
{
    pid_t self = getpid();
    PyObject *arguments = invoke_as_tuple(buffer, header);
    PyObject *result = arguments ? PyObject_CallObject(call, arguments) : NULL;
    bool good;

    Py_XDECREF(arguments);
    end_if_forked(self);
    fflush(stdout); /* what C code of a handler printed; Python's own was flushed by `call` */
    good = result && send_answer(fd, header->pid, result);
    Py_XDECREF(result);
    return good;
}

/* The events of a batch and the numbers of their calls; false: the server has gone, or memory has. */
static bool receive_batch(int fd, struct buffer *buffer, struct frame_header *header, PyObject *events, uint32_t *calls)
{
    int more = header->status;

    for (int i = 0;; i++) {
        PyObject *event = invoke_as_tuple(buffer, header);
        bool good = event && PyList_Append(events, event) == 0;
        Py_XDECREF(event);
        calls[i] = header->pid;
        if (!good || i == more)
            return good;
        if (!receive_invoke(fd, buffer, header) || header->status != more - i - 1)
            return false;
    }
}

/* call_batch(list of tuples) -> a list of as many results, each as of `call` */
static bool serve_batch(int fd, PyObject *call_batch, struct buffer *buffer, struct frame_header *header)
{
    size_t count = (size_t)header->status + 1;
    pid_t self = getpid();
    PyObject *events = PyList_New(0), *results = NULL;
    uint32_t *calls = calloc(count, sizeof *calls);
    bool good = events && calls && receive_batch(fd, buffer, header, events, calls);

    if (good)
        results = PyObject_CallFunctionObjArgs(call_batch, events, NULL);
    end_if_forked(self);
    fflush(stdout);
    good = good && results && PyList_Check(results) && PyList_Size(results) == (Py_ssize_t)count;
    for (size_t i = 0; good && i < count; i++)
        good = send_answer(fd, calls[i], PyList_GetItem(results, (Py_ssize_t)i));
    Py_XDECREF(results);
    Py_XDECREF(events);
    free(calls);
    return good;
}

static PyObject *serve_worker(PyObject *module, PyObject *args)
{
    struct buffer buffer = {0};
    struct frame_header header;
    PyObject *call, *call_batch;
    bool is_first = true, good = true;
    int fd;

    (void)module;
    if (!PyArg_ParseTuple(args, "iOO", &fd, &call, &call_batch))
        return NULL;
    if (!buffer_grow(&buffer, BUFFER_FIRST))
        return PyErr_NoMemory();
    send_frame(fd, (struct frame_header){.type = FRAME_READY, .memory_kb = peak_memory_kb()}, NULL, 0);
    while (good && receive_invoke(fd, &buffer, &header)) {
        good = call_batch == Py_None && header.status == 0 ? serve_one(fd, call, &buffer, &header)
                                                           : serve_batch(fd, call_batch, &buffer, &header);
        if (is_first)
            pages_record(); /* after the answer: nobody waits for it */
        is_first = false;
        buffer_shrink(&buffer);
    }
    free(buffer.at);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *use_huge_pages(PyObject *module, PyObject *args)
{
    (void)module, (void)args;
    heap_be_huge();
    Py_RETURN_NONE;
}

static PyObject *touch_pages(PyObject *module, PyObject *args)
{
    (void)module, (void)args;
    pages_touch();
    Py_RETURN_NONE;
}

/*
 * The trace id changes with every call, and setenv() keeps every value it ever saw (a reader may hold a pointer), so a
 * worker would grow by a hundred bytes a call.  One place, put into the environment once and written over, does not.
 * False: the id is too long for it; nothing was done.
 */
static PyObject *set_trace_id(PyObject *self, PyObject *value)
{
    static const char name[] = "_X_AMZN_TRACE_ID=";
    static char place[sizeof name + TRACE_ID_BYTES_MAX];
    Py_ssize_t len;
    char *bytes;

    (void)self;
    if (PyBytes_AsStringAndSize(value, &bytes, &len) < 0)
        return NULL;
    if (len > TRACE_ID_BYTES_MAX || memchr(bytes, '\0', (size_t)len))
        Py_RETURN_FALSE;
    memcpy(place, name, sizeof name - 1);
    memcpy(place + sizeof name - 1, bytes, (size_t)len);
    place[sizeof name - 1 + (size_t)len] = '\0';
    if (putenv(place) != 0)
        Py_RETURN_FALSE;
    Py_RETURN_TRUE;
}

static PyMethodDef methods[] = {
    {"receive_init", receive_init, METH_VARARGS, "receive_init(control) -> (handler, root, environment)"},
    {"send_init_error", send_init_error, METH_VARARGS, "send_init_error(control, payload)"},
    {"serve_template", serve_template, METH_VARARGS,
     "serve_template(control, init_us, abilities, words) -> (work, is_parked), in a worker"},
    {"serve_worker", serve_worker, METH_VARARGS, "serve_worker(work, call, call_batch or None)"},
    {"use_huge_pages", use_huge_pages, METH_NOARGS, "use_huge_pages(): for what is imported from now on"},
    {"touch_pages", touch_pages, METH_NOARGS, "touch_pages(): those that the first call of another worker wrote to"},
    {"set_trace_id", set_trace_id, METH_O, "set_trace_id(bytes) -> whether it is in the environment now"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_sculler_guest", .m_doc = "Frames and forks of Sculler's guest.",
    .m_size = -1,          .m_methods = methods,
};

PyMODINIT_FUNC PyInit__sculler_guest(void);

PyMODINIT_FUNC PyInit__sculler_guest(void)
{
    return PyModule_Create(&definition);
}
