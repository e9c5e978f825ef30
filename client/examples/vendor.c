/*
 * A vendor's own program over libtidemark: it seals one file, lists it, offers it to any number of buyers, and hands out
 * the keys as they buy. Everything it needs is in <tidemark.h>:
 *
 *     cc -o vendor vendor.c $(pkg-config --cflags --libs tidemark)
 *     ./vendor URL IDENTITY FILE TITLE PRICE [--rights FILE] [--samples N] [--once N] [--state-dir DIR]
 *
 * It may be stopped and started again at any moment, with the same arguments: the sale goes on where it was, and no
 * trade is granted twice. The identity must be enrolled as a vendor (tidemark enrol).
 */
#define _POSIX_C_SOURCE 200809L

#include <tidemark.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 1000   /* how often to look for what waits */
#define PROVE_EVERY 60 /* looks between two checks that the log holds what was signed */

struct arguments {
    const char *url, *identity, *file, *title, *rights, *state_dir;
    uint64_t price_fen, n_samples;
    unsigned long n_trades; /* 0: for ever */
};

/* ---- stopping ---- */

static volatile sig_atomic_t stopping;
static struct tide_market *the_market; /* for the signal handler alone */

/* tide_market_interrupt may be called from a handler: the function that is waiting then ends with code 611. */
static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
    if (the_market != NULL) tide_market_interrupt(the_market);
}

/* ---- small things ---- */

/* Errors have three parts: what happened, why, and what to do. Returns false, to be handed on. */
static bool complain(const char *what, const struct tide_error *error)
{
    fprintf(stderr, "vendor: %s: %s %s (%d %s)\n", what, error->message, error->hint, error->code, error->name);
    return false;
}

/* "99", "99.5" or "99.00" yuan, in fen. No floating point near money. */
static bool price_parse(const char *text, uint64_t *fen)
{
    uint64_t value = 0;
    int decimals = -1;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*c < '0' || *c > '9' || decimals == 2 || value > UINT64_C(1) << 48) return false;
        value = value * 10 + (uint64_t)(*c - '0');
        if (decimals >= 0) decimals++;
    }
    if (text[0] < '0' || text[0] > '9' || decimals == 0) return false;
    for (int i = decimals < 0 ? 0 : decimals; i < 2; i++) value *= 10;
    *fen = value;
    return value > 0;
}

/* Called from sealing and uploading now and then; false would stop them, and nothing would be lost. */
static bool progress(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    unsigned *last = ctx;
    unsigned percent = total == 0 ? 100 : (unsigned)(done * 100 / total);
    if (percent / 25 != *last / 25) printf("%s %u %%\n", what, percent);
    *last = percent;
    return !stopping;
}

/* ---- selling ---- */

/* What the listing says. tide_sell adds what binds it to the sealed file. */
static struct tide_doc *listing_describe(const struct arguments *a, struct tide_error *error)
{
    uint8_t hash[32];
    struct tide_doc *listing = NULL;
    if (tide_doc_new("publish", &listing, error) != 0) return NULL;
    int code = tide_doc_set_text(listing, "kind", "dataset", error);
    if (code == 0) code = tide_doc_set_text(listing, "title", a->title, error);
    if (code == 0) code = tide_doc_set_text(listing, "class", "general", error);
    if (code == 0) code = tide_doc_set_text(listing, "terms", "Internal use by the buyer; no resale.", error);
    if (code == 0 && a->rights != NULL) { /* the document of the right to operate the data, by its hash */
        code = tide_file_sha256(a->rights, hash, error);
        if (code == 0) code = tide_doc_set_bytes(listing, "right_operating", hash, sizeof hash, error);
    }
    /* Chunks to be shown in clear; which ones, the log draws once the listing is approved. */
    if (code == 0 && a->n_samples > 0) code = tide_doc_set_u64(listing, "samples", a->n_samples, error);
    if (code != 0) tide_doc_free(&listing);
    return listing;
}

