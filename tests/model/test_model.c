/*
 * The market against the model: random markets, statement by statement. After each one: the outcome, every event,
 * every row it touched. Now and then and at the end: everything. Of each market also: its accepted statements decided
 * again with a commit after each give the same bytes, as does applying the records alone the same state.
 *
 *     test_model [--seed S] [--statements N] [--each N] [--trace] [--model-only] [--seen]
 *
 * Without arguments: a short run of several markets, in TAP. Market i of a run has seed S + i and at most --each
 * statements; --trace prints each of them, --seen what was covered, --model-only leaves the market out.
 */
#include "tests/model/compare.h"
#include "tests/model/generate.h"
#include "tests/model/model_internal.h"
#include "tests/model/seen.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MARKET_STATEMENTS = 4000, LOOK_AT_ALL = 400, SHORT_MARKETS = 10 };
#define SHORT_SEED UINT64_C(20261123)

struct said { struct bytes envelope; uint64_t now, first; };

struct run {
    uint64_t seed, next_index, n_decided, n_accepted;
    bool trace, model_only, failed;
    struct model model;
    struct generator generator;
    struct state *state;
    struct state_view *view;
    struct arena arena, keep; /* of the statement; of the market */
    GROWING(struct said, said);
    GROWING(struct bytes, records);
    struct execution execution;
    struct model_answer answer;
    const char *dir;
};

static void must(enum tide_err err, const char *what)
{
    if (err == TIDE_OK) return;
    fprintf(stderr, "%s: %s\n", what, tide_err_text(err));
    exit(2);
}

/* ---- one statement ---- */
static struct bytes envelope_of(struct bytes statement, struct arena *arena)
{
    static const uint8_t nobody[64];
    struct bytes out;
    must(envelope_encode(statement, nobody, arena, &out), "envelope_encode");
    return out;
}

static void print_record(struct bytes record)
{
    json_t *json = record_to_json(record);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    fprintf(stderr, "%s\n", text == NULL ? "?" : text);
    free(text);
    json_decref(json);
}

static void print_statement(struct run *r, struct bytes envelope)
{
    struct record record = {RECORD_STATEMENT, r->next_index, r->generator.now, envelope};
    struct bytes bytes;
    if (record_encode(&record, &r->arena, &bytes) == TIDE_OK) print_record(bytes);
}

static void print_events(struct run *r)
{
    for (size_t i = 0; i < r->model.n_events && i < 12; i++) fprintf(stderr, "model: %s\n", schema_of_kind(r->model.events[i].kind)->name);
    if (r->execution.outcome != OUTCOME_OK || r->model_only) return;
    for (size_t i = 1; i < r->execution.n_records && i < 12; i++) print_record(r->execution.records[i]);
}

static void difference(struct run *r, struct bytes envelope)
{
    r->failed = true;
    fprintf(stderr, "seed %" PRIu64 ", step %" PRIu64 ", time %" PRIu64 ": model %s, market %s\n", r->seed, r->n_decided,
            r->generator.now, outcome_info(r->answer.outcome)->name, outcome_info(r->execution.outcome)->name);
    print_events(r);
    if (envelope.len > 0) print_statement(r, envelope);
}

static void remember(struct run *r, struct bytes envelope)
{
    *GROW(r, said) = (struct said){arena_copy(&r->keep, envelope), r->generator.now, r->next_index};
    for (size_t i = 0; i < r->execution.n_records && !r->model_only; i++)
        *GROW(r, records) = arena_copy(&r->keep, r->execution.records[i]);
}

static void execute(struct run *r, struct bytes bytes)
{
    struct statement s;
    struct model *m = &r->model;
    struct bytes envelope = envelope_of(bytes, &r->arena);
    must(statement_decode(bytes, &r->arena, &s), "statement_decode");
    if (r->trace) print_statement(r, envelope);
    r->n_decided++;
    seen_before(m, &s);
    model_decide(m, &s, bytes, r->generator.now, r->next_index, &r->answer);
    seen_after(m, &s, &r->answer);
    if (r->trace) fprintf(stderr, "    %s, %zu events\n", outcome_info(r->answer.outcome)->name, m->n_events);
    if (!r->model_only) {
        enum tide_err err = market_execute(r->view, envelope, &s, bytes, r->generator.now, r->next_index, &r->arena, &r->execution);
        if (err != TIDE_OK) fprintf(stderr, "  differs: market_execute: %s\n", tide_err_text(err));
        if (err != TIDE_OK || compare_answers(m, &r->answer, &r->execution, &r->arena) > 0 || compare_touched(m, r->view) > 0)
            difference(r, envelope);
    } else if (model_audit(m) != NULL) {
        fprintf(stderr, "%s\n", model_audit(m));
        difference(r, envelope);
    }
    if (r->answer.outcome == OUTCOME_OK && !r->answer.repeated) {
        r->n_accepted++;
        remember(r, envelope);
        generator_accepted(&r->generator, bytes);
        r->next_index = r->answer.next;
    }
}

