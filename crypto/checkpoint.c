/*
 * C2SP checkpoints (tlog-checkpoint v1.0.0): origin, size and root as the text of a signed note.
 *
 * Always holds: exactly three lines, no extension lines; the name of the key that signs is the origin.
 * Not here: whether two checkpoints are consistent (merkle.c); that the head is durable before it is signed.
 */
#include "crypto/note.h"

#include "crypto/lines.h"

#include <stdio.h>

#define ROOT_TEXT_MAX ((HASH_BYTES + 2) / 3 * 4 + 1)

size_t checkpoint_sign(const struct checkpoint *cp, const struct note_key *key,
                       const uint8_t secret_key[SIGN_SECRET_BYTES], char out[CHECKPOINT_MAX])
{
    char root[ROOT_TEXT_MAX], line[NOTE_LINE_MAX];

    ASSERT(strcmp(cp->origin, key->name) == 0);
    base64_encode(BYTES(cp->root, HASH_BYTES), root);
    int text_len = snprintf(out, CHECKPOINT_MAX, "%s\n%llu\n%s\n", cp->origin, (unsigned long long)cp->size, root);
    ASSERT(text_len > 0 && (size_t)text_len + 1 + sizeof line <= CHECKPOINT_MAX);
    note_sign_line(key, secret_key, BYTES(out, (size_t)text_len), line);
    int tail_len = snprintf(out + text_len, CHECKPOINT_MAX - (size_t)text_len, "\n%s", line);
    return (size_t)text_len + (size_t)tail_len;
}

enum tide_err checkpoint_parse(struct bytes text, struct checkpoint *out)
{
    struct bytes origin, size, root;
    size_t root_len;

    memset(out, 0, sizeof *out);
    if (text.len > CHECKPOINT_MAX || !line_take(&text, &origin) || !line_take(&text, &size) ||
        !line_take(&text, &root) || text.len != 0) {
        return TIDE_EMALFORMED;
    }
    if (origin.len == 0 || origin.len > NOTE_NAME_MAX || memchr(origin.data, '\0', origin.len) != NULL ||
        !decimal_parse(size, &out->size) || base64_decode(root, out->root, HASH_BYTES, &root_len) != TIDE_OK ||
        root_len != HASH_BYTES) {
        memset(out, 0, sizeof *out);
        return TIDE_EMALFORMED;
    }
    memcpy(out->origin, origin.data, origin.len);
    return TIDE_OK;
}

enum tide_err checkpoint_verify(struct bytes note, const struct note_key *key, struct checkpoint *out)
{
    struct note_result result;

    memset(out, 0, sizeof *out);
    enum tide_err err = note_verify(note, key, 1, &result);
    if (err == TIDE_OK) err = checkpoint_parse(result.text, out);
    if (err == TIDE_OK && strcmp(out->origin, key->name) != 0) {
        memset(out, 0, sizeof *out);
        err = TIDE_EAUTH;
    }
    return err;
}
