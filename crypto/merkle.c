/*
 * RFC 6962 §2.1 trees: appending, proving from any store of complete nodes, verifying.
 *
 * Always holds: tree->edge has popcount(size) hashes. Proving never asks the store for a node that is not complete
 * in a tree of the size proved for. Verifying follows RFC 9162 §2.1.3.2 and §2.1.4.2, in which a proof that is one
 * hash too long or too short fails.
 * Not here: where nodes are kept (storage/tiles).
 */
#include "crypto/merkle.h"

#define SIZE_MAX_PROVABLE (UINT64_C(1) << 62) /* above it a proof could need more than MERKLE_DEPTH_MAX hashes */

static const uint8_t leaf_tag;

void merkle_leaf_hash(struct bytes leaf, uint8_t out[HASH_BYTES])
{
    sha256_parts((struct bytes[]){BYTES(&leaf_tag, 1), leaf}, 2, out);
}

void merkle_leaf_hashes(const struct bytes *leaves, size_t n, uint8_t (*out)[HASH_BYTES])
{
    sha256_each(BYTES(&leaf_tag, 1), leaves, n, out);
}

void merkle_node_hash(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES], uint8_t out[HASH_BYTES])
{
    uint8_t node[1 + 2 * HASH_BYTES] = {1};
    memcpy(node + 1, left, HASH_BYTES);
    memcpy(node + 1 + HASH_BYTES, right, HASH_BYTES);
    sha256(BYTES(node, sizeof node), out);
}

void merkle_append(struct merkle_tree *tree, const uint8_t leaf_hash[HASH_BYTES])
{
    ASSERT(tree->size < SIZE_MAX_PROVABLE);
    unsigned top = (unsigned)__builtin_popcountll(tree->size);
    memcpy(tree->edge[top], leaf_hash, HASH_BYTES);
    /* Like adding one in binary: every trailing 1-bit is a subtree as large as what was just made. */
    for (uint64_t bits = tree->size; bits & 1; bits >>= 1, top--) {
        merkle_node_hash(tree->edge[top - 1], tree->edge[top], tree->edge[top - 1]);
    }
    tree->size++;
}

/* Folds subtrees, the largest first, to their root. n > 0. */
static void fold_right(uint8_t (*subtrees)[HASH_BYTES], unsigned n, uint8_t root[HASH_BYTES])
{
    uint8_t acc[HASH_BYTES];
    memcpy(acc, subtrees[n - 1], HASH_BYTES);
    for (unsigned i = n - 1; i > 0; i--) merkle_node_hash(subtrees[i - 1], acc, acc);
    memcpy(root, acc, HASH_BYTES);
}

void merkle_root(const struct merkle_tree *tree, uint8_t root[HASH_BYTES])
{
    uint8_t edge[64][HASH_BYTES];
    if (tree->size == 0) {
        sha256(BYTES(NULL, 0), root);
        return;
    }
    memcpy(edge, tree->edge, sizeof edge);
    fold_right(edge, (unsigned)__builtin_popcountll(tree->size), root);
}

/* The root of leaves [begin, end), where begin is a multiple of a power of two not below the length: not empty. */
static enum tide_err range_root(const struct merkle_store *store, uint64_t begin, uint64_t end,
                                uint8_t root[HASH_BYTES])
{
    uint8_t subtrees[64][HASH_BYTES];
    unsigned n = 0;
    uint64_t len = end - begin;
    ASSERT(begin < end);
    for (int level = 63; level >= 0; level--) {
        if ((len >> level & 1) == 0) continue;
        enum tide_err err = store->node(store->ctx, (unsigned)level, begin >> level, subtrees[n++]);
        if (err != TIDE_OK) return err;
        begin += UINT64_C(1) << level;
    }
    fold_right(subtrees, n, root);
    return TIDE_OK;
}

/* The largest power of two below n > 1: where RFC 6962 splits a tree. */
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* Proofs are found from the root down and told from the leaf up. */
static void proof_reverse(struct merkle_proof *proof)
{
    for (size_t i = 0, j = proof->n; i + 1 < j; i++) {
        uint8_t swap[HASH_BYTES];
        j--;
        memcpy(swap, proof->hashes[i], HASH_BYTES);
        memcpy(proof->hashes[i], proof->hashes[j], HASH_BYTES);
        memcpy(proof->hashes[j], swap, HASH_BYTES);
    }
}

static enum tide_err proof_push(const struct merkle_store *store, uint64_t begin, uint64_t end,
                                struct merkle_proof *out)
{
    ASSERT(out->n < MERKLE_DEPTH_MAX);
    enum tide_err err = range_root(store, begin, end, out->hashes[out->n]);
    if (err == TIDE_OK) out->n++;
    return err;
}

enum tide_err merkle_prove_inclusion(const struct merkle_store *store, uint64_t index, uint64_t size,
                                     struct merkle_proof *out)
{
    uint64_t begin = 0, end = size;
    enum tide_err err = TIDE_OK;

