/*
 * report: the lines that Lambda prints around what a function prints (AWS Lambda developer guide, function logs).
 * Monitoring tools parse REPORT, so it is byte for byte AWS's.
 *
 * All in one buffer, in order: START, what the function printed (the pool adds it), END, REPORT.  The function's
 * part is bounded so that END and REPORT always fit.
 */
#pragma once

#include "base/buf.h"
#include "runtime/pool.h"

/* Inits `log`; its owner frees it. */
void report_start(struct buf *log, str request_id, str version);
/* On run->log, when the run is over. */
str report_out_of_memory(const struct run *run); /* why its worker was killed, and what to do */
void report_end(struct run *run, const struct run_result *result);
