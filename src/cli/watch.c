#include "cli/watch.h"

#include "cli/output.h"

static str monitor_path(struct session *session, const struct project *project, str version)
{
    return session_path(session, "/v1/functions/" STR_FMT "/monitor?version=" STR_FMT, STR_ARG(project->name),
                        STR_ARG(version));
}

/* An earlier version was monitored, and this one is not to be. */
static bool unwatch(struct session *session, const struct project *project, str version, struct err *err)
{
    json_auto_t *before = NULL, *done = NULL;
    struct err why = {0};

    if (!session_json(session, "sculler", "GET", monitor_path(session, project, version), NULL, &before, &why))
        return true; /* nothing is watched, or the server knows no monitor */
    if (!session_json(session, "sculler", "DELETE", monitor_path(session, project, version), NULL, &done, err))
        return false;
    say_step("monitor", "not any more: there is no [tool.sculler.monitor]");
    return true;
}

bool watch_version(struct session *session, const struct project *project, str version, struct err *err)
{
    json_auto_t *done = NULL;

    if (session_is_aws(session))
        return true;
    if (!project->monitor)
        return unwatch(session, project, version, err);
    if (session_json(session, "sculler", "PUT", monitor_path(session, project, version), json_incref(project->monitor),
                     &done, err)) {
        say_step("monitor", "decisions are kept by [tool.sculler.monitor]");
        return true;
    }
    if (err->code != ERR_NOT_FOUND)
        return err_wrap(err, "[tool.sculler.monitor]");
    say("    Its decisions are not kept: %s has no monitor (an older Sculler? `sculler restart`).", session->endpoint);
    *err = (struct err){0};
    return true;
}
