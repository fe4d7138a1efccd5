/* exit: the exit statuses of every command; docs/manual.md tells them to the user. */
#pragma once

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,    /* the server, the package or the machine said no */
    EXIT_USAGE = 2,     /* the command line makes no sense */
    EXIT_NO_SERVER = 3, /* nobody answers at the address */
    EXIT_FUNCTION = 4,  /* the function ran and ended in an error */
    EXIT_DIFFERS = 5,   /* diff: something would change */
};
