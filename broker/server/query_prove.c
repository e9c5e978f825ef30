/*
 * The proof that a record is in the log, as every answer about a record carries it.
 *
 * Always holds: it leads to a signed checkpoint, never to a head that is not published.
 * Not here: whether whoever asks may see the record (query_entitled.c).
 */
#include "broker/server/query_internal.h"

enum tide_err query_prove(struct query *q, uint64_t index, struct bytes *proof)
{
    *proof = BYTES(NULL, 0);
    if (q->source->tiles == NULL) return TIDE_ENOTFOUND;
    enum tide_err err = tiles_prove(q->source->tiles, index, q->arena, proof);
    if (err == TIDE_EDAMAGED) q->damaged = "tiles";
    return err;
}
