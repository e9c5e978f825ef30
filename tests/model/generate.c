/* See generate.h. Here: chance, the clock, frames, and what is said when; the bodies are in generate_bodies.c. */
#include "tests/model/generate_internal.h"

#include <stdlib.h>

uint64_t chance(struct generator *g, uint64_t below) /* splitmix64 */
{
    uint64_t z = g->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return below == 0 ? z : z % below;
}

void generator_init(struct generator *g, uint64_t seed, struct model *m, struct arena *arena)
{
    static const uint64_t scales[] = {60000, 600000, 3600000, 86400000};
    memset(g, 0, sizeof *g);
    g->random = seed, g->model = m, g->arena = arena;
    g->now = UINT64_C(1700000000000) + chance(g, 1000000000);
    g->scale = scales[chance(g, ARRAY_LEN(scales))];
    g->crowd = seed % 5 == 4;
    g->stories = seed % 3 == 0 ? 100 : 600;
    arena_init(&g->keep, (size_t)1 << 30);
}

void generator_deinit(struct generator *g)
{
    free(g->ring), free(g->said);
    arena_deinit(&g->keep);
}

void random_key(struct generator *g, uint8_t key[32])
{
    for (int i = 0; i < 4; i++) be64_put(key + 8 * i, chance(g, 0));
    key[31] &= 0x3f; /* canonical */
}

/* ---- keys ---- */
const struct keypair *new_keypair(struct generator *g)
{
    uint8_t seed[32];
    struct keypair *pair = GROW(g, ring);
    random_key(g, seed);
    sign_keypair(seed, pair->key, pair->secret);
    return pair;
}

const struct keypair *keypair_of(const struct generator *g, const uint8_t key[32])
{
    for (size_t i = g->n_ring; i-- > 0;) {
        if (memcmp(g->ring[i].key, key, 32) == 0) return &g->ring[i];
    }
    return NULL;
}

void *in_arena(struct generator *g, size_t size)
{
    void *data = arena_calloc(g->arena, 1, size);
    ASSERT(data != NULL);
    return data;
}

