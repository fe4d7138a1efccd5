/* server: wires the rooms into one running server, and takes them apart again in order. */
#pragma once

int server_main(int argc, char **argv); /* argv[0] is "server"; the exit status */
