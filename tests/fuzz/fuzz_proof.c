/*
 * C2SP proof files. What parses must, written again, be the same bytes.
 */
#include "crypto/note.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t scratch[NOTE_MAX];
    struct proof_file proof;
    uint8_t leaf[HASH_BYTES] = {0};
    char *again;
    size_t again_len;

    if (proof_file_parse(BYTES(data, len), scratch, sizeof scratch, &proof) != TIDE_OK) return 0;
    ASSERT(proof_file_format(&proof, &again, &again_len) == TIDE_OK);
    ASSERT(bytes_equal(BYTES(again, again_len), BYTES(data, len)));
    free(again);
    /* Verifying takes any proof with any numbers. */
    (void)!merkle_verify_inclusion(&proof.proof, proof.index, proof.index + 1 + len, leaf, leaf);
    (void)!merkle_verify_consistency(&proof.proof, proof.index, proof.index + len, leaf, leaf);
    return 0;
}
