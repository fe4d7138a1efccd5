#include "aws/sculler/status.h"

#include "functions/catalog.h"
#include "functions/interpreters.h"
#include "invoke/invoke.h"
#include "loop/lane.h"
#include "runtime/pool.h"

void status_get(struct aws_call *call)
{
    const struct aws_door *door = call->door;
    struct pool_counts counts = pool_counts(door->invoker->pool);
    struct jw *jw = &call->jw;

    jw_object(jw);
    jw_str(jw, "version", door->version);
    jw_str(jw, "region", door->region);
    jw_str(jw, "account", door->account);
    jw_int(jw, "functions", catalog_functions_count(door->catalog));
    jw_object_key(jw, "pool");
    jw_int(jw, "templates", counts.templates);
    jw_int(jw, "workers", counts.workers);
    jw_int(jw, "workers_busy", counts.workers_busy);
    jw_int(jw, "waiting", counts.waiting);
    jw_object_end(jw);
    jw_str(jw, "host_lacks", str_of(pool_host_lacks(door->invoker->pool)));
    jw_int(jw, "control_jobs_waiting", (int64_t)lane_waiting(door->state_lane));
    jw_array_key(jw, "interpreters");
    for (int i = 0; i < interpreters_count(door->interpreters); i++) {
        const struct interpreter *interpreter = interpreters_at(door->interpreters, i);

        jw_object(jw);
        jw_str(jw, "runtime", interpreter->runtime);
        jw_str(jw, "version", interpreter->version);
        jw_str(jw, "path", interpreter->path);
        jw_object_end(jw);
    }
    jw_array_end(jw);
    jw_object_end(jw);
    aws_call_finish(call);
}
