/*
 * The audit feed, followed and checked: pages of records, each proven before it is handed on.
 *
 * Always holds: a record is handed on only after the tree that ends with its page was proven to be a prefix of one that
 * the log's key signed, and that head to go on from the newest seen before. Starting in the middle changes nothing: the
 * inclusion proof of the first record authenticates the right edge of all before it (its left siblings are that edge),
 * and the tree grows from there.
 * Not here: what records mean; deciding them again (tidemarkd verify).
 */
#include "client/lib/feed.h"

#include "client/lib/jobs.h"
#include "client/lib/proof.h"

#include <inttypes.h>

#define LIVE_WAIT_MS 1000 /* asked of the broker: how long to wait for a new record */
#define COVER_PAUSE_MS 100

/* ---- heads ---- */

int feed_head(struct feed *f, struct tide_error *error)
{
    struct checkpoint cp;
    struct tide_doc *doc;
    int code = market_query(f->m, VERB_CHECKPOINT, NULL, &doc, error);
    if (code != 0) return code;
    struct bytes note = ((const struct body_r_checkpoint *)doc->value)->checkpoint;
    code = checkpoint_check(f->m, note, &cp, error);
    bool is_new = code == 0 && (cp.size != f->head.size || memcmp(cp.root, f->head.root, HASH_BYTES) != 0);
    if (is_new && f->seen != NULL) code = f->seen(f, note, &cp, error);
    if (is_new && code == 0) code = checkpoint_pin(f->m, note, &cp, error);
    if (is_new && code == 0 && f->took != NULL) code = f->took(f, note, &cp, error);
    tide_doc_free(&doc);
    if (code == 0 && is_new) f->head = cp;
    return code;
}

/* Waits until a head covers `size` records. `until_ms` -1: as long as it takes. */
static int head_wait(struct feed *f, uint64_t size, int64_t until_ms, struct tide_error *error)
{
    int code = 0;
    while (code == 0 && f->head.size < size) {
        code = feed_head(f, error);
        if (is_passing(code)) code = 0;
        if (code != 0 || f->head.size >= size) break;
        if (is_over(until_ms)) {
            return error_set(error, OUTCOME_C_TIMEOUT, "No signed head covers record %" PRIu64 " yet.", size - 1);
        }
        code = market_sleep(f->m, COVER_PAUSE_MS, error);
    }
    return code;
}

static int contradiction(struct tide_error *error, uint64_t from, uint64_t to, const struct checkpoint *head)
{
    return error_set(error, OUTCOME_V_FORK, "Records %" PRIu64 " to %" PRIu64 " are not in the tree of %" PRIu64
                     " records that the log signed.", from, to, head->size);
}

int feed_check(struct feed *f, const struct merkle_tree *tree, uint64_t from, struct tide_error *error)
{
    uint8_t root[HASH_BYTES];
    struct merkle_proof proof = {0};
    struct tide_doc *doc;

    merkle_root(tree, root);
    if (tree->size == f->head.size) {
        bool same = memcmp(root, f->head.root, HASH_BYTES) == 0;
        return same ? 0 : contradiction(error, from, tree->size - 1, &f->head);
    }
    struct body_q_consistency q = {.old_size = tree->size, .size = f->head.size};
    int code = market_query(f->m, VERB_CONSISTENCY, &q, &doc, error);
    if (code != 0) return code;
    const struct body_r_consistency *reply = doc->value;
    const struct body_hash_row *rows = reply->hashes.items;
    proof.n = reply->hashes.n < MERKLE_DEPTH_MAX ? reply->hashes.n : MERKLE_DEPTH_MAX;
    for (size_t i = 0; i < proof.n; i++) memcpy(proof.hashes[i], rows[i].hash, HASH_BYTES);
    if (merkle_verify_consistency(&proof, tree->size, f->head.size, root, f->head.root) != TIDE_OK) {
        code = contradiction(error, from, tree->size - 1, &f->head);
    }
    tide_doc_free(&doc);
    return code;
}

/* ---- starting in the middle ---- */

