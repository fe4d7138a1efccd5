/*
 * vec: a growing array of anything.  VEC(struct row) rows = {0};  *vec_push(&rows) = row;  vec_free(&rows);
 * Memory is the vec's; out of memory stops the process.  Callers bound the count themselves.
 */
#pragma once

#include <stddef.h>
#include <stdlib.h>

#define VEC(type)             \
    struct {                  \
        type *at;             \
        size_t len, capacity; \
    }

void *vec_grow(void *at, size_t *capacity, size_t len, size_t item_bytes);

#define vec_push(v) \
    ((v)->at = (__typeof__((v)->at))vec_grow((v)->at, &(v)->capacity, (v)->len, sizeof *(v)->at), &(v)->at[(v)->len++])

#define vec_free(v)                                   \
    do {                                              \
        free((v)->at);                                \
        (v)->at = NULL, (v)->len = (v)->capacity = 0; \
    } while (0)
