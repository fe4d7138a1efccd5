/* dashboard: the address that opens the dashboard, which the server printed when it started. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/session.h"

static int dashboard_run(const struct arguments *arguments)
{
    struct session session = {0};
    struct err err = {0};

    if (!session_open(arguments, &session, &err)) {
        say_error("dashboard", err.text);
        return EXIT_FAILED;
    }
    if (!session.dashboard_token.len) {
        say_error("dashboard",
                  "the state folder holds no token of a dashboard: say where it is with --state, where the "
                  "server runs");
        session_close(&session);
        return EXIT_FAILED;
    }
    str url = arena_printf(&session.arena, "%s/?token=" STR_FMT, session.endpoint, STR_ARG(session.dashboard_token));
    json_auto_t *object = json_pack("{s:s%}", "url", url.at, url.len);
    if (option_flag(arguments, "json"))
        print_json(object);
    else
        printf(STR_FMT "\n", STR_ARG(url));
    session_close(&session);
    return EXIT_OK;
}

const struct command dashboard_command = {
    .name = "dashboard",
    .summary = "Print the address that opens the dashboard in a browser",
    .usage = "[--state DIR]",
    .text = "  xdg-open \"$(sculler dashboard)\"\n\n"
            "Who has it may read every call and label predictions, and may change nothing of AWS's. The browser gets a "
            "cookie for it, and the token leaves the address bar.\n",
    .run = dashboard_run,
};
