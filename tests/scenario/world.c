/*
 * The market under test (world.h).
 */
#include "tests/scenario/world.h"

#include "tests/scenario/coverage.h"
#include "tests/scenario/wrong.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/market/verify.h"
#include "crypto/merkle.h"
#include "storage/state_internal.h"

#define LARGE_RECORDS 1500u
#define AUDIT_EVERY 16u

#define FIRST_DAY_MS UINT64_C(1767571200000) /* 2026-01-05 00:00 UTC */
#define ARENA_CAP ((size_t)256 << 20)

void world_fail(struct world *w, const char *format, ...)
{
    va_list args;
    printf("# %s:%d: ", w->file, w->line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    longjmp(w->failed, 1);
}

void world_check(struct world *w, enum tide_err err, const char *what)
{
    if (err) world_fail(w, "%s: %s", what, tide_err_text(err));
}

void world_init(struct world *w, const char *file)
{
    const char *tmp = getenv("TMPDIR");
    memset(w, 0, sizeof *w);
    w->file = file;
    w->day_ms = FIRST_DAY_MS;
    w->now_ms = FIRST_DAY_MS + UINT64_C(9) * 3600 * 1000;
    arena_init(&w->arena, ARENA_CAP);
    arena_init(&w->keep, ARENA_CAP);
    w->genesis.parameters.items = w->parameters;
    snprintf(w->dir, sizeof w->dir, "%s/scenario.XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    if (!mkdtemp(w->dir)) w->dir[0] = 0;
}

void world_deinit(struct world *w)
{
    char path[128];
    if (w->state) state_close(&w->state, false);
    for (size_t i = 0; i < w->n_persons; i++) identity_free(&w->persons[i].id);
    free(w->records);
    arena_deinit(&w->keep);
    arena_deinit(&w->arena);
    if (w->dir[0] == 0) return;
    snprintf(path, sizeof path, "%s/journal/data.mdb", w->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/journal/lock.mdb", w->dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/journal", w->dir);
    rmdir(path);
    rmdir(w->dir);
}

struct state_view *world_view(struct world *w)
{
    struct state_view *view;
    world_check(w, state_write(w->state, &view), "opening the state");
    return view;
}

/* ---- people and names ---- */

struct person *world_person(struct world *w, const char *name)
{
    uint8_t seed[32];
    for (size_t i = 0; i < w->n_persons; i++)
        if (strcmp(w->persons[i].name, name) == 0) return &w->persons[i];
    if (w->n_persons == WORLD_PARTIES) world_fail(w, "more than %d parties", WORLD_PARTIES);
    struct person *p = &w->persons[w->n_persons];
    snprintf(p->name, sizeof p->name, "%s", name);
    sha256(BYTES_TEXT(p->name), seed);
    world_check(w, identity_from_seed(seed, &p->id), "making an identity");
    w->n_persons++;
    return p;
}

void symbol_set(struct world *w, char kind, const char *name, uint64_t index)
{
    if (w->n_symbols == WORLD_NAMES) world_fail(w, "more than %d names", WORLD_NAMES);
    struct symbol *s = &w->symbols[w->n_symbols++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->kind = kind;
    s->index = index;
}

/* A name, the newest of that kind; or a number. */
uint64_t symbol_get(struct world *w, char kind, const char *name)
{
    char *end;
    for (size_t i = w->n_symbols; i-- > 0;)
        if (w->symbols[i].kind == kind && strcmp(w->symbols[i].name, name) == 0) return w->symbols[i].index;
    uint64_t number = strtoull(name, &end, 10);
    if (end == name || *end) world_fail(w, "nothing is called %s here", name);
    return number;
}

/* ---- statements ---- */

static void keep_record(struct world *w, struct bytes record)
{
    if (w->n_records == w->room) {
        w->room = w->room ? 2 * w->room : 1024;
        w->records = realloc(w->records, w->room * sizeof *w->records);
        if (!w->records) abort();
    }
    w->records[w->n_records] = arena_copy(&w->keep, record);
    if (!w->records[w->n_records++].data) abort();
}

void world_next_command(const struct world *w, const struct manner *manner, uint8_t id[16])
{
    uint64_t issued_ms = w->now_ms + (uint64_t)(manner ? manner->issued_ahead_ms : 0);
    if (manner && manner->same_id) {
        memcpy(id, w->last_command, 16);
        return;
    }
    be64_put(id, issued_ms << 16);
    be64_put(id + 8, w->counter + 1);
    id[6] = manner && manner->wrong_id ? 0x40 : 0x70;
    id[8] = manner && manner->wrong_variant ? 0xc0 : 0x80;
}

struct bytes world_envelope(struct world *w, struct person *p, uint64_t kind, const void *body,
                            const struct manner *manner)
{
    struct statement s = {.kind = kind, .version = 1, .body = body};
    struct bytes bytes, envelope;
    uint8_t signature[SIGN_BYTES];
    world_next_command(w, manner, s.command_id);
    w->counter++;
    if (kind != KIND_GENESIS) memcpy(s.market, w->market, 32);
    if (manner && manner->other_market) s.market[0] ^= 1;
    memcpy(s.party, identity_party(p->id), 32);
    s.issued_at = w->now_ms + (uint64_t)(manner ? manner->issued_ahead_ms : 0);
    s.valid_until = s.issued_at + (manner && manner->valid_ms ? manner->valid_ms : LIMIT_VALID_DEFAULT_MS);
    world_check(w, statement_encode(&s, &w->arena, &bytes), "encoding the statement");
    identity_sign(p->id, DOMAIN_STATEMENT, bytes, signature);
    world_check(w, envelope_encode(bytes, signature, &w->arena, &envelope), "encoding the envelope");
    return envelope;
}

/* The audit walks everything: a large market has it now and then, and at its end. */
static bool audit_now(struct world *w)
{
    return w->n_records < LARGE_RECORDS || ++w->unaudited % AUDIT_EVERY == 0;
}

/* What the verifier does, then what the sequencer does. */
static void execute(struct world *w, struct bytes envelope, struct execution *out)
{
    struct bytes bytes;
    const uint8_t *signature;
    struct statement s;
    char why[200];
    struct state_view *view = world_view(w);
    world_check(w, envelope_decode(envelope, &w->arena, &bytes, &signature), "decoding the envelope");
    world_check(w, statement_decode(bytes, &w->arena, &s), "decoding the statement");
    world_check(w, sign_verify(s.party, DOMAIN_STATEMENT, bytes, signature), "the signature");
    wrong_before(w, &s);
    uint64_t n_changes = view->n_changes;
    world_check(w, market_execute(view, envelope, &s, bytes, w->now_ms, w->n_records, &w->arena, out),
                "market_execute");
    if (out->n_records == 0) {
        if (view->n_changes != n_changes) world_fail(w, "a statement without a record wrote to the state");
    }
    coverage_note(w, &s, out);
    for (size_t i = 0; i < out->n_records; i++) keep_record(w, out->records[i]);
    if (s.kind == KIND_GENESIS && out->outcome == OUTCOME_OK) sha256(bytes, w->market);
    if (out->outcome == OUTCOME_OK && !out->repeated) wrong_after(w, &s, envelope, bytes, out);
    if (audit_now(w) && market_audit(view, why, sizeof why)) world_fail(w, "audit: %s", why);
}

void world_log_root(struct world *w, uint64_t size, uint8_t root[32])
{
    struct merkle_tree tree = {0};
    uint8_t leaf[HASH_BYTES];
    for (uint64_t i = 0; i < size; i++) {
        merkle_leaf_hash(w->records[i], leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, root);
}

static struct bytes due_envelope(struct world *w, const struct due_statement *due)
{
    struct person *broker = world_person(w, "broker");
    struct body_drawn drawn = {.listing = due->draw_listing};
    if (due->due == DUE_TICK) return world_envelope(w, broker, KIND_TICK, &due->tick, NULL);
    if (due->due == DUE_CONTINUE) return world_envelope(w, broker, KIND_CONTINUE, &due->go_on, NULL);
    world_log_root(w, due->draw_size, drawn.root);
    return world_envelope(w, broker, KIND_DRAWN, &drawn, NULL);
}

void world_run_due(struct world *w)
{
    struct due_statement due;
    struct execution *out = arena_alloc(&w->arena, sizeof *out);
    if (!out) abort();
    for (int rounds = 0;; rounds++) {
        world_check(w, market_due(world_view(w), w->now_ms, &due), "market_due");
        if (due.due == DUE_NOTHING) return;
        if (rounds > 1000) world_fail(w, "what is due never ends");
        struct bytes envelope = due_envelope(w, &due);
        execute(w, envelope, out);
        if (out->outcome != OUTCOME_OK || out->repeated)
            world_fail(w, "the broker's own statement was refused: %s", outcome_info(out->outcome)->name);
    }
}

void world_begin_action(struct world *w)
{
    w->first_record = w->n_records;
    w->trades_read = 0;
}

void world_send_envelope(struct world *w, struct bytes envelope, bool with_due)
{
    struct bytes bytes;
    const uint8_t *signature;
    struct statement s;
    world_begin_action(w);
    if (with_due) world_run_due(w);
    execute(w, envelope, &w->last);
    snprintf(w->detail, sizeof w->detail, "%s", w->last.detail ? w->last.detail : "");
    world_check(w, envelope_decode(envelope, &w->arena, &bytes, &signature), "decoding the envelope");
    world_check(w, statement_decode(bytes, &w->arena, &s), "decoding the statement");
    memcpy(w->last_command, s.command_id, 16);
    w->last_envelope = arena_copy(&w->keep, envelope);
    if (with_due) world_run_due(w);
}

void world_say(struct world *w, const char *who, uint64_t kind, const void *body, const struct manner *manner)
{
    struct bytes envelope = world_envelope(w, world_person(w, who), kind, body, manner);
    world_send_envelope(w, envelope, !manner || !manner->without_due);
}

/* ---- the beginning ---- */

void world_open(struct world *w)
{
    static const char *const names[] = {"op1", "op2"};
    struct operator_entry *operators = w->operators;
    struct body_genesis *g = &w->genesis;
    if (w->opened) return;
    w->opened = true;
    world_check(w, w->dir[0] ? TIDE_OK : TIDE_EIO, "making a temporary folder");
    world_check(w, state_open_temporary(w->dir, &w->state), "opening a temporary state");
    const struct identity *broker = world_person(w, "broker")->id;
    for (size_t i = 0; i < 2; i++) {
        const struct identity *id = world_person(w, names[i])->id;
        memcpy(operators[i].party, identity_party(id), 32);
        memcpy(operators[i].seal_key, identity_seal_public(id), 32);
        memcpy(operators[i].wire_key, identity_wire_public(id), 32);
        operators[i].name = BYTES_TEXT(names[i]);
    }
    g->name = BYTES_TEXT("A market under test");
    g->origin = BYTES_TEXT("market.example/test");
    g->rules = 1;
    memcpy(g->log_key, identity_log_public(broker), 32);
    memcpy(g->wire_key, identity_wire_public(broker), 32);
    memcpy(g->seal_key, identity_seal_public(broker), 32);
    g->operators = (struct list){operators, 2};
    world_say(w, "broker", KIND_GENESIS, g, NULL);
    if (w->last.outcome != OUTCOME_OK)
        world_fail(w, "the genesis is refused: %s %s", outcome_info(w->last.outcome)->name, w->detail);
}

void world_admit(struct world *w, const char *name, uint64_t roles, const char *group, const char *jurisdiction)
{
    struct person *p = world_person(w, name);
    struct body_enrol enrol = {.name = BYTES_TEXT(name), .roles = roles};
    struct body_admit admit = {.roles = roles, .group = BYTES_TEXT(group), .jurisdiction = BYTES_TEXT(jurisdiction)};
    memcpy(enrol.seal_key, identity_seal_public(p->id), 32);
    memcpy(enrol.wire_key, identity_wire_public(p->id), 32);
    admit.request = world_envelope(w, p, KIND_ENROL, &enrol, NULL);
    world_say(w, "op1", KIND_ADMIT, &admit, NULL);
    if (w->last.outcome != OUTCOME_OK)
        world_fail(w, "%s is not admitted: %s", name, outcome_info(w->last.outcome)->name);
}

/* ---- what came of it ---- */

bool world_event(struct world *w, size_t i, uint64_t *index, struct event *event)
{
    for (size_t n = w->first_record; n < w->n_records; n++) {
        struct record record;
        world_check(w, record_decode(w->records[n], &w->arena, &record), "decoding a record");
        if (record.type != RECORD_EVENT || i-- > 0) continue;
        *index = record.index;
        world_check(w, event_decode(record.payload, &w->arena, event), "decoding an event");
        return true;
    }
    return false;
}

/* ---- the end ---- */

static const size_t row_sizes[TABLE_N] = {
#define TABLE_AS_SIZE(NAME, name, key_len, row, doc) sizeof(struct row),
    TABLES(TABLE_AS_SIZE)
#undef TABLE_AS_SIZE
};

static void compare_tables(struct world *w, struct state_view *a, struct state_view *b)
{
    for (int table = 0; table < TABLE_N; table++) {
        uint8_t key_a[64] = {0}, key_b[64] = {0}, row_a[2048], row_b[2048];
        if (row_sizes[table] > sizeof row_a) abort();
        for (bool after = false;; after = true) {
            enum tide_err err_a = state_next(a, (enum table)table, key_a, 0, after, row_a);
            enum tide_err err_b = state_next(b, (enum table)table, key_b, 0, after, row_b);
            if (err_a == TIDE_ENOTFOUND && err_b == TIDE_ENOTFOUND) break;
            if (err_a || err_b || memcmp(key_a, key_b, state_key_len((enum table)table)) != 0 ||
                memcmp(row_a, row_b, row_sizes[table]) != 0)
                world_fail(w, "applied record by record, table %s is another", state_table_name((enum table)table));
        }
    }
}

/* Every record alone through market_apply gives the same tables; the audit holds after each (of a large market: now and then). */
static void apply_again(struct world *w)
{
    struct state *state;
    struct state_view *view;
    char why[200];
    world_check(w, state_open_temporary(w->dir, &state), "opening a temporary state");
    world_check(w, state_write(state, &view), "opening the state");
    for (size_t i = 0; i < w->n_records; i++) {
        arena_reset(&w->arena);
        enum tide_err err = market_apply(view, w->records[i], &w->arena);
        bool ok = !err && (w->n_records > LARGE_RECORDS && i % (8 * AUDIT_EVERY) ? true : !market_audit(view, why, sizeof why));
        if (ok) continue;
        state_close(&state, false);
        world_fail(w, "applying record %zu: %s", i, err ? tide_err_text(err) : why);
    }
    compare_tables(w, world_view(w), view);
    state_close(&state, false);
}

/* The journal, decided again with signatures. */
static void verify_again(struct world *w)
{
    struct journal *journal;
    struct verify_result result;
    world_check(w, journal_open(w->dir, JOURNAL_CREATE, &journal), "making a journal");
    enum tide_err err = journal_append(journal, w->records, w->n_records);
    if (!err) err = verify_journal(journal, w->dir, true, NULL, NULL, &result);
    journal_close(&journal);
    if (err) world_fail(w, "deciding again: record %llu: %s", (unsigned long long)result.bad_index, result.why);
    if (result.n_records != w->n_records || result.n_statements + result.n_events != w->n_records)
        world_fail(w, "deciding again: %llu records counted", (unsigned long long)result.n_records);
}

void world_decide_again(struct world *w)
{
    if (!w->opened) return;
    apply_again(w);
    verify_again(w);
}
