/*
 * RFC 6962 §2.1 Merkle trees over SHA-256: a tree that grows by appending and keeps only its right edge, and
 * inclusion and consistency proofs made from any store of node hashes.
 */
#ifndef TIDEMARK_CRYPTO_MERKLE_H
#define TIDEMARK_CRYPTO_MERKLE_H

#include "crypto/hash.h"

#define MERKLE_DEPTH_MAX 63 /* proofs never have more hashes */

/* The right edge: one hash per 1-bit of size, the largest subtree first. Zeroed = the empty tree. */
struct merkle_tree {
    uint64_t size;
    uint8_t edge[64][HASH_BYTES];
};

void merkle_leaf_hash(struct bytes leaf, uint8_t out[HASH_BYTES]);
/* Of `n` leaves; many of one length are faster together (sha256_each). */
void merkle_leaf_hashes(const struct bytes *leaves, size_t n, uint8_t (*out)[HASH_BYTES]);
void merkle_node_hash(const uint8_t left[HASH_BYTES], const uint8_t right[HASH_BYTES], uint8_t out[HASH_BYTES]);

/* Appends one leaf by its hash. */
void merkle_append(struct merkle_tree *tree, const uint8_t leaf_hash[HASH_BYTES]);

/* The root: of the empty tree, SHA-256(""). */
void merkle_root(const struct merkle_tree *tree, uint8_t root[HASH_BYTES]);

/*
 * Where proofs get their hashes: the node at `level` (0 = leaves) and `index` is the root of leaves
 * [index << level, (index + 1) << level), always complete. Errors are handed through.
 */
struct merkle_store {
    void *ctx;
    enum tide_err (*node)(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES]);
};

struct merkle_proof {
    size_t n;
    uint8_t hashes[MERKLE_DEPTH_MAX][HASH_BYTES];
};

/* Proof that leaf `index` is in the tree of `size`; leaf-sibling first. TIDE_EINVAL unless index < size. */
MUST_USE enum tide_err merkle_prove_inclusion(const struct merkle_store *store, uint64_t index, uint64_t size,
                                              struct merkle_proof *out);

/* Proof that the tree of `old_size` is a prefix of that of `size`; empty for old_size 0 or == size. */
MUST_USE enum tide_err merkle_prove_consistency(const struct merkle_store *store, uint64_t old_size, uint64_t size,
                                                struct merkle_proof *out);

/* The root of the first `size` leaves, from the store. */
MUST_USE enum tide_err merkle_root_from_store(const struct merkle_store *store, uint64_t size,
                                              uint8_t root[HASH_BYTES]);

/* TIDE_EAUTH unless the proof holds. With old_size 0 the proof must be empty and old_root is not looked at. */
MUST_USE enum tide_err merkle_verify_inclusion(const struct merkle_proof *proof, uint64_t index, uint64_t size,
                                               const uint8_t leaf_hash[HASH_BYTES], const uint8_t root[HASH_BYTES]);
MUST_USE enum tide_err merkle_verify_consistency(const struct merkle_proof *proof, uint64_t old_size, uint64_t size,
                                                 const uint8_t old_root[HASH_BYTES], const uint8_t root[HASH_BYTES]);

#endif
