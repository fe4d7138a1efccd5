/* cli: what the roof calls when the first word is no process of the server's. */
#pragma once

int cli_main(int argc, char **argv); /* argv as main() got it; returns the exit status */
