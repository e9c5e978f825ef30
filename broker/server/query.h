/*
 * Answers to everything that is asked, not stated: one function from a snapshot and a request to a reply. It reads
 * only, but for contact cards; the broker's verifiers, the lobby and the audit door all call it.
 */
#ifndef TIDEMARK_BROKER_QUERY_H
#define TIDEMARK_BROKER_QUERY_H

#include "broker/market/market.h"
#include "storage/cards.h"
#include "storage/journal.h"
#include "storage/protocol.h"
#include "storage/requests.h"
#include "storage/tiles.h"

/* What a process answers from. Pointers may be NULL where a door does not need them. */
struct query_source {
    struct state_view *view; /* this thread's snapshot, renewed by the caller before each request */
    struct journal *journal;
    struct tiles *tiles;
    struct requests *requests;       /* the lobby's waiting requests */
    struct cards *cards;             /* contact cards; the trade door only */
    const uint8_t *log_secret;       /* SIGN_SECRET_BYTES, for the broker's line of a settlement note; broker only */
    const char *dir;                 /* the market's folder, for the evidence in it; the audit door only */
    uint16_t ports[5];               /* enum door_port; 0: not served */
};

/* Who asks. `number` 0: not enrolled. */
struct peer {
    uint8_t wire_key[32];
    uint64_t number;
    struct row_party party;
};

/* Fills *out from the party table by CURVE key; number 0 when it is nobody's. */
MUST_USE enum tide_err query_peer(struct state_view *view, const uint8_t wire_key[32], struct peer *out);

/*
 * Answers every verb but `submit`, `enrol`, `records` and the data door's. The reply (body in `arena`) is always
 * filled; an error is the machine's and makes code FULL or the like unnecessary: the caller stops the process on
 * TIDE_EDAMAGED.
 */
MUST_USE enum tide_err query_answer(const struct query_source *source, const struct peer *peer,
                                    const struct request *request, uint64_t now_ms, struct arena *arena,
                                    struct reply *out);

/* Fills a refusal: code, its sentence (or `detail` if not NULL). */
void reply_refuse(struct reply *out, uint64_t request_id, enum outcome code, const char *detail);

#endif
