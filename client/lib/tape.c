/*
 * The tape followed: a picture of every book's top, then what changes, message by message.
 *
 * Always holds: the caller sees pictures and messages in an order in which each message begins where what it saw before
 * ended; where that cannot be kept (a gap, silence, a connection that broke) it sees a new picture instead. What waits
 * here is bounded: too much of it is dropped whole, and is a gap.
 * Not here: the socket itself (wire.c).
 */
#include "client/lib/market.h"

#include <stdlib.h>

#define SILENCE_MS 15000     /* the broker says something more often */
#define UP_MS 10000          /* for the handshake */
#define AGAIN_MS 1000        /* between two attempts to reach a broker that was there before */
#define WAITING_MAX 256u     /* messages that came while a picture was asked for, or a caller was busy */
#define WAITING_BYTES_MAX (8u << 20)

struct tape {
    struct wire wire;
    unsigned events;
    struct bytes waiting[WAITING_MAX]; /* a ring, each malloc'd */
    size_t first, n, n_bytes;
    bool overflow;
    int64_t heard_ms;
};

struct follower {
    struct tide_market *market;
    struct tape tape;
    uint64_t listing;
    bool (*each)(void *ctx, const struct tide_doc *message);
    void *ctx;
    uint64_t next;  /* what the caller has seen: everything below */
    uint64_t after; /* the next picture must have come this far */
    bool ended;     /* the caller wants no more */
};

/* ---- what comes in ---- */
void tape_drain(struct tide_market *m)
{
    m->tape->events |= tape_wire_drain(m, &m->tape->wire);
}

static void waiting_drop(struct tape *t)
{
    for (; t->n > 0; t->n--, t->first = (t->first + 1) % WAITING_MAX) free((void *)(uintptr_t)t->waiting[t->first].data);
    t->n_bytes = 0;
}

void tape_frame(struct tide_market *m, struct bytes frame)
{
    struct tape *t = m->tape;
    uint8_t *copy = NULL;
    t->heard_ms = clock_ms();
    if (frame.len == 0) return;
    if (t->n < WAITING_MAX && frame.len <= WAITING_BYTES_MAX - t->n_bytes) copy = malloc(frame.len);
    if (copy == NULL) {
        waiting_drop(t);
        t->overflow = true;
        return;
    }
    memcpy(copy, frame.data, frame.len);
    t->waiting[(t->first + t->n++) % WAITING_MAX] = BYTES(copy, frame.len);
    t->n_bytes += frame.len;
}

/* The oldest that waits as a document; NULL: none waits. */
static int message_take(struct tape *t, struct tide_doc **out, struct tide_error *error)
{
    const struct body_tape *message;
    *out = NULL;
    if (t->n == 0) return 0;
    struct bytes frame = t->waiting[t->first];
    t->first = (t->first + 1) % WAITING_MAX;
    t->n--;
    t->n_bytes -= frame.len;
    struct tide_doc *doc = doc_new(&schema_tape);
    struct bytes copy = doc != NULL ? arena_copy(doc->arena, frame) : BYTES(NULL, 0);
    free((void *)(uintptr_t)frame.data);
    enum tide_err err = copy.data == NULL ? TIDE_ENOMEM : tape_decode(copy, doc->arena, &message);
    if (err == TIDE_OK) err = doc_adopt(doc, (void *)(uintptr_t)message);
    if (err == TIDE_OK) {
        *out = doc;
        return 0;
    }
    tide_doc_free(&doc);
    if (err == TIDE_ENOMEM) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    return error_set(error, OUTCOME_V_FAILED, "A message of the tape does not follow the protocol.");
}

/* ---- the socket ---- */
static int refused(struct tide_error *error)
{
    return error_set(error, OUTCOME_UNKNOWN_PARTY, "The market's tape door does not let this key in.");
}

/* Asks for the port, which may be another one by now, and waits until the subscription is on its way. */
static int tape_open(struct follower *f, struct tide_error *error)
{
    struct tide_market *m = f->market;
    struct tape *t = &f->tape;
    struct tide_doc *doc;
    int64_t until = clock_ms() + UP_MS;

    tape_wire_close(m, &t->wire);
    waiting_drop(t);
    t->events = 0;
    t->overflow = false;
    int code = market_query(m, VERB_DOORS, NULL, &doc, error);
    if (code != 0) return code;
    uint64_t port = ((const struct body_r_doors *)doc->value)->tape_port;
    tide_doc_free(&doc);
    if (port == 0) return error_set(error, OUTCOME_C_UNREACHABLE, "This market does not serve its tape now.");
    code = tape_wire_open(m, &t->wire, (uint16_t)port, error);
    while (code == 0 && t->events == 0) {
        if (is_over(until)) return error_set(error, OUTCOME_C_UNREACHABLE, "The market's tape does not answer.");
        code = market_turn(m, until, error);
    }
    if (code == 0 && (t->events & TAPE_REFUSED) != 0) code = refused(error);
    t->events &= ~(unsigned)TAPE_UP;
    t->heard_ms = clock_ms();
    return code;
}

