/*
 * The certificate's text, built and taken apart (certificate.h).
 *
 * Always holds: what parses is, formatted again, the same bytes.
 * Not here: signatures, keys, whether a proof holds.
 */
#include "storage/certificate.h"

#include "storage/form.h"

#include <inttypes.h>

#define FIRST_LINE "tidemark/certificate/v1\n"

_Static_assert(FORM_MAX <= CERTIFICATE_TEXT_MAX, "a form fits the `registered` event");

static bool format_text(const struct certificate *c, struct form *t)
{
    form_init(t);
    if (!form_is_line(c->origin, LIMIT_ORIGIN_BYTES) || !form_is_line(c->title, LIMIT_TITLE_BYTES)) return false;
    if (c->kind > LISTING_COMPUTE || c->class > CLASS_CORE) return false;
    form_add(t, FIRST_LINE "market %.*s\n", (int)c->origin.len, (const char *)c->origin.data);
    form_add(t, "certificate %" PRIu64 "\nlisting %" PRIu64 " %.*s\n", c->number, c->listing, (int)c->title.len,
             (const char *)c->title.data);
    form_add(t, "kind %s\nclass %s\n", names_listing_kind[c->kind], names_class[c->class]);
    form_add_party(t, "vendor", c->vendor);
    form_add_party(t, "reviewer", c->reviewer);
    form_add(t, "registered %" PRIu64 "\n", c->registered_ms);
    form_add_hash(t, "content", c->has_content ? c->content_root : NULL);
    form_add_hash(t, "key", c->has_content ? c->key_commitment : NULL);
    form_add_hash(t, "terms", c->terms_hash);
    return !t->full;
}

struct bytes certificate_format(const struct certificate *c, struct arena *arena)
{
    struct form t;
    if (!format_text(c, &t)) return BYTES(NULL, 0);
    return arena_copy(arena, BYTES(t.bytes, t.len));
}

/* Takes a line whose value is one of `names`. */
static bool take_name(struct bytes *text, const char *name, const char *const *names, uint64_t *out)
{
    struct bytes value;
    if (!form_take_line(text, name, &value)) return false;
    for (*out = 0; names[*out] != NULL; ++*out)
        if (bytes_equal(value, BYTES_TEXT(names[*out]))) return true;
    return false;
}

static bool parse_text(struct bytes text, struct certificate *out)
{
    struct bytes value, number;
    bool has_key, has_terms;

    if (!form_take_first(&text, FIRST_LINE) || !form_take_line(&text, "market", &out->origin)) return false;
    if (!form_take_number(&text, "certificate", &out->number)) return false;
    if (!form_take_line(&text, "listing", &value) || !form_split(value, &number, &out->title)) return false;
    if (!form_number(number, &out->listing)) return false;
    if (!take_name(&text, "kind", names_listing_kind, &out->kind)) return false;
    if (!take_name(&text, "class", names_class, &out->class)) return false;
    if (!form_take_party(&text, "vendor", out->vendor)) return false;
    if (!form_take_party(&text, "reviewer", out->reviewer)) return false;
    if (!form_take_number(&text, "registered", &out->registered_ms)) return false;
    if (!form_take_hash(&text, "content", out->content_root, &out->has_content)) return false;
    if (!form_take_hash(&text, "key", out->key_commitment, &has_key) || has_key != out->has_content) return false;
    if (!form_take_hash(&text, "terms", out->terms_hash, &has_terms) || !has_terms) return false;
    return text.len == 0;
}

enum tide_err certificate_parse(struct bytes text, struct certificate *out)
{
    struct form again;

    memset(out, 0, sizeof *out);
    if (parse_text(text, out) && format_text(out, &again) && bytes_equal(text, BYTES(again.bytes, again.len))) {
        return TIDE_OK;
    }
    memset(out, 0, sizeof *out);
    return TIDE_EMALFORMED;
}
