/*
 * Sealing and opening long payloads of age v1, and the content commitment in the same pass.
 *
 * Always holds: a batch of chunks is hashed in its sealed form by the thread that seals or opens it, while it is in
 * cache; the tree grows in order. Plaintext leaves only chunk by chunk, each after its tag was right. Keys are wiped on every
 * path. ChaCha20-Poly1305 is libcrypto's here (with AVX-512 two to three times libsodium's); single chunks are in
 * age_chunk.c.
 * Not here: threads and order (age_pipeline.c).
 */
#include "crypto/age.h"
#include "crypto/age_chunk.h"
#include "crypto/age_pipeline.h"
#include "crypto/file.h"
#include "crypto/merkle.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

/* One payload in work. */
struct payload {
    uint8_t key[32];
    int manifest_fd;
    bool commits; /* somebody wants the leaf hashes */
    const struct age_commitment *expected;
    struct merkle_tree tree;
    uint64_t plaintext_len;
};

static const struct age_work default_work;

/* --- a thread's cipher --- */

static void cipher_free(void *cipher)
{
    EVP_CIPHER_CTX_free(cipher);
}

/* The key is scheduled once; a chunk sets its nonce only. */
static void *cipher_new(const struct payload *payload, int encrypts)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (cipher == NULL) return NULL;
    if (EVP_CipherInit_ex(cipher, EVP_chacha20_poly1305(), NULL, payload->key, NULL, encrypts) == 1) return cipher;
    EVP_CIPHER_CTX_free(cipher);
    return NULL;
}

static void *sealer_new(void *ctx)
{
    return cipher_new(ctx, 1);
}

static void *opener_new(void *ctx)
{
    return cipher_new(ctx, 0);
}

/* Seals `len` bytes where they lie; the tag goes behind them. */
static bool seal_in_place(EVP_CIPHER_CTX *cipher, uint64_t index, bool last, uint8_t *chunk, size_t len)
{
    uint8_t nonce[AGE_CHUNK_NONCE_BYTES];
    int done;
    age_chunk_nonce(index, last, nonce);
    return EVP_EncryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1 &&
           (len == 0 || EVP_EncryptUpdate(cipher, chunk, &done, chunk, (int)len) == 1) &&
           EVP_EncryptFinal_ex(cipher, chunk + len, &done) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, AGE_TAG_BYTES, chunk + len) == 1;
}

/* Opens `len` bytes and the tag behind them where they lie. When it fails they hold what nobody may see. */
static bool open_in_place(EVP_CIPHER_CTX *cipher, uint64_t index, bool last, uint8_t *chunk, size_t len)
{
    uint8_t nonce[AGE_CHUNK_NONCE_BYTES];
    int done;
    age_chunk_nonce(index, last, nonce);
    return EVP_DecryptInit_ex(cipher, NULL, NULL, NULL, nonce) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, AGE_TAG_BYTES, chunk + len) == 1 &&
           (len == 0 || EVP_DecryptUpdate(cipher, chunk, &done, chunk, (int)len) == 1) &&
           EVP_DecryptFinal_ex(cipher, chunk + len, &done) == 1;
}

/* --- sealing --- */

static size_t chunk_len(const struct batch *batch, size_t c, size_t full)
{
    size_t left = batch->in_len - c * full;
    return left < full ? left : full;
}

/* The leaf hashes of a batch's chunks, in their sealed form. */
static void batch_leaves(struct batch *batch, size_t in_chunk, size_t tag_len)
{
    struct bytes chunks[BATCH_CHUNKS];
    for (size_t c = 0; c < batch->n_chunks; c++) {
        chunks[c] = BYTES(batch->slots + c * AGE_SEALED_CHUNK_BYTES, chunk_len(batch, c, in_chunk) + tag_len);
    }
    merkle_leaf_hashes(chunks, batch->n_chunks, batch->leaves);
}

static void seal_batch(void *ctx, void *tool, struct batch *batch)
{
    (void)ctx;
    for (size_t c = 0; c < batch->n_chunks; c++) {
        uint8_t *chunk = batch->slots + c * AGE_SEALED_CHUNK_BYTES;
        size_t len = chunk_len(batch, c, AGE_CHUNK_BYTES);
        bool last = batch->last && c + 1 == batch->n_chunks;
        if (!seal_in_place(tool, batch->number * BATCH_CHUNKS + c, last, chunk, len)) {
            batch->err = TIDE_ENOMEM; /* the one way in which libcrypto can fail here */
            return;
        }
        batch->out_len += len + AGE_TAG_BYTES;
    }
    batch_leaves(batch, AGE_CHUNK_BYTES, AGE_TAG_BYTES);
}

