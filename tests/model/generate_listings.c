/* Plausible statements about listings. */
#include "crypto/age.h"
#include "tests/model/generate_internal.h"

/* ---- listings ---- */
/* One that a listing has, of its content or its detail part, if it has any. */
static void used_commitment(struct generator *g, uint8_t commitment[32])
{
    if (g->model->n_listings == 0) return;
    const struct model_listing *l = &g->model->listings[chance(g, g->model->n_listings)];
    const uint8_t *one = chance(g, 2) == 0 || l->detail_len == 0 ? l->key_commitment : l->detail_commitment;
    if (!absent(one, 32)) memcpy(commitment, one, 32);
}

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
    if (chance(g, 30) == 0) used_commitment(g, b->key_commitment);
    b->samples = b->n_chunks / 20 > 0 && chance(g, 2) == 0 ? 1 + chance(g, least(b->n_chunks / 20, 5)) : 0;
    if (chance(g, 40) == 0) b->samples = least(b->n_chunks / 20 + 1, LIMIT_SAMPLES);
}

static void describe_detail(struct generator *g, struct body_publish *b)
{
    static const uint64_t lengths[] = {1, 65535, 65536, 65537, 131072, 131073, LIMIT_DETAIL_BYTES};
    b->detail_len = chance(g, 2) == 0 ? 1 + chance(g, 1000) : lengths[chance(g, ARRAY_LEN(lengths))];
    b->detail_nonce[3] = 1;
    random_key(g, b->detail_root), random_key(g, b->detail_commitment);
    if (chance(g, 15) == 0) used_commitment(g, b->detail_commitment);
    if (chance(g, 25) == 0) memcpy(b->detail_commitment, b->key_commitment, 32);
}

/* Content that takes just the room that is left, or a byte less or more. */
static void fill_the_room(struct generator *g, struct body_publish *b, const struct model_party *vendor)
{
    uint64_t most = g->model->parameters[PARAM_VENDOR_BYTES_MAX];
    if (b->detail_len > 0 || b->samples > 0 || most < vendor->stored_bytes + 100) return;
    uint64_t room = most - vendor->stored_bytes + 1 - chance(g, 3), chunks = (room - 16 + 65551) / 65552;
    b->plaintext_len = room - 16 - 16 * chunks;
    b->n_chunks = age_n_chunks(b->plaintext_len), b->payload_len = age_payload_len(b->plaintext_len);
}

static struct bytes some_location(struct generator *g)
{
    static const char *const good[] = {"https://data.example.org/air.tide", "https://a", "https://!", "https://~",
                                       "https://https://", "https://[::1]:8443/x?y=%20#z"};
    static const char *const bad[] = {"https://", "http://example.org/x", "HTTPS://example.org/x", " https://example.org/x",
                                      "x", "https:/", "https://example.org/a b", "https://example.org/\x7f",
                                      "https://ex\xc3\xa4mple.org/"};
    if (chance(g, 4) == 0) return ONE_OF(bad);
    if (chance(g, 6) != 0) return ONE_OF(good);
    uint8_t *longest = in_arena(g, LIMIT_LOCATION_BYTES);
    memset(longest, 'x', LIMIT_LOCATION_BYTES);
    memcpy(longest, "https://", 8);
    return BYTES(longest, LIMIT_LOCATION_BYTES);
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
    if (chance(g, 3) == 0) describe_detail(g, b);
    if (b->kind <= LISTING_REPORT && chance(g, 6) == 0) fill_the_room(g, b, p);
    if (chance(g, b->kind <= LISTING_REPORT ? 4 : 30) == 0) b->location = some_location(g);
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
    uint64_t states = chance(g, 20) == 0 ? ~UINT64_C(0) : chance(g, 3) == 0 ? 1u << LISTING_SAMPLING : 1u << LISTING_AWAITING;
    const struct model_listing *l = listing_in(g, states, 0);
    BODY(stored, b);
    if (l == NULL) return false;
    if (l->state == LISTING_SAMPLING && l->sample_record == 0 && chance(g, 8) != 0) return false;
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

bool say_disclose(struct generator *g, struct statement *s)
{
    static const uint64_t states[] = {1u << LISTING_OPEN, 1u << LISTING_HALTED, 1u << LISTING_SAMPLING, 1u << LISTING_PENDING,
                                      1u << LISTING_OPEN, ~UINT64_C(0)};
    const struct model_listing *l = NULL;
    BODY(disclose, b);
    for (int tries = 0; tries < 8 && (l == NULL || l->detail_len == 0); tries++)
        l = listing_in(g, states[chance(g, ARRAY_LEN(states))], 0);
    if (l == NULL) return false;
    const struct model_party *vendor = model_party(g->model, l->vendor);
    uint8_t *grant = in_arena(g, AGE_GRANT_BYTES);
    put_grant(g, grant);
    b->listing = l->id, b->grant = BYTES(grant, AGE_GRANT_BYTES);
    if (chance(g, 20) == 0) grant[chance(g, AGE_GRANT_BYTES)] ^= 0x80;
    memcpy(b->party, any_party(g)->key, 32);
    switch (chance(g, 12)) {
    case 0: random_key(g, b->party); break;
    case 1: memcpy(b->party, g->broker, 32); break;
    case 2: memcpy(b->party, vendor->key, 32); break;
    case 3: case 4: memcpy(b->party, g->model->keys[chance(g, g->model->n_keys)].key, 32); break; /* replaced ones too */
    case 5: case 6: case 7: /* one that may read one already */
        if (g->model->n_disclosed == 0) break;
        const struct model_disclosed *d = &g->model->disclosed[chance(g, g->model->n_disclosed)];
        b->listing = d->listing;
        vendor = model_party(g->model, model_listing(g->model, d->listing)->vendor);
        memcpy(b->party, model_party(g->model, d->party)->key, 32);
        break;
    default: break;
    }
    return say(g, s, KIND_DISCLOSE, vendor->key, b);
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
    const struct model_trade *t = trade_in(g, 1u << TRADE_GRANTED | 1u << TRADE_DISPUTED);
    BODY(halt, b);
    if (t != NULL && chance(g, 2) == 0) { /* one whose delivery is open, sometimes until its deadline has passed */
        uint64_t clock = model_market_clock(g->model, g->now);
        l = model_listing(g->model, t->listing);
        if (t->deadline != NO_DEADLINE && t->looked_at > clock && chance(g, 2) == 0)
            g->jump = t->looked_at - clock + chance(g, 3);
    }
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