    out->n = 0;
    if (index >= size || size > SIZE_MAX_PROVABLE) return TIDE_EINVAL;
    while (end - begin > 1 && err == TIDE_OK) {
        uint64_t middle = begin + split_of(end - begin);
        if (index < middle) {
            err = proof_push(store, middle, end, out);
            end = middle;
        } else {
            err = proof_push(store, begin, middle, out);
            begin = middle;
        }
    }
    if (err != TIDE_OK) {
        out->n = 0;
        return err;
    }
    proof_reverse(out);
    return TIDE_OK;
}

enum tide_err merkle_prove_consistency(const struct merkle_store *store, uint64_t old_size, uint64_t size,
                                       struct merkle_proof *out)
{
    uint64_t begin = 0, end = size;
    enum tide_err err = TIDE_OK;

    out->n = 0;
    if (old_size > size || size > SIZE_MAX_PROVABLE) return TIDE_EINVAL;
    if (old_size == 0 || old_size == size) return TIDE_OK;
    while (old_size != end && err == TIDE_OK) {
        uint64_t middle = begin + split_of(end - begin);
        if (old_size <= middle) {
            err = proof_push(store, middle, end, out);
            end = middle;
        } else {
            err = proof_push(store, begin, middle, out);
            begin = middle;
        }
    }
    /* The old tree's own root need not be told; any other subtree on its edge must be. */
    if (err == TIDE_OK && begin > 0) err = proof_push(store, begin, end, out);
    if (err != TIDE_OK) {
        out->n = 0;
        return err;
    }
    proof_reverse(out);
    return TIDE_OK;
}

enum tide_err merkle_root_from_store(const struct merkle_store *store, uint64_t size, uint8_t root[HASH_BYTES])
{
    if (size == 0) {
        sha256(BYTES(NULL, 0), root);
        return TIDE_OK;
    }
    return range_root(store, 0, size, root);
}

enum tide_err merkle_verify_inclusion(const struct merkle_proof *proof, uint64_t index, uint64_t size,
                                      const uint8_t leaf_hash[HASH_BYTES], const uint8_t root[HASH_BYTES])
{
    uint8_t acc[HASH_BYTES];
    if (proof->n > MERKLE_DEPTH_MAX || index >= size) return TIDE_EAUTH;

    uint64_t at = index, last = size - 1; /* position of our subtree, and of the last one, at each level */
    memcpy(acc, leaf_hash, HASH_BYTES);
    for (size_t i = 0; i < proof->n; i++) {
        if (last == 0) return TIDE_EAUTH;
        if ((at & 1) != 0 || at == last) {
            merkle_node_hash(proof->hashes[i], acc, acc);
            while ((at & 1) == 0 && at != 0) at >>= 1, last >>= 1;
        } else {
            merkle_node_hash(acc, proof->hashes[i], acc);
        }
        at >>= 1, last >>= 1;
    }
    return last == 0 && memcmp(acc, root, HASH_BYTES) == 0 ? TIDE_OK : TIDE_EAUTH;
}

enum tide_err merkle_verify_consistency(const struct merkle_proof *proof, uint64_t old_size, uint64_t size,
                                        const uint8_t old_root[HASH_BYTES], const uint8_t root[HASH_BYTES])
{
    uint8_t old_acc[HASH_BYTES], acc[HASH_BYTES];
    size_t next = 0;

    if (proof->n > MERKLE_DEPTH_MAX || old_size > size) return TIDE_EAUTH;
    if (old_size == 0) return proof->n == 0 ? TIDE_OK : TIDE_EAUTH;
    if (old_size == size) return proof->n == 0 && memcmp(old_root, root, HASH_BYTES) == 0 ? TIDE_OK : TIDE_EAUTH;

    uint64_t at = old_size - 1, last = size - 1;
    while ((at & 1) != 0) at >>= 1, last >>= 1;
    if (at == 0) { /* a power of two: the old root is itself the first node */
        memcpy(acc, old_root, HASH_BYTES);
    } else {
        if (proof->n == 0) return TIDE_EAUTH;
        memcpy(acc, proof->hashes[next++], HASH_BYTES);
    }
    memcpy(old_acc, acc, HASH_BYTES);
    for (; next < proof->n; next++) {
        if (last == 0) return TIDE_EAUTH;
        if ((at & 1) != 0 || at == last) {
            merkle_node_hash(proof->hashes[next], old_acc, old_acc);
            merkle_node_hash(proof->hashes[next], acc, acc);
            while ((at & 1) == 0 && at != 0) at >>= 1, last >>= 1;
        } else {
            merkle_node_hash(acc, proof->hashes[next], acc);
        }
        at >>= 1, last >>= 1;
    }
    bool holds = last == 0 && memcmp(old_acc, old_root, HASH_BYTES) == 0 && memcmp(acc, root, HASH_BYTES) == 0;
    return holds ? TIDE_OK : TIDE_EAUTH;
}