/* Seals, publishes and uploads, or goes on with that; *listing is the listing's name. */
static bool sell(struct tide_market *market, const struct arguments *a, uint64_t *listing)
{
    struct tide_error error;
    unsigned percent = 0;
    char sealed[4096];
    if (snprintf(sealed, sizeof sealed, "%s.tide", a->file) >= (int)sizeof sealed) return false;
    struct tide_doc *description = listing_describe(a, &error);
    if (description == NULL) return complain("cannot describe the listing", &error);
    int code = tide_sell(market, a->file, sealed, description, progress, &percent, listing, &error);
    tide_doc_free(&description);
    if (code != 0) return complain("cannot sell", &error);
    printf("listing %" PRIu64 "\n", *listing);
    return true;
}

/* True if an ask of ours rests on the listing: then a program that was restarted must not ask again. */
static bool is_offered(struct tide_market *market, uint64_t listing, bool *offered)
{
    struct tide_error error;
    struct tide_doc *query = NULL, *orders = NULL;
    *offered = false;
    int code = tide_doc_new("orders", &query, &error);
    if (code == 0) code = tide_doc_set_u64(query, "open_only", 1, &error);
    if (code == 0) code = tide_query(market, "orders", query, &orders, &error);
    tide_doc_free(&query);
    if (code != 0) return complain("cannot ask for the orders", &error);
    for (size_t i = 0; i < tide_doc_count(orders, "orders"); i++) { /* more than a page: the cursor is `before` */
        const struct tide_doc *order = tide_doc_item(orders, "orders", i);
        if (tide_doc_u64(order, "listing") == listing && strcmp(tide_doc_text(order, "side"), "ask") == 0)
            *offered = true;
    }
    tide_doc_free(&orders);
    return true;
}

/* One ask that never runs out: data can be sold again and again. */
static bool offer(struct tide_market *market, uint64_t listing, uint64_t price_fen)
{
    struct tide_error error;
    struct tide_doc *order = NULL;
    bool offered;
    if (!is_offered(market, listing, &offered)) return false;
    if (offered) return true;
    int code = tide_doc_new("order", &order, &error);
    if (code == 0) code = tide_doc_set_u64(order, "listing", listing, &error);
    if (code == 0) code = tide_doc_set_text(order, "side", "ask", &error);
    if (code == 0) code = tide_doc_set_text(order, "type", "limit", &error);
    if (code == 0) code = tide_doc_set_u64(order, "price", price_fen, &error);
    if (code == 0) code = tide_doc_set_u64(order, "unlimited", 1, &error);
    if (code == 0) code = tide_state(market, "order", order, NULL, &error);
    tide_doc_free(&order);
    if (code != 0) return complain("cannot offer it", &error);
    printf("offered at %" PRIu64 ".%02u CNY\n", price_fen / 100, (unsigned)(price_fen % 100));
    return true;
}

/* ---- serving ---- */

/*
 * Waits on the market's descriptor, as one source of an event loop that may have others: poll it, at most as long as the
 * market says, then dispatch. Returns when `ms` are over, or something happened.
 */
