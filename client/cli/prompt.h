/*
 * Questions to the person at the terminal: a typed "yes", a passphrase.
 */
#ifndef TIDEMARK_CLI_PROMPT_H
#define TIDEMARK_CLI_PROMPT_H

#include "client/cli/cli.h"

#define SECRET_MAX 1024

struct secret {
    char text[SECRET_MAX];
    size_t len;
};

/* True if somebody can be asked: stdin and stderr are a terminal. */
bool prompt_possible(void);

/*
 * Asks "yes" for what was just described; with --yes it is answered. Code 609 if the answer is another one, or nobody
 * can be asked (the message says that --yes is needed). 0: go on.
 */
int confirm(struct cli *cli, const char *question);
/* The same, but --yes is no answer: for what is not about money. */
int confirm_typed(struct cli *cli, const char *question);

/*
 * A passphrase: the first line of --passphrase-file, or typed on /dev/tty without echo (`twice`: and repeated). `what`
 * and `whose` make up the question. Code 604 if there is no terminal, 607 for the file. The caller wipes it.
 */
int secret_ask(struct cli *cli, const char *what, const char *whose, bool twice, struct secret *out);
void secret_wipe(struct secret *secret);

#endif
