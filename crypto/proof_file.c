/*
 * C2SP tlog-proof files: an index, an inclusion proof and the checkpoint it leads to, in one text.
 *
 * Always holds: what parses is, formatted again, the same bytes. Nothing in it is believed here: the leaf, the
 * proof and the checkpoint's signatures are the reader's to check, and `extra` is authenticated by nothing.
 */
#include "crypto/note.h"

#include "crypto/lines.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_LINE "c2sp.org/tlog-proof@v1"
#define HASH_TEXT_LEN ((HASH_BYTES + 2) / 3 * 4)

enum tide_err proof_file_format(const struct proof_file *proof, char **out, size_t *out_len)
{
    *out = NULL;
    *out_len = 0;
    if (proof->index > INT64_MAX || proof->proof.n > MERKLE_DEPTH_MAX || proof->extra.len > NOTE_MAX ||
        proof->checkpoint.len == 0 || proof->checkpoint.len > NOTE_MAX) {
        return TIDE_EINVAL;
    }
    size_t room = sizeof FIRST_LINE + sizeof "extra \nindex \n" + 20 + (proof->extra.len + 2) / 3 * 4 +
                  proof->proof.n * (HASH_TEXT_LEN + 1) + 1 + proof->checkpoint.len + 1;
    char *text = malloc(room);
    if (text == NULL) return TIDE_ENOMEM;

    char *at = stpcpy(text, FIRST_LINE "\n");
    if (proof->extra.len > 0) {
        at = stpcpy(at, "extra ");
        at += base64_encode(proof->extra, at);
        *at++ = '\n';
    }
    at += sprintf(at, "index %llu\n", (unsigned long long)proof->index);
    for (size_t i = 0; i < proof->proof.n; i++) {
        at += base64_encode(BYTES(proof->proof.hashes[i], HASH_BYTES), at);
        *at++ = '\n';
    }
    *at++ = '\n';
    memcpy(at, proof->checkpoint.data, proof->checkpoint.len);
    at += proof->checkpoint.len;
    *at = '\0';
    ASSERT((size_t)(at - text) < room);
    *out = text;
    *out_len = (size_t)(at - text);
    return TIDE_OK;
}

/* The hash lines and the empty line after them. */
static enum tide_err hashes_parse(struct bytes *text, struct merkle_proof *out)
{
    struct bytes line;
    size_t hash_len;

    while (line_take(text, &line)) {
        if (line.len == 0) return TIDE_OK;
        if (out->n == MERKLE_DEPTH_MAX) return TIDE_EMALFORMED;
        if (base64_decode(line, out->hashes[out->n], HASH_BYTES, &hash_len) != TIDE_OK || hash_len != HASH_BYTES) {
            return TIDE_EMALFORMED;
        }
        out->n++;
    }
    return TIDE_EMALFORMED;
}

static enum tide_err parse(struct bytes text, uint8_t *scratch, size_t scratch_len, struct proof_file *out)
{
    struct bytes line;

    if (!line_take(&text, &line) || !bytes_equal(line, BYTES_TEXT(FIRST_LINE))) return TIDE_EMALFORMED;
    if (!line_take(&text, &line)) return TIDE_EMALFORMED;
    if (prefix_take(&line, "extra ")) {
        if (base64_decode(line, scratch, scratch_len, &out->extra.len) != TIDE_OK || out->extra.len == 0) {
            return TIDE_EMALFORMED;
        }
        out->extra.data = scratch;
        if (!line_take(&text, &line)) return TIDE_EMALFORMED;
    }
    if (!prefix_take(&line, "index ") || !decimal_parse(line, &out->index)) return TIDE_EMALFORMED;
    if (hashes_parse(&text, &out->proof) != TIDE_OK) return TIDE_EMALFORMED;
    if (text.len == 0 || text.len > NOTE_MAX) return TIDE_EMALFORMED;
    out->checkpoint = text;
    return TIDE_OK;
}

enum tide_err proof_file_parse(struct bytes text, uint8_t *scratch, size_t scratch_len, struct proof_file *out)
{
    memset(out, 0, sizeof *out);
    enum tide_err err = parse(text, scratch, scratch_len, out);
    if (err != TIDE_OK) memset(out, 0, sizeof *out);
    return err;
}
