/*
 * Every limit on what comes from outside, with its reason. docs/protocol.md prints this list.
 */
#ifndef TIDEMARK_STORAGE_LIMITS_H
#define TIDEMARK_STORAGE_LIMITS_H

#define LIMIT_AMOUNT ((UINT64_C(1) << 53) - 1) /* amounts, totals, indices: exact in every JSON reader */
#define LIMIT_STATEMENT_BYTES 32768u           /* a statement: 256 bids fit, a flood of it does not hurt */
#define LIMIT_TRADE_FRAME_BYTES 49152u         /* a frame on the lobby, trade and audit doors */
#define LIMIT_DATA_FRAME_BYTES 81920u          /* a frame on the data door: one sealed chunk and its header */
#define LIMIT_RECORD_BYTES 65535u              /* a record: its length is 16 bits in an entry bundle */
#define LIMIT_DEPTH 8u                         /* nesting of msgpack arrays */
#define LIMIT_ELEMENTS 8192u                   /* msgpack elements in one message: 256 orders of 14 fields, twice */
#define LIMIT_BATCH_ORDERS 256u                /* orders in one order_batch */
#define LIMIT_POSTINGS 10u                     /* postings of one event: a trade with a voucher and a bond */
#define LIMIT_SAMPLES 64u                      /* sample chunks of a listing: 4 MiB in clear */
#define LIMIT_DETAIL_BYTES 1048576u            /* a sealed detail part, before sealing */
#define LIMIT_LOCATION_BYTES 512u              /* an https address of a payload */
#define LIMIT_EVIDENCE_BYTES 131072u           /* a dispute's sealed evidence: a chunk, its proof, a stanza a regulator */
#define LIMIT_PIECE_BYTES 65536u               /* of evidence, in one message */
#define LIMIT_MATCHES 256u                     /* resting orders that one record's decision may match */
#define RECEIPT_CHANGES_MAX 16u                /* changes of keys that a receipt proves: they fit an answer */
#define LIMIT_EVENTS 520u                      /* events of one record: 256 items, 256 matches, a few more */
#define LIMIT_PAGE 256u                        /* rows in one answer */
#define LIMIT_REPLY_EVENTS_BYTES 32768u        /* events that travel in a reply; the rest is asked for */
#define LIMIT_ANSWER_BYTES 40960u              /* a page's rows: an answer is one frame of LIMIT_TRADE_FRAME_BYTES */
#define LIMIT_TITLE_BYTES 160u                 /* a title goes into the settlement text */
#define LIMIT_NAME_BYTES 160u                  /* an organisation's name */
#define LIMIT_ORIGIN_BYTES 120u                /* the log's origin is a key name of a signed note */
#define LIMIT_TERMS_BYTES 16384u               /* usage terms travel in the publish statement */
#define LIMIT_CLOCK_AHEAD_MS 60000u            /* issued_at may run ahead of the broker's clock by this */
#define LIMIT_VALID_DEFAULT_MS 60000u          /* how long a statement is good for unless said */
#define LIMIT_ENROL_VALID_MS (UINT64_C(7) * 24 * 3600 * 1000) /* an enrolment request waits for a person */
#define LIMIT_REQUESTS 1000u                   /* enrolment requests that wait in the lobby */
#define LIMIT_CARD_BYTES 4096u                 /* a contact card */
#define LIMIT_GRANT_BYTES 8192u                /* a grant: 168 bytes, or a credential's age file */

#endif
