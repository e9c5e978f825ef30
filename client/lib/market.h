/*
 * One connection to one market, inside: its doors, the calls under way, what is known of the market. Private to
 * client/lib/.
 *
 * How it works: a call waits in `calls` until its door is up, is sent, and ends when its reply comes, when its deadline
 * passes, or when it is refused before it was sent. A door that breaks puts its calls back to waiting. Everything
 * happens in market_turn: nothing here has a thread (libzmq's own apart) or a signal handler.
 */
#ifndef TIDEMARK_CLIENT_MARKET_H
#define TIDEMARK_CLIENT_MARKET_H

#include "client/lib/doc.h"
#include "crypto/identity.h"
#include "crypto/note.h"
#include "storage/market_url.h"
#include "storage/outbox.h"
#include "storage/protocol.h"

#include <stdatomic.h>

struct tide_identity {
    struct identity *id;
    char party[BECH32_TEXT_MAX], recipient[BECH32_TEXT_MAX];
};

/* True for the present key and for the older ones: rows of the market name the key that was in force then. */
bool identity_had(const struct identity *id, const uint8_t party[32]);
/* The public face of an identity, which is taken over. */
int identity_wrap(struct identity *id, struct tide_identity **out, struct tide_error *error);

/* ---- doors ---- */
enum wire_slot { WIRE_LOBBY, WIRE_TRADE, WIRE_DATA, WIRE_AUDIT, WIRE_N };
enum wire_state { WIRE_CLOSED, WIRE_CONNECTING, WIRE_UP };

struct wire {
    void *socket, *monitor; /* ZeroMQ's; NULL when closed */
    enum wire_state state;
    int64_t opened_ms;
    unsigned n_sent; /* calls that were sent and not answered */
};

/* What the lobby said: the other doors' ports, and what this key is in the market. */
struct greeting {
    unsigned n_waiting; /* of its two requests, how many are unanswered */
    bool failed;        /* of the present attempt */
    bool known;
    int64_t not_before_ms; /* no new attempt until then */
    uint16_t ports[WIRE_N];
    uint64_t party_state, roles;
    int64_t skew_ms; /* the broker's clock less ours */
};

/* ---- calls ---- */
enum call_stage { CALL_WAITING, CALL_SENT, CALL_DONE };

struct tide_call {
    struct tide_market *market; /* NULL once that is closed */
    struct tide_call *prev, *next, *bucket_next;
    const struct verb_info *verb;
    uint64_t request_id;
    uint8_t *frame;
    size_t frame_len;
    enum call_stage stage;
    bool is_greeting; /* the market's own; nobody else holds it */
    bool was_sent;
    bool once;             /* sent, and its door broke: it ends (605), the owner looks before it sends again */
    enum wire_slot slot;   /* where it was sent or is to be sent; WIRE_N: not known yet */
    int64_t deadline_ms;   /* of this request */
    int64_t not_before_ms; /* CALL_WAITING: not sent before this */
    int patience_ms;       /* deadline of each attempt */
    /* Called with the answer or failure in code, doc and error; true: it has ended. NULL: it always has. */
    bool (*ended)(struct tide_call *call);
    struct statement_call *statement; /* statement.c's; NULL for queries */
    char id_text[33];
    int code;
    struct tide_doc *doc;
    struct tide_error error;
};

#define CALL_BUCKETS 1024u

struct tide_market {
    struct market_url url;
    const struct identity *identity;
    struct identity *stranger; /* made when no identity was given: may ask the lobby, signs nothing */
    struct outbox *outbox;     /* NULL for a stranger */
    char *state_dir;
    char *location_ca;   /* NULL: the system's authorities */
    bool location_local;
    int timeout_ms;
    void *zmq;
    int epoll_fd, wake_fd;
    atomic_bool interrupted;
    struct wire wires[WIRE_N];
    struct greeting greeting;
    struct tide_call *calls, *last_call; /* oldest first */
    struct tide_call *buckets[CALL_BUCKETS]; /* by request id */
    size_t n_calls_waiting;
    uint64_t n_chunks_sent; /* put on the wire by uploads, repeated ones too */
    uint64_t next_request_id;
    uint64_t seen_index; /* queries are answered from a state that has come this far: one reads what one wrote */
    int64_t next_due_ms; /* no deadline is earlier */
    struct tape *tape;   /* tape.c's, while the tape is followed */
    uint64_t registered_at; /* registered.c's: the last listing found in the log, and its record; 0: none yet */
    uint8_t registered[HASH_BYTES];
    bool stir;           /* something was sent: libzmq may hold news that no descriptor tells of */
    struct arena scratch;
};

/* Milliseconds since some point (deadlines), and since 1970 (statements). */
int64_t clock_ms(void);
uint64_t wall_ms(void);

/* ---- wire.c ---- */
int wires_init(struct tide_market *m, struct tide_error *error);
void wires_deinit(struct tide_market *m);
int wire_open(struct tide_market *m, enum wire_slot slot, uint16_t port, struct tide_error *error);
void wire_close(struct tide_market *m, enum wire_slot slot);
/* False: it cannot be sent now (not up, or full). */
bool wire_send(struct tide_market *m, enum wire_slot slot, struct bytes frame);
/*
 * The tape's socket (SUB), which is nobody's door: `events` tells whether it came up, was refused or broke since it was looked at
 * last. Frames go to tape_frame.
 */
