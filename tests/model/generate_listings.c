/* Plausible statements about listings. */
#include "crypto/age.h"
#include "tests/model/generate_internal.h"

/* ---- listings ---- */
static void describe_content(struct generator *g, struct body_publish *b)
{
    static const uint64_t lengths[] = {0, 1, 65535, 65536, 65537, 1500000, 3000000, 9000000, UINT64_C(10) << 30,
                                       (UINT64_C(20) << 30) - 1, UINT64_C(21) << 30};
    b->plaintext_len = lengths[chance(g, ARRAY_LEN(lengths))];
    b->n_chunks = age_n_chunks(b->plaintext_len), b->payload_len = age_payload_len(b->plaintext_len);
    random_key(g, b->content_root), random_key(g, b->key_commitment);
    be64_put(b->nonce, chance(g, 0) | 1);
    if (chance(g, 3) == 0) { /* content that comes again */
        memset(b->content_root, 0, 32);
        b->content_root[0] = (uint8_t)(1 + chance(g, 3));
    }
    if (chance(g, 30) == 0 && g->model->n_listings > 0)
        memcpy(b->key_commitment, g->model->listings[chance(g, g->model->n_listings)].key_commitment, 32);
    b->samples = b->n_chunks / 20 > 0 && chance(g, 2) == 0 ? 1 + chance(g, least(b->n_chunks / 20, 5)) : 0;
    if (chance(g, 40) == 0) b->samples = least(b->n_chunks / 20 + 1, LIMIT_SAMPLES);
}

bool say_publish(struct generator *g, struct statement *s)
{
    static const char *const titles[] = {"air", "roads", "water", "rail", "power", "grain"};
    static const char *const jurisdictions[] = {"", "", "", "CN", "CN DE", "CN DE", "CN", "FR DE"};
    static const char *const purposes[] = {"", "", "", "research", "research training"};
    const struct model_party *p = party_with(g, ROLE_VENDOR);
    BODY(publish, b);
    if (p == NULL || (g->model->n_listings > 200 && chance(g, 8) != 0)) return false;
    b->kind = chance(g, LISTING_COMPUTE + 1), b->title = ONE_OF(titles);
    if (chance(g, 2) == 0) b->title = number_text(g, "title ", chance(g, 1000));
    b->summary = BYTES_TEXT("what it is"), b->unit = BYTES_TEXT("PFLOPS·month"), b->category = BYTES_TEXT("transport"), b->place = BYTES_TEXT("here");
    b->jurisdictions = ONE_OF(jurisdictions);
    b->purposes = ONE_OF(purposes);
    b->terms = number_text(g, "terms ", chance(g, 3));
    random_key(g, b->right_operating);
    b->class = chance(g, 3) == 0 ? CLASS_IMPORTANT : CLASS_GENERAL;
    if (b->class == CLASS_IMPORTANT && chance(g, 10) != 0) random_key(g, b->assessment);
    if (chance(g, 4) == 0) b->personal_data = 1, b->legal_basis = BYTES_TEXT("consent");
    if (chance(g, 2) == 0) b->time_from = 1000 + chance(g, 1000), b->time_to = b->time_from + chance(g, 5000);
    if (b->kind <= LISTING_REPORT) describe_content(g, b);
    if (chance(g, 6) == 0) {
        b->detail_len = 1 + chance(g, 1000), b->detail_nonce[3] = 1;
        random_key(g, b->detail_root), random_key(g, b->detail_commitment);
    }
    if (chance(g, 4) == 0) {
        const struct model_listing *l = listing_in(g, ~UINT64_C(0), p->number);
        if (l != NULL) b->revises = l->id;
    }
    if (chance(g, 3) == 0) {
        struct keyword *words = in_arena(g, sizeof *words);
        words->word = BYTES_TEXT("sensor"), b->keywords = (struct list){words, 1};
    }
    return say(g, s, KIND_PUBLISH, p->key, b);
}

bool say_stored(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << LISTING_AWAITING, 0);
    BODY(stored, b);
    if (l == NULL) return false;
    b->listing = l->id;
    return say(g, s, KIND_STORED, g->broker, b);
}

bool say_review(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << LISTING_PENDING, 0);
    const struct model_party *p = party_with(g, ROLE_REVIEWER);
    BODY(review, b);
    if (l == NULL || p == NULL) return false;
    b->listing = l->id;
    if (chance(g, 8) == 0) b->verdict = REVIEW_REFUSE;
    if (chance(g, 3) != 0) b->reasons = BYTES_TEXT("reasons");
    return say(g, s, KIND_REVIEW, p->key, b);
}

bool say_sample(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, chance(g, 20) == 0 ? ~UINT64_C(0) : 1u << LISTING_SAMPLING, 0);
    BODY(sample, b);
    uint64_t chunks[LIMIT_SAMPLES] = {0};
    if (l == NULL) return false;
    struct sample_chunk *list = in_arena(g, sizeof *list * LIMIT_SAMPLES);
    if (l->drawn) model_samples(l, chunks);
    for (size_t i = 0; i < LIMIT_SAMPLES; i++) list[i].chunk = chunks[i], random_key(g, list[i].hash);
    if (chance(g, 8) == 0 && l->samples > 1) list[0].chunk = chunks[1], list[1].chunk = chunks[0];
    b->listing = l->id, b->chunks = (struct list){list, l->samples == 0 ? 1 : l->samples};
    return say(g, s, KIND_SAMPLE, model_party(g->model, l->vendor)->key, b);
}

bool say_close(struct generator *g, struct statement *s)
{
    const struct model_listing *l = listing_in(g, ~UINT64_C(0), 0);
    BODY(close, b);
    if (l == NULL) return false;
    b->listing = l->id;
    return say(g, s, KIND_CLOSE, model_party(g->model, l->vendor)->key, b);
}

bool say_halt(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    const struct model_listing *l = listing_in(g, 1u << LISTING_OPEN, 0);
    BODY(halt, b);
    b->listing = l != NULL && chance(g, 3) != 0 ? l->id : 0, b->reason = BYTES_TEXT("odd");
    return op != NULL && say(g, s, KIND_HALT, op->key, b);
}

bool say_resume(struct generator *g, struct statement *s)
{
    const struct model_party *op = party_with(g, ROLE_OPERATOR);
    const struct model_listing *l = listing_in(g, 1u << LISTING_HALTED, 0);
    BODY(resume, b);
    if (!g->model->halted && l == NULL && chance(g, 20) != 0) return false;
    b->listing = g->model->halted && (l == NULL || chance(g, 2) == 0) ? 0 : l == NULL ? chance(g, 3) : l->id;
    return op != NULL && say(g, s, KIND_RESUME, op->key, b);
}
