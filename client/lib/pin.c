/*
 * The newest checkpoint this party has seen of a market, kept on disk: the broker must always show that what it signs
 * now goes on from there.
 *
 * Always holds: a pin is replaced only by a checkpoint proven to extend it; heads that contradict each other are both
 * kept ("checkpoint" and "fork"), as evidence.
 */
#include "client/lib/market.h"

#include <inttypes.h>
#include <stdio.h>

#define FACT_PIN "checkpoint"
#define FACT_FORK "fork"

int checkpoint_check(const struct tide_market *m, struct bytes note, struct checkpoint *out, struct tide_error *error)
{
    struct note_key key;
    enum tide_err err = note_key_init(m->url.origin, NOTE_TYPE_ED25519, m->url.log_key, &key);
    if (err == TIDE_OK) err = checkpoint_verify(note, &key, out);
    if (err == TIDE_OK) return 0;
    return error_set(error, OUTCOME_V_FAILED, "A checkpoint of %s is not signed by the log key of the market's URL.",
                     m->url.origin);
}

static int forked(struct tide_market *m, struct bytes note, const struct checkpoint *pinned,
                  const struct checkpoint *cp, const char *how, struct tide_error *error)
{
    enum tide_err err = m->outbox == NULL ? TIDE_OK : outbox_set_fact(m->outbox, m->url.market, FACT_FORK, note);
    return error_set(error, OUTCOME_V_FORK, "%s: the broker signed a head of %" PRIu64 " records and one of %" PRIu64
                     " that %s.%s", m->url.origin, pinned->size, cp->size, how,
                     err == TIDE_OK ? " Both are kept in the outbox." : "");
}

/* The broker does not reach a size that it has signed: 0 if its newest head is smaller, else it is only not there yet. */
static int went_back(struct tide_market *m, const struct checkpoint *signed_once, struct tide_error *error)
{
    struct checkpoint newest;
    struct tide_doc *doc;
    int code = market_query(m, VERB_CHECKPOINT, NULL, &doc, error);
    if (code != 0) return code;
    code = checkpoint_check(m, ((const struct body_r_checkpoint *)doc->value)->checkpoint, &newest, error);
    tide_doc_free(&doc);
    if (code != 0 || newest.size < signed_once->size) return code;
    return error_set(error, OUTCOME_NOT_YET, NULL);
}

int checkpoint_extends(struct tide_market *m, const struct checkpoint *older, const struct checkpoint *newer, bool *holds,
                       struct tide_error *error)
{
    struct body_q_consistency q = {.old_size = older->size, .size = newer->size};
    struct merkle_proof proof = {0};
    struct tide_doc *doc;

    *holds = false;
    int code = market_query(m, VERB_CONSISTENCY, &q, &doc, error);
    if (code == OUTCOME_NOT_YET) return went_back(m, newer, error);
    if (code >= 600 || code / 100 == 1) return code; /* no answer */
    if (code != 0) return 0;                         /* it cannot show it */
    const struct body_r_consistency *reply = doc->value;
    const struct body_hash_row *rows = reply->hashes.items;
    if (reply->size == newer->size && reply->hashes.n <= MERKLE_DEPTH_MAX) {
        proof.n = reply->hashes.n;
        for (size_t i = 0; i < proof.n; i++) memcpy(proof.hashes[i], rows[i].hash, HASH_BYTES);
        *holds = merkle_verify_consistency(&proof, older->size, newer->size, older->root, newer->root) == TIDE_OK;
    }
    tide_doc_free(&doc);
    return 0;
}

/* The pin, if there is one that still reads. */
static bool pinned(struct tide_market *m, struct arena *arena, struct checkpoint *out)
{
    struct bytes note;
    if (outbox_fact(m->outbox, m->url.market, FACT_PIN, arena, &note) != TIDE_OK) return false;
    return checkpoint_check(m, note, out, NULL) == 0;
}

static int pin(struct tide_market *m, struct bytes note, struct tide_error *error)
{
    return error_of(error, outbox_set_fact(m->outbox, m->url.market, FACT_PIN, note), "Cannot keep the checkpoint");
}

bool checkpoint_fork(struct tide_market *m, struct arena *arena, struct bytes *seen, struct bytes *shown)
{
    return m->outbox != NULL && outbox_fact(m->outbox, m->url.market, FACT_PIN, arena, seen) == TIDE_OK &&
           outbox_fact(m->outbox, m->url.market, FACT_FORK, arena, shown) == TIDE_OK;
}

int checkpoint_pin(struct tide_market *m, struct bytes note, const struct checkpoint *cp, struct tide_error *error)
{
    struct checkpoint old;
    struct arena arena;
    bool holds = true;

    if (m->outbox == NULL) return 0;
    arena_init(&arena, 4 * CHECKPOINT_MAX);
    bool has_pin = pinned(m, &arena, &old);
    arena_deinit(&arena);
    if (!has_pin) return pin(m, note, error);
    if (cp->size == old.size) {
        if (memcmp(cp->root, old.root, HASH_BYTES) == 0) return 0;
        return forked(m, note, &old, cp, "is another", error);
    }
    bool grows = cp->size > old.size;
    int code = grows ? checkpoint_extends(m, &old, cp, &holds, error) : checkpoint_extends(m, cp, &old, &holds, error);
    if (code != 0) return code;
    if (!holds) return forked(m, note, &old, cp, grows ? "does not go on from it" : "is not its beginning", error);
    return grows ? pin(m, note, error) : 0;
}
