/*
 * files: what the dashboard consists of, put into the program at build time (web/, by tools/embed): each file as it is
 * and compressed, with the name of its content that a browser asks again by.
 */
#pragma once

#include "base/str.h"

struct console_file {
    const char *path; /* "/", "/ui/main.js" */
    const char *type;
    const char *etag; /* strong, with its quotes: of what the file says, so both forms differ in nothing else */
    str plain, gzip;
};

extern const struct console_file console_files[];
extern const int console_files_count;

const struct console_file *console_file_find(str path); /* NULL: none */
