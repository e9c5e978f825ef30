/*
 * That the seed of a listing's draw is what the log gives: the root at its approval, which nobody knew before.
 *
 * Always holds: which record approved the listing its `registered` record says, which is in the log; in the proof of the record
 * behind the approval the hashes to the left are the right edge of the log as the approval left it. A broker that would rather
 * have other chunks shown would have to put a false record into the public log.
 * Not here: which chunks a seed draws (storage/sample_draw.h).
 */
#include "client/lib/jobs.h"
#include "client/lib/proof.h"
#include "storage/sample_draw.h"

#include <inttypes.h>

static int unproven(uint64_t listing, struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED, "The seed that the broker shows for listing %" PRIu64 " is not what the log drew.",
                     listing);
}

/*
 * The root of the first `index` leaves, from the proof that leaf `index` is in a tree of `size` (RFC 9162 §2.1.3.2): where the
 * node is a right child, or the last one of its row, its sibling is a part of what lies before the leaf. False: index 0.
 */
static bool root_before(const struct merkle_proof *proof, uint64_t index, uint64_t size, uint8_t root[HASH_BYTES])
{
    uint64_t node = index, last = size - 1;
    uint8_t right[HASH_BYTES];
    bool any = false;
    for (size_t i = 0; i < proof->n; i++) {
        while (node == last && node != 0 && (node & 1) == 0) node >>= 1, last >>= 1;
        bool is_left = (node & 1) != 0;
        if (is_left && any) {
            memcpy(right, root, HASH_BYTES);
            merkle_node_hash(proof->hashes[i], right, root);
        } else if (is_left) {
            memcpy(root, proof->hashes[i], HASH_BYTES);
        }
        any = any || is_left;
        node >>= 1;
        last >>= 1;
    }
    return any;
}

/* The log's root when it ended with record `index` - 1. */
static int log_root_before(struct tide_market *m, uint64_t index, uint8_t root[HASH_BYTES], bool *there, struct tide_error *error)
{
    struct proof_file file;
    struct checkpoint cp;
    struct record record;
    struct tide_doc *doc;
    *there = false;
    int code = record_proven(m, index, &doc, &record, error);
    if (code == OUTCOME_NO_SUCH_RECORD) return 0;
    if (code != 0) return code;
    const struct body_r_proof *reply = doc->value;
    code = proof_read(m, reply->proof, index, reply->record, &file, &cp, error);
    *there = code == 0 && root_before(&file.proof, index, cp.size, root);
    tide_doc_free(&doc);
    return code;
}

/* The record that caused the registration. */
static int approval_find(struct tide_market *m, const struct body_listing_row *row, uint64_t *approval, struct tide_error *error)
{
    struct record record;
    struct event event;
    struct tide_doc *doc;
    int code = registered_check(m, row, UINT64_MAX, error);
    if (code == 0) code = record_proven(m, m->registered_at, &doc, &record, error);
    if (code == OUTCOME_NO_SUCH_RECORD) return unproven(row->listing, error);
    if (code != 0) return code;
    bool found = record_event(&record, KIND_REGISTERED, doc->arena, &event) && event.cause_index < record.index;
    if (found) *approval = event.cause_index;
    tide_doc_free(&doc);
    return found ? 0 : unproven(row->listing, error);
}

int draw_check(struct tide_market *m, const struct body_listing_row *row, struct tide_error *error)
{
    uint8_t root[HASH_BYTES], seed[HASH_BYTES];
    uint64_t approval = 0;
    bool there;
    int code = approval_find(m, row, &approval, error);
    if (code == 0) code = log_root_before(m, approval + 1, root, &there, error);
    if (code != 0) return code;
    if (there) sample_seed(root, seed);
    return there && memcmp(seed, row->seed, HASH_BYTES) == 0 ? 0 : unproven(row->listing, error);
}
