/*
 * The lies of a buyer: disputes over evidence that proves nothing (liar.c names them).
 */
#include "client/lib/purchase.h"
#include "crypto/identity.h"
#include "storage/evidence.h"
#include "tests/e2e/liar.h"

static size_t deaf = SIZE_MAX; /* one of those who judge, to whom it is sealed wrongly */

/* Sealed to those who judge; *out is malloc'd. */
static int evidence_seal(struct liar *l, const struct evidence *evidence, struct bytes *out)
{
    static struct arena arena;
    uint8_t keys[16][32], *sealed = NULL;
    struct tide_doc *doc = NULL;
    struct bytes plain;
    size_t n = 0, len = 0;
    int code = market_query(l->market, VERB_JUDGES, NULL, &doc, &l->error);
    if (code != 0) return code;
    const struct list *judges = &((const struct body_r_judges *)doc->value)->judges;
    for (const struct body_judge_row *row = judges->items; n < judges->n && n < ARRAY_LEN(keys); n++)
        memcpy(keys[n], row[n].seal_key, 32);
    if (deaf < n) x25519_public((const uint8_t[32]){64}, keys[deaf]);
    arena_init(&arena, 4 * LIMIT_EVIDENCE_BYTES);
    enum tide_err err = evidence_encode(evidence, &arena, &plain);
    if (err == TIDE_OK) err = age_file_seal(plain, keys, n, &sealed, &len);
    arena_deinit(&arena);
    tide_doc_free(&doc);
    *out = BYTES(sealed, len);
    return error_of(&l->error, err, "Sealing");
}

static int put(struct liar *l, uint64_t trade, struct bytes file)
{
    struct body_q_put_evidence q = {.trade = trade, .len = file.len};
    int code = 0;
    sha256(file, q.hash);
    for (size_t at = 0; at < file.len && code == 0; at += q.piece.len) {
        struct tide_doc *answer = NULL;
        size_t n = file.len - at < LIMIT_PIECE_BYTES ? file.len - at : LIMIT_PIECE_BYTES;
        q.offset = at;
        q.piece = BYTES(file.data + at, n);
        code = market_query(l->market, VERB_PUT_EVIDENCE, &q, &answer, &l->error);
        tide_doc_free(&answer);
    }
    return code;
}

static int state(struct liar *l, uint64_t trade, struct bytes file)
{
    struct body_dispute body = {.trade = trade};
    sha256(file, body.evidence);
    return market_state(l->market, &schema_dispute, &body, NULL, &l->error);
}

static int put_and_state(struct liar *l, uint64_t trade, struct bytes file)
{
    int code = put(l, trade, file);
    return code == 0 ? state(l, trade, file) : code;
}

static int evidence_state(struct liar *l, uint64_t trade, const struct evidence *evidence)
{
    struct bytes file;
    int code = evidence_seal(l, evidence, &file);
    if (code == 0) code = put_and_state(l, trade, file);
    free((void *)(uintptr_t)file.data);
    return code;
}

static int take(void *ctx, uint64_t chunk, struct bytes sealed, struct tide_error *error)
{
    struct bytes *out = ctx;
    (void)chunk;
    (void)error;
    memcpy((uint8_t *)(uintptr_t)out->data, sealed.data, sealed.len);
    out->len = sealed.len;
    return 0;
}

/* The truth about a chunk: its bytes (into `room`) on the path of `proof_of`. */
static int evidence_true(struct liar *l, const struct purchase *b, uint64_t chunk, uint64_t proof_of, uint8_t *room,
                         struct evidence *out)
{
    struct bytes sealed = BYTES(room, 0);
    struct content_taker taker = {.ctx = &sealed, .take = take};
    struct merkle_proof proof = {0};
    struct content content;
    int code = purchase_content(l->market, b, &content, &l->error);
    if (code == 0) code = content_fetch(&content, chunk, &taker, &l->error);
    if (code == 0) code = content_prove(&content, proof_of, &proof, &l->error);
    content_close(&content);
    *out = (struct evidence){.chunk = chunk, .sealed = sealed, .n_proof = proof.n};
    memcpy(out->secret, b->secret, 32);
    memcpy(out->proof, proof.hashes, proof.n * HASH_BYTES);
    return code;
}

