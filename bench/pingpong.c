/*
 * pingpong: the floor under every row of the table: a TCP round trip on loopback between two processes that do
 * nothing else.  Prints round trips a second and their median in microseconds, for one connection.
 *
 *     pingpong SECONDS BYTES
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TRIPS_MAX = 4 * 1000 * 1000, BYTES_MAX = 65536 };

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int whole(ssize_t (*move)(int, void *, size_t), int fd, char *at, size_t len)
{
    while (len) {
        ssize_t n = move(fd, at, len);

        if (n <= 0)
            return 0;
        at += n;
        len -= (size_t)n;
    }
    return 1;
}

static ssize_t put(int fd, void *at, size_t len)
{
    return write(fd, at, len);
}

static void echo(int listener, size_t bytes)
{
    static char room[BYTES_MAX];
    int one = 1, fd = accept(listener, NULL, NULL);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    while (whole(read, fd, room, bytes) && whole(put, fd, room, bytes))
        ;
    _exit(0);
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static char room[BYTES_MAX];
    double seconds = argc > 1 ? atof(argv[1]) : 2;
    size_t bytes = argc > 2 ? (size_t)atol(argv[2]) : 200, trips = 0;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
    float *took = malloc(sizeof *took * TRIPS_MAX);

    if (bytes > BYTES_MAX || !took || bind(listener, (struct sockaddr *)&address, len) || listen(listener, 1) ||
        getsockname(listener, (struct sockaddr *)&address, &len))
        return 1;
    if (fork() == 0) {
        close(fd); /* else the child holds the other end open and never sees it close */
        echo(listener, bytes);
    }
    if (connect(fd, (struct sockaddr *)&address, len))
        return 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    double start = now(), last = start;
    while (last - start < seconds && trips < TRIPS_MAX) {
        if (!whole(put, fd, room, bytes) || !whole(read, fd, room, bytes))
            return 1;
        double t = now();
        took[trips++] = (float)((t - last) * 1e6);
        last = t;
    }
    double rate = (double)trips / (last - start);
    qsort(took, trips, sizeof *took, by_size);
    printf("%.0f %.2f\n", rate, (double)took[trips / 2]);
    return 0;
}
