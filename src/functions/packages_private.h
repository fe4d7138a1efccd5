/* packages_private: what packages.c (life), upload.c (arrival) and prepare.c (unpacking) share. */
#pragma once

#include <sys/queue.h>

#include "functions/packages.h"

#include "base/map.h"

enum { PACKAGE_HEX_CHARS = 64, PACKAGE_PATH_MAX = 1024, GONE_NAME_MAX = 64 };

struct preparation;
TAILQ_HEAD(preparations, preparation);

struct packages {
    struct packages_options options;
    char folder[PACKAGE_PATH_MAX - 256]; /* <state>/packages */
    int64_t zip_bytes_max, unzipped_bytes_max;

    struct map pins; /* hex -> struct pin */
    int uploads;     /* begun and not done */
    void (*on_idle)(void *ctx, str hex);
    void *on_idle_ctx;
    struct preparations preparations; /* waiting and running, in order */
    int removals;                     /* makes each gone-* name its own */
};

/* <state>/packages/<hex>/<name> */
void package_path(const struct packages *packages, str hex, const char *name, char ret[PACKAGE_PATH_MAX]);
bool prepare_busy(const struct packages *packages, str hex); /* a preparation of it waits or runs */
bool sync_folder(const char *path, struct err *err);
/* gone-*: a name under which a folder of packages/ waits for its end, never given twice; and the end. */
void gone_name(struct packages *packages, str hex, char ret[GONE_NAME_MAX]);
void remove_gone(struct packages *packages, const char *name);
void remove_tree(const char *path); /* without a keeper: tests */
