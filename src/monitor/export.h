/*
 * export: the predictions of a window as a file: CSV, lines of JSON, or Parquet.  Written to a descriptor as it is
 * read, so memory is bounded whatever the size.  Columns are those of the view `predictions`.  On the quality lane.
 */
#pragma once

#include "monitor/question.h"

enum export_format { EXPORT_CSV, EXPORT_NDJSON, EXPORT_PARQUET };
extern const char *const export_formats[]; /* names, NULL-ended, in this order */
extern const char *const export_types[];   /* what HTTP calls them */

MUST_USE bool export_predictions(const char *folder, const struct question *question, enum export_format format, int fd,
                                 struct err *err);
