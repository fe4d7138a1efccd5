/*
 * commands: every command, one row each.  Help, usage and dispatch are made from the table; a command is one file,
 * which defines its row.
 */
#pragma once

#include "cli/exit.h"
#include "cli/options.h"

struct command {
    const char *name;
    const char *summary;          /* a line for `sculler help` */
    const char *usage;            /* what follows the name: "FUNCTION [options]" */
    const char *text;             /* examples and what to know, for --help */
    const struct option *options; /* NULL: only the common ones */
    int operands_min, operands_max;
    int (*run)(const struct arguments *arguments); /* NULL: a process that the roof starts; here for help only */
};

extern const struct command *const commands[]; /* NULL ends it */

extern const struct command deploy_command, invoke_command, logs_command, ls_command, rollback_command, env_command,
    version_command, help_command, layer_command, restart_command, doctor_command, rm_command, dashboard_command,
    diff_command, shadow_command, label_command, import_command, quality_command, threshold_command;

const struct command *command_find(const char *name); /* NULL: none */
void command_print_help(const struct command *command);
void commands_print_help(void);
int command_usage_error(const struct command *command, const char *why); /* says it; EXIT_USAGE */
