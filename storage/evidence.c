/*
 * Evidence as bytes (evidence.h).
 *
 * Always holds: what decodes is, encoded again, the same bytes. A decoded chunk and proof are no longer than the longest
 * there can be.
 * Not here: sealing (crypto/age.h), what it shows (judge.c).
 */
#include "storage/evidence.h"

#include "crypto/age.h"
#include "storage/limits.h"

#define EVIDENCE_VERSION 1u
#define EVIDENCE_ITEMS 5u

static bool is_within_bounds(const struct evidence *e)
{
    return e->chunk <= LIMIT_AMOUNT && e->sealed.len <= AGE_SEALED_CHUNK_BYTES && e->n_proof <= EVIDENCE_PROOF_MAX;
}

enum tide_err evidence_encode(const struct evidence *e, struct arena *arena, struct bytes *out)
{
    struct codec_writer w;

    *out = BYTES(NULL, 0);
    if (!is_within_bounds(e)) return TIDE_EINVAL;
    codec_writer_init(&w, arena, LIMIT_EVIDENCE_BYTES);
    codec_put_array(&w, EVIDENCE_ITEMS);
    codec_put_u64(&w, EVIDENCE_VERSION);
    codec_put_bin(&w, BYTES(e->secret, sizeof e->secret));
    codec_put_u64(&w, e->chunk);
    codec_put_bin(&w, e->sealed);
    codec_put_array(&w, e->n_proof);
    for (size_t i = 0; i < e->n_proof; i++) codec_put_bin(&w, BYTES(e->proof[i], HASH_BYTES));
    *out = codec_writer_bytes(&w);
    return w.err;
}

static bool get_bin32(struct codec_value array, size_t i, uint8_t out[32])
{
    struct codec_value item;
    struct bytes bin;

    if (!codec_get_item(array, i, &item) || !codec_get_bin(item, &bin) || bin.len != 32) return false;
    memcpy(out, bin.data, 32);
    return true;
}

static bool get_proof(struct codec_value proof, struct evidence *out)
{
    if (!codec_get_array(proof, &out->n_proof) || out->n_proof > EVIDENCE_PROOF_MAX) return false;
    for (size_t i = 0; i < out->n_proof; i++)
        if (!get_bin32(proof, i, out->proof[i])) return false;
    return true;
}

static bool get_evidence(struct codec_value array, struct evidence *out)
{
    struct codec_value item;
    size_t n;
    uint64_t version;

    if (!codec_get_array(array, &n) || n != EVIDENCE_ITEMS) return false;
    if (!codec_get_item(array, 0, &item) || !codec_get_u64(item, &version) || version != EVIDENCE_VERSION) return false;
    if (!get_bin32(array, 1, out->secret)) return false;
    if (!codec_get_item(array, 2, &item) || !codec_get_u64(item, &out->chunk)) return false;
    if (!codec_get_item(array, 3, &item) || !codec_get_bin(item, &out->sealed)) return false;
    if (!codec_get_item(array, 4, &item) || !get_proof(item, out)) return false;
    return is_within_bounds(out);
}

enum tide_err evidence_decode(struct bytes in, struct arena *arena, struct evidence *out)
{
    struct codec_value value;

    memset(out, 0, sizeof *out);
    if (in.len > LIMIT_EVIDENCE_BYTES) return TIDE_EMALFORMED;
    enum tide_err err = codec_unpack(in, arena, &value);
    if (err == TIDE_OK && !get_evidence(value, out)) err = TIDE_EMALFORMED;
    if (err != TIDE_OK) explicit_bzero(out, sizeof *out);
    return err;
}
