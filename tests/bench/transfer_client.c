/* See transfer_client.h. */
#include "tests/bench/transfer_client.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tidemark.h>
#include <unistd.h>

static int complain(const char *what, const struct tide_error *e)
{
    fprintf(stderr, "bench client: %s: %d %s\n", what, e->code, e->message);
    return 1;
}

/* The first bytes have moved: says so, once. */
static bool started_tell(void *ctx, const char *what, uint64_t done, uint64_t total)
{
    bool *told = ctx;
    (void)total;
    if (*told || done == 0 || (strcmp(what, "upload") != 0 && strcmp(what, "download") != 0)) return true;
    *told = true;
    printf("started\n");
    fflush(stdout);
    return true;
}

static void ended_tell(void)
{
    char line[256];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lu", &kib) == 1) break;
    if (file) fclose(file);
    printf("ended %lu\n", kib);
}

static int upload(struct tide_market *m, const char *path)
{
    struct tide_error e;
    struct tide_doc *listing = NULL, *row = NULL;
    char sealed[600];
    uint8_t right[32] = {1};
    uint64_t index;
    bool told = false;
    snprintf(sealed, sizeof sealed, "%s.tide", path);
    if (tide_doc_new("publish", &listing, &e) || tide_doc_set_text(listing, "kind", "dataset", &e) ||
        tide_doc_set_text(listing, "title", "Upload", &e) || tide_doc_set_text(listing, "class", "general", &e) ||
        tide_doc_set_text(listing, "terms", "terms", &e) || tide_doc_set_bytes(listing, "right_operating", right, 32, &e))
        return complain("publish", &e);
    int code = tide_sell(m, path, sealed, listing, started_tell, &told, &index, &e);
    tide_doc_free(&listing);
    if (code) return complain("upload", &e);
    /* It arrived whole when the broker has signed that every chunk is there. */
    if (tide_listing_wait(m, index, "pending", 60000, &row, &e)) return complain("stored", &e);
    tide_doc_free(&row);
    return 0;
}

static int fetch(struct tide_market *m, const char *out, uint64_t trade)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    struct tide_error e;
    bool told = false;
    do {
        unlink(out);
        if (tide_fetch(m, trade, out, NULL, NULL, started_tell, &told, &e)) return complain("fetch", &e);
    } while (poll(&input, 1, 0) == 0);
    return 0;
}

int transfer_client(int argc, char **argv)
{
    struct tide_identity *identity = NULL;
    struct tide_market *m = NULL;
    struct tide_error e;
    if (argc < 5) return 2;
    if (tide_identity_open(argv[2], NULL, 0, &identity, &e)) return complain("identity", &e);
    struct tide_options options = {.url = argv[1], .identity = identity, .state_dir = argv[3]};
    if (tide_market_open(&options, &m, &e)) return complain("market", &e);
    int code = argc == 6 ? fetch(m, argv[4], strtoull(argv[5], NULL, 10)) : upload(m, argv[4]);
    if (code == 0) ended_tell();
    tide_market_close(&m);
    tide_identity_free(&identity);
    return code;
}
