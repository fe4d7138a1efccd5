#include "cli/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/output.h"

static const struct command server_row = {
    .name = "server",
    .summary = "Start the server here, in the foreground",
};
static const struct command config_row = {
    .name = "config",
    .summary = "Show the server's settings, and where each value came from",
};

const struct command *const commands[] = {
    &server_row,      &deploy_command,
    &layer_command,   &invoke_command,
    &logs_command,    &ls_command,
    &rm_command,      &rollback_command,
    &label_command,   &import_command,
    &diff_command,    &shadow_command,
    &quality_command, &threshold_command,
    &env_command,     &dashboard_command,
    &config_row,      &restart_command,
    &doctor_command,  &version_command,
    &help_command,    NULL,
};

const struct command *command_find(const char *name)
{
    for (int i = 0; commands[i]; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

static void print_options(const struct option *table)
{
    for (; table && table->name; table++) {
        char left[64];

        snprintf(left, sizeof left, "%s%c%s--%s %s", table->letter ? "-" : " ", table->letter ? table->letter : ' ',
                 table->letter ? ", " : "  ", table->name, table->value ? table->value : "");
        printf("  %-26s %s\n", left, table->help);
    }
}

void command_print_help(const struct command *command)
{
    if (!command->run) {
        printf("%s. See: sculler %s --help\n", command->summary, command->name);
        return;
    }
    printf("Usage: sculler %s %s\n\n%s.\n\n", command->name, command->usage, command->summary);
    if (command->text)
        printf("%s\n", command->text);
    puts("Options:");
    print_options(command->options);
    print_options(common_options);
}

void commands_print_help(void)
{
    puts("Sculler runs Python functions as AWS Lambda does, on a machine of yours.\n\n"
         "Usage: sculler COMMAND [options]\n");
    for (int i = 0; commands[i]; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    puts("\nExamples:\n"
         "  sculler server                     start it; Ctrl-C ends it\n"
         "  sculler deploy examples/budget_expense_matcher   package a folder, publish it, print its URL\n"
         "  eval \"$(sculler env)\"              then boto3 and the AWS CLI talk to this server\n\n"
         "`sculler COMMAND --help` tells more.");
}

int command_usage_error(const struct command *command, const char *why)
{
    say_error(command->name, why);
    fprintf(stderr, "Usage: sculler %s %s\n", command->name, command->usage);
    return EXIT_USAGE;
}

static int unknown_command(const char *name)
{
    const char *near = NULL;
    int best = 3;

    for (int i = 0; commands[i]; i++) {
        int distance = edit_distance(name, commands[i]->name);

        if (distance < best) {
            best = distance;
            near = commands[i]->name;
        }
    }
    if (near)
        say("sculler: there is no command '%s'; did you mean `sculler %s`?", name, near);
    else
        say("sculler: there is no command '%s'; `sculler help` lists them", name);
    return EXIT_USAGE;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct arguments arguments;
    struct err err = {0};

    if (!options_read(argc, argv, command->options, &arguments, &err))
        return command_usage_error(command, err.text);
    if (option_flag(&arguments, "help")) {
        command_print_help(command);
        return EXIT_OK;
    }
    if (arguments.operands_count < command->operands_min)
        return command_usage_error(command, "something is missing");
    if (arguments.operands_count > command->operands_max)
        return command_usage_error(command, "there is a word too many");
    return command->run(&arguments);
}

int cli_main(int argc, char **argv)
{
    if (argc < 2) {
        commands_print_help();
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        commands_print_help();
        return EXIT_OK;
    }
    const struct command *command = command_find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (!command || !command->run)
        return unknown_command(argv[1]);
    int status = run_command(command, argc - 2, argv + 2);
    if (fflush(stdout) != 0 || ferror(stdout)) { /* a full disk must not look like success */
        fputs("sculler: the result could not be written to standard output\n", stderr);
        return status ? status : EXIT_FAILED;
    }
    return status;
}
