/*
 * openloop: requests at a constant rate, whatever the server does; the honest way to measure a tail and an overload.
 *
 *     openloop PORT REQUEST_FILE RATE SECONDS CONNECTIONS
 *
 * The file holds one HTTP/1.1 request with keep-alive and a Content-Length, byte for byte.  Each request has an intended
 * time of sending (start + i / RATE) and its latency counts from there, also when every connection was busy (Gil Tene,
 * "How NOT to measure latency"; coordinated omission).  Answers are told apart by status: 2xx, 429 and 503 (refused),
 * others and broken connections (failed).  Prints one line of JSON; latencies in microseconds.  What is unanswered two
 * seconds after the last sending counts as failed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 4096, REQUEST_BYTES_MAX = 1 << 20, ANSWER_BYTES_MAX = 64 * 1024, LINGER_US = 2000000 };

enum kind { ANSWERED, REFUSED, FAILED, KINDS };

struct connection {
    int fd;
    bool busy;
    int64_t intended_us;
    size_t len;
    char answer[ANSWER_BYTES_MAX];
};

struct sample {
    float *at;
    size_t count;
};

static struct connection *connections, **idle;
static struct sample samples[KINDS];
static struct sockaddr_in server = {.sin_family = AF_INET};
static char request[REQUEST_BYTES_MAX];
static size_t request_bytes, idle_count;
static int poll_fd;

static int64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void take_sample(enum kind kind, int64_t intended_us)
{
    struct sample *sample = &samples[kind];

    sample->at[sample->count++] = (float)(now_us() - intended_us);
}

static bool open_connection(struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    int one = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0)
        return false;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    return epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0;
}

static void release(struct connection *c, enum kind kind)
{
    if (c->busy)
        take_sample(kind, c->intended_us);
    c->busy = false;
    c->len = 0;
    idle[idle_count++] = c;
}

static void reopen(struct connection *c)
{
    close(c->fd);
    if (!open_connection(c))
        fprintf(stderr, "openloop: connect: %s\n", strerror(errno)), exit(1);
}

static void send_request(struct connection *c, int64_t intended_us)
{
    size_t sent = 0;

    c->busy = true;
    c->intended_us = intended_us;
    while (sent < request_bytes) {
        ssize_t n = send(c->fd, request + sent, request_bytes - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            continue; /* small requests: the socket is never full for long */
        if (n < 0) {
            reopen(c);
            release(c, FAILED);
            return;
        }
        sent += (size_t)n;
    }
}

/* The length of a whole answer at the beginning of `text`, or 0; *ret_close: the server closes after it. */
static size_t whole_answer(const char *text, size_t len, bool *ret_close)
{
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    size_t body = 0;

    *ret_close = false;
    if (!end)
        return 0;
    for (const char *line = text; line < end; line = (const char *)memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2) {
        if (strncasecmp(line, "content-length:", 15) == 0)
            body = strtoul(line + 15, NULL, 10);
        if (strncasecmp(line, "connection: close", 17) == 0)
            *ret_close = true;
    }
    return (size_t)(end + 4 - text) + body;
}

static enum kind kind_of(const char *answer)
{
    int status = atoi(answer + 9);

    return status / 100 == 2 ? ANSWERED : status == 429 || status == 503 ? REFUSED : FAILED;
}

static void on_readable(struct connection *c)
{
    ssize_t n = recv(c->fd, c->answer + c->len, sizeof c->answer - c->len - 1, 0);
    bool closes;
    size_t need;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        bool was_busy = c->busy;
        reopen(c);
        if (was_busy)
            release(c, FAILED);
        return;
    }
    c->len += (size_t)n;
    c->answer[c->len] = '\0';
    need = whole_answer(c->answer, c->len, &closes);
    if (need == 0 || c->len < need)
        return;
    if (closes)
        reopen(c);
    release(c, kind_of(c->answer));
}

static void poll_once(int timeout_ms)
{
    struct epoll_event events[256];
    int count = epoll_wait(poll_fd, events, 256, timeout_ms);

    for (int i = 0; i < count; i++)
        on_readable(events[i].data.ptr);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static void print_sample(const char *name, struct sample *sample)
{
    const double shares[] = {0.5, 0.9, 0.99, 0.999};
    const char *names[] = {"p50_us", "p90_us", "p99_us", "p999_us"};

    qsort(sample->at, sample->count, sizeof *sample->at, by_size);
    printf("\"%s\": {\"count\": %zu", name, sample->count);
    for (int i = 0; i < 4 && sample->count > 0; i++)
        printf(", \"%s\": %.1f", names[i], (double)sample->at[(size_t)((double)(sample->count - 1) * shares[i])]);
    printf("}");
}

static void run(double rate, double seconds)
{
    int64_t start = now_us(), total = (int64_t)(rate * seconds), next = 0, intended = start, last;

    while (next < total) {
        while (next < total && idle_count > 0 && (intended = start + (int64_t)((double)next * 1e6 / rate)) <= now_us()) {
            send_request(idle[--idle_count], intended);
            next++;
        }
        poll_once(idle_count == 0 || intended - now_us() > 2000 ? 1 : 0);
    }
    last = now_us();
    while (idle_count < (size_t)CONNECTIONS_MAX && now_us() - last < LINGER_US) {
        size_t done = samples[ANSWERED].count + samples[REFUSED].count + samples[FAILED].count;
        if (done >= (size_t)total)
            break;
        poll_once(1);
    }
    for (size_t done = samples[ANSWERED].count + samples[REFUSED].count + samples[FAILED].count; done < (size_t)total; done++)
        samples[FAILED].at[samples[FAILED].count++] = LINGER_US;
}

int main(int argc, char **argv)
{
    double rate = argc == 6 ? atof(argv[3]) : 0, seconds = argc == 6 ? atof(argv[4]) : 0;
    int count = argc == 6 ? atoi(argv[5]) : 0;
    FILE *file = argc == 6 ? fopen(argv[2], "rb") : NULL;

    if (!file || rate <= 0 || seconds <= 0 || count < 1 || count > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: openloop PORT REQUEST_FILE RATE SECONDS CONNECTIONS\n");
        return 2;
    }
    request_bytes = fread(request, 1, sizeof request, file);
    server.sin_port = htons((uint16_t)atoi(argv[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)count, sizeof *connections);
    idle = calloc((size_t)count, sizeof(struct connection *));
    for (int i = 0; i < KINDS; i++)
        samples[i].at = malloc((size_t)(rate * seconds + count + 1) * sizeof(float));
    for (int i = 0; i < count; i++) {
        if (!open_connection(&connections[i])) {
            fprintf(stderr, "openloop: connect: %s\n", strerror(errno));
            return 1;
        }
        idle[idle_count++] = &connections[i];
    }
    run(rate, seconds);
    printf("{\"rate\": %.1f, \"seconds\": %.1f, ", rate, seconds);
    print_sample("answered", &samples[ANSWERED]);
    printf(", ");
    print_sample("refused", &samples[REFUSED]);
    printf(", ");
    print_sample("failed", &samples[FAILED]);
    printf("}\n");
    return 0;
}
