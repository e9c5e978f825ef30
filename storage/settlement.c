/*
 * The settlement text, built and taken apart; the receipt file, a note and a proof one after the other.
 *
 * Always holds: what parses is, formatted again, the same bytes; so two parties that agree on the values sign the same
 * text.
 * Not here: signatures, keys, whether a proof holds.
 */
#include "storage/settlement.h"

#include "crypto/identity.h"
#include "storage/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define FIRST_LINE "tidemark/settlement/v1"
#define ASSET "CNY"
#define PROOF_FIRST_LINE "c2sp.org/tlog-proof@v1"
#define SIGNATURE_START "\xe2\x80\x94 " /* U+2014, space */
#define HEX_LEN 64

/* ---- writing ---- */

/* The text as it grows; `full` sticks. */
struct text {
    char bytes[SETTLEMENT_TEXT_MAX];
    size_t len;
    bool full;
};

static void __attribute__((format(printf, 2, 3))) text_add(struct text *t, const char *format, ...)
{
    va_list args;
    size_t room = sizeof t->bytes - t->len;

    va_start(args, format);
    int n = vsnprintf(t->bytes + t->len, room, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= room) t->full = true;
    else t->len += (size_t)n;
}

static void add_party(struct text *t, const char *name, const uint8_t key[32])
{
    char party[BECH32_TEXT_MAX];
    bech32_encode(PARTY_PREFIX, key, party);
    text_add(t, "%s %s\n", name, party);
}

static void add_hash(struct text *t, const char *name, const uint8_t *hash)
{
    text_add(t, "%s ", name);
    for (size_t i = 0; hash != NULL && i < HASH_BYTES; i++) text_add(t, "%02x", hash[i]);
    text_add(t, hash == NULL ? "-\n" : "\n");
}

/* One line of it, and nothing that a terminal or a lawyer could read as another: no control characters (C0, C1). */
static bool is_line(struct bytes in, size_t max)
{
    if (in.len == 0 || in.len > max) return false;
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] < 0x20 || in.data[i] == 0x7f) return false;
        if (in.data[i] == 0xc2 && i + 1 < in.len && in.data[i + 1] >= 0x80 && in.data[i + 1] < 0xa0) return false;
    }
    return true;
}

static bool format_text(const struct settlement *s, struct text *t)
{
    t->len = 0;
    t->full = false;
    if (!is_line(s->origin, LIMIT_ORIGIN_BYTES) || !is_line(s->title, LIMIT_TITLE_BYTES)) return false;
    text_add(t, FIRST_LINE "\nmarket %.*s\n", (int)s->origin.len, (const char *)s->origin.data);
    text_add(t, "trade %" PRIu64 "\nlisting %" PRIu64 " %.*s\n", s->trade, s->listing, (int)s->title.len,
             (const char *)s->title.data);
    add_party(t, "vendor", s->vendor);
    add_party(t, "buyer", s->buyer);
    text_add(t, "quantity %" PRIu64 "\nprice %" PRIu64 " " ASSET "\ntotal %" PRIu64 "\nfee %" PRIu64 "\n", s->quantity,
             s->price, s->total, s->fee);
    text_add(t, "voucher %" PRIu64 " ", s->voucher);
    if (s->programme != 0) text_add(t, "%" PRIu64 "\n", s->programme);
    else text_add(t, "-\n");
    add_hash(t, "content", s->has_content ? s->content_root : NULL);
    add_hash(t, "key", s->has_content ? s->key_commitment : NULL);
    add_hash(t, "terms", s->terms_hash);
    return !t->full;
}

struct bytes settlement_format(const struct settlement *s, struct arena *arena)
{
    struct text t;
    if (!format_text(s, &t)) return BYTES(NULL, 0);
    return arena_copy(arena, BYTES(t.bytes, t.len));
}

/* ---- reading ---- */

/* Takes the next line off *text if it begins with `name` and a space; *value is what follows. */
static bool take_line(struct bytes *text, const char *name, struct bytes *value)
{
    size_t name_len = strlen(name);
    const uint8_t *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
    if (end == NULL) return false;
    size_t len = (size_t)(end - text->data);
    if (len < name_len + 1 || memcmp(text->data, name, name_len) != 0 || text->data[name_len] != ' ') return false;
    *value = BYTES(text->data + name_len + 1, len - name_len - 1);
    *text = BYTES(end + 1, text->len - len - 1);
    return true;
}

/* Splits at the first space. */
static bool split(struct bytes in, struct bytes *first, struct bytes *rest)
{
    const uint8_t *space = in.len > 0 ? memchr(in.data, ' ', in.len) : NULL;
    if (space == NULL) return false;
    *first = BYTES(in.data, (size_t)(space - in.data));
    *rest = BYTES(space + 1, in.len - first->len - 1);
    return true;
}

