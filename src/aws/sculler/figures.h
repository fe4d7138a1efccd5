/* figures: the members of an answer that traffic and the overview have in common. */
#pragma once

#include "codec/json_write.h"
#include "logs/rollup.h"

/* calls, errors (a proportion), throttles, cold, init_ms, latency_ms, memory_peak_mb: into the open object. */
void figures_write(struct jw *jw, const struct rollup_figures *figures);
