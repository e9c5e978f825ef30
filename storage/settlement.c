/*
 * The settlement text, built and taken apart; the receipt file, a note and a proof one after the other.
 *
 * Always holds: what parses is, formatted again, the same bytes; so two parties that agree on the values sign the same
 * text.
 * Not here: signatures, keys, whether a proof holds.
 */
#include "storage/settlement.h"

#include "storage/form.h"
#include "storage/limits.h"

#include <inttypes.h>

#define FIRST_LINE "tidemark/settlement/v1"
#define ASSET "CNY"
#define PROOF_FIRST_LINE "c2sp.org/tlog-proof@v1"
#define SIGNATURE_START "\xe2\x80\x94 " /* U+2014, space */

_Static_assert(FORM_MAX <= SETTLEMENT_TEXT_MAX, "a form fits the `settled` event");

/* ---- writing ---- */

static bool format_text(const struct settlement *s, struct form *t)
{
    form_init(t);
    if (!form_is_line(s->origin, LIMIT_ORIGIN_BYTES) || !form_is_line(s->title, LIMIT_TITLE_BYTES)) return false;
    form_add(t, FIRST_LINE "\nmarket %.*s\n", (int)s->origin.len, (const char *)s->origin.data);
    form_add(t, "trade %" PRIu64 "\nlisting %" PRIu64 " %.*s\n", s->trade, s->listing, (int)s->title.len,
             (const char *)s->title.data);
    form_add_party(t, "vendor", s->vendor);
    form_add_party(t, "buyer", s->buyer);
    form_add(t, "quantity %" PRIu64 "\nprice %" PRIu64 " " ASSET "\ntotal %" PRIu64 "\nfee %" PRIu64 "\n", s->quantity,
             s->price, s->total, s->fee);
    form_add(t, "voucher %" PRIu64 " ", s->voucher);
    if (s->programme != 0) form_add(t, "%" PRIu64 "\n", s->programme);
    else form_add(t, "-\n");
    form_add_hash(t, "content", s->has_content ? s->content_root : NULL);
    form_add_hash(t, "key", s->has_content ? s->key_commitment : NULL);
    form_add_hash(t, "terms", s->terms_hash);
    return !t->full;
}

struct bytes settlement_format(const struct settlement *s, struct arena *arena)
{
    struct form t;
    if (!format_text(s, &t)) return BYTES(NULL, 0);
    return arena_copy(arena, BYTES(t.bytes, t.len));
}

/* ---- reading ---- */

static bool parse_text(struct bytes text, struct settlement *out)
{
    struct bytes value, first, rest;
    bool has_key, has_terms;

    if (!form_take_first(&text, FIRST_LINE "\n")) return false;
    if (!form_take_line(&text, "market", &out->origin) || !form_take_number(&text, "trade", &out->trade)) return false;
    if (!form_take_line(&text, "listing", &value) || !form_split(value, &first, &out->title)) return false;
    if (!form_number(first, &out->listing)) return false;
    if (!form_take_party(&text, "vendor", out->vendor) || !form_take_party(&text, "buyer", out->buyer)) return false;
    if (!form_take_number(&text, "quantity", &out->quantity) || !form_take_line(&text, "price", &value)) return false;
    if (!form_split(value, &first, &rest) || !bytes_equal(rest, BYTES_TEXT(ASSET))) return false;
    if (!form_number(first, &out->price)) return false;
    if (!form_take_number(&text, "total", &out->total) || !form_take_number(&text, "fee", &out->fee)) return false;
    if (!form_take_line(&text, "voucher", &value) || !form_split(value, &first, &rest)) return false;
    if (!form_number(first, &out->voucher)) return false;
    if (!bytes_equal(rest, BYTES("-", 1)) && (!form_number(rest, &out->programme) || out->programme == 0)) return false;
    if (!form_take_hash(&text, "content", out->content_root, &out->has_content)) return false;
    if (!form_take_hash(&text, "key", out->key_commitment, &has_key) || has_key != out->has_content) return false;
    if (!form_take_hash(&text, "terms", out->terms_hash, &has_terms) || !has_terms) return false;
    return text.len == 0;
}

enum tide_err settlement_parse(struct bytes text, struct settlement *out)
{
    struct form again;

    memset(out, 0, sizeof *out);
    if (parse_text(text, out) && format_text(out, &again) && bytes_equal(text, BYTES(again.bytes, again.len))) {
        return TIDE_OK;
    }
    memset(out, 0, sizeof *out);
    return TIDE_EMALFORMED;
}

