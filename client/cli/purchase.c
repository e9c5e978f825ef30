/*
 * The note of a purchase, and what the market knows of it; see purchase.h.
 *
 * Always holds: the note is on disk before the bid is sent, and names the order as soon as it is known; it is replaced
 * whole, by one process at a time. Not here: bidding, waiting and fetching (buy.c).
 */
#include "client/cli/purchase.h"

#include "client/cli/session.h"
#include "client/cli/show.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- the note ---- */

/* True if the note is of this listing, market and party. */
static bool note_fits(struct cli *cli, const struct purchase *p, const json_t *note)
{
    char *vkey = NULL;

    if (tide_url_vkey(cli->context.url, &vkey, NULL) != 0) return false;
    bool fits = get_u64(note, "listing") == p->listing && strcmp(get_text(note, "log"), vkey) == 0 &&
                tide_identity_is(cli->identity, get_text(note, "party"));
    free(vkey);
    return fits;
}

static int note_read(struct cli *cli, struct purchase *p)
{
    json_t *note = json_load_file(p->note, 0, NULL);

    if (note == NULL || !note_fits(cli, p, note)) {
        json_decref(note);
        cli_error(cli, CODE_FILE, "%s is the note of another purchase, or damaged", p->note);
        cli_hint(cli,
                 "Finish that one, choose another -o, or remove the note (tidemark trade list shows what was bought).");
        return cli->error.code;
    }
    p->is_noted = true;
    p->order = get_u64(note, "order");
    p->fetched = get_bool(note, "fetched");
    json_decref(note);
    return 0;
}

static int must_not_exist(struct cli *cli, const char *path)
{
    if (access(path, F_OK) != 0) return 0;
    cli_error(cli, CODE_FILE, "%s is there already", path);
    cli_hint(cli, "Nothing is overwritten: choose another -o, or move it away.");
    return cli->error.code;
}

/* ---- one at a time ---- */

#define LOCK_TRIES 10 /* who had it takes its file away, perhaps between our opening and our locking */

/* 0: not ours, look again; -1: errno. */
static int lock_try(struct purchase *p)
{
    struct stat opened, named;

    p->lock_fd = open(p->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (p->lock_fd < 0) return -1;
    bool locked = flock(p->lock_fd, LOCK_EX | LOCK_NB) == 0;
    int why = errno;
    bool same = locked && fstat(p->lock_fd, &opened) == 0 && lstat(p->lock, &named) == 0 && opened.st_ino == named.st_ino &&
                opened.st_dev == named.st_dev;
    if (same) return 1;
    close(p->lock_fd);
    p->lock_fd = -1;
    errno = why;
    return locked ? 0 : -1;
}

static int lock_take(struct cli *cli, struct purchase *p)
{
    int taken = 0;

    for (int i = 0; taken == 0 && i < LOCK_TRIES; i++) taken = lock_try(p);
    if (taken > 0) return 0;
    if (taken < 0 && errno != EWOULDBLOCK) return cli_error_file(cli, "write", p->lock);
    cli_error(cli, CODE_FILE, "another process buys into %s", p->out);
    cli_hint(cli, "Wait for it, or choose another -o.");
    return cli->error.code;
}

void purchase_leave(struct purchase *p)
{
    if (p->lock_fd < 0) return;
    unlink(p->lock); /* while it is held: nobody else's */
    close(p->lock_fd);
    p->lock_fd = -1;
}

static int begin_or_go_on(struct cli *cli, struct purchase *p)
{
    if (access(p->note, F_OK) == 0) return note_read(cli, p);
    if (must_not_exist(cli, p->out) != 0) return cli->error.code;
    return must_not_exist(cli, p->receipt);
}

int purchase_init(struct cli *cli, struct purchase *p, uint64_t listing, const char *out)
{
    *p = (struct purchase){.listing = listing, .out = out, .lock_fd = -1};
    bool fits = snprintf(p->note, sizeof p->note, "%s.tide-buy", out) < (int)sizeof p->note &&
                snprintf(p->receipt, sizeof p->receipt, "%s.tide-receipt", out) < (int)sizeof p->receipt - 16 &&
                snprintf(p->lock, sizeof p->lock, "%s.lock", p->note) < (int)sizeof p->lock;
    if (!fits) return cli_error(cli, CODE_FILE, "the output's name is too long");
    if (session_open(cli) != 0 || lock_take(cli, p) != 0) return cli->error.code;
    int code = begin_or_go_on(cli, p);
    if (code != 0) purchase_leave(p);
    return code;
}

static bool text_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(text);

    if (fd < 0) return false;
    bool good = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
    return close(fd) == 0 && good;
}

