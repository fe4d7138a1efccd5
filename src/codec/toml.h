/*
 * toml: a settings file (TOML 1.0) as JSON, which the rest of the house can read.
 *
 * Tables become objects, dates and times their text; infinity and NaN, which JSON lacks, are refused.  The only
 * C++ of the house (toml++) is behind this one function.
 */
#pragma once

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The error says line and column. */
MUST_USE bool toml_to_json(str text, struct buf *ret_json, struct err *err);

#ifdef __cplusplus
}
#endif
