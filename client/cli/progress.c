/*
 * Progress of sealing, uploading, downloading and opening; see progress.h.
 */
#include "client/cli/progress.h"

#include "client/cli/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_MS 100

static uint64_t monotonic_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void progress_init(struct progress *progress, const struct cli *cli)
{
    memset(progress, 0, sizeof *progress);
    progress->cli = cli;
    progress->terminal = isatty(STDERR_FILENO) != 0;
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        fputs(progress->complete ? "\n" : "\r\033[K", stderr); /* a line that stopped at 34 % says nothing */
    progress->drawn = progress->complete = false;
    progress->what[0] = '\0';
}

/* part × factor ÷ whole, without overflow in between. */
static uint64_t share(uint64_t part, uint64_t factor, uint64_t whole)
{
    return whole == 0 ? factor : (uint64_t)((unsigned __int128)part * factor / whole);
}

static void draw(struct progress *p, uint64_t done, uint64_t total, uint64_t now)
{
    char have[TEXT_MAX], all[TEXT_MAX], rate[TEXT_MAX], left[TEXT_MAX];
    uint64_t moved = done - p->started_at, took = now - p->started_ms;

    bytes_format(done, have);
    bytes_format(total, all);
    bytes_format(share(moved, 1000, took > 0 ? took : 1), rate);
    duration_format(moved > 0 ? share(total - done, took, moved) : 0, left);
    fprintf(stderr, "\r\033[K%s %3u %%  %s of %s", p->what, (unsigned)share(done, 100, total), have, all);
    if (moved > 0) fprintf(stderr, "  %s/s  %s left", rate, left);
    fflush(stderr);
    p->drawn = true;
    p->complete = done == total;
    p->drawn_ms = now;
}

static void begin(struct progress *p, const char *what, uint64_t done, uint64_t total, uint64_t now)
{
    progress_end(p);
    snprintf(p->what, sizeof p->what, "%s", what);
    p->started_ms = now;
    p->drawn_ms = 0;
    p->started_at = done;
    p->tenths = (unsigned)share(done, 10, total);
    if (done == total) p->tenths = 0; /* over before it began: one line says so */
}

bool progress_step(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    struct progress *p = ctx;
    uint64_t now = monotonic_ms();

    if (interrupted()) return false;
    if (p->cli->quiet || (p->cli->json && !p->terminal)) return true;
    if (done > total) done = total;
    bool is_new = strcmp(what, p->what) != 0 || done < p->started_at;
    if (is_new) begin(p, what, done, total, now);
    if (p->terminal) {
        if (now - p->drawn_ms >= REDRAW_MS || done == total) draw(p, done, total, now);
        return true;
    }
    if (is_new && strstr(what, "waiting") != NULL) fprintf(stderr, "%s\n", what); /* a wait has no tenths */
    unsigned tenths = (unsigned)share(done, 10, total);
    if (tenths <= p->tenths) return true;
    char have[TEXT_MAX], all[TEXT_MAX];
    bytes_format(done, have);
    bytes_format(total, all);
    fprintf(stderr, "%s %u %%  %s of %s\n", what, tenths * 10, have, all);
    p->tenths = tenths;
    return true;
}
