/*
 * Checking a mirror offline: that samples were drawn by the log, and that vendors signed what was drawn.
 *
 * Always holds: the root that a draw names is held against that of the records as the review before it left them; nothing else is
 * decided between the two.
 * Not here: who signed (audit_facts.c), what a buyer got (audit_dispute.c).
 */
#include "client/lib/audit.h"
#include "storage/sample_draw.h"

#include <inttypes.h>

static void take_drawn(struct audit *a, uint64_t index, const struct body_drawn *drawn)
{
    if (memcmp(drawn->root, a->review_root, HASH_BYTES) == 0) return;
    audit_alarm(a, index, 0, "The samples of listing %" PRIu64 " are not drawn from the log's root at its approval.", drawn->listing);
}

static void take_sample_drawn(struct audit *a, uint64_t index, const struct body_sample_drawn *e)
{
    struct audit_listing *l = audit_find(&a->listings, e->listing);
    const struct statement *st = &a->cause.statement;
    uint8_t seed[HASH_BYTES] = {0};
    bool is_cause = st->kind == KIND_DRAWN && ((const struct body_drawn *)st->body)->listing == e->listing;
    if (is_cause) sample_seed(((const struct body_drawn *)st->body)->root, seed);
    if (l == NULL || !is_cause || memcmp(seed, e->seed, HASH_BYTES) != 0)
        audit_alarm(a, index, 0, "The seed of listing %" PRIu64 " is not what its draw gives.", e->listing);
    if (l != NULL) memcpy(l->seed, e->seed, HASH_BYTES);
}

/* The chunks drawn, in their order. */
static bool are_drawn(const struct audit_listing *l, const struct list *named)
{
    const struct sample_chunk *chunks = named->items;
    uint64_t drawn[LIMIT_SAMPLES];
    if (named->n != l->n_samples || l->n_samples > LIMIT_SAMPLES || l->n_samples > l->content.n_chunks) return false;
    sample_draw(l->seed, l->content.n_chunks, (size_t)l->n_samples, drawn);
    for (size_t i = 0; i < named->n; i++)
        if (chunks[i].chunk != drawn[i]) return false;
    return true;
}

void audit_draw_statement(struct audit *a, uint64_t index, const struct statement *st)
{
    if (st->kind == KIND_REVIEW) a->is_review = true;
    if (st->kind == KIND_DRAWN) take_drawn(a, index, st->body);
    if (st->kind != KIND_SAMPLE) return;
    const struct body_sample *sample = st->body;
    const struct audit_listing *l = audit_find(&a->listings, sample->listing);
    if (l != NULL && !are_drawn(l, &sample->chunks))
        audit_alarm(a, index, 0, "The samples of listing %" PRIu64 " are not the chunks that were drawn.", sample->listing);
}

void audit_draw_event(struct audit *a, uint64_t index, const struct event *event)
{
    if (event->kind == KIND_SAMPLE_DRAWN) take_sample_drawn(a, index, event->body);
}