/* ---- the picture ---- */
static int page_get(struct follower *f, uint64_t after, struct tide_doc **out, struct tide_error *error)
{
    struct body_q_tape q = {.after = after, .listing = f->listing, .limit = LIMIT_PAGE};
    uint64_t index = f->after > f->market->seen_index ? f->after : f->market->seen_index;
    struct tide_call *call;
    *out = NULL;
    int code = call_start(f->market, VERB_TAPE, &q, index, &call, error);
    return code != 0 ? code : tide_call_finish(&call, out, error);
}

static int picture_take(struct follower *f, struct tide_error *error)
{
    uint64_t after = 0, next = 0;
    bool first = true;
    do {
        struct tide_doc *doc;
        int code = page_get(f, after, &doc, error);
        if (code != 0) return code;
        const struct body_r_tape *page = doc->value;
        if (first) next = page->next; /* later pages are not older: what they know already does no harm said twice */
        bool goes_on = page->after > after;
        after = goes_on ? page->after : 0;
        first = false;
        f->ended = !f->each(f->ctx, doc);
        tide_doc_free(&doc);
    } while (after != 0 && !f->ended);
    f->next = next;
    f->tape.overflow = false;
    return 0;
}

/* ---- messages ---- */

/* Keeps the items of one listing; `at` is where an item has its number. */
static void list_filter(struct list *list, size_t size, size_t at, uint64_t listing)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->n; i++) {
        char *item = (char *)list->items + i * size;
        uint64_t which;
        memcpy(&which, item + at, sizeof which);
        if (which == listing) memmove((char *)list->items + kept++ * size, item, size);
    }
    list->n = kept;
}

/* False: nothing of the message is about that listing. Documents of what is left are made anew. */
static bool message_filter(struct tide_doc *doc, uint64_t listing)
{
    struct body_tape *message = doc->value;
    list_filter(&message->listings, sizeof(struct body_tape_listing), offsetof(struct body_tape_listing, listing), listing);
    list_filter(&message->trades, sizeof(struct body_tape_trade), offsetof(struct body_tape_trade, listing), listing);
    list_filter(&message->tops, sizeof(struct body_tape_top), offsetof(struct body_tape_top, listing), listing);
    if (doc_adopt(doc, message) != TIDE_OK) return false;
    return message->listings.n + message->trades.n + message->tops.n + message->states.n > 0;
}

/* One message; *gap: what it goes on from was not seen. */
static void message_use(struct follower *f, struct tide_doc *doc, bool *gap)
{
    const struct body_tape *message = doc->value;
    if (message->from > f->next) {
        *gap = true;
        f->after = message->from;
        return;
    }
    if (message->next <= f->next) return; /* the picture has it */
    f->next = message->next;
    if (f->listing != 0 && !message_filter(doc, f->listing)) return;
    f->ended = !f->each(f->ctx, doc);
}

/* Until the tape must be begun anew: 0, with *lost when the connection is to be made anew as well. */
static int messages_follow(struct follower *f, bool *lost, struct tide_error *error)
{
    struct tape *t = &f->tape;
    bool gap = false;
    int code = 0;
    *lost = false;
    while (code == 0 && !f->ended && !gap && !*lost) {
        struct tide_doc *doc;
        code = message_take(t, &doc, error);
        if (doc != NULL) {
            message_use(f, doc, &gap);
            tide_doc_free(&doc);
        } else if (code == 0) {
            if ((t->events & TAPE_REFUSED) != 0) return refused(error);
            *lost = (t->events & TAPE_DOWN) != 0 || clock_ms() - t->heard_ms >= SILENCE_MS;
            gap = t->overflow;
            if (!*lost && !gap) code = market_turn(f->market, t->heard_ms + SILENCE_MS, error);
        }
    }
    return code;
}

/* ---- the whole ---- */

/* Failures that a broker that is coming back explains. */
static bool is_temporary(int code)
{
    return code == OUTCOME_C_UNREACHABLE || (code >= 100 && code < 200);
}

static int follow(struct follower *f, struct tide_error *error)
{
    bool lost = true, was_there = false;
    for (;;) {
        int code = lost ? tape_open(f, error) : 0;
        if (code == 0) code = picture_take(f, error);
        if (code == 0) was_there = true;
        if (code == 0 && !f->ended) code = messages_follow(f, &lost, error);
        if (f->ended) return 0;
        if (code == 0) continue;
        if (!was_there || !is_temporary(code)) return code;
        lost = true;
        f->after = 0;
        code = market_sleep(f->market, AGAIN_MS, error);
        if (code != 0) return code;
    }
}

int tide_tape_follow(struct tide_market *market, uint64_t listing, bool (*each)(void *ctx, const struct tide_doc *message),
                     void *ctx, struct tide_error *error)
{
    error_clear(error);
    int code = need_identity(market, error);
    if (code != 0) return code;
    if (market->tape != NULL) return error_set(error, OUTCOME_C_USAGE, "The tape is being followed on this market already.");
    struct follower *f = calloc(1, sizeof *f);
    if (f == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    *f = (struct follower){.market = market, .listing = listing, .each = each, .ctx = ctx};
    market->tape = &f->tape;
    code = follow(f, error);
    tape_wire_close(market, &f->tape.wire);
    market->tape = NULL;
    waiting_drop(&f->tape);
    free(f);
    return code;
}
