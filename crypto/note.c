/*
 * C2SP signed notes v1.0.0: keys, signature lines, and checking a note against the keys one knows.
 *
 * Always holds: a note that verifies has at least one right line and no wrong line of a known key; every byte of it
 * was looked at (UTF-8, no control character but \n, every line well formed, unknown keys' lines too).
 * Not here: what the text means (checkpoint.c, the market's settlement text).
 */
#include "crypto/note.h"

#include "crypto/hash.h"
#include "crypto/lines.h"

#include <sodium.h>
#include <stdio.h>

#define DASH "\xe2\x80\x94 " /* U+2014 and a space */
#define KEY_ID_BYTES 4
#define TIME_BYTES 8
#define COSIGNATURE_BYTES (TIME_BYTES + SIGN_BYTES)
#define COSIGNATURE_HEAD_MAX 48 /* "cosignature/v1\ntime <19 digits>\n" */

/* Takes one code point of well-formed UTF-8 (no overlong form, no surrogate) off *text. */
static bool utf8_take(struct bytes *text, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text->data[0];
    size_t len = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
    if (len == 0 || len > text->len) return false;
    uint32_t value = len == 1 ? first : first & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (text->data[i] >> 6 != 2) return false;
        value = value << 6 | (text->data[i] & 0x3f);
    }
    if (value < least[len] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return false;
    *code = value;
    *text = BYTES(text->data + len, text->len - len);
    return true;
}

