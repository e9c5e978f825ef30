/*
 * Whether a delivery was as listed, judged from what the journal says of it and from what its buyer reveals: one
 * function for the buyer before it disputes, the broker when it does, and a regulator afterwards (docs/formats.md,
 * "Evidence of a dispute"; the order of the checks is docs/market.md's).
 *
 * Pure: the same delivery and evidence give the same finding everywhere.
 */
#ifndef TIDEMARK_STORAGE_JUDGE_H
#define TIDEMARK_STORAGE_JUDGE_H

#include "crypto/age.h"
#include "storage/evidence.h"
#include "storage/records.h"

/* What the journal says of a granted trade. All of it is the caller's. */
struct delivery {
    bool has_content;                 /* dataset, model, report; otherwise the grant is the credential's whole age file */
    uint8_t recipient[32];            /* the bid's */
    struct bytes grant;
    struct age_commitment content;    /* the listing's */
    const struct sample_chunk *samples; /* signed by the vendor before the trade */
    size_t n_samples;
};

/*
 * The first of the seven checks that fails, or FINDING_NOT_PROVEN. `evidence` NULL: its bytes are no evidence, or do not
 * open (FINDING_EVIDENCE_INVALID). Never FINDING_NONE or FINDING_EVIDENCE_MISSING. TIDE_ENOMEM is the only error.
 */
MUST_USE enum tide_err judge(const struct delivery *delivery, const struct evidence *evidence, enum finding *finding);

/*
 * The same from evidence as it lies in the store, opened with the X25519 secret of one who is to judge. `broker` is the
 * market's sealing key: evidence that it could not open as well is invalid for everyone, or a buyer could make the broker and
 * the regulators find differently. *chunk: what a verdict with that finding names. `arena` is left with decoded values in it.
 * TIDE_ENOMEM is the only error.
 */
MUST_USE enum tide_err judge_sealed(const struct delivery *delivery, struct bytes sealed, const uint8_t secret[32],
                                    const uint8_t broker[32], struct arena *arena, enum finding *finding,
                                    uint64_t *chunk);

/* The chunk that a finding is about; 0 where it is about none. */
static inline uint64_t finding_chunk(const struct delivery *delivery, const struct evidence *evidence, uint64_t finding)
{
    bool about_chunk = finding == FINDING_NOT_PROVEN || finding == FINDING_BAD_CIPHERTEXT ||
                       finding == FINDING_SAMPLE_MISMATCH;
    return delivery->has_content && about_chunk ? evidence->chunk : 0;
}

/* True if the vendor is at fault: the buyer is refunded. */
static inline bool finding_is_fault(uint64_t finding)
{
    return finding >= FINDING_GRANT_UNREADABLE;
}

#endif