/* Leading zeros and values above the limit are caught when the result is formatted again. */
static bool number(struct bytes in, uint64_t *out)
{
    *out = 0;
    if (in.len == 0 || in.len > 16) return false;
    for (size_t i = 0; i < in.len; i++) {
        if (in.data[i] < '0' || in.data[i] > '9') return false;
        *out = *out * 10 + (uint64_t)(in.data[i] - '0');
    }
    return *out <= LIMIT_AMOUNT;
}

static bool take_number(struct bytes *text, const char *name, uint64_t *out)
{
    struct bytes value;
    return take_line(text, name, &value) && number(value, out);
}

static bool take_party(struct bytes *text, const char *name, uint8_t out[32])
{
    struct bytes value;
    return take_line(text, name, &value) && bech32_decode(PARTY_PREFIX, value, out) == TIDE_OK;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* *is_there is false for "-". */
static bool take_hash(struct bytes *text, const char *name, uint8_t out[HASH_BYTES], bool *is_there)
{
    struct bytes value;
    if (!take_line(text, name, &value)) return false;
    *is_there = !bytes_equal(value, BYTES("-", 1));
    if (!*is_there) return true;
    if (value.len != HEX_LEN) return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = hex_digit(value.data[2 * i]), low = hex_digit(value.data[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool parse_text(struct bytes text, struct settlement *out)
{
    struct bytes value, first, rest;
    bool has_key, has_terms;
    size_t first_len = sizeof FIRST_LINE; /* with \n in place of NUL */

    if (text.len < first_len || memcmp(text.data, FIRST_LINE "\n", first_len) != 0) return false;
    text = BYTES(text.data + first_len, text.len - first_len);
    if (!take_line(&text, "market", &out->origin) || !take_number(&text, "trade", &out->trade)) return false;
    if (!take_line(&text, "listing", &value) || !split(value, &first, &out->title)) return false;
    if (!number(first, &out->listing)) return false;
    if (!take_party(&text, "vendor", out->vendor) || !take_party(&text, "buyer", out->buyer)) return false;
    if (!take_number(&text, "quantity", &out->quantity) || !take_line(&text, "price", &value)) return false;
    if (!split(value, &first, &rest) || !bytes_equal(rest, BYTES_TEXT(ASSET)) || !number(first, &out->price)) return false;
    if (!take_number(&text, "total", &out->total) || !take_number(&text, "fee", &out->fee)) return false;
    if (!take_line(&text, "voucher", &value) || !split(value, &first, &rest)) return false;
    if (!number(first, &out->voucher)) return false;
    if (!bytes_equal(rest, BYTES("-", 1)) && (!number(rest, &out->programme) || out->programme == 0)) return false;
    if (!take_hash(&text, "content", out->content_root, &out->has_content)) return false;
    if (!take_hash(&text, "key", out->key_commitment, &has_key) || has_key != out->has_content) return false;
    if (!take_hash(&text, "terms", out->terms_hash, &has_terms) || !has_terms) return false;
    return text.len == 0;
}

enum tide_err settlement_parse(struct bytes text, struct settlement *out)
{
    struct text again;

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

enum tide_err receipt_parse(struct bytes file, struct receipt *out)
{
    static const char border[] = "\n\n" PROOF_FIRST_LINE "\n";

    memset(out, 0, sizeof *out);
    const uint8_t *at = file.len > 0 ? memmem(file.data, file.len, border, sizeof border - 1) : NULL;
    if (at == NULL) return TIDE_EMALFORMED;
    struct bytes note = BYTES(file.data, (size_t)(at - file.data) + 1);
    if (note.len > NOTE_MAX || !ends_in_signatures(note)) return TIDE_EMALFORMED;
    out->note = note;
    out->proof = BYTES(at + 2, file.len - note.len - 1);
    return TIDE_OK;
}

struct bytes receipt_format(const struct receipt *r, struct arena *arena)
{
    struct receipt again;
    struct bytes file = {NULL, r->note.len + 1 + r->proof.len};
    uint8_t *text = arena_alloc(arena, file.len + 1);

    if (text == NULL) return BYTES(NULL, 0);
    if (r->note.len > 0) memcpy(text, r->note.data, r->note.len);
    text[r->note.len] = '\n';
    if (r->proof.len > 0) memcpy(text + r->note.len + 1, r->proof.data, r->proof.len);
    text[file.len] = '\0';
    file.data = text;
    /* Parts that would come apart elsewhere are no receipt. */
    if (receipt_parse(file, &again) != TIDE_OK || again.note.len != r->note.len) return BYTES(NULL, 0);
    return file;
}
