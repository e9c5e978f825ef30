/* One field of a body is made to be something else: the tables of fields say what there is. */
#include "tests/model/generate_internal.h"

static uint64_t some_index(struct generator *g)
{
    const struct model *m = g->model;
    switch (chance(g, 7)) {
    case 0: return m->n_listings == 0 ? 1 : m->listings[chance(g, m->n_listings)].id;
    case 1: return m->n_orders == 0 ? 2 : m->orders[chance(g, m->n_orders)].id;
    case 2: return m->n_trades == 0 ? 3 : m->trades[chance(g, m->n_trades)].id;
    case 3: return m->n_programmes == 0 ? 4 : m->programmes[chance(g, m->n_programmes)].id;
    case 4: return m->n_withdrawals == 0 ? 5 : m->withdrawals[chance(g, m->n_withdrawals)].id;
    case 5: return chance(g, 50);
    default: return 1 + chance(g, 20000);
    }
}

static void spoil_number(struct generator *g, const struct field *f, uint64_t *at)
{
    switch (chance(g, 8)) {
    case 0: *at = f->min; break;
    case 1: *at = f->max; break;
    case 2: *at += 1; break;
    case 3: *at -= 1; break;
    case 4: *at = *at * 2; break;
    case 5: *at = f->type == FIELD_TIME ? g->now + chance(g, 2) : f->max - chance(g, 3); break;
    default: *at = f->min + chance(g, least(f->max - f->min, 100000) + 1); break;
    }
    if (f->type == FIELD_INDEX && chance(g, 3) != 0) *at = some_index(g);
    if (f->type == FIELD_FLAGS && chance(g, 2) != 0) *at = 1 + chance(g, f->max);
}

static struct bytes spoiled_text(struct generator *g, struct bytes text, uint64_t most)
{
    static const char *const odd[] = {"a\nb", "\x7f", "\x01", "x\xc2\x85y", " ", "CN", "\xc2\xa0", "tab\there"};
    uint64_t how = chance(g, 6);
    if (how == 0) return BYTES(NULL, 0);
    if (how < 4) return ONE_OF(odd);
    if (how == 4 || text.len == 0) {
        uint8_t *data = in_arena(g, most + 1);
        memset(data, 'x', most);
        return BYTES(data, most);
    }
    return BYTES(text.data, text.len - 1);
}

static void flip_bit(struct generator *g, uint8_t *bytes, size_t len)
{
    size_t at = chance(g, len);
    bytes[at] ^= (uint8_t)(1u << chance(g, 8));
}

static struct bytes spoiled_bin(struct generator *g, struct bytes bin)
{
    uint8_t *data = in_arena(g, bin.len + 5000);
    size_t len = bin.len;
    if (bin.len == 0) return bin;
    memcpy(data, bin.data, bin.len);
    switch (chance(g, 4)) {
    case 0: len--; break;
    case 1: len += 1 + chance(g, 3); break;
    case 2: len += 4090 + chance(g, 20); break;
    default: flip_bit(g, data, bin.len); break;
    }
    return BYTES(data, len);
}

static void spoil_fixed(struct generator *g, const struct field *f, uint8_t *at, size_t len)
{
    static const uint8_t low_order[3][32] = {{1}, {0xec, 0xff}, {0xe0, 0xeb, 0x7a}};
    const struct model *m = g->model;
    uint64_t how = chance(g, 6);
    if (how == 0)
        memset(at, 0, len);
    else if (how == 1)
        flip_bit(g, at, len);
    else if (f->type == FIELD_PARTY && how < 4)
        memcpy(at, m->keys[chance(g, m->n_keys)].key, 32);
    else if (f->type == FIELD_RECIPIENT && how < 4)
        memcpy(at, m->recipients[chance(g, m->n_recipients)].key, 32);
    else if (f->type == FIELD_RECIPIENT && how == 4)
        memcpy(at, low_order[chance(g, 3)], 32);
    else if (f->type == FIELD_RECIPIENT)
        memset(at, 0xff, 32);
    else if (f->type == FIELD_HASH && how < 4 && chance(g, 2) == 0)
        memcpy(at, m->wire_keys[chance(g, m->n_wire_keys)].key, 32);
    else
        for (size_t i = 0; i + 8 <= len; i += 8) be64_put(at + i, chance(g, 0));
}

static void spoil_struct(struct generator *g, const struct schema *schema, uint8_t *value)
{
    if (schema->n_fields == 0) return;
    const struct field *f = &schema->fields[chance(g, schema->n_fields)];
    void *at = value + f->offset;
    struct list *list = at;
    switch (f->type) {
    case FIELD_BOOL: *(uint64_t *)at ^= 1; break;
    case FIELD_ENUM: *(uint64_t *)at = f->min + chance(g, f->max - f->min + 1); break;
    case FIELD_TEXT: *(struct bytes *)at = spoiled_text(g, *(struct bytes *)at, f->max); break;
    case FIELD_BIN: *(struct bytes *)at = spoiled_bin(g, *(struct bytes *)at); break;
    case FIELD_LIST:
        if (list->n == 0) break;
        if (chance(g, 4) == 0)
            list->n--;
        else
            spoil_struct(g, f->sub, (uint8_t *)list->items + chance(g, list->n) * f->sub->size);
        break;
    default:
        if (field_fixed_len(f->type) > 0)
            spoil_fixed(g, f, at, field_fixed_len(f->type));
        else
            spoil_number(g, f, at);
        break;
    }
}

void spoil_body(struct generator *g, struct statement *s)
{
    const struct schema *schema = schema_of_kind(s->kind);
    void *copy = in_arena(g, schema->size);
    memcpy(copy, s->body, schema->size);
    spoil_struct(g, schema, copy);
    s->body = copy;
}