static enum tide_err accept_sealed(void *ctx, const struct batch *batch)
{
    struct payload *payload = ctx;
    if (batch->err != TIDE_OK) return batch->err; /* its leaves were not all made */
    for (size_t c = 0; c < batch->n_chunks; c++) merkle_append(&payload->tree, batch->leaves[c]);
    payload->plaintext_len += batch->in_len;
    if (payload->manifest_fd < 0) return TIDE_OK;
    return file_write(payload->manifest_fd, BYTES(batch->leaves, batch->n_chunks * HASH_BYTES));
}

/* Bytes from the current position to the end of a regular file; 0 when that is not known. */
static uint64_t bytes_left(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) return 0;
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at >= 0 && at < st.st_size ? (uint64_t)(st.st_size - at) : 0;
}

enum tide_err age_payload_seal(int in_fd, int out_fd, int manifest_fd, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                               const uint8_t nonce[AGE_NONCE_BYTES], const struct age_work *work,
                               struct age_commitment *out)
{
    struct payload payload = {.manifest_fd = manifest_fd, .commits = true};
    struct pipeline pipeline = {
        .in_fd = in_fd,
        .out_fd = out_fd,
        .in_chunk = AGE_CHUNK_BYTES,
        .out_chunk = AGE_SEALED_CHUNK_BYTES,
        .ctx = &payload,
        .tool_new = sealer_new,
        .tool_free = cipher_free,
        .work = seal_batch,
        .accept = accept_sealed,
        .total = bytes_left(in_fd),
        .how = work != NULL ? work : &default_work,
    };

    memset(out, 0, sizeof *out);
    if (pipeline.how->n_there > 0 && pipeline.how->n_there < AGE_NONCE_BYTES) return TIDE_EDAMAGED;
    age_payload_key(file_key, nonce, payload.key);
    bool is_there = pipeline.how->n_there > 0;
    if (is_there) pipeline.n_there = pipeline.how->n_there - AGE_NONCE_BYTES;
    enum tide_err err = is_there ? pipeline_meet(out_fd, BYTES(nonce, AGE_NONCE_BYTES))
                                 : file_write(out_fd, BYTES(nonce, AGE_NONCE_BYTES));
    if (err == TIDE_OK) err = pipeline_run(&pipeline);
    if (err == TIDE_OK) {
        out->plaintext_len = payload.plaintext_len;
        out->n_chunks = payload.tree.size;
        memcpy(out->nonce, nonce, AGE_NONCE_BYTES);
        merkle_root(&payload.tree, out->content_root);
        age_key_commitment(file_key, nonce, out->key_commitment);
    }
    sodium_memzero(payload.key, sizeof payload.key);
    return err;
}

/* --- opening --- */

/*
 * A full chunk that does not open may have been sealed for the other place: as the last with something behind it, or
 * not as the last where the rest was cut off. Its plaintext is authentic and is given out before the damage is told,
 * as age's vectors demand (an implementation that does not look ahead cannot know). The chunk has been through
 * open_in_place, whose keystream is taken off again here.
 */
static bool open_misplaced(const struct payload *payload, uint64_t index, bool last, uint8_t *chunk)
{
    uint8_t nonce[AGE_CHUNK_NONCE_BYTES];
    age_chunk_nonce(index, last, nonce);
    crypto_stream_chacha20_ietf_xor_ic(chunk, chunk, AGE_CHUNK_BYTES, nonce, 1, payload->key);
    struct bytes sealed = BYTES(chunk, AGE_SEALED_CHUNK_BYTES);
    return age_chunk_open(payload->key, index, !last, sealed, chunk) == TIDE_OK;
}

