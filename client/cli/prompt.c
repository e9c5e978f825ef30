/*
 * "yes" and passphrases; see prompt.h.
 *
 * Always holds: the terminal's echo is put back on every way out, Ctrl-C included; passphrases are wiped; money is
 * never moved by an empty line.
 */
#include "client/cli/prompt.h"

#include "client/cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool prompt_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* Reads a line without its end; false at the end of input, when interrupted, or when it is too long. */
static bool line_read(int fd, char *out, size_t room, size_t *len)
{
    size_t n = 0;
    char c;

    for (;;) {
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR && !interrupted()) continue;
        if (got <= 0 || interrupted()) break;
        if (c == '\n') return out[*len = n] = '\0', true;
        if (n + 1 == room) break;
        out[n++] = c;
    }
    explicit_bzero(out, room);
    *len = 0;
    return false;
}

int confirm(struct cli *cli, const char *question)
{
    return args_has(&cli->args, "yes") ? 0 : confirm_typed(cli, question);
}

int confirm_typed(struct cli *cli, const char *question)
{
    char answer[64];
    size_t len;

    if (!prompt_possible()) {
        cli_error(cli, CODE_NOT_CONFIRMED, "nobody can be asked: there is no terminal. Nothing was sent");
        cli_hint(cli, "Run it in a terminal, or give --yes.");
        return cli->error.code;
    }
    fprintf(stderr, "%s Type yes to go on: ", question);
    if (line_read(STDIN_FILENO, answer, sizeof answer, &len) && strcmp(answer, "yes") == 0) return 0;
    if (len == 0) fputc('\n', stderr);
    if (interrupted()) return cli_error(cli, CODE_INTERRUPTED, NULL);
    return cli_error(cli, CODE_NOT_CONFIRMED, NULL);
}

/* ---- passphrases ---- */

static int secret_from_file(struct cli *cli, const char *path, struct secret *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return cli_error_file(cli, "read", path);
    ssize_t n = 0;
    while (out->len + 1 < sizeof out->text && (n = read(fd, out->text + out->len, 1)) == 1 &&
           out->text[out->len] != '\n') {
        out->len++;
    }
    bool good = n >= 0 && out->len > 0 && out->len + 1 < sizeof out->text;
    close(fd);
    if (out->len > 0 && out->text[out->len - 1] == '\r') out->len--;
    out->text[out->len] = '\0';
    if (good) return 0;
    if (n < 0) return cli_error_file(cli, "read", path);
    return cli_error(cli, CODE_BAD_IDENTITY, "%s has no passphrase in its first line, or one that is too long", path);
}

static bool typed(int tty, const char *question, struct secret *out)
{
    struct termios kept, silent;

    if (tcgetattr(tty, &kept) != 0) return false;
    silent = kept;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    if (tcsetattr(tty, TCSAFLUSH, &silent) != 0) return false;
    dprintf(tty, "%s: ", question);
    bool good = line_read(tty, out->text, sizeof out->text, &out->len);
    tcsetattr(tty, TCSAFLUSH, &kept);
    dprintf(tty, "\n");
    return good;
}

static int secret_from_terminal(struct cli *cli, const char *question, bool twice, struct secret *out)
{
    struct secret again = {.len = 0};
    int code = 0;

    int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (tty < 0) {
        cli_error(cli, CODE_BAD_IDENTITY, "a passphrase is needed, and there is no terminal to ask for it");
        cli_hint(cli, "Give --passphrase-file.");
        return cli->error.code;
    }
    if (!typed(tty, question, out) || (twice && !typed(tty, "The same again", &again))) {
        code = cli_error(cli, interrupted() ? CODE_INTERRUPTED : CODE_BAD_IDENTITY,
                         interrupted() ? NULL : "no passphrase was typed");
    } else if (twice && (out->len == 0 || again.len != out->len || memcmp(again.text, out->text, out->len) != 0)) {
        code =
            cli_error(cli, CODE_BAD_IDENTITY, out->len == 0 ? "the passphrase is empty" : "the two passphrases differ");
        cli_hint(cli, "Nothing was written; try again.");
    }
    secret_wipe(&again);
    close(tty);
    return code;
}

int secret_ask(struct cli *cli, const char *what, const char *whose, bool twice, struct secret *out)
{
    char question[CONTEXT_PATH_MAX + 64];
    const char *file = args_text(&cli->args, "passphrase-file");

    memset(out, 0, sizeof *out);
    char *safe = text_escape(whose);
    snprintf(question, sizeof question, "%s of %s", what, safe != NULL ? safe : "the identity");
    free(safe);
    int code = file != NULL ? secret_from_file(cli, file, out) : secret_from_terminal(cli, question, twice, out);
    if (code != 0) secret_wipe(out);
    return code;
}

void secret_wipe(struct secret *secret)
{
    explicit_bzero(secret, sizeof *secret);
}