/* ---- what is due ---- */
static enum model_due due_of(struct run *r)
{
    enum model_due expected = model_due(&r->model, r->generator.now);
    struct due_statement got;
    if (r->model_only) return expected;
    must(market_due(r->view, r->generator.now, &got), "market_due");
    static const enum model_due as_model[] = {[DUE_NOTHING] = MODEL_NOTHING, [DUE_CONTINUE] = MODEL_CONTINUE,
                                              [DUE_TICK] = MODEL_TICK, [DUE_DRAW] = MODEL_DRAW};
    static const char *const names[] = {"nothing", "continue", "tick", "drawn"};
    bool same = as_model[got.due] == expected;
    if (same && got.due == DUE_CONTINUE) same = got.go_on.work == r->model.work && got.go_on.subject == r->model.subject;
    if (same && got.due == DUE_DRAW) same = got.draw_listing == r->model.subject;
    if (!same) {
        fprintf(stderr, "  differs: due: model %s, market %s\nseed %" PRIu64 ", after step %" PRIu64 ", time %" PRIu64 "\n",
                names[expected], names[as_model[got.due]], r->seed, r->n_decided, r->generator.now);
        r->failed = true;
    }
    return expected;
}

/* An outage that the broker may state, now and then one that it may not. */
static uint64_t some_outage(struct run *r)
{
    struct generator *g = &r->generator;
    uint64_t gone = g->now - r->model.heard_ms, most = r->model.parameters[PARAM_OUTAGE_MS];
    if (r->model.work != WORK_NONE || gone <= most || chance(g, r->model.halted ? 60 : 8) != 0) return 0;
    if (chance(g, 20) == 0) return gone + 1;
    if (chance(g, 20) == 0) return most;
    return chance(g, 2) == 0 ? gone : most + 1 + chance(g, gone - most);
}

static void state_what_is_due(struct run *r)
{
    bool first = true;
    for (;;) {
        enum model_due due = due_of(r);
        uint64_t outage = first && due != MODEL_CONTINUE && due != MODEL_DRAW ? some_outage(r) : 0;
        if (!r->failed && !r->model_only && due == MODEL_NOTHING && compare_next_due(&r->model, r->view, r->generator.now) > 0)
            difference(r, BYTES(NULL, 0));
        if (r->failed || (due == MODEL_NOTHING && outage == 0)) return;
        if (chance(&r->generator, 3) == 0) { /* somebody comes in between: only what is pending makes it busy */
            if (due == MODEL_CONTINUE || due == MODEL_DRAW) execute(r, generate_statement(&r->generator));
            if (r->failed) return;
            if (model_due(&r->model, r->generator.now) != due) continue;
        }
        struct bytes late = due == MODEL_TICK && chance(&r->generator, 4) == 0 ? generate_too_late(&r->generator) : BYTES(NULL, 0);
        if (late.data != NULL) execute(r, late);
        if (r->failed) return;
        execute(r, generate_due(&r->generator, outage > 0 ? MODEL_TICK : due, outage));
        if (r->failed) return;
        if (due != MODEL_CONTINUE) first = false;
        arena_reset(&r->arena);
    }
}

/* ---- a market, once more ---- */
static struct state *new_state(struct run *r, struct state_view **view)
{
    struct state *s;
    must(state_open_temporary(r->dir, &s), "state_open_temporary");
    must(state_write(s, view), "state_write");
    return s;
}

static void digest_of(struct state *s, uint8_t digest[32])
{
    struct state_view *view;
    must(state_commit(s), "state_commit");
    must(state_write(s, &view), "state_write");
    must(state_digest(view, digest), "state_digest");
}

/* Decides the accepted statements again, a commit after each. */
static bool decide_again(struct run *r, uint8_t digest[32])
{
    struct state_view *view;
    struct state *s = new_state(r, &view);
    size_t place = 0;
    bool same = true;
    for (size_t i = 0; i < r->n_said && same; i++) {
        struct statement statement;
        struct bytes bytes;
        const uint8_t *signature;
        arena_reset(&r->arena);
        must(envelope_decode(r->said[i].envelope, &r->arena, &bytes, &signature), "envelope_decode");
        must(statement_decode(bytes, &r->arena, &statement), "statement_decode");
        must(market_execute(view, r->said[i].envelope, &statement, bytes, r->said[i].now, r->said[i].first, &r->arena,
                            &r->execution), "market_execute");
        same = r->execution.outcome == OUTCOME_OK && place + r->execution.n_records <= r->n_records;
        for (size_t k = 0; k < r->execution.n_records && same; k++)
            same = bytes_equal(r->records[place++], r->execution.records[k]);
        if (!same) fprintf(stderr, "  differs: decided again, the statement at %" PRIu64 " gives other records\n", r->said[i].first);
        must(state_commit(s), "state_commit");
        must(state_write(s, &view), "state_write");
    }
    digest_of(s, digest);
    state_close(&s, false);
    return same;
}