static void open_batch(void *ctx, void *tool, struct batch *batch)
{
    const struct payload *payload = ctx;
    if (payload->commits) batch_leaves(batch, AGE_SEALED_CHUNK_BYTES, 0);
    for (size_t c = 0; c < batch->n_chunks; c++) {
        uint8_t *chunk = batch->slots + c * AGE_SEALED_CHUNK_BYTES;
        uint64_t index = batch->number * BATCH_CHUNKS + c;
        size_t len = chunk_len(batch, c, AGE_SEALED_CHUNK_BYTES);
        bool last = batch->last && c + 1 == batch->n_chunks;
        batch->err = TIDE_EAUTH; /* until it has opened */
        if (len < AGE_TAG_BYTES || (len == AGE_TAG_BYTES && index > 0)) return;
        len -= AGE_TAG_BYTES;
        if (!open_in_place(tool, index, last, chunk, len)) {
            if (len == AGE_CHUNK_BYTES && open_misplaced(payload, index, last, chunk)) batch->out_len += len;
            return;
        }
        batch->out_len += len;
        batch->err = TIDE_OK;
    }
}

static enum tide_err accept_opened(void *ctx, const struct batch *batch)
{
    struct payload *payload = ctx;
    if (payload->commits && batch->err == TIDE_OK) {
        for (size_t c = 0; c < batch->n_chunks; c++) merkle_append(&payload->tree, batch->leaves[c]);
    }
    payload->plaintext_len += batch->out_len;
    if (payload->expected != NULL && payload->plaintext_len > payload->expected->plaintext_len) return TIDE_EAUTH;
    return TIDE_OK;
}

/* What of the commitment can be checked before the first chunk. */
static enum tide_err check_key(const struct age_commitment *expected, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                               const uint8_t nonce[AGE_NONCE_BYTES])
{
    uint8_t commitment[HASH_BYTES];
    age_key_commitment(file_key, nonce, commitment);
    bool same = memcmp(expected->nonce, nonce, AGE_NONCE_BYTES) == 0 &&
                memcmp(expected->key_commitment, commitment, HASH_BYTES) == 0 &&
                expected->n_chunks == age_n_chunks(expected->plaintext_len);
    return same ? TIDE_OK : TIDE_EAUTH;
}

static enum tide_err check_content(const struct age_commitment *expected, const struct payload *payload)
{
    uint8_t root[HASH_BYTES];
    merkle_root(&payload->tree, root);
    bool same = payload->plaintext_len == expected->plaintext_len &&
                memcmp(root, expected->content_root, HASH_BYTES) == 0;
    return same ? TIDE_OK : TIDE_EAUTH;
}

/* Plaintext bytes behind a nonce, for the progress function. */
static uint64_t plaintext_left(int in_fd)
{
    uint64_t sealed = bytes_left(in_fd);
    uint64_t tags = (sealed + AGE_SEALED_CHUNK_BYTES - 1) / AGE_SEALED_CHUNK_BYTES * AGE_TAG_BYTES;
    return sealed > tags ? sealed - tags : 0;
}

static enum tide_err nonce_read(int in_fd, uint8_t nonce[AGE_NONCE_BYTES])
{
    struct iovec piece = {.iov_base = nonce, .iov_len = AGE_NONCE_BYTES};
    size_t got;
    enum tide_err err = file_read_pieces(in_fd, &piece, 1, NULL, NULL, &got);
    if (err == TIDE_OK && got != AGE_NONCE_BYTES) err = TIDE_EAUTH;
    return err;
}

enum tide_err age_payload_open(int in_fd, int out_fd, const uint8_t file_key[AGE_FILE_KEY_BYTES],
                               const struct age_commitment *expected, const struct age_work *work)
{
    struct payload payload = {.manifest_fd = -1, .commits = expected != NULL, .expected = expected};
    struct pipeline pipeline = {
        .in_fd = in_fd,
        .out_fd = out_fd,
        .in_chunk = AGE_SEALED_CHUNK_BYTES,
        .out_chunk = AGE_CHUNK_BYTES,
        .ctx = &payload,
        .tool_new = opener_new,
        .tool_free = cipher_free,
        .work = open_batch,
        .accept = accept_opened,
        .how = work != NULL ? work : &default_work,
    };
    uint8_t nonce[AGE_NONCE_BYTES];

    enum tide_err err = nonce_read(in_fd, nonce);
    if (err == TIDE_OK && expected != NULL) err = check_key(expected, file_key, nonce);
    if (err != TIDE_OK) return err;
    pipeline.total = plaintext_left(in_fd);
    pipeline.n_there = pipeline.how->n_there;
    age_payload_key(file_key, nonce, payload.key);
    err = pipeline_run(&pipeline);
    if (err == TIDE_OK && expected != NULL) err = check_content(expected, &payload);
    sodium_memzero(payload.key, sizeof payload.key);
    return err;
}