static bool turn(struct tide_market *market, int ms)
{
    struct tide_error error;
    struct pollfd fd = {.fd = tide_market_fd(market), .events = POLLIN};
    int timeout = tide_market_timeout_ms(market);
    if (timeout < 0 || timeout > ms) timeout = ms;
    if (poll(&fd, 1, timeout) < 0 && errno != EINTR) return false;
    return tide_market_dispatch(market, &error) == 0 || complain("the connection", &error);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until it is time to look again. */
static bool rest(struct tide_market *market)
{
    int64_t until = now_ms() + LOOK_MS, left;
    while (!stopping && (left = until - now_ms()) > 0) {
        if (!turn(market, (int)left)) return false;
    }
    return true;
}

/* One trade or listing that cannot be served is told here, and keeps no other waiting. */
static void trouble(void *ctx, const char *what, uint64_t name, const struct tide_error *error)
{
    char text[64];
    (void)ctx;
    snprintf(text, sizeof text, "cannot serve %s %" PRIu64, what, name);
    complain(text, error);
}

static void sampled(void *ctx, uint64_t listing)
{
    (void)ctx;
    printf("samples of listing %" PRIu64 " are shown\n", listing);
}

/*
 * Hands out keys until `n_trades` have theirs, or for ever, and shows the samples that are drawn of listings of this vendor. What
 * waits is asked of the market each time: nothing is missed by a crash here, and the market takes no second grant.
 */
static bool serve(struct tide_market *market, unsigned long n_trades)
{
    const struct tide_vending vending = {.trouble = trouble, .sampled = sampled};
    unsigned long n_done = 0, n_looks = 0;
    while (!stopping && (n_trades == 0 || n_done < n_trades)) {
        struct tide_error error;
        unsigned n_granted = 0, n_unproven = 0;
        int code = tide_vend_round(market, &vending, &n_granted, &error);
        if (n_granted > 0) printf("granted %u\n", n_granted);
        n_done += n_granted;
        /* Now and then: is everything we signed in the log? 703 would say that the broker contradicts itself. */
        if (code == 0 && ++n_looks % PROVE_EVERY == 0) code = tide_resend(market, &n_unproven, &error);
        if (code != 0 && !stopping) {
            complain("cannot grant", &error);
            if (!error.retry) return false; /* what passes by itself (a restart, a full queue) is waited for */
        }
        fflush(stdout);
        if ((n_trades == 0 || n_done < n_trades) && !rest(market)) return false;
    }
    return true;
}

/* ---- the program ---- */
static bool run(struct tide_market *market, const struct arguments *a)
{
    struct tide_error error;
    uint64_t listing;
    if (!sell(market, a, &listing)) return false;
    printf("waiting for a reviewer's approval\n");
    fflush(stdout);
    /* Answers the draw of the samples, too. The sealed file is not named: what is in the store does as well. */
    if (tide_listing_open(market, listing, NULL, -1, NULL, NULL, NULL, &error) != 0) return complain("not open", &error);
    if (!offer(market, listing, a->price_fen)) return false;
    printf("waiting for buyers\n");
    fflush(stdout);
    return serve(market, a->n_trades);
}

static bool arguments_parse(int argc, char **argv, struct arguments *a)
{
    const char *values[5];
    int n = 0;
    memset(a, 0, sizeof *a);
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (strncmp(argv[i], "--", 2) != 0) {
            if (n == 5) return false;
            values[n++] = argv[i];
            continue;
        }
        if (next == NULL) return false;
        if (strcmp(argv[i], "--once") == 0) a->n_trades = strtoul(next, NULL, 10);
        else if (strcmp(argv[i], "--state-dir") == 0) a->state_dir = next;
        else if (strcmp(argv[i], "--rights") == 0) a->rights = next;
        else if (strcmp(argv[i], "--samples") == 0) a->n_samples = strtoul(next, NULL, 10);
        else return false;
        i++;
    }
    if (n != 5 || !price_parse(values[4], &a->price_fen)) return false;
    a->url = values[0];
    a->identity = values[1];
    a->file = values[2];
    a->title = values[3];
    return true;
}

int main(int argc, char **argv)
{
    struct arguments a;
    struct tide_error error;
    struct tide_identity *identity = NULL;
    struct tide_market *market = NULL;
    bool ok = false;

    if (!arguments_parse(argc, argv, &a)) {
        fprintf(stderr, "usage: vendor URL IDENTITY FILE TITLE PRICE [--rights FILE] [--samples N] [--once N] "
                        "[--state-dir DIR]\n");
        return 2;
    }
    if (tide_identity_open(a.identity, NULL, 0, &identity, &error) != 0) {
        complain("cannot open the identity", &error);
        return 1;
    }
    struct tide_options options = {.url = a.url, .identity = identity, .state_dir = a.state_dir};
    if (tide_market_open(&options, &market, &error) != 0) {
        complain("cannot open the market", &error);
    } else {
        struct sigaction action = {.sa_handler = stop};
        the_market = market;
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        ok = run(market, &a);
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
    }
    tide_market_close(&market);
    tide_identity_free(&identity);
    return ok ? 0 : 1;
}
