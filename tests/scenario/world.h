/*
 * A market under test: real identities from known seeds, real signed statements, market_execute over a temporary
 * state, driven as the sequencer drives it (what is due is stated before and after everything).
 *
 * Always holds: after every statement the audit is clean; every record is kept, so that the whole can be applied and
 * decided again at the end.
 */
#ifndef TIDEMARK_TESTS_SCENARIO_WORLD_H
#define TIDEMARK_TESTS_SCENARIO_WORLD_H

#include <setjmp.h>

#include "broker/market/market.h"
#include "crypto/identity.h"

#define WORLD_NAME_MAX 48
#define WORLD_NAMES 2048
#define WORLD_PARTIES 400

struct person {
    char name[WORLD_NAME_MAX];
    struct identity *id;
};

/* What a script calls a listing, an order or a trade. */
struct symbol {
    char name[WORLD_NAME_MAX];
    char kind; /* 'l', 'o', 't' */
    uint64_t index;
};

/* How a statement departs from what its author's client would send. */
struct manner {
    int64_t issued_ahead_ms;
    uint64_t valid_ms; /* 0: the usual minute */
    bool other_market, same_id, wrong_id, wrong_variant, without_due;
};

struct world {
    const char *file;
    int line;
    jmp_buf failed;

    char dir[64];
    struct state *state;
    struct arena arena, keep; /* of one action; for the whole scenario */
    struct body_genesis genesis;
    struct parameter_value parameters[PARAM_N];
    struct operator_entry operators[2];
    bool opened;
    uint8_t market[32];
    uint64_t day_ms, now_ms, counter;
    struct person persons[WORLD_PARTIES];
    size_t n_persons;
    struct symbol symbols[WORLD_NAMES];
    size_t n_symbols;

    uint64_t tried, repeated; /* kinds of statements that were sent in wrong ways already (wrong.c) */

    struct bytes *records;
    size_t n_records, room;
    unsigned unaudited; /* statements of a large market since the last audit */

    /* The last action: what came of it. */
    struct execution last;
    char detail[300];
    size_t first_record;  /* its first record; those of ticks and continues that followed are behind it */
    size_t trades_read;   /* `expect trade` takes them one after the other */
    uint8_t last_command[16];
    struct bytes last_envelope; /* in `keep` */
};

/* Ends the scenario with file, line and message. */
_Noreturn void world_fail(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_check(struct world *w, enum tide_err err, const char *what);

void world_init(struct world *w, const char *file);
void world_deinit(struct world *w);

/* The state as it is now. */
struct state_view *world_view(struct world *w);

/* A person by name, made from a seed of the name when first mentioned. */
struct person *world_person(struct world *w, const char *name);
void world_open(struct world *w);

/* Signs and sends; w->last is what came of it. A batch's or order's recipients are made before it. */
void world_say(struct world *w, const char *who, uint64_t kind, const void *body, const struct manner *manner);
/* The same, as bytes of an envelope of one's own (`admit` carries one). */
struct bytes world_envelope(struct world *w, struct person *p, uint64_t kind, const void *body,
                            const struct manner *manner);
void world_send_envelope(struct world *w, struct bytes envelope, bool with_due);
/* The command id the next statement will have. */
void world_next_command(const struct world *w, const struct manner *manner, uint8_t id[16]);
/* The log's root over the first `size` records. */
void world_log_root(struct world *w, uint64_t size, uint8_t root[32]);
void world_begin_action(struct world *w);
void world_run_due(struct world *w);
void world_admit(struct world *w, const char *name, uint64_t roles, const char *group, const char *jurisdiction);

void symbol_set(struct world *w, char kind, const char *name, uint64_t index);
uint64_t symbol_get(struct world *w, char kind, const char *name);

/* The i-th event of the last action, decoded into w->arena; false past the end. Statements among them are left out. */
bool world_event(struct world *w, size_t i, uint64_t *index, struct event *event);

/* Applies and decides everything again; called at a scenario's end. */
void world_decide_again(struct world *w);

/* script.c: runs a file's lines, or those of a text. */
void script_run(struct world *w, const char *path);
void script_text(struct world *w, const char *text);

#endif
