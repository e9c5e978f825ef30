/*
 * tidemark: everything a party does in a market, as commands. The program is cli_run (run.c); the table of its commands
 * is in commands.c, each noun in a file of its own.
 */
#include "client/cli/cli.h"

int main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
