/*
 * See compare.h. Here: outcomes, events with their bodies, and the accounts that the postings alone make.
 * Not here: rows (compare.c).
 */
#include "tests/model/compare_internal.h"

static const char *name_of(enum outcome outcome)
{
    return outcome_info(outcome)->name;
}

static const char *kind_name(uint64_t kind)
{
    const struct schema *schema = schema_of_kind(kind);
    return schema == NULL ? "?" : schema->name;
}

static bool bodies_equal(const struct schema *schema, const uint8_t *a, const uint8_t *b, const char **field);

static bool lists_equal(const struct schema *sub, const struct list *a, const struct list *b, const char **field)
{
    if (a->n != b->n) return false;
    for (size_t i = 0; i < a->n; i++) {
        if (!bodies_equal(sub, (const uint8_t *)a->items + i * sub->size, (const uint8_t *)b->items + i * sub->size, field))
            return false;
    }
    return true;
}

/* All fields but postings (their sums are held against the accounts), and a certificate's text. */
static bool bodies_equal(const struct schema *schema, const uint8_t *a, const uint8_t *b, const char **field)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        const struct field *f = &schema->fields[i];
        const void *x = a + f->offset, *y = b + f->offset;
        bool equal;
        *field = f->name;
        if (f->sub == &schema_posting || (schema->kind == KIND_REGISTERED && f->type == FIELD_TEXT)) continue;
        if (f->type == FIELD_LIST)
            equal = lists_equal(f->sub, x, y, field);
        else if (f->type == FIELD_TEXT || f->type == FIELD_BIN)
            equal = bytes_equal(*(const struct bytes *)x, *(const struct bytes *)y);
        else
            equal = memcmp(x, y, field_fixed_len(f->type) > 0 ? field_fixed_len(f->type) : 8) == 0;
        if (!equal) {
            *field = f->name;
            return false;
        }
    }
    return true;
}

/* Accounts as the postings alone make them. */
static struct ledger {
    GROWING(struct model_account, accounts);
} ledger;

void compare_begin(void)
{
    ledger.n_accounts = 0;
}

static void post(struct model *m, const struct posting *p)
{
    const struct model_party *party = model_party_by_key(m, p->party);
    uint64_t owner = party == NULL ? 0 : party->number;
    if (party == NULL && !ABSENT(p->party)) DIFFER("a posting to nobody");
    size_t i = 0;
    while (i < ledger.n_accounts && (ledger.accounts[i].party != owner || ledger.accounts[i].asset != p->asset)) i++;
    if (i == ledger.n_accounts) *GROW(&ledger, accounts) = (struct model_account){.party = owner, .asset = p->asset};
    ledger.accounts[i].of[p->account] += p->amount;
}

static void check_postings(struct model *m, const struct schema *schema, const uint8_t *body)
{
    for (size_t i = 0; i < schema->n_fields; i++) {
        if (schema->fields[i].sub != &schema_posting) continue;
        const struct list *list = (const void *)(body + schema->fields[i].offset);
        const struct posting *p = list->items;
        for (size_t k = 0; k < list->n; k++) {
            int64_t sum = 0;
            if (p[k].amount == 0) DIFFER("event %s: a posting of 0", schema->name);
            for (size_t j = 0; j < list->n; j++) sum += p[j].asset == p[k].asset ? p[j].amount : 0;
            if (sum != 0) DIFFER("event %s: postings of asset %" PRIu64 " do not sum to zero", schema->name, p[k].asset);
            post(m, &p[k]);
        }
    }
}

void compare_ledger(struct model *m)
{
    for (size_t i = 0; i < ledger.n_accounts; i++) {
        const struct model_account *a = &ledger.accounts[i];
        for (int k = 0; k <= ACCOUNT_ISSUED; k++)
            compare_number("by postings alone, account of", a->party, names_account[k], (uint64_t)model_balance(m, a->party, a->asset, k),
                   (uint64_t)a->of[k]);
    }
}

static void compare_event(struct model *m, const struct model_event *expected, struct bytes record, uint64_t first, struct arena *arena, size_t i)
{
    struct record r;
    struct event e;
    const char *field = "";
    if (record_decode(record, arena, &r) != TIDE_OK || event_decode(r.payload, arena, &e) != TIDE_OK) {
        DIFFER("event %zu cannot be decoded", i);
        return;
    }
    const struct schema *schema = schema_of_kind(e.kind);
    compare_number("event", i, "index", first + 1 + i, r.index);
    compare_number("event", i, "cause", first, e.cause_index);
    check_postings(m, schema, e.body);
    if (expected->kind != e.kind)
        DIFFER("event %zu: model %s, market %s", i, kind_name(expected->kind), kind_name(e.kind));
    else if (!bodies_equal(schema, expected->body, e.body, &field)) {
        DIFFER("event %zu (%s): field %s", i, schema->name, field);
        const struct field *f = fields_find(schema, field);
        for (size_t k = 0; f != NULL && k < 4 && k < field_fixed_len(f->type); k++)
            fprintf(stderr, "    %02x %02x\n", ((const uint8_t *)expected->body)[f->offset + k], ((const uint8_t *)e.body)[f->offset + k]);
        if (f != NULL && field_fixed_len(f->type) == 0 && f->type != FIELD_TEXT && f->type != FIELD_BIN && f->type != FIELD_LIST)
            compare_number("event", i, field, *(const uint64_t *)(const void *)((const uint8_t *)expected->body + f->offset),
                   *(const uint64_t *)(const void *)((const uint8_t *)e.body + f->offset));
    }
}

unsigned compare_answers(struct model *m, const struct model_answer *expected, const struct execution *got,
                         struct arena *arena)
{
    unsigned before = compare_n_differences;
    if (expected->outcome != got->outcome) {
        DIFFER("outcome: model %s, market %s (%s)", name_of(expected->outcome), name_of(got->outcome), got->detail == NULL ? "" : got->detail);
        return compare_n_differences - before;
    }
    if (expected->outcome != OUTCOME_OK) return 0;
    if (expected->repeated != got->repeated) DIFFER("repeated: model %d, market %d", expected->repeated, got->repeated);
    compare_number("statement", m->index, "first index", expected->first, got->first_index);
    compare_number("statement", m->index, "next index", expected->next, got->next_index);
    if (expected->repeated || got->repeated) return compare_n_differences - before;
    compare_number("statement", m->index, "records", m->n_events + 1, got->n_records);
    for (size_t i = 0; i < m->n_events && i + 1 < got->n_records; i++)
        compare_event(m, &m->events[i], got->records[i + 1], expected->first, arena, i);
    compare_number("statement", m->index, "items", expected->n_items, got->n_items);
    for (size_t i = 0; i < expected->n_items && expected->n_items == got->n_items; i++) {
        compare_number("item", i, "code", expected->items[i].code, got->items[i].code);
        compare_number("item", i, "index", expected->items[i].index, got->items[i].index);
    }
    return compare_n_differences - before;
}
