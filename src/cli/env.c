/* env: what a shell must know so that boto3, the AWS CLI and the SDKs call this server; and what makes it forget. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

enum { VARIABLES = 6 };

struct variable {
    const char *name;
    str value;
};

static void list_variables(const struct session *session, struct variable ret[VARIABLES])
{
    const struct variable rows[VARIABLES] = {
        {"AWS_ENDPOINT_URL", str_of(session->endpoint ? session->endpoint : "")},
        {"AWS_ACCESS_KEY_ID", session->access_key},
        {"AWS_SECRET_ACCESS_KEY", session->secret},
        {"AWS_DEFAULT_REGION", session->region},
        {"AWS_REGION", session->region},
        {"AWS_CA_BUNDLE", str_of(session->ca_is_servers ? session->ca : "")},
    };

    memcpy(ret, rows, sizeof rows);
}

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

static void print_variables(const struct variable *rows, bool as_json)
{
    json_auto_t *object = json_object();

    for (int i = 0; i < VARIABLES; i++) {
        if (!rows[i].value.len)
            continue;
        if (as_json)
            json_object_set_new(object, rows[i].name, json_stringn(rows[i].value.at, rows[i].value.len));
        else
            print_export(rows[i].name, rows[i].value);
    }
    if (as_json)
        print_json(object);
}

/* All of them, also when the server has other keys now than those of the shell; but a bundle of certificates that is
 * not the server's is the user's own. */
static void print_unset(const struct variable *rows)
{
    const char *bundle = getenv("AWS_CA_BUNDLE");

    printf("unset");
    for (int i = 0; i < VARIABLES; i++)
        if (strcmp(rows[i].name, "AWS_CA_BUNDLE") != 0 || (bundle && str_eq(rows[i].value, str_of(bundle))))
            printf(" %s", rows[i].name);
    puts("");
}

static int env_run(const struct arguments *arguments)
{
    struct variable rows[VARIABLES];
    struct session session = {0};
    struct err err = {0};
    bool unset = option_flag(arguments, "unset");

    if (!session_open(arguments, &session, &err) && !unset) {
        say_error("env", err.text);
        return EXIT_FAILED;
    }
    list_variables(&session, rows);
    if (unset)
        print_unset(rows);
    else
        print_variables(rows, option_flag(arguments, "json"));
    session_close(&session);
    return EXIT_OK;
}

static const struct option env_options[] = {
    {"unset", NULL, "print what makes the shell forget them"},
    {0},
};

const struct command env_command = {
    .name = "env",
    .summary = "Print the variables that point boto3 and the AWS CLI at this server",
    .usage = "[--state DIR] [--unset]",
    .text = "  eval \"$(sculler env)\"\n"
            "  aws lambda list-functions\n"
            "  eval \"$(sculler env --unset)\"     and the shell is as if it had not been; what these variables held "
            "before is not brought back\n\n"
            "They redirect every `aws` of that shell; the secret key is among them.\n",
    .options = env_options,
    .run = env_run,
};
