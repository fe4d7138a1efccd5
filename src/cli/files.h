/* files: whole files in and out, for a program that runs once. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* Up to bytes_max (ERR_LIMIT past it).  "-" is standard input. */
MUST_USE bool file_read(const char *path, size_t bytes_max, struct arena *arena, str *ret, struct err *err);

/* Creates the folder and those above it. */
MUST_USE bool folder_make(const char *path, struct err *err);

/* Removes a folder and what is in it; it need not be there. */
void folder_remove(const char *path);
