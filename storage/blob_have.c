/*
 * The bitmap of a content's chunks.
 *
 * Always holds: n_set is the number of set bits; bits past n_bits are 0; the file is replaced whole and carries a
 * checksum, so that it is one of the states that were stored, or is known to be damaged.
 * Not here: when a bit may be set (blobs.c).
 */
#include "storage/blob_have.h"

#include "storage/checksum.h"
#include "storage/files.h"

#include <stdlib.h>

#define SALT_HAVE 0

static uint64_t n_words(const struct blob_bits *bits)
{
    return (bits->n_bits + 63) / 64;
}

enum tide_err blob_bits_init(struct blob_bits *bits, uint64_t n_bits)
{
    memset(bits, 0, sizeof *bits);
    bits->n_bits = n_bits;
    bits->words = calloc((size_t)n_words(bits) + 1, sizeof *bits->words); /* one more: the file's checksum */
    return bits->words == NULL ? TIDE_ENOMEM : TIDE_OK;
}

void blob_bits_deinit(struct blob_bits *bits)
{
    free(bits->words);
    memset(bits, 0, sizeof *bits);
}

void blob_bits_clear(struct blob_bits *bits)
{
    memset(bits->words, 0, (size_t)n_words(bits) * sizeof *bits->words);
    bits->n_set = 0;
}

bool blob_bits_get(const struct blob_bits *bits, uint64_t bit)
{
    ASSERT(bit < bits->n_bits);
    return (bits->words[bit / 64] >> (bit % 64) & 1) != 0;
}

void blob_bits_set(struct blob_bits *bits, uint64_t bit)
{
    if (blob_bits_get(bits, bit)) return;
    bits->words[bit / 64] |= UINT64_C(1) << (bit % 64);
    bits->n_set++;
}

/* The first bit from `from` on that is `set`, or n_bits. */
static uint64_t find_bit(const struct blob_bits *bits, uint64_t from, bool set)
{
    while (from < bits->n_bits) {
        uint64_t word = bits->words[from / 64];
        word = (set ? word : ~word) >> (from % 64);
        if (word != 0) {
            from += (uint64_t)__builtin_ctzll(word);
            return from < bits->n_bits ? from : bits->n_bits;
        }
        from = (from / 64 + 1) * 64;
    }
    return bits->n_bits;
}

uint64_t blob_bits_next_missing(const struct blob_bits *bits, uint64_t from)
{
    return find_bit(bits, from, false);
}

size_t blob_bits_missing(const struct blob_bits *bits, struct blob_range *out, size_t room)
{
    size_t n = 0;
    uint64_t at = 0;
    while (n < room && (at = find_bit(bits, at, false)) < bits->n_bits) {
        uint64_t end = find_bit(bits, at, true);
        out[n++] = (struct blob_range){at, end - at};
        at = end;
    }
    return n;
}

static uint64_t sum_of(const struct blob_bits *bits)
{
    return checksum_of(SALT_HAVE, BYTES(&bits->n_bits, sizeof bits->n_bits),
                       BYTES(bits->words, (size_t)n_words(bits) * sizeof *bits->words));
}

enum tide_err blob_bits_load(struct blob_bits *bits, const char *path)
{
    size_t len, expected = ((size_t)n_words(bits) + 1) * sizeof *bits->words;
    uint64_t unused = bits->n_bits % 64 == 0 ? 0 : UINT64_MAX << (bits->n_bits % 64);
    enum tide_err err = files_read(path, bits->words, expected, &len);

    if (err == TIDE_ELIMIT || (err == TIDE_OK && len != expected)) err = TIDE_EDAMAGED;
    if (err == TIDE_OK && bits->words[n_words(bits)] != sum_of(bits)) err = TIDE_EDAMAGED;
    if (err == TIDE_OK && (bits->words[n_words(bits) - 1] & unused) != 0) err = TIDE_EDAMAGED;
    if (err != TIDE_OK) {
        blob_bits_clear(bits);
        return err;
    }
    bits->n_set = 0;
    for (uint64_t i = 0; i < n_words(bits); i++) bits->n_set += (uint64_t)__builtin_popcountll(bits->words[i]);
    return TIDE_OK;
}

enum tide_err blob_bits_store(const struct blob_bits *bits, const char *path)
{
    bits->words[n_words(bits)] = sum_of(bits);
    return files_replace(path, BYTES(bits->words, ((size_t)n_words(bits) + 1) * sizeof *bits->words));
}
