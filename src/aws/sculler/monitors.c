/*
 * monitors: the settings of [tool.sculler.monitor], kept with a version, changed without a deploy.
 *
 *     GET                 what goes for a version (or the newest): {"function", "version", "number", "set_at", "by",
 * "settings"} PUT    ?version=    the settings, as JSON; without a version: of all that have none of their own DELETE
 * ?version=    from now on its decisions are not captured
 */
#include "aws/sculler/monitors.h"

#include "aws/sculler/window.h"
#include "base/clock.h"
#include "codec/arn.h"
#include "monitor/monitor.h"
#include "monitor/store.h"

struct monitors_input {
    str function, version;
};
static const struct shape_field monitors_fields[] = {
    {"FunctionName", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct monitors_input, function), SHAPE_REQUIRED},
    {"version", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct monitors_input, version)},
};
const struct shape monitors_shape = SHAPE_OF(struct monitors_input, monitors_fields);

struct changing {
    struct monitor_change change;
    struct aws_call *call;
    str function, version;
    str json; /* at NULL: only to be read */
};

static void write_settings(struct changing *changing, const struct kept_settings *kept)
{
    struct jw *jw = &changing->call->jw;

    jw_object(jw);
    jw_str(jw, "function", kept->function);
    jw_str(jw, "version", kept->version);
    jw_int(jw, "number", kept->number);
    window_write_time(jw, "set_at", kept->set_us);
    jw_str(jw, "by", kept->by);
    jw_raw(jw, "settings", kept->json.len ? kept->json : STR("null"));
    jw_object_end(jw);
}

static bool run(struct monitor_change *change, struct store *store)
{
    struct changing *changing = change->ctx;
    const struct kept_settings *kept;

    if (!changing->json.at) {
        kept = rules_settings(store_rules(store), changing->function, changing->version);
        if (!kept)
            return err_set(
                &change->err, ERR_NOT_FOUND,
                "%.140s is not monitored: put [tool.sculler.monitor] into its settings and deploy it, or PUT "
                "them here",
                arena_cstr(changing->call->arena, changing->function));
    } else if (!rules_set_settings(store_rules(store), changing->function, changing->version, changing->json,
                                   clock_wall_us(), changing->call->access_key, &kept, &change->err)) {
        return false;
    }
    write_settings(changing, kept);
    return true;
}

static void done(struct monitor_change *change)
{
    struct changing *changing = change->ctx;

    if (change->err.code == ERR_NOT_FOUND)
        aws_fail(changing->call, AWS_ERROR_NOT_FOUND, "%s", change->err.text);
    else if (change->err.code == ERR_INVALID)
        aws_fail(changing->call, AWS_ERROR_BAD_REQUEST, "%s", change->err.text);
    else if (change->err.code != ERR_NONE)
        aws_fail_err(changing->call, &change->err);
    aws_call_finish(changing->call);
}

static void start(struct aws_call *call, str json)
{
    const struct monitors_input *input = call->input;
    struct changing *changing = arena_new(call->arena, struct changing, 1);
    struct arn arn;

    changing->call = call;
    changing->function = arn_parse(input->function, &arn) ? arn.name : input->function;
    changing->version = input->version;
    changing->json = json;
    changing->change = (struct monitor_change){.run = run, .done = done, .ctx = changing};
    monitor_change(call->door->monitor, &changing->change);
}

void monitors_get(struct aws_call *call)
{
    start(call, (str){0});
}

void monitors_put(struct aws_call *call)
{
    str body = call->exchange->request.body;

    if (body.len > 0) {
        start(call, body);
        return;
    }
    aws_fail(call, AWS_ERROR_BAD_REQUEST,
             "the body is to be the settings, as JSON: {\"rows\": \"$[*]\", \"score\": \"score\"}");
    aws_call_finish(call);
}

void monitors_delete(struct aws_call *call)
{
    start(call, STR(""));
}