static void apply_again(struct run *r, uint8_t digest[32])
{
    struct state_view *view;
    struct state *s = new_state(r, &view);
    for (size_t i = 0; i < r->n_records; i++) {
        arena_reset(&r->arena);
        must(market_apply(view, r->records[i], &r->arena), "market_apply");
    }
    digest_of(s, digest);
    state_close(&s, false);
}

static void check_folds(struct run *r)
{
    uint8_t live[32], decided[32], applied[32];
    digest_of(r->state, live);
    if (!decide_again(r, decided)) r->failed = true;
    apply_again(r, applied);
    if (memcmp(live, decided, 32) != 0) r->failed = true, fprintf(stderr, "  differs: the state of deciding again\n");
    if (memcmp(live, applied, 32) != 0) r->failed = true, fprintf(stderr, "  differs: the state of applying the records\n");
    if (r->failed) fprintf(stderr, "seed %" PRIu64 ", %" PRIu64 " statements\n", r->seed, r->n_decided);
}

/* ---- a market ---- */
static bool run_market(struct run *r, uint64_t seed, uint64_t n_statements)
{
    r->seed = seed, r->next_index = r->n_decided = r->n_accepted = 0, r->failed = false;
    r->n_said = r->n_records = 0;
    arena_init(&r->arena, (size_t)1 << 28);
    arena_init(&r->keep, (size_t)1 << 30);
    model_init(&r->model);
    generator_init(&r->generator, seed, &r->model, &r->arena);
    if (!r->model_only) r->state = new_state(r, &r->view);
    compare_begin();
    execute(r, generate_genesis(&r->generator));
    while (r->n_decided < n_statements && !r->failed) {
        arena_reset(&r->arena);
        generate_time(&r->generator);
        state_what_is_due(r);
        if (r->failed) break;
        execute(r, generate_statement(&r->generator));
        if (!r->model_only && !r->failed && r->n_decided % LOOK_AT_ALL == 0 && compare_everything(&r->model, r->view) > 0)
            difference(r, BYTES(NULL, 0));
    }
    if (!r->model_only && !r->failed && compare_everything(&r->model, r->view) > 0) difference(r, BYTES(NULL, 0));
    if (!r->model_only && !r->failed) check_folds(r);
    if (!r->model_only) state_close(&r->state, false);
    generator_deinit(&r->generator);
    model_deinit(&r->model);
    arena_deinit(&r->arena);
    arena_deinit(&r->keep);
    return !r->failed;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    static struct run r;
    uint64_t seed = SHORT_SEED, left = (uint64_t)SHORT_MARKETS * MARKET_STATEMENTS, each = MARKET_STATEMENTS, decided = 0, markets = 0;
    bool verbose = false, failed = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) r.trace = true;
        else if (strcmp(argv[i], "--model-only") == 0) r.model_only = true;
        else if (strcmp(argv[i], "--seen") == 0) verbose = true;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--statements") == 0 && i + 1 < argc) left = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--each") == 0 && i + 1 < argc) each = strtoull(argv[++i], NULL, 10);
        else {
            fprintf(stderr, "test_model [--seed S] [--statements N] [--each N] [--trace] [--model-only] [--seen]\n");
            return 2;
        }
    }
    must(crypto_init(), "crypto_init");
    r.dir = getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp";
    double start = seconds();
    while (left > 0 && !failed) {
        uint64_t n = least(left, each);
        failed = !run_market(&r, seed + markets, n);
        printf("%sok %" PRIu64 " - market of seed %" PRIu64 ", %" PRIu64 " statements, %" PRIu64 " accepted, %" PRIu64 " records\n",
               failed ? "not " : "", markets + 1, seed + markets, r.n_decided, r.n_accepted, r.next_index);
        fflush(stdout);
        decided += r.n_decided, markets++, left -= least(left, r.n_decided);
    }
    double took = seconds() - start;
    printf("1..%" PRIu64 "\n# seed %" PRIu64 ": %" PRIu64 " statements, %.1f s, %.0f statements/s\n", markets, seed, decided, took,
           (double)decided / took);
    if (verbose) seen_print();
    free(r.said), free(r.records);
    return failed;
}
