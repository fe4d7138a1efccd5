/*
 * package: a folder and its installed requirements -> one zip, the same bytes for the same contents: sorted, fixed
 * times and modes, no bytecode.  Kept in the cache by the hash of its contents.
 *
 * Left out: hidden files, __pycache__, *.pyc, virtual environments, and what .scullerignore names (a line a pattern of
 * fnmatch(3), matched with the path in the folder and with the file's name).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "cli/install.h"
#include "cli/project.h"

struct package {
    const char *path;     /* the zip, in the cache */
    char code_sha256[48]; /* base64, as AWS shows it */
    int64_t zip_bytes, bytes;
    int files;
    bool cached;
};

/* A zip that is there already: its hash and sizes (`files` and `bytes` are 0). */
MUST_USE bool package_of_zip(const char *path, struct package *ret, struct err *err);
MUST_USE bool package_make(const struct project *project, const struct installed *installed, struct arena *arena,
                           struct package *ret, struct err *err);
