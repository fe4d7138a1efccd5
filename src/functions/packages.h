/*
 * packages: the code of functions and layers, by the SHA-256 of its zip: <state>/packages/<hex>/code.zip and, unpacked,
 * tree/.
 *
 * An upload is written piece by piece to a temporary file and hashed on the way; finishing it makes it durable
 * (fsync of file and folder) under its hash, or finds it there already.  Preparing unpacks it in a cell, then writes
 * bytecode in another; `ready-<runtime>` beside it says that this was done, across restarts.
 *
 * A package stays while a version refers to it, a runnable has it, or an upload is not done (whose function may be
 * about to refer to it).  All functions here belong to the loop's thread, except the two that say otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/str.h"
#include "functions/catalog.h"
#include "functions/interpreters.h"

struct keeper;
struct packages;

struct packages_options {
    uv_loop_t *loop;
    const char *state_dir;
    struct keeper *keeper; /* NULL: nothing can be prepared (tests) */
    bool aws_limits;       /* AWS's 50 and 250 MB instead of ours */
};

/* Removes what a crash left half made. */
MUST_USE bool packages_open(const struct packages_options *options, struct packages **ret, struct err *err);
void packages_close(struct packages *packages);

/* --- upload: begun and done on the loop; fed and finished by any one thread at a time, so a lane can do the work ---
 */

struct package {
    char hex[65];
    char base64[45]; /* CodeSha256 */
    int64_t bytes;
    int64_t unzipped_bytes, files; /* as its directory says */
};

struct upload;

MUST_USE bool upload_begin(struct packages *packages, struct upload **ret, struct err *err);
MUST_USE bool upload_feed(struct upload *upload, str piece, struct err *err); /* ERR_LIMIT: zip too large */
/* ERR_INVALID: not a zip; ERR_LIMIT: unzipped too large.  On success the package is durable. */
MUST_USE bool upload_finish(struct upload *upload, struct package *ret, struct err *err);
/* When the function that uses it is committed, or refused.  Until then no package is removed, so what upload_finish()
 * found or made is still there.  NULL is fine; an unfinished one leaves nothing. */
void upload_done(struct upload *upload);

/* --- life; on the loop.  Who deploys need not care: readiness.c does --- */

/* Runnables that the catalog takes pin their package until their last release. */
void packages_watch_catalog(struct packages *packages, struct catalog *catalog);
/* Asks the owner of the database whether a version refers to this package, since nothing else holds it any more; the
 * answer, if it is "none", comes as packages_unused(), which removes it if that is still so. */
void packages_on_idle(struct packages *packages, void (*on_idle)(void *ctx, str hex), void *ctx);
void packages_unused(struct packages *packages, str hex);
/* Somebody let go of it (an upload, a preparation, a row that was deleted): perhaps nobody needs it now. */
void packages_let_go(struct packages *packages, str hex);
/* At start: removes every package that is not in `used`. */
void packages_sweep(struct packages *packages, const str *used, int count);

enum prepared {
    PREPARED,         /* it can be run */
    PREPARED_REFUSED, /* the package is to blame: no zip, evil names, too large.  It will never be better */
    PREPARED_BROKEN,  /* the machine is: a full disk, no keeper, no cell.  The same may work later */
};

typedef void package_on_ready(void *ctx, enum prepared prepared, const char *why);

/* Unpacks and compiles; several that ask for the same share one run.  on_ready comes once, never before this
 * returns. */
void packages_prepare(struct packages *packages, str hex, const struct interpreter *interpreter,
                      package_on_ready *on_ready, void *ctx);
bool packages_is_ready(const struct packages *packages, str hex, const struct interpreter *interpreter);
/* Path of code.zip, for whoever serves Code.Location; any thread. */
void packages_zip_path(const struct packages *packages, str hex, char *ret, size_t size);
/* What its zip's directory says that it unpacks to; 0 when it cannot be read.  Any thread. */
int64_t packages_unzipped_bytes(const struct packages *packages, str hex);
int64_t packages_unzipped_bytes_max(const struct packages *packages); /* of a function with its layers */
