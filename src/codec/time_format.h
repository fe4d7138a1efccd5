/*
 * time_format: moments as text and back, in the spellings of the protocols we speak.  Always UTC; a moment is
 * milliseconds or seconds since 1970, of the years 1 to 9999.  Pure: no time zone tables, no locale, no clock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

enum { TIME_TEXT_MAX = 40 }; /* room for any of these, with NUL */

void time_format_iso(int64_t ms, char ret[TIME_TEXT_MAX]);    /* 2025-11-24T23:08:11.123+0000 (LastModified) */
void time_format_zulu(int64_t ms, char ret[TIME_TEXT_MAX]);   /* 2025-11-24T23:08:11.123Z */
void time_format_http(int64_t s, char ret[TIME_TEXT_MAX]);    /* Mon, 24 Nov 2025 23:08:11 GMT (RFC 9110) */
void time_format_compact(int64_t s, char ret[TIME_TEXT_MAX]); /* 20251124T230811Z (SigV4) */
void time_format_clf(int64_t s, char ret[TIME_TEXT_MAX]);     /* 24/Nov/2025:23:08:11 +0000 (access logs) */
void time_format_log_day(int64_t s, char ret[TIME_TEXT_MAX]); /* 2025/11/24 (log stream names) */

MUST_USE bool time_parse_compact(str text, int64_t *ret_s);
/* 2025-11-24[T23:08[:11[.123]][Z|+hh:mm|+hhmm]]; without a zone it is UTC. */
MUST_USE bool time_parse_iso(str text, int64_t *ret_ms);
MUST_USE bool time_parse_http(str text, int64_t *ret_s);