static int random_evidence(struct liar *l, char **args)
{
    uint8_t bytes[1000];
    random_bytes(bytes, sizeof bytes);
    return put_and_state(l, number(args[0]), BYTES(bytes, sizeof bytes));
}

static int unfounded(struct liar *l, char **args)
{
    uint8_t bytes[32];
    random_bytes(bytes, sizeof bytes);
    return state(l, number(args[0]), BYTES(bytes, sizeof bytes));
}

static int made_up(struct liar *l, char **args)
{
    static uint8_t room[AGE_SEALED_CHUNK_BYTES];
    struct purchase b = {0};
    struct evidence evidence;
    int code = purchase_get(l->market, number(args[0]), &b, &l->error);
    if (code == 0) code = evidence_true(l, &b, 1, 1, room, &evidence);
    random_bytes(room, sizeof room);
    if (code == 0) code = evidence_state(l, b.trade->trade, &evidence);
    purchase_drop(&b);
    return code;
}

static int foreign_secret(struct liar *l, char **args)
{
    struct purchase b = {0}, other = {0};
    struct evidence evidence = {0};
    int code = purchase_get(l->market, number(args[0]), &b, &l->error);
    if (code == 0) code = purchase_get(l->market, number(args[1]), &other, &l->error);
    memcpy(evidence.secret, other.secret, 32); /* the grant does not open with it */
    if (code == 0) code = evidence_state(l, b.trade->trade, &evidence);
    purchase_drop(&other);
    purchase_drop(&b);
    return code;
}

static int other_chunk(struct liar *l, char **args)
{
    static uint8_t room[AGE_SEALED_CHUNK_BYTES];
    struct purchase b = {0};
    struct evidence evidence;
    int code = purchase_get(l->market, number(args[0]), &b, &l->error);
    if (code == 0) code = evidence_true(l, &b, number(args[1]), number(args[3]), room, &evidence);
    if (code == 0) {
        evidence.chunk = number(args[2]);
        code = evidence_state(l, b.trade->trade, &evidence);
    }
    purchase_drop(&b);
    return code;
}

static int hold_back(struct liar *l, char **args)
{
    struct purchase b = {0};
    struct evidence evidence = {0};
    struct bytes file = {0};
    int code = purchase_get(l->market, number(args[0]), &b, &l->error);
    memcpy(evidence.secret, b.secret, 32);
    if (code == 0) code = evidence_seal(l, &evidence, &file);
    if (code == 0) code = file_store(args[1], 0600, file, &l->error);
    if (code == 0) code = state(l, b.trade->trade, file);
    free((void *)(uintptr_t)file.data);
    purchase_drop(&b);
    return code;
}

static int hand_in(struct liar *l, char **args)
{
    struct bytes file = {0};
    int code = file_load(args[1], LIMIT_EVIDENCE_BYTES, &file, &l->error);
    if (code == 0) code = put(l, number(args[0]), file);
    free((void *)(uintptr_t)file.data);
    return code;
}

/* A good chunk; one of those who judge cannot open the evidence. */
static int deaf_judge(struct liar *l, char **args)
{
    char chunk[] = "4", *same[] = {args[0], chunk, chunk, chunk};
    deaf = number(args[1]);
    return other_chunk(l, same);
}

const struct lie buyer_lies[] = {{"random", 1, random_evidence},
                                 {"made-up", 1, made_up},
                                 {"foreign-secret", 2, foreign_secret},
                                 {"other-chunk", 4, other_chunk},
                                 {"deaf-judge", 2, deaf_judge},
                                 {"unfounded", 1, unfounded},
                                 {"hold-back", 2, hold_back},
                                 {"hand-in", 2, hand_in},
                                 {NULL, 0, NULL}};
