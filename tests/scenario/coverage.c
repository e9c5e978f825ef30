#include "tests/scenario/coverage.h"

#include <stdio.h>
#include <stdlib.h>

#include "broker/market/law.h"

#define SHOWN_MAX 3   /* scenarios named in a cell */
#define LINES_MAX 64  /* of one table of transitions */
#define KINDS_MAX 100 /* statements are numbered below it */
#define CODES_MAX 1000

/* The first scenarios that showed something. */
struct shown {
    char by[SHOWN_MAX][WORLD_NAME_MAX];
    size_t n;
};

static struct shown listing_shown[LINES_MAX], trade_shown[LINES_MAX], withdrawal_shown[LINES_MAX];
static struct shown accepted[KINDS_MAX], refused[KINDS_MAX][CODES_MAX], outcomes[CODES_MAX];

/* ---- noting ---- */

static void shown_add(struct shown *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int len = (int)strcspn(name, ".");
    for (size_t i = 0; i < s->n; i++)
        if (strncmp(s->by[i], name, (size_t)len) == 0 && s->by[i][len] == 0) return;
    if (s->n < SHOWN_MAX) snprintf(s->by[s->n++], WORLD_NAME_MAX, "%.*s", len, name);
}

static void note_line(const struct transition *table, size_t n, struct shown *shown, const char *file, uint64_t cause,
                      uint64_t basis, const uint64_t *from, const uint64_t *to)
{
    for (size_t i = 0; i < n; i++) {
        const struct transition *t = &table[i];
        if (t->cause == cause && (t->basis == ANY_BASIS || t->basis == basis) && (!from || t->from == *from) &&
            (!to || t->to == *to))
            shown_add(&shown[i], file);
    }
}

static void note_trade(const char *file, uint64_t event, uint64_t basis)
{
    note_line(trade_transitions, n_trade_transitions, trade_shown, file, event, basis, NULL, NULL);
}

static void note_withdrawal(const char *file, uint64_t event, uint64_t result)
{
    note_line(withdrawal_transitions, n_withdrawal_transitions, withdrawal_shown, file, event, result, NULL, NULL);
}

static void note_event(const char *file, uint64_t statement_kind, const struct event *e)
{
    const uint64_t none = LISTING_NONE, sampling = LISTING_SAMPLING;
    switch (e->kind) {
    case KIND_LISTED:
        note_line(listing_transitions, n_listing_transitions, listing_shown, file, statement_kind, ANY_BASIS, &none,
                  &((const struct body_listed *)e->body)->state);
        break;
    case KIND_LISTING_MOVED: {
        const struct body_listing_moved *moved = e->body;
        note_line(listing_transitions, n_listing_transitions, listing_shown, file, statement_kind, ANY_BASIS,
                  &moved->from, &moved->to);
        break;
    }
    case KIND_SAMPLED:
        note_line(listing_transitions, n_listing_transitions, listing_shown, file, statement_kind, ANY_BASIS, &sampling,
                  &sampling);
        break;
    case KIND_SETTLED: note_trade(file, e->kind, ((const struct body_settled *)e->body)->basis); break;
    case KIND_REFUNDED: note_trade(file, e->kind, ((const struct body_refunded *)e->body)->basis); break;
    case KIND_PAID_OUT: note_withdrawal(file, e->kind, ((const struct body_paid_out *)e->body)->result); break;
    case KIND_WITHDRAWN: note_withdrawal(file, e->kind, 0); break;
    case KIND_NOT_PLACED: {
        uint64_t code = ((const struct body_not_placed *)e->body)->code;
        shown_add(&outcomes[code], file);
        shown_add(&refused[statement_kind][code], file);
        break;
    }
    default: note_trade(file, e->kind, 0);
    }
}

void coverage_note(struct world *w, const struct statement *s, const struct execution *x)
{
    if (x->repeated) return;
    shown_add(&outcomes[x->outcome], w->file);
    shown_add(x->outcome == OUTCOME_OK ? &accepted[s->kind] : &refused[s->kind][x->outcome], w->file);
    for (size_t i = 1; i < x->n_records; i++) {
        struct record r;
        struct event e;
        world_check(w, record_decode(x->records[i], &w->arena, &r), "decoding an event's record");
        world_check(w, event_decode(r.payload, &w->arena, &e), "decoding an event");
        note_event(w->file, s->kind, &e);
    }
}

/* ---- printing ---- */

static int n_empty; /* cells without a scenario */

static void print_shown(FILE *out, const struct shown *s)
{
    if (s->n == 0) n_empty++;
    for (size_t i = 0; i < s->n; i++) fprintf(out, "%s%s", i ? ", " : " ", s->by[i]);
}

static const char *state_name(const char *const *names, uint64_t state)
{
    return state == 0 ? "–" : names[state];
}

