/*
 * The roof: one binary, and who it is this time.  A word that is not in this table is a command of the CLI.
 */
#include <stdio.h>
#include <string.h>

#include "cell/keeper.h"
#include "cli/cli.h"
#include "roof/config.h"
#include "roof/server.h"

static int config_main(int argc, char **argv)
{
    struct config config;
    struct err err = {0};
    bool json = false;

    for (int i = 1; i < argc; i++) {
        json = json || strcmp(argv[i], "--json") == 0;
        if (strcmp(argv[i], "--help") == 0) {
            puts("Usage: sculler config [--config FILE] [--SETTING VALUE ...] [--json]\n\n"
                 "Shows every setting of the server, its value and where that came from.");
            return 0;
        }
    }
    if (!config_load(argc - 1, argv + 1, &config, &err)) {
        fprintf(stderr, "sculler config: %s\n", err.text);
        return 2;
    }
    config_print(&config, json);
    config_done(&config);
    return 0;
}

static const struct {
    const char *word;
    int (*run)(int argc, char **argv);
} processes[] = {
    {"server", server_main},
    {"config", config_main},
    {"keeper", keeper_main}, /* started by the server */
    {"unpack", unpack_main}, /* started by the keeper, in a cell */
};

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof processes / sizeof *processes; i++)
        if (strcmp(argv[1], processes[i].word) == 0)
            return processes[i].run(argc - 1, argv + 1);
    return cli_main(argc, argv);
}
