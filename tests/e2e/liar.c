/*
 * A party that uses the real protocol and lies, for the e2e tests: each mode is one lie, told once with a genuine signature, and
 * then the program ends. State (an outbox of its own) lies below XDG_STATE_HOME. A refusal is exit 1, and named on stderr.
 *
 *     liar URL IDENTITY_FILE MODE ARGUMENT…
 *
 * A vendor's:
 *     wrong-key TRADE            grants a key that is not the listing's
 *     other-recipient TRADE      grants the listing's key to somebody else
 *     credential-other TRADE     grants a credential that is sealed to somebody else
 *     bad-before FILE CHUNK      lists FILE, sealed to FILE.bad, whose chunk CHUNK was spoilt before the commitment was
 *                                made; prints the listing
 *     bad-after FILE CHUNK       the same spoilt after the commitment was made, which stays true: manifest and chunks
 *     bad-manifest FILE CHUNK    and with a manifest of what was spoilt
 *     sample-other LISTING       signs and shows other data than the listing's as its samples
 * A buyer's; all of them dispute:
 *     random TRADE               with bytes that are no evidence
 *     made-up TRADE              with a chunk that was never in the store, at a place that is proven
 *     foreign-secret TRADE OTHER with the secret of the bid of another trade
 *     other-chunk TRADE CHUNK INDEX PROOF
 *                                with chunk CHUNK, said to be INDEX, on the path of PROOF
 *     deaf-judge TRADE JUDGE     with a good chunk, sealed wrongly to one of those who judge (0: the broker)
 *     unfounded TRADE            naming evidence that does not exist
 *     hold-back TRADE FILE       with evidence about the grant, kept in FILE instead of handed in
 *     hand-in TRADE FILE         (hands it in; states nothing)
 * And of an operator, truthfully:
 *     fees                       prints what the market has earned
 */
#include "tests/e2e/liar.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int fees(struct liar *l, char **args)
{
    struct body_q_account q = {.market = true, .limit = LIMIT_PAGE};
    uint64_t closing = 0;
    int code;
    (void)args;
    do {
        struct tide_doc *doc = NULL;
        code = market_query(l->market, VERB_ACCOUNT, &q, &doc, &l->error);
        if (code != 0) break;
        const struct body_r_account *page = doc->value;
        closing = page->closing;
        q.after = page->after;
        tide_doc_free(&doc);
    } while (q.after != 0);
    if (code == 0) printf("%" PRIu64 "\n", closing);
    return code;
}

static const struct lie truths[] = {{"fees", 0, fees}, {NULL, 0, NULL}};

static const struct lie *find(const char *mode, int n_args)
{
    const struct lie *all[] = {vendor_lies, buyer_lies, truths};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (const struct lie *lie = all[i]; lie->name != NULL; lie++) {
            if (strcmp(lie->name, mode) == 0 && lie->n_args == n_args) return lie;
        }
    }
    return NULL;
}

static int tell(struct liar *l, const struct lie *lie, char **argv)
{
    int code = tide_identity_open(argv[2], NULL, 0, &l->identity, &l->error);
    if (code == 0)
        code = tide_market_open(&(struct tide_options){.url = argv[1], .identity = l->identity}, &l->market, &l->error);
    if (code == 0) code = lie->tell(l, argv + 4);
    tide_market_close(&l->market);
    tide_identity_free(&l->identity);
    return code;
}

int main(int argc, char **argv)
{
    struct liar l = {NULL, NULL, {0}};
    const struct lie *lie = argc < 4 ? NULL : find(argv[3], argc - 4);
    if (lie == NULL) {
        fprintf(stderr, "liar URL IDENTITY_FILE MODE ARGUMENT…\n");
        return EXIT_FAILURE;
    }
    int code = tell(&l, lie, argv);
    if (code != 0) fprintf(stderr, "liar: %d %s: %s\n", code, l.error.name, l.error.message);
    return code == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