/* The left siblings of leaf `index`, smallest first in the proof, are the edge of the tree before it (RFC 9162 §2.1.3.2). */
static void edge_from_proof(const struct merkle_proof *proof, uint64_t index, uint64_t size, struct merkle_tree *tree)
{
    uint8_t left[MERKLE_DEPTH_MAX][HASH_BYTES];
    uint64_t node = index, last = size - 1;
    size_t n = 0;
    for (size_t i = 0; i < proof->n; i++) {
        if ((node & 1) != 0 || node == last) {
            memcpy(left[n++], proof->hashes[i], HASH_BYTES);
            while ((node & 1) == 0 && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        }
        node >>= 1;
        last >>= 1;
    }
    memset(tree, 0, sizeof *tree);
    tree->size = index;
    for (size_t i = 0; i < n; i++) memcpy(tree->edge[i], left[n - 1 - i], HASH_BYTES);
}

/* Gets the edge before record `from`, which a signed head covers. */
static int start_at(struct feed *f, uint64_t from, struct tide_error *error)
{
    struct body_q_index q = {.index = from};
    struct proof_file file;
    struct checkpoint cp;
    struct tide_doc *doc;

    int code = market_query(f->m, VERB_PROOF, &q, &doc, error);
    if (code != 0) return code;
    const struct body_r_proof *reply = doc->value;
    code = proof_read(f->m, reply->proof, from, reply->record, &file, &cp, error);
    if (code == 0) code = checkpoint_pin(f->m, file.checkpoint, &cp, error);
    if (code == 0) edge_from_proof(&file.proof, from, cp.size, &f->tree);
    if (code == 0 && cp.size > f->head.size) f->head = cp;
    tide_doc_free(&doc);
    return code;
}

/* ---- pages ---- */

/* The tree grows by a page only once that is proven: a check that could not be made is made again. */
static int page_append(struct feed *f, const struct body_r_records *page, struct tide_error *error)
{
    const struct body_record_row *rows = page->records.items;
    struct merkle_tree grown = f->tree;
    uint8_t leaf[HASH_BYTES];
    for (size_t i = 0; i < page->records.n; i++) {
        merkle_leaf_hash(rows[i].record, leaf);
        merkle_append(&grown, leaf);
    }
    int code = feed_check(f, &grown, f->tree.size, error);
    if (code == 0) f->tree = grown;
    return code;
}

/* One page of records below the head: appended, checked, handed on. */
static int page_take(struct feed *f, struct tide_error *error)
{
    uint64_t from = f->tree.size, left = f->head.size - from;
    struct body_q_records q = {.from = from, .limit = left < LIMIT_PAGE ? left : LIMIT_PAGE};
    struct tide_doc *doc;
    int code = market_query(f->m, VERB_RECORDS, &q, &doc, error);
    if (code != 0) return code;
    const struct body_r_records *page = doc->value;
    if (page->records.n == 0 || page->records.n > left) {
        code = error_set(error, OUTCOME_V_FAILED, "The broker does not give the records that it signed for.");
    }
    if (code == 0) code = page_append(f, page, error);
    if (code == 0) code = f->page(f, from, page->records.items, page->records.n, error);
    tide_doc_free(&doc);
    return code;
}

/* The journal's size; `wait_ms`: waits so long for one more than `from`. */
static int journal_size(struct feed *f, uint64_t from, uint64_t wait_ms, uint64_t *size, struct tide_error *error)
{
    struct body_q_records q = {.from = from, .limit = 1, .wait_ms = wait_ms};
    struct tide_doc *doc;
    int code = market_query(f->m, VERB_RECORDS, &q, &doc, error);
    if (code != 0) return code;
    *size = ((const struct body_r_records *)doc->value)->size;
    tide_doc_free(&doc);
    return 0;
}

/* ---- following ---- */

/* Waits until record `from` is there and covered; false in *there: it is not, and nobody follows. */
static int start(struct feed *f, uint64_t from, bool follow, uint64_t *end, bool *there, struct tide_error *error)
{
    int code = journal_size(f, from, 0, end, error);
    while (code == 0 && *end <= from && follow) {
        code = journal_size(f, from, LIVE_WAIT_MS, end, error);
    }
    *there = code == 0 && *end > from;
    if (!*there) return code;
    code = head_wait(f, from + 1, follow ? -1 : market_until(f->m->timeout_ms), error);
    return code != 0 || from == f->tree.size ? code : start_at(f, from, error);
}

int feed_run(struct feed *f, uint64_t from, bool follow, struct tide_error *error)
{
    uint64_t end = 0;
    bool there = false;
    int code = start(f, from, follow, &end, &there, error);
    if (!there) return code;
    while (code == 0 && !f->stopped) {
        if (f->tree.size < f->head.size) {
            code = page_take(f, error);
            if (code == 0 && f->tree.size == f->head.size && f->covered != NULL) code = f->covered(f, error);
        } else if (!follow && f->tree.size >= end) {
            break;
        } else if (follow) {
            uint64_t size = f->tree.size;
            code = journal_size(f, f->tree.size, LIVE_WAIT_MS, &size, error);
            if (code == 0 && size > f->tree.size) code = head_wait(f, f->tree.size + 1, -1, error);
        } else {
            code = head_wait(f, end, market_until(f->m->timeout_ms), error);
        }
        if (follow && (is_passing(code) || code == OUTCOME_C_UNREACHABLE)) { /* a restart of the auditor ends no feed */
            code = market_sleep(f->m, COVER_PAUSE_MS, error);
        }
    }
    return code;
}
