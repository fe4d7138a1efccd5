/* place: how far somebody has read the journal of records (journal.h): files are numbered from 1. */
#pragma once

#include <stdint.h>

struct journal_place {
    int64_t file, offset;
};
