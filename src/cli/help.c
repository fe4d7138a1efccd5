/* help and version: the two commands that need no server. */
#include <stdio.h>

#include "cli/commands.h"

static int help_run(const struct arguments *arguments)
{
    if (arguments->operands_count == 0) {
        commands_print_help();
        return EXIT_OK;
    }
    const struct command *command = command_find(arguments->operands[0]);
    if (!command)
        return command_usage_error(&help_command, "there is no such command; `sculler help` lists them");
    command_print_help(command);
    return EXIT_OK;
}

const struct command help_command = {
    .name = "help",
    .summary = "List the commands, or tell about one",
    .usage = "[COMMAND]",
    .operands_max = 1,
    .run = help_run,
};

static int version_run(const struct arguments *arguments)
{
    if (option_flag(arguments, "json"))
        puts("{\"version\":\"" SCULLER_VERSION "\"}");
    else
        puts("sculler " SCULLER_VERSION);
    return EXIT_OK;
}

const struct command version_command = {
    .name = "version",
    .summary = "Print the version",
    .usage = "[--json]",
    .run = version_run,
};
