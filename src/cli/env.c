/* env: what a shell must know so that boto3, the AWS CLI and the SDKs call this server. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

/* A value inside single quotes; none of ours holds one, but a path might. */
static void print_export(const char *name, str value)
{
    printf("export %s='", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] == '\'')
            fputs("'\\''", stdout);
        else
            putchar(value.at[i]);
    }
    puts("'");
}

static int env_run(const struct arguments *arguments)
{
    struct session session;
    struct err err = {0};

    if (!session_open(arguments, &session, &err)) {
        say_error("env", err.text);
        return EXIT_FAILED;
    }
    const struct {
        const char *name;
        str value;
    } rows[] = {
        {"AWS_ENDPOINT_URL", str_of(session.endpoint)},
        {"AWS_ACCESS_KEY_ID", session.access_key},
        {"AWS_SECRET_ACCESS_KEY", session.secret},
        {"AWS_DEFAULT_REGION", session.region},
        {"AWS_REGION", session.region},
        {"AWS_CA_BUNDLE", str_of(session.ca ? session.ca : "")},
    };
    json_auto_t *object = json_object();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!rows[i].value.len)
            continue;
        if (option_flag(arguments, "json"))
            json_object_set_new(object, rows[i].name, json_stringn(rows[i].value.at, rows[i].value.len));
        else
            print_export(rows[i].name, rows[i].value);
    }
    if (option_flag(arguments, "json"))
        print_json(object);
    session_close(&session);
    return EXIT_OK;
}

const struct command env_command = {
    .name = "env",
    .summary = "Print the variables that point boto3 and the AWS CLI at this server",
    .usage = "[--state DIR]",
    .text = "  eval \"$(sculler env)\"\n"
            "  aws lambda list-functions\n\n"
            "They redirect every `aws` of that shell; the secret key is among them.\n",
    .run = env_run,
};
