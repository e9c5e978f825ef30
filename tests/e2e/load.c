/*
 * A vendor under load whose every acknowledgement is written down, for the crash tests: what was acknowledged must be in
 * the journal afterwards, once.
 *
 *     load run URL IDENTITY STATE_DIR LISTING ACKS SECONDS   asks one after the other, 16 in flight; a line "id index" per acknowledgement
 *     load check URL IDENTITY STATE_DIR ACKS                 every line stands once among the party's own statements
 */
#include <tidemark.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IN_FLIGHT = 16 };

static void die(const char *what, const struct tide_error *e)
{
    fprintf(stderr, "load: %s: %d %s\n", what, e->code, e->message);
    exit(1);
}

static struct tide_call *start_ask(struct tide_market *m, unsigned long long listing, uint64_t price)
{
    struct tide_error e;
    struct tide_doc *order = NULL;
    struct tide_call *call = NULL;
    if (tide_doc_new("order", &order, &e) || tide_doc_set_u64(order, "listing", listing, &e) ||
        tide_doc_set_text(order, "side", "ask", &e) || tide_doc_set_u64(order, "price", price, &e) ||
        tide_doc_set_u64(order, "quantity", 1, &e))
        die("order", &e);
    if (tide_state_start(m, "order", order, &call, &e)) call = NULL;
    tide_doc_free(&order);
    return call;
}

static int run(struct tide_market *m, unsigned long long listing, const char *acks_path, int seconds)
{
    FILE *acks = fopen(acks_path, "a");
    struct tide_call *calls[IN_FLIGHT] = {0};
    struct tide_error e;
    time_t end = time(NULL) + seconds;
    uint64_t price = 100000;
    unsigned n = 0;
    if (!acks) return 1;
    while (time(NULL) < end) {
        for (int i = 0; i < IN_FLIGHT; i++) {
            struct tide_doc *answer = NULL;
            char id[64];
            if (!calls[i]) calls[i] = start_ask(m, listing, price++);
            if (!calls[i] || !tide_call_done(calls[i])) continue;
            snprintf(id, sizeof id, "%s", tide_call_id(calls[i]));
            if (tide_call_finish(&calls[i], &answer, &e) == 0) {
                fprintf(acks, "%s %llu\n", id, (unsigned long long)tide_doc_u64(answer, "first_index"));
                fflush(acks);
                n++;
            }
            tide_doc_free(&answer);
        }
        for (int i = 0; i < IN_FLIGHT; i++)
            if (calls[i]) {
                tide_call_wait(calls[i], 20, &e);
                break;
            }
    }
    for (int i = 0; i < IN_FLIGHT; i++) { /* what is still out stays in the outbox */
        if (calls[i]) tide_market_interrupt(m);
        if (calls[i]) tide_call_finish(&calls[i], NULL, &e);
    }
    fclose(acks);
    printf("%u acknowledged\n", n);
    return 0;
}

/* All of the party's statements as "id index" lines, newest first. */
static char **own_statements(struct tide_market *m, size_t *n)
{
    struct tide_error e;
    char **lines = NULL;
    uint64_t before = 0;
    *n = 0;
    do {
        struct tide_doc *q = NULL, *page = NULL;
        if (tide_doc_new("statements", &q, &e) || tide_doc_set_u64(q, "before", before, &e) ||
            tide_doc_set_u64(q, "limit", 200, &e) || tide_query(m, "statements", q, &page, &e))
            die("statements", &e);
        for (size_t i = 0; i < tide_doc_count(page, "statements"); i++) {
            const struct tide_doc *row = tide_doc_item(page, "statements", i);
            char line[96];
            snprintf(line, sizeof line, "%s %llu", tide_doc_text(row, "command_id"),
                     (unsigned long long)tide_doc_u64(row, "index"));
            lines = realloc(lines, (*n + 1) * sizeof *lines);
            if (!lines) exit(1);
            lines[(*n)++] = strdup(line);
        }
        before = tide_doc_u64(page, "before");
        tide_doc_free(&q);
        tide_doc_free(&page);
    } while (before);
    return lines;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int check(struct tide_market *m, const char *acks_path)
{
    size_t n;
    char **own = own_statements(m, &n), line[96];
    FILE *acks = fopen(acks_path, "r");
    unsigned n_acks = 0, n_bad = 0;
    if (!acks) return 1;
    qsort(own, n, sizeof *own, compare);
    for (size_t i = 1; i < n; i++)
        if (strncmp(own[i - 1], own[i], 32) == 0) {
            printf("twice: %s and %s\n", own[i - 1], own[i]);
            n_bad++;
        }
    while (fgets(line, sizeof line, acks)) {
        char *key = line;
        line[strcspn(line, "\n")] = 0;
        n_acks++;
        if (!bsearch(&key, own, n, sizeof *own, compare)) {
            printf("acknowledged but not there: %s\n", line);
            n_bad++;
        }
    }
    fclose(acks);
    for (size_t i = 0; i < n; i++) free(own[i]);
    free(own);
    printf("%u acknowledged, %zu in the journal, %u bad\n", n_acks, n, n_bad);
    return n_bad ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct tide_error e;
    struct tide_identity *id = NULL;
    struct tide_market *m = NULL;
    int result;
    if (argc < 6) return 2;
    if (tide_identity_open(argv[3], NULL, 0, &id, &e)) die("identity", &e);
    struct tide_options options = {.url = argv[2], .identity = id, .state_dir = argv[4], .timeout_ms = 2000};
    if (tide_market_open(&options, &m, &e)) die("market", &e);
    if (strcmp(argv[1], "run") == 0 && argc == 8)
        result = run(m, strtoull(argv[5], NULL, 10), argv[6], atoi(argv[7]));
    else
        result = check(m, argv[5]);
    tide_market_close(&m);
    tide_identity_free(&id);
    return result;
}