int purchase_save(struct cli *cli, struct purchase *p)
{
    char draft[CONTEXT_PATH_MAX + 32], *vkey = NULL;

    if (tide_url_vkey(cli->context.url, &vkey, &cli->error) != 0) return cli->error.code;
    json_t *note = json_pack("{s:s,s:s,s:I,s:I,s:b}", "log", vkey, "party", tide_identity_party(cli->identity),
                             "listing", (json_int_t)p->listing, "order", (json_int_t)p->order, "fetched", p->fetched);
    char *text = note != NULL ? json_dumps(note, JSON_INDENT(1)) : NULL;
    json_decref(note);
    free(vkey);
    if (text == NULL) return cli_error(cli, CODE_NO_MEMORY, NULL);
    snprintf(draft, sizeof draft, "%s.%ld", p->note, (long)getpid());
    bool good = text_write(draft, text) && rename(draft, p->note) == 0;
    free(text);
    if (good) return 0;
    cli_error_file(cli, "write", p->note);
    unlink(draft);
    return cli->error.code;
}

void purchase_end(struct purchase *p)
{
    unlink(p->note);
}

/* ---- what the market knows ---- */

int purchase_find(struct cli *cli, struct purchase *p)
{
    const json_t *row;
    json_t *answer;
    size_t i;

    if (session_pages(cli, "trades", json_pack("{s:b}", "open_only", 1), "trades", "before", 0, &answer) != 0)
        return cli->error.code;
    json_array_foreach(get_list(answer, "trades"), i, row)
    {
        bool is_mine = get_u64(row, "listing") == p->listing && tide_identity_is(cli->identity, get_text(row, "buyer"));
        if (is_mine && p->order == 0) p->order = get_u64(row, "bid");
    }
    json_decref(answer);
    if (p->order != 0) return 0;
    if (session_pages(cli, "orders", json_pack("{s:b}", "open_only", 1), "orders", "before", 0, &answer) != 0)
        return cli->error.code;
    json_array_foreach(get_list(answer, "orders"), i, row)
    {
        bool is_mine = get_u64(row, "listing") == p->listing && strcmp(get_text(row, "side"), "bid") == 0;
        if (is_mine && !get_bool(row, "closed") && p->order == 0) p->order = get_u64(row, "order");
    }
    json_decref(answer);
    return 0;
}

json_t *purchase_trades(struct cli *cli, const struct purchase *p)
{
    json_t *found = json_array(), *answer;
    uint64_t before = 0;

    do { /* newest first; a trade is younger than its bid */
        const json_t *row;
        size_t i;
        if (session_ask(cli, "trades", json_pack("{s:I,s:i}", "before", (json_int_t)before, "limit", 256), &answer) !=
            0) {
            json_decref(found);
            return NULL;
        }
        before = get_u64(answer, "before");
        json_array_foreach(get_list(answer, "trades"), i, row)
        {
            if (get_u64(row, "bid") == p->order) json_array_insert(found, 0, (json_t *)row);
            if (get_u64(row, "trade") < p->order) before = 0;
        }
        json_decref(answer);
    } while (before != 0);
    return found;
}

int purchase_left(struct cli *cli, const struct purchase *p, uint64_t *left)
{
    json_t *answer;
    const json_t *row;
    size_t i;

    *left = 0;
    if (session_pages(cli, "orders", json_pack("{s:b}", "open_only", 1), "orders", "before", 0, &answer) != 0)
        return cli->error.code;
    json_array_foreach(get_list(answer, "orders"), i, row)
    {
        if (get_u64(row, "order") == p->order && !get_bool(row, "closed")) *left = get_u64(row, "left");
    }
    json_decref(answer);
    return 0;
}
