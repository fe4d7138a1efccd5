/*
 * certificate: the TLS certificate and key that the settings name, as texts.
 *
 * They are read while there is privilege, since a key is mostly root's.  A program that takes this one's place reads
 * the files anew when it may, so that a renewed certificate is taken up, and else goes on with the texts handed on.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

struct config;
struct tls_context;

struct certificate {
    struct tls_context *context; /* NULL: no TLS is asked for */
    char ca[PATH_MAX];           /* what clients must trust, by its whole path; empty: nothing beside what they do */
    int texts_fd;                /* both, for who comes next; 0: none */
    bool is_old;                 /* the files could not be read, and what was handed on is used */
};

/* handed_fd: of the program that was here before; 0: none. */
MUST_USE bool certificate_load(const struct config *config, int handed_fd, struct certificate *ret, struct err *err);
/* The file that clients need to trust us: a certificate that nobody vouches for; else "". */
const char *certificate_ca(const struct certificate *certificate);