/* Unicode's White_Space. */
static bool is_space(uint32_t code)
{
    return code == 0x20 || (code >= 0x09 && code <= 0x0d) || code == 0x85 || code == 0xa0 || code == 0x1680 ||
           (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
           code == 0x205f || code == 0x3000;
}

static bool name_is_good(struct bytes name)
{
    uint32_t code;
    if (name.len == 0) return false;
    while (name.len > 0) {
        if (!utf8_take(&name, &code)) return false;
        if (code < 0x20 || code == 0x7f || code == '+' || is_space(code)) return false;
    }
    return true;
}

static bool note_text_is_good(struct bytes note)
{
    uint32_t code;
    while (note.len > 0) {
        if (!utf8_take(&note, &code)) return false;
        if (code < 0x20 && code != '\n') return false;
    }
    return true;
}

enum tide_err note_key_init(const char *name, uint8_t type, const uint8_t public_key[SIGN_PUBLIC_BYTES],
                            struct note_key *out)
{
    uint8_t digest[HASH_BYTES];
    size_t name_len = strlen(name);

    memset(out, 0, sizeof *out);
    if (name_len > NOTE_NAME_MAX || !name_is_good(BYTES(name, name_len))) return TIDE_EINVAL;
    if (type != NOTE_TYPE_ED25519 && type != NOTE_TYPE_COSIGNATURE) return TIDE_EINVAL;
    const uint8_t separator_and_type[2] = {'\n', type};
    sha256_parts((struct bytes[]){BYTES(name, name_len), BYTES(separator_and_type, 2),
                                  BYTES(public_key, SIGN_PUBLIC_BYTES)},
                 3, digest);
    memcpy(out->name, name, name_len);
    out->type = type;
    memcpy(out->id, digest, sizeof out->id);
    memcpy(out->public_key, public_key, SIGN_PUBLIC_BYTES);
    return TIDE_OK;
}

void note_key_format(const struct note_key *key, char out[NOTE_VKEY_MAX])
{
    uint8_t typed[1 + SIGN_PUBLIC_BYTES] = {key->type};
    char base64[(sizeof typed + 2) / 3 * 4 + 1];
    char id[2 * KEY_ID_BYTES + 1];

    memcpy(typed + 1, key->public_key, SIGN_PUBLIC_BYTES);
    base64_encode(BYTES(typed, sizeof typed), base64);
    sodium_bin2hex(id, sizeof id, key->id, KEY_ID_BYTES);
    snprintf(out, NOTE_VKEY_MAX, "%s+%s+%s", key->name, id, base64);
}

enum tide_err note_key_parse(struct bytes text, struct note_key *out)
{
    char name[NOTE_NAME_MAX + 1], canonical[NOTE_VKEY_MAX];
    uint8_t typed[1 + SIGN_PUBLIC_BYTES];
    size_t typed_len;

    memset(out, 0, sizeof *out);
    const uint8_t *plus = text.len > 0 ? memchr(text.data, '+', text.len) : NULL;
    if (plus == NULL) return TIDE_EMALFORMED;
    size_t name_len = (size_t)(plus - text.data);
    size_t key_at = name_len + 1 + 2 * KEY_ID_BYTES + 1;
    if (name_len > NOTE_NAME_MAX || text.len < key_at || memchr(text.data, '\0', name_len) != NULL) {
        return TIDE_EMALFORMED;
    }
    memcpy(name, text.data, name_len);
    name[name_len] = '\0';
    if (base64_decode(BYTES(text.data + key_at, text.len - key_at), typed, sizeof typed, &typed_len) != TIDE_OK ||
        typed_len != sizeof typed || note_key_init(name, typed[0], typed + 1, out) != TIDE_OK) {
        return TIDE_EMALFORMED;
    }
    /* The id in the text must be the one that follows from name and key, in its one form. */
    note_key_format(out, canonical);
    if (bytes_equal(BYTES_TEXT(canonical), text)) return TIDE_OK;
    memset(out, 0, sizeof *out);
    return TIDE_EMALFORMED;
}

static void format_line(const struct note_key *key, struct bytes signature, char line[NOTE_LINE_MAX])
{
    uint8_t blob[KEY_ID_BYTES + COSIGNATURE_BYTES];
    char base64[(sizeof blob + 2) / 3 * 4 + 1];

    ASSERT(signature.len <= COSIGNATURE_BYTES);
    memcpy(blob, key->id, KEY_ID_BYTES);
    memcpy(blob + KEY_ID_BYTES, signature.data, signature.len);
    base64_encode(BYTES(blob, KEY_ID_BYTES + signature.len), base64);
    snprintf(line, NOTE_LINE_MAX, DASH "%s %s\n", key->name, base64);
}

void note_format_line(const struct note_key *key, const uint8_t signature[SIGN_BYTES], char line[NOTE_LINE_MAX])
{
    ASSERT(key->type == NOTE_TYPE_ED25519);
    format_line(key, BYTES(signature, SIGN_BYTES), line);
}

void note_sign_line(const struct note_key *key, const uint8_t secret_key[SIGN_SECRET_BYTES], struct bytes text,
                    char line[NOTE_LINE_MAX])
{
    uint8_t signature[SIGN_BYTES];
    sign_message(secret_key, DOMAIN_NONE, text, signature);
    note_format_line(key, signature, line);
}

static void cosignature_head(uint64_t time_s, char head[COSIGNATURE_HEAD_MAX])
{
    snprintf(head, COSIGNATURE_HEAD_MAX, "cosignature/v1\ntime %llu\n", (unsigned long long)time_s);
}

void note_cosign_line(const struct note_key *key, const uint8_t secret_key[SIGN_SECRET_BYTES], struct bytes text,
                      uint64_t time_s, char line[NOTE_LINE_MAX])
{
    char head[COSIGNATURE_HEAD_MAX];
    uint8_t signature[COSIGNATURE_BYTES];

    ASSERT(key->type == NOTE_TYPE_COSIGNATURE && time_s <= INT64_MAX);
    cosignature_head(time_s, head);
    be64_put(signature, time_s);
    sign_message(secret_key, head, text, signature + TIME_BYTES);
    format_line(key, BYTES(signature, sizeof signature), line);
}

/* One signature line, taken apart. `base64` was seen to be well formed only as far as the key id. */
struct signature_line {
    struct bytes name;
    struct bytes base64;
    uint8_t id[KEY_ID_BYTES];
};

static bool is_base64_char(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* The shape of base64 of at least an id and one byte, however long; a known key's line is decoded strictly later. */
static bool signature_shape_is_good(struct bytes base64, uint8_t id[KEY_ID_BYTES])
{
    uint8_t start[6];
    size_t start_len, len = base64.len;

    if (len < 8 || len % 4 != 0) return false;
    if (base64.data[len - 1] == '=') len--;
    if (base64.data[len - 1] == '=') len--;
    for (size_t i = 0; i < len; i++) {
        if (!is_base64_char(base64.data[i])) return false;
    }
    if (base64_decode(BYTES(base64.data, 8), start, sizeof start, &start_len) != TIDE_OK) return false;
    if (start_len <= KEY_ID_BYTES) return false;
    memcpy(id, start, KEY_ID_BYTES);
    return true;
}

static bool signature_line_parse(struct bytes line, struct signature_line *out)
{
    if (!prefix_take(&line, DASH) || line.len == 0) return false;
    const uint8_t *space = memchr(line.data, ' ', line.len);
    if (space == NULL) return false;
    out->name = BYTES(line.data, (size_t)(space - line.data));
    out->base64 = BYTES(space + 1, line.len - out->name.len - 1);
    return name_is_good(out->name) && signature_shape_is_good(out->base64, out->id);
}

static bool line_is_of(const struct signature_line *line, const struct note_key *key)
{
    return bytes_equal(line->name, BYTES_TEXT(key->name)) && memcmp(line->id, key->id, KEY_ID_BYTES) == 0;
}

/* *time_s: when a witness signed, 0 for a plain signature. */
static bool line_verify(const struct signature_line *line, const struct note_key *key, struct bytes text,
                        uint64_t *time_s)
{
    uint8_t blob[KEY_ID_BYTES + COSIGNATURE_BYTES];
    const uint8_t *signature = blob + KEY_ID_BYTES;
    char head[COSIGNATURE_HEAD_MAX];
    size_t blob_len;

    *time_s = 0;
    if (base64_decode(line->base64, blob, sizeof blob, &blob_len) != TIDE_OK) return false;
    if (key->type == NOTE_TYPE_ED25519) {
        return blob_len == KEY_ID_BYTES + SIGN_BYTES &&
               sign_verify(key->public_key, DOMAIN_NONE, text, signature) == TIDE_OK;
    }
    if (key->type != NOTE_TYPE_COSIGNATURE || blob_len != sizeof blob) return false;
    *time_s = be64_get(signature);
    if (*time_s > INT64_MAX) return false;
    cosignature_head(*time_s, head);
    return sign_verify(key->public_key, head, text, signature + TIME_BYTES) == TIDE_OK;
}

/* Splits a note at its last empty line; both parts keep their last \n. */
static bool note_split(struct bytes note, struct bytes *text, struct bytes *signatures)
{
    if (note.len < 3 || note.data[note.len - 1] != '\n') return false;
    for (size_t at = note.len - 2; at > 0; at--) {
        if (note.data[at] != '\n' || note.data[at - 1] != '\n') continue;
        *text = BYTES(note.data, at);
        *signatures = BYTES(note.data + at + 1, note.len - at - 1);
        return true;
    }
    return false;
}

/* Checks one line against every known key. */
static enum tide_err check_line(const struct signature_line *line, const struct note_key *keys, size_t n_keys,
                                struct note_result *out)
{
    for (size_t i = 0; i < n_keys; i++) {
        uint64_t time_s;
        if (!line_is_of(line, &keys[i])) continue;
        if (!line_verify(line, &keys[i], out->text, &time_s)) return TIDE_EAUTH;
        if (out->verified[i]) continue;
        out->verified[i] = true;
        out->time_s[i] = time_s;
        out->n_verified++;
    }
    return TIDE_OK;
}

enum tide_err note_verify(struct bytes note, const struct note_key *keys, size_t n_keys, struct note_result *out)
{
    struct signature_line lines[NOTE_SIGNATURES_MAX];
    struct bytes text, signatures, line;
    size_t n_lines = 0;

    memset(out, 0, sizeof *out);
    ASSERT(n_keys <= NOTE_SIGNATURES_MAX);
    if (note.len > NOTE_MAX || !note_text_is_good(note) || !note_split(note, &text, &signatures)) {
        return TIDE_EMALFORMED;
    }
    while (line_take(&signatures, &line)) {
        if (n_lines == NOTE_SIGNATURES_MAX || !signature_line_parse(line, &lines[n_lines++])) return TIDE_EMALFORMED;
    }
    if (n_lines == 0) return TIDE_EMALFORMED;

    out->text = text;
    for (size_t i = 0; i < n_lines; i++) {
        enum tide_err err = check_line(&lines[i], keys, n_keys, out);
        if (err != TIDE_OK) {
            memset(out, 0, sizeof *out);
            return err;
        }
    }
    if (out->n_verified > 0) return TIDE_OK;
    memset(out, 0, sizeof *out);
    return TIDE_EAUTH;
}