/* ---- the receipt ---- */

/* A note as far as the split needs it: a text, an empty line, then signature lines to the end. */
static bool ends_in_signatures(struct bytes note)
{
    size_t n_lines = 0;
    size_t end = note.len;

    while (end > 0 && note.data[end - 1] == '\n') {
        size_t start = end - 1;
        while (start > 0 && note.data[start - 1] != '\n') start--;
        if (start == end - 1) return n_lines > 0 && start > 0; /* the empty line, with a text before it */
        if (end - start < sizeof SIGNATURE_START - 1) return false;
        if (memcmp(note.data + start, SIGNATURE_START, sizeof SIGNATURE_START - 1) != 0) return false;
        n_lines++;
        end = start;
    }
    return false;
}

/* What a proof begins with, and with it its end: an empty line, a text, an empty line, lines of signatures. */
static bool take_proof(struct bytes *rest, struct bytes *proof)
{
    static const char first[] = PROOF_FIRST_LINE "\n";
    size_t at = sizeof first - 1;

    if (rest->len < at || memcmp(rest->data, first, at) != 0) return false;
    for (int gaps = 0; gaps < 2; gaps++) {
        const uint8_t *gap = memmem(rest->data + at, rest->len - at, "\n\n", 2);
        if (gap == NULL) return false;
        at = (size_t)(gap - rest->data) + 2;
    }
    size_t signatures_at = at;
    while (rest->len - at >= sizeof SIGNATURE_START - 1 &&
           memcmp(rest->data + at, SIGNATURE_START, sizeof SIGNATURE_START - 1) == 0) {
        const uint8_t *end = memchr(rest->data + at, '\n', rest->len - at);
        if (end == NULL) return false;
        at = (size_t)(end - rest->data) + 1;
    }
    if (at == signatures_at) return false;
    *proof = BYTES(rest->data, at);
    *rest = BYTES(rest->data + at, rest->len - at);
    return true;
}

static bool take_changes(struct bytes rest, struct receipt *out)
{
    while (rest.len > 0) {
        if (rest.data[0] != '\n' || out->n_changes == RECEIPT_CHANGES_MAX) return false;
        rest = BYTES(rest.data + 1, rest.len - 1);
        if (!take_proof(&rest, &out->changes[out->n_changes])) return false;
        out->n_changes++;
    }
    return true;
}

enum tide_err receipt_parse(struct bytes file, struct receipt *out)
{
    static const char border[] = "\n\n" PROOF_FIRST_LINE "\n";
    struct receipt r;

    memset(&r, 0, sizeof r);
    memset(out, 0, sizeof *out);
    const uint8_t *at = file.len > 0 ? memmem(file.data, file.len, border, sizeof border - 1) : NULL;
    if (at == NULL) return TIDE_EMALFORMED;
    r.note = BYTES(file.data, (size_t)(at - file.data) + 1);
    struct bytes rest = BYTES(at + 2, file.len - r.note.len - 1);
    if (r.note.len > NOTE_MAX || !ends_in_signatures(r.note)) return TIDE_EMALFORMED;
    if (!take_proof(&rest, &r.proof) || !take_changes(rest, &r)) return TIDE_EMALFORMED;
    *out = r;
    return TIDE_OK;
}

static uint8_t *append(uint8_t *at, struct bytes part)
{
    if (part.len > 0) memcpy(at, part.data, part.len);
    return at + part.len;
}

struct bytes receipt_format(const struct receipt *r, struct arena *arena)
{
    struct receipt again;
    struct bytes file = {NULL, r->note.len + 1 + r->proof.len};

    for (size_t i = 0; i < r->n_changes; i++) file.len += 1 + r->changes[i].len;
    uint8_t *text = arena_alloc(arena, file.len + 1);
    if (text == NULL) return BYTES(NULL, 0);
    uint8_t *at = append(append(append(text, r->note), BYTES("\n", 1)), r->proof);
    for (size_t i = 0; i < r->n_changes; i++) at = append(append(at, BYTES("\n", 1)), r->changes[i]);
    *at = '\0';
    file.data = text;
    /* Parts that would come apart elsewhere are no receipt. */
    if (receipt_parse(file, &again) != TIDE_OK || again.note.len != r->note.len || again.proof.len != r->proof.len ||
        again.n_changes != r->n_changes) {
        return BYTES(NULL, 0);
    }
    return file;
}
