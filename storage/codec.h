/*
 * msgpack as Tidemark allows it: arrays of fixed length, unsigned and signed integers in their shortest form,
 * UTF-8 strings, byte strings; no maps, floats, nil, bool or ext; nothing after the last byte (docs/formats.md,
 * "Codec rules"). The pre-walk proves all that over the raw bytes before msgpack-c sees them.
 */
#ifndef TIDEMARK_STORAGE_CODEC_H
#define TIDEMARK_STORAGE_CODEC_H

#include "storage/arena.h"

/*
 * TIDE_OK if `in` is exactly one allowed value within the limits (elements, depth, every length at most the bytes
 * left). TIDE_EMALFORMED otherwise. Allocates nothing, reads every byte at most once.
 */
MUST_USE enum tide_err codec_prewalk(struct bytes in);

/* A growing output with a sticky error: check `err` once at the end. */
struct codec_writer {
    uint8_t *data; /* in `arena` */
    size_t len;
    size_t room;
    size_t limit; /* TIDE_ELIMIT past this */
    struct arena *arena;
    enum tide_err err;
};

void codec_writer_init(struct codec_writer *w, struct arena *arena, size_t limit);
void codec_put_array(struct codec_writer *w, size_t n);
void codec_put_u64(struct codec_writer *w, uint64_t value);
void codec_put_i64(struct codec_writer *w, int64_t value); /* shortest form: non-negative ones as unsigned */
void codec_put_bin(struct codec_writer *w, struct bytes value);
void codec_put_text(struct codec_writer *w, struct bytes value);
struct bytes codec_writer_bytes(const struct codec_writer *w);

/* A decoded value: msgpack-c's object behind our name, so that <msgpack.h> stays in storage. */
struct codec_value {
    const void *object;
};

/* codec_prewalk and unpacking into `arena`; byte strings point into `in`, which must outlive *out. */
MUST_USE enum tide_err codec_unpack(struct bytes in, struct arena *arena, struct codec_value *out);

/*
 * The two numbers at the front of an array of exactly `n_items`, read from the raw bytes: true if they are there,
 * whatever follows them. Lets a frame that is malformed further on be answered under its request id.
 */
MUST_USE bool codec_peek_ids(struct bytes in, size_t n_items, uint64_t *first, uint64_t *second);

/* Typed access: false if the value is of another type. */
MUST_USE bool codec_get_array(struct codec_value v, size_t *n);
MUST_USE bool codec_get_item(struct codec_value v, size_t i, struct codec_value *item);
MUST_USE bool codec_get_u64(struct codec_value v, uint64_t *out);
MUST_USE bool codec_get_i64(struct codec_value v, int64_t *out);
MUST_USE bool codec_get_bin(struct codec_value v, struct bytes *out);
MUST_USE bool codec_get_text(struct codec_value v, struct bytes *out);

/* True if `in` is well-formed UTF-8 (no surrogates, no overlong forms). */
bool utf8_is_valid(struct bytes in);

#endif