struct bytes number_text(struct generator *g, const char *prefix, uint64_t number)
{
    char digits[24];
    size_t n = 0, len = strlen(prefix);
    do digits[n++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    uint8_t *text = in_arena(g, len + n);
    memcpy(text, prefix, len);
    for (size_t i = 0; i < n; i++) text[len + i] = (uint8_t)digits[n - 1 - i];
    return BYTES(text, len + n);
}

struct bytes one_of(struct generator *g, const char *const *texts, size_t n)
{
    const char *text = texts[chance(g, n)];
    return BYTES_TEXT(text);
}

/* ---- frames ---- */
void fill_command_id(struct generator *g, uint64_t issued_at, uint8_t id[16])
{
    be64_put(id, issued_at << 16 | 0x7000 | (chance(g, 0) & 0xfff));
    be64_put(id + 8, UINT64_C(1) << 63 | (chance(g, 0) >> 2));
}

struct statement frame(struct generator *g, uint64_t kind, const uint8_t party[32], const void *body)
{
    uint64_t statement_ms = g->model->begun ? g->model->parameters[PARAM_STATEMENT_MS] : 60000;
    uint64_t late = chance(g, 4) == 0 ? chance(g, 2000) : 0;
    struct statement s = {.kind = kind, .version = 1, .issued_at = g->now - late, .body = body};
    memcpy(s.market, g->model->market, 32);
    memcpy(s.party, party, 32);
    s.valid_until = s.issued_at + least(statement_ms, 60000);
    if (s.valid_until < g->now) s.valid_until = s.issued_at = g->now;
    fill_command_id(g, s.issued_at, s.command_id);
    return s;
}

/* Bounds that a mutation broke give {NULL, 0}. */
struct bytes encode(struct generator *g, const struct statement *s)
{
    struct bytes out;
    return statement_encode(s, g->arena, &out) == TIDE_OK ? out : BYTES(NULL, 0);
}

/* Something is wrong with when, where or by whom it is said. */
static void spoil_frame(struct generator *g, struct statement *s)
{
    const struct model *m = g->model;
    uint64_t statement_ms = m->parameters[PARAM_STATEMENT_MS];
    switch (chance(g, 13)) {
    case 11: memcpy(s->party, g->broker, 32); return;
    case 0: s->market[chance(g, 32)] ^= 1; break;
    case 1: memset(s->market, 0, 32); break;
    case 2: s->issued_at = g->now + 59999 + chance(g, 3); break;
    case 3: s->valid_until = s->issued_at - chance(g, 2); break;
    case 4: s->valid_until = s->issued_at + statement_ms + chance(g, 2); break;
    case 5: s->issued_at = g->now - least(statement_ms, 50000), s->valid_until = g->now - chance(g, 2); break;
    case 6: s->command_id[6] ^= (uint8_t)(1u << (4 + chance(g, 4))); return;
    case 7: s->command_id[8] ^= (uint8_t)(1u << (6 + chance(g, 2))); return;
    case 8: s->command_id[chance(g, 6)] ^= 1; return;
    case 9: memcpy(s->party, m->keys[chance(g, m->n_keys)].key, 32); return;
    case 10: memcpy(s->party, m->parties[chance(g, m->n_parties)].key, 32); return;
    default: random_key(g, s->party); return;
    }
    fill_command_id(g, s->issued_at, s->command_id);
}

/* The same id as an earlier statement, with other bytes. */
static bool reuse_id(struct generator *g, struct statement *s)
{
    struct statement earlier;
    if (g->n_said == 0) return false;
    if (statement_decode(g->said[chance(g, g->n_said)], g->arena, &earlier) != TIDE_OK) return false;
    memcpy(s->command_id, earlier.command_id, 16);
    memcpy(s->party, earlier.party, 32);
    s->issued_at = earlier.issued_at;
    s->valid_until = earlier.issued_at + g->model->parameters[PARAM_STATEMENT_MS] - chance(g, 2);
    return true;
}

void generator_accepted(struct generator *g, struct bytes statement_bytes)
{
    struct bytes *place = g->n_said < 64 ? GROW(g, said) : &g->said[chance(g, 64)];
    *place = arena_copy(&g->keep, statement_bytes);
}

/* ---- the clock ---- */
void generate_time(struct generator *g)
{
    uint64_t next = model_next_due(g->model, g->now);
    g->now += g->jump;
    g->jump = 0;
    if (g->crowd && g->step < 1500) { /* while a programme is given to all of it */
        g->now += chance(g, 20);
        return;
    }
    switch (chance(g, 40)) {
    case 0: case 1: case 2: case 3:
        if (next != UINT64_MAX && next - g->now < UINT64_C(40) * 86400000) g->now = next - (next > g->now && chance(g, 4) == 0);
        break;
    case 4: g->now += chance(g, g->scale); break;
    case 5: g->now += chance(g, 2 * g->scale + 10); break;
    case 6: g->now += chance(g, 10) == 0 ? chance(g, UINT64_C(4) * 86400000) : 0; break;
    case 7: case 8: case 9: case 10: break;
    default: g->now += chance(g, 10) == 0 ? chance(g, g->scale / 50 + 2) : chance(g, g->scale / 600 + 20); break;
    }
}

/* ---- statements ---- */
struct bytes generate_genesis(struct generator *g)
{
    struct body_genesis b = {.name = BYTES_TEXT("Model"), .origin = BYTES_TEXT("example.org/model"), .rules = 1};
    struct operator_entry operators[2] = {{.name = BYTES_TEXT("op one")}, {.name = BYTES_TEXT("op two")}};
    struct parameter_value values[PARAM_N];
    const struct keypair *broker = new_keypair(g);
    memcpy(g->broker, broker->key, 32);
    random_key(g, b.log_key), random_key(g, b.wire_key), random_key(g, b.seal_key);
    memcpy(g->broker_wire, b.wire_key, 32), memcpy(g->broker_seal, b.seal_key, 32);
    for (size_t i = 0; i < 2; i++) {
        memcpy(operators[i].party, new_keypair(g)->key, 32);
        random_key(g, operators[i].seal_key), random_key(g, operators[i].wire_key);
    }
    b.operators = (struct list){operators, 2};
    b.parameters = (struct list){values, random_parameters(g, values, true)};
    struct statement s = frame(g, KIND_GENESIS, g->broker, &b);
    memset(s.market, 0, 32);
    return encode(g, &s);
}

struct bytes generate_due(struct generator *g, enum model_due due, uint64_t outage_ms)
{
    struct body_tick tick = {.outage_ms = outage_ms};
    struct body_continue go_on = {.work = g->model->work, .subject = g->model->subject};
    struct body_drawn drawn = {.listing = g->model->subject};
    random_key(g, drawn.root);
    const void *body = due == MODEL_TICK ? (void *)&tick : due == MODEL_DRAW ? (void *)&drawn : (void *)&go_on;
    uint64_t kind = due == MODEL_TICK ? KIND_TICK : due == MODEL_DRAW ? KIND_DRAWN : KIND_CONTINUE;
    struct statement s = {.kind = kind, .version = 1, .issued_at = g->now, .body = body};
    memcpy(s.market, g->model->market, 32);
    memcpy(s.party, g->broker, 32);
    s.valid_until = g->now + least(g->model->parameters[PARAM_STATEMENT_MS], 60000);
    fill_command_id(g, s.issued_at, s.command_id);
    return encode(g, &s);
}

struct bytes generate_statement(struct generator *g)
{
    struct statement s;
    struct bytes bytes;
    uint64_t how = chance(g, 100);
    g->step++;
    if (g->model->work != WORK_NONE && chance(g, 2) == 0 && generate_odd(g, &s)) return encode(g, &s);
    if (how == 0 && g->n_said > 0) return g->said[chance(g, g->n_said)];
    for (;;) {
        generate_body(g, &s);
        if (how < 20) spoil_body(g, &s);
        if (how == 20 || how == 21) spoil_frame(g, &s);
        if (how == 22) reuse_id(g, &s);
        bytes = encode(g, &s);
        if (bytes.data != NULL) return bytes;
    }
}

struct bytes generate_too_late(struct generator *g)
{
    struct statement s;
    return generate_late(g, &s) ? encode(g, &s) : BYTES(NULL, 0);
}