enum { TAPE_UP = 1, TAPE_REFUSED = 2, TAPE_DOWN = 4 };
int tape_wire_open(struct tide_market *m, struct wire *wire, uint16_t port, struct tide_error *error);
void tape_wire_close(struct tide_market *m, struct wire *wire);
unsigned tape_wire_drain(struct tide_market *m, struct wire *wire);
/* News of every door: calls market_frame, wire_is_up, wire_is_down, wire_is_refused. */
void wires_drain(struct tide_market *m);

/* ---- tape.c ---- */
/* From wire.c: what came on the tape is kept until it is looked at. */
void tape_drain(struct tide_market *m);
void tape_frame(struct tide_market *m, struct bytes frame);

/* ---- greeting.c ---- */
/* Asks the lobby again unless that is under way or too early. */
void greeting_start(struct tide_market *m);
void greeting_forget(struct tide_market *m);
/* Which door a call takes. 0; -1: the greeting must come first; a code: it never will. */
int greeting_slot(struct tide_market *m, const struct tide_call *call, enum wire_slot *slot, struct tide_error *error);

/* ---- call.c ---- */
/*
 * Starts a request. `body` is the verb's struct (NULL: cleared); it is encoded before this returns. `after`: as in
 * "verb@after"; 0: what this connection has written is seen.
 */
#define AFTER_NONE UINT64_MAX /* no "@" */
int call_start(struct tide_market *m, enum verb verb, const void *body, uint64_t after, struct tide_call **out,
               struct tide_error *error);
/* The same for the same call again, with another verb: for what statements ask when their outcome is unknown. */
int call_restart(struct tide_call *call, enum verb verb, const void *body, struct tide_error *error);
/* Sends it again, not before a moment; the old reply, should it come, is as good. */
void call_again(struct tide_call *call, int64_t not_before_ms);
/* Ends it (or lets `ended` decide). `error` NULL: with call->doc. */
void call_end(struct tide_call *call, const struct tide_error *error);
void call_free(struct tide_call **call);
/* Sends what can be sent. */
void calls_flush(struct tide_market *m);
/* Acts on deadlines that have passed. */
void calls_expire(struct tide_market *m);
void calls_close(struct tide_market *m);
/* From wire.c. */
void market_frame(struct tide_market *m, struct bytes frame);
void wire_is_down(struct tide_market *m, enum wire_slot slot);
void wire_is_refused(struct tide_market *m, enum wire_slot slot);

/* ---- market.c ---- */
/* Waits for news at most until `until_ms` (clock_ms; -1: any time), then does all there is to do. 0, 611 or 610. */
int market_turn(struct tide_market *m, int64_t until_ms, struct tide_error *error);
/* Keeps the market going for a while. 0 or 611. */
int market_sleep(struct tide_market *m, int ms, struct tide_error *error);
/* True once after tide_market_interrupt; fills the error. */
bool market_was_interrupted(struct tide_market *m, struct tide_error *error);
/* An absolute moment for a timeout; -1 stays. */
int64_t market_until(int timeout_ms);
static inline bool is_over(int64_t until_ms)
{
    return until_ms >= 0 && clock_ms() >= until_ms;
}
/* A query waited for; the document's struct is the verb's reply. */
int market_query(struct tide_market *m, enum verb verb, const void *body, struct tide_doc **out,
                 struct tide_error *error);

/* ---- statement.c ---- */
/* Signs a body and starts its call. `body` is the kind's struct. */
int statement_start(struct tide_market *m, const struct schema *schema, const void *body, struct tide_call **out,
                    struct tide_error *error);
/* The same for what lies in the outbox. */
int statement_resume(struct tide_market *m, const struct outbox_entry *entry, struct tide_call **out,
                     struct tide_error *error);
int market_state(struct tide_market *m, const struct schema *schema, const void *body, struct tide_doc **out,
                 struct tide_error *error);
/*
 * A `new_keys` statement, signed here, for others to carry: its envelope in m->scratch. `party`: the key in force of the party
 * whose keys become this identity's.
 */
int statement_new_keys(struct tide_market *m, const struct identity *id, const uint8_t party[32], struct bytes *envelope,
                       struct tide_error *error);
void statement_free(struct statement_call **s);
/* The call is given up: if nothing was sent, the statement leaves the outbox. */
void statement_abandon(struct tide_call *call);
/* Code 603 unless the market has an identity. */
int need_identity(const struct tide_market *m, struct tide_error *error);

/* ---- resend.c ---- */
/* Outbox entries of the older keys of a rotated identity, the oldest first, then of the present one, until `each` is false. */
enum tide_err outbox_each_own(struct tide_market *m, bool (*each)(void *ctx, const struct outbox_entry *entry), void *ctx);

/* ---- card.c ---- */
/* Salts a contact card and keeps both for tide_card_upload; `hash` is what is stated of it. */
int card_prepare(struct tide_market *m, const char *card, uint8_t hash[HASH_BYTES], struct tide_error *error);

/* ---- pin.c ---- */
/* Verifies a signed checkpoint under the URL's log key. */
int checkpoint_check(const struct tide_market *m, struct bytes note, struct checkpoint *out, struct tide_error *error);
/* Compares a verified checkpoint with the newest one seen in this market, and keeps the newer. 703: they contradict. */
int checkpoint_pin(struct tide_market *m, struct bytes note, const struct checkpoint *cp, struct tide_error *error);
/* Asks for the proof between two heads of different sizes; *holds false: the broker cannot show one. */
int checkpoint_extends(struct tide_market *m, const struct checkpoint *older, const struct checkpoint *newer, bool *holds,
                       struct tide_error *error);
/* The two notes of which checkpoint_pin said 703, in `arena`; false: there are none. */
bool checkpoint_fork(struct tide_market *m, struct arena *arena, struct bytes *seen, struct bytes *shown);

#endif