static void print_transitions(FILE *out, const struct transition *table, size_t n, const struct shown *shown,
                              const char *const *states, const char *const *bases)
{
    fputs("| from | by | to | shown in |\n|---|---|---|---|\n", out);
    for (size_t i = 0; i < n; i++) {
        const struct transition *t = &table[i];
        fprintf(out, "| %s | `%s`", state_name(states, t->from), schema_of_kind(t->cause)->name);
        if (t->basis != ANY_BASIS) fprintf(out, ", %s", bases[t->basis]);
        fprintf(out, " | %s |", state_name(states, t->to));
        print_shown(out, &shown[i]);
        fputs(" |\n", out);
    }
}

static void print_listings(FILE *out)
{
    print_transitions(out, listing_transitions, n_listing_transitions, listing_shown, names_listing_state, NULL);
}

static void print_trades(FILE *out)
{
    print_transitions(out, trade_transitions, n_trade_transitions, trade_shown, names_trade_state, names_basis);
}

static void print_withdrawals(FILE *out)
{
    print_transitions(out, withdrawal_transitions, n_withdrawal_transitions, withdrawal_shown, names_withdrawal_state,
                      names_payout);
}

/* Those that another statement carries are never accepted themselves. */
static bool is_carried(uint64_t kind)
{
    return kind == KIND_ENROL || kind == KIND_NEW_KEYS;
}

static void print_coverage(FILE *out)
{
    fputs("| statement | accepted in | refused |\n|---|---|---|\n", out);
    for (size_t i = 0; i < n_all_schemas && all_schemas[i]->kind < KINDS_MAX; i++) {
        uint64_t kind = all_schemas[i]->kind;
        const char *comma = " ";
        fprintf(out, "| `%s` |", all_schemas[i]->name);
        if (is_carried(kind)) fputs(" (carried by another)", out);
        else print_shown(out, &accepted[kind]);
        fputs(" |", out);
        for (size_t code = 1; code < CODES_MAX; code++) {
            if (refused[kind][code].n == 0) continue;
            fprintf(out, "%s`%s` %s", comma, outcome_info((unsigned)code)->name, refused[kind][code].by[0]);
            comma = ", ";
        }
        fputs(" |\n", out);
    }
    fputs("\n| code | outcome | shown in |\n|---|---|---|\n", out);
    for (size_t i = 0; i < n_all_outcomes; i++) {
        const struct outcome_info *o = &all_outcomes[i];
        if (o->giver != GIVEN_BY_LAW) continue;
        fprintf(out, "| %u | `%s` |", o->code, o->name);
        print_shown(out, &outcomes[o->code]);
        fputs(" |\n", out);
    }
}

/* ---- the page ---- */

static const struct section {
    const char *name;
    void (*print)(FILE *out);
} sections[] = {
    {"listing transitions", print_listings},
    {"trade transitions", print_trades},
    {"withdrawal transitions", print_withdrawals},
    {"coverage", print_coverage},
};

/* The page with each section's lines, between its two marks, printed anew. The caller frees it; NULL: a mark is missing. */
static char *page_with_tables(const char *page)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) abort();
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        char begin[80], end[80];
        snprintf(begin, sizeof begin, "<!-- begin %s -->\n", sections[i].name);
        snprintf(end, sizeof end, "<!-- end %s -->\n", sections[i].name);
        const char *from = strstr(page, begin), *to = strstr(page, end);
        if (!from || !to || to < from) {
            fclose(out);
            free(text);
            return NULL;
        }
        fwrite(page, 1, (size_t)(from - page) + strlen(begin), out);
        sections[i].print(out);
        page = to;
    }
    fputs(page, out);
    fclose(out);
    return text;
}

static char *read_text(const char *path)
{
    FILE *in = fopen(path, "r");
    if (!in) return NULL;
    char *text = NULL;
    size_t len = 0;
    if (getdelim(&text, &len, 0, in) < 0) {
        free(text);
        text = NULL;
    }
    fclose(in);
    return text;
}

static bool write_text(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    if (!out) return false;
    bool ok = fputs(text, out) >= 0;
    return fclose(out) == 0 && ok;
}

int coverage_report(const char *path, bool write, int first_test)
{
    char *page = read_text(path);
    char *fresh = page ? page_with_tables(page) : NULL;
    bool same = fresh && strcmp(page, fresh) == 0;
    if (fresh && write) same = write_text(path, fresh);
    bool whole = fresh && n_empty == 0;
    if (fresh && n_empty > 0) printf("# %d cells are empty\n", n_empty);
    printf("%sok %d - every transition, outcome and statement has a scenario\n", whole ? "" : "not ", first_test);
    printf("%sok %d - the tables in %s are what the scenarios show (make docs writes them)\n", same ? "" : "not ",
           first_test + 1, path);
    free(page);
    free(fresh);
    return !whole + !same;
}
