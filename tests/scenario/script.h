/*
 * A line of a scenario as words, and what a word may mean. Shared by script.c and
 * script_orders.c (actions) and expect.c.
 */
#ifndef TIDEMARK_TESTS_SCENARIO_SCRIPT_H
#define TIDEMARK_TESTS_SCENARIO_SCRIPT_H

#include "tests/scenario/world.h"

#define WORDS_MAX 96

struct words {
    char *word[WORDS_MAX];
    size_t n, at;
};

/* Splits in place: spaces part words, double quotes keep them together, `#` begins a comment, commas are spaces. */
void words_split(struct world *w, char *line, struct words *out);
bool words_end(const struct words *l);
/* Takes the next word if it is `word`. */
bool words_take(struct words *l, const char *word);
/* The next word, or the scenario fails for want of `what`. */
const char *words_next(struct world *w, struct words *l, const char *what);
struct bytes words_text(struct world *w, struct words *l, const char *what);
void words_demand(struct world *w, struct words *l, const char *word);

uint64_t words_number(struct world *w, struct words *l);
uint64_t words_money(struct world *w, struct words *l);    /* 99.00, in fen */
uint64_t words_duration(struct world *w, struct words *l); /* 90s, 10m, 24h, 3d, 250ms */
uint64_t words_time(struct world *w, struct words *l);     /* [day N] 10:00[:05[.250]], Unix ms */
uint64_t words_roles(struct world *w, struct words *l);    /* vendor+buyer */

/* The value of a name in one of records.h's lists, or the scenario fails. */
uint64_t name_value(struct world *w, const char *const *names, const char *name);

void expect_line(struct world *w, struct words *l);

/* A scenario while it runs. */
struct script {
    struct world *w;
    struct body_order batch[LIMIT_BATCH_ORDERS];
    char batch_names[LIMIT_BATCH_ORDERS][WORLD_NAME_MAX];
    size_t n_batch;
    char batch_by[WORLD_NAME_MAX]; /* a batch is being collected */
    struct manner batch_manner;
    bool answer_due; /* the last action's outcome was not looked at yet */
};

/* `but …`: how the statement departs from the usual. */
void read_manner(struct world *w, struct words *l, struct manner *m);
/* Reads that and sends; the next line has to look at the answer if it is a refusal. */
void say(struct script *s, const char *who, uint64_t kind, const void *body, struct words *l);
void act_order(struct script *s, const char *who, uint64_t side, struct words *l);
void act_replace(struct script *s, const char *who, struct words *l);
/* script_parties.c: false: the verb is not one of its own. */
bool act_on_parties(struct script *s, const char *who, struct words *l);
/* script_listings.c: false if the line is about something else. */
bool act_on_listings(struct script *s, const char *who, struct words *l);
bool expect_of_listings(struct world *w, struct words *l);
/* script_money.c, likewise. */
bool act_on_money(struct script *s, const char *who, struct words *l);
bool expect_of_money(struct world *w, struct words *l);
/* script_delivery.c, likewise. */
bool act_on_delivery(struct script *s, const char *who, struct words *l);
bool expect_of_delivery(struct world *w, struct words *l);
void batch_add(struct script *s, struct words *l);
void batch_send(struct script *s);

#endif
