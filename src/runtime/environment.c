/*
 * environment: the variables that a function's code finds, as AWS documents them under "Defined runtime environment
 * variables".  Later words win, so the customer's come last.
 */
#include "runtime/runtime_private.h"

#include "base/clock.h"
#include "base/rand.h"

#include <stdio.h>
#include <time.h>

static void add_variable(struct buf *head, const char *name, str value)
{
    buf_printf(head, "%s=" STR_FMT, name, STR_ARG(value));
    buf_add_char(head, '\0');
}

static str region_of(str arn)
{
    str part = STR(""), rest = arn;

    for (int i = 0; i < 4; i++)
        (void)str_cut(rest, ':', &part, &rest);
    return part;
}

static void add_log_stream(struct buf *head, str version)
{
    uint64_t id[2];
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm day;

    rand_bytes(id, sizeof id);
    (void)gmtime_r(&now, &day);
    buf_printf(head, "AWS_LAMBDA_LOG_STREAM_NAME=%04d/%02d/%02d/[" STR_FMT "]%016llx%016llx", day.tm_year + 1900,
               day.tm_mon + 1, day.tm_mday, STR_ARG(version), (unsigned long long)id[0], (unsigned long long)id[1]);
    buf_add_char(head, '\0');
}

static const struct {
    const char *name;
    str value;
} fixed_variables[] = {
    {"AWS_XRAY_CONTEXT_MISSING", STR("LOG_ERROR")},
    {"LAMBDA_TASK_ROOT", STR("/var/task")},
    {"LAMBDA_RUNTIME_DIR", STR("/var/runtime")},
    {"LD_LIBRARY_PATH", STR("/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:"
                            "/opt/lib")},
    {"PATH", STR("/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin")},
    {"PYTHONPATH", STR("/var/runtime")},
    {"LANG", STR("en_US.UTF-8")},
    {"LC_CTYPE", STR("C.UTF-8")},
    {"TZ", STR(":UTC")},
    {"PWD", STR("/var/task")},
    {"SHLVL", STR("0")},
    {"HOME", STR("/tmp")},
};

/* Of the services that are here, by AWS's serviceId (AWS SDKs and Tools reference, "Service-specific endpoints"), so
 * that a client of any other finds AWS itself: AWS_ENDPOINT_URL would catch them all. */
static const char *const endpoints[] = {
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_API_GATEWAY",
};

/* Keys for the function's own calls, short-lived: a template is replaced before they end (template_age_max_ms). */
static void add_credentials(struct template *template, struct buf *head)
{
    const struct pool_options *options = &template->pool->options;
    struct pool_credentials keys = {0};
    ARENA_AUTO arena = {0};

    if (!options->credentials)
        return;
    options->credentials(options->credentials_ctx, template->what, &arena, &keys);
    if (keys.access_key.len > 0) {
        add_variable(head, "AWS_ACCESS_KEY_ID", keys.access_key);
        add_variable(head, "AWS_SECRET_ACCESS_KEY", keys.secret);
        add_variable(head, "AWS_SESSION_TOKEN", keys.session_token);
    }
    for (size_t i = 0; keys.endpoint.len > 0 && i < sizeof endpoints / sizeof *endpoints; i++)
        add_variable(head, endpoints[i], keys.endpoint);
}

static void add_what_is_known(struct buf *head, const struct runnable *what)
{
    char memory[16], runtime[64];
    str region = region_of(what->arn);

    (void)snprintf(memory, sizeof memory, "%d", what->memory_mb);
    (void)snprintf(runtime, sizeof runtime, "AWS_Lambda_" STR_FMT, STR_ARG(what->runtime));
    add_variable(head, "AWS_REGION", region);
    add_variable(head, "AWS_DEFAULT_REGION", region);
    add_variable(head, "AWS_EXECUTION_ENV", str_of(runtime));
    add_variable(head, "AWS_LAMBDA_FUNCTION_NAME", what->function);
    add_variable(head, "AWS_LAMBDA_FUNCTION_VERSION", what->version);
    add_variable(head, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str_of(memory));
    add_variable(head, "AWS_LAMBDA_LOG_GROUP_NAME", what->log_group);
    add_variable(head, "AWS_LAMBDA_INITIALIZATION_TYPE",
                 what->provisioned > 0 ? STR("provisioned-concurrency") : STR("on-demand"));
    add_log_stream(head, what->version);
}

void template_environment(struct template *template, struct buf *head)
{
    const struct runnable *what = template->what;

    for (size_t i = 0; i < sizeof fixed_variables / sizeof *fixed_variables; i++)
        add_variable(head, fixed_variables[i].name, fixed_variables[i].value);
    add_what_is_known(head, what);
    add_credentials(template, head);
    for (int i = 0; i < what->environment_count; i++) {
        buf_add(head, what->environment[i]);
        buf_add_char(head, '\0');
    }
    add_variable(head, "_HANDLER", what->handler);
}
