/*
 * The tape over real sockets: gapless over many commits, whoever joins late and asks for the picture has what the
 * state has, and who is not enrolled hears nothing.
 */
#include "tests/unit/test_server.h"

#include "broker/server/query.h"
#include "broker/server/tape.h"
#include "broker/server/tape_round.h"
#include "broker/server/zap.h"

#define N_LISTINGS 5
#define HEARTBEAT_MS 200
#define LISTINGS_MAX 16

static struct world w;
static void *context;
static struct zap *zap;
static struct state_view *gate_view, *query_view;
static struct tape *tape;
static struct arena arena;
static void *sockets[16]; /* closed at the end, also of a test that fails */
static size_t n_sockets;
static uint64_t listings[N_LISTINGS], orders[4096];
static size_t n_orders;
static uint64_t seed;

/* As the broker: enrolled parties, whatever their state. */
static bool admits(void *ctx, const char *door, const uint8_t wire_key[32])
{
    struct peer peer;
    (void)ctx;
    if (strcmp(door, "tape") != 0 || state_read_renew(gate_view) != TIDE_OK) return false;
    bool enrolled = query_peer(gate_view, wire_key, &peer) == TIDE_OK && peer.number != 0;
    state_read_reset(gate_view);
    return enrolled;
}

static void tape_failed(void *ctx, const char *what, enum tide_err err)
{
    (void)ctx;
    fprintf(stderr, "%s: %s\n", what, tide_err_text(err));
    abort();
}

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 8u << 20);
    seed = 7;
    n_orders = 0;
    world_open(&w);
    for (size_t i = 0; i < N_LISTINGS; i++) {
        char title[32];
        snprintf(title, sizeof title, "Listing %zu", i);
        listings[i] = publish(&w, title, "", "", NULL);
        if (i > 0) open_listing(&w, listings[i]); /* the first stays hidden */
    }
    deposit(&w, BUYER, UINT64_C(1) << 40, "ref-1");
    assert_ok(state_read_begin(w.state, &gate_view));
    state_read_reset(gate_view);
    assert_ok(state_read_begin(w.state, &query_view));
    context = zmq_ctx_new();
    assert_ok(zap_start(context, admits, NULL, &zap));
    struct tape_options options = {
        .zmq_context = context, .listen = "127.0.0.1", .wire_secret = identity_wire_secret(w.ids[BROKER]),
        .journal = w.journal, .state = w.state, .heartbeat_ms = HEARTBEAT_MS, .failed = tape_failed,
    };
    assert_ok(tape_start(&options, &tape));
    return 0;
}

static int tear_down(void **state)
{
    while (n_sockets > 0) zmq_close(sockets[--n_sockets]);
    tape_stop(&tape);
    zap_stop(&zap);
    zmq_ctx_term(context);
    state_read_end(&gate_view);
    state_read_end(&query_view);
    world_close(&w);
    arena_deinit(&arena);
    return remove_test_dir(state);
}

/* ---- a market that moves ---- */

static void one_step(void)
{
    uint64_t listing = listings[1 + next_random(&seed) % (N_LISTINGS - 1)], what = next_random(&seed) % 8;
    uint64_t price = 100 + next_random(&seed) % 10, quantity = 1 + next_random(&seed) % 5;

    if (what < 3) {
        orders[n_orders++] = ask_order(&w, listing, price, quantity);
    } else if (what < 7 || n_orders == 0) {
        bid_order(&w, listing, price, quantity);
    } else {
        struct body_cancel cancel = {.order = orders[--n_orders]};
        struct row_order row;
        uint8_t key[8];
        key_u64(key, cancel.order);
        assert_ok(state_read_renew(query_view));
        assert_ok(state_get(query_view, TABLE_ORDER, key, &row));
        if (row.resting) state_it(&w, VENDOR, KIND_CANCEL, &cancel);
    }
}

static void steps(size_t n, size_t a_kick)
{
    for (size_t i = 1; i <= n; i++) {
        one_step();
        if (i % a_kick == 0) tape_kick(tape);
    }
}

static void halt(uint64_t listing, bool on)
{
    struct body_halt halt = {.listing = listing, .reason = BYTES_TEXT("test")};
    struct body_resume resume = {.listing = listing};
    if (on) state_it(&w, OPERATOR, KIND_HALT, &halt);
    else state_it(&w, OPERATOR, KIND_RESUME, &resume);
    tape_kick(tape);
}

/* ---- the picture ---- */

struct seen {
    uint64_t listing, state, has_last, last_price, has[2];
    struct body_level side[2];
};
struct picture {
    struct seen seen[LISTINGS_MAX]; /* in the order of their names */
    size_t n;
    uint64_t next, halted, n_trades;
};

static struct seen *seen_of(struct picture *p, uint64_t listing)
{
    size_t at = 0;
    while (at < p->n && p->seen[at].listing < listing) at++;
    if (at < p->n && p->seen[at].listing == listing) return &p->seen[at];
    assert_true(p->n < LISTINGS_MAX);
    memmove(&p->seen[at + 1], &p->seen[at], (p->n++ - at) * sizeof p->seen[0]);
    p->seen[at] = (struct seen){.listing = listing};
    return &p->seen[at];
}

static void set_side(struct seen *s, int side, struct list levels)
{
    s->has[side] = levels.n;
    s->side[side] = levels.n > 0 ? *(const struct body_level *)levels.items : (struct body_level){0};
}

/* The verb `tape`, as the trade door answers it. */
static struct picture ask_picture(uint64_t limit)
{
    struct query_source source = {.view = query_view, .journal = w.journal};
    struct body_q_tape ask = {.limit = limit};
    struct request request = {.request_id = 1, .verb = verb_by_name(BYTES_TEXT("tape")), .body = &ask};
    struct picture p = {0};
    struct peer peer;
    struct reply reply;

    assert_ok(state_read_renew(query_view));
    assert_ok(query_peer(query_view, identity_wire_public(w.ids[BUYER]), &peer));
    do {
        arena_reset(&arena);
        assert_ok(query_answer(&source, &peer, &request, w.now_ms, &arena, &reply));
        assert_int_equal(reply.code, OUTCOME_OK);
        const struct body_r_tape *r = reply.body;
        const struct body_top_row *rows = r->tops.items;
        for (size_t i = 0; i < r->tops.n; i++) {
            struct seen *s = seen_of(&p, rows[i].listing);
            s->state = rows[i].state;
            s->has_last = rows[i].has_last;
            s->last_price = rows[i].last_price;
            set_side(s, SIDE_BID, rows[i].bid);
            set_side(s, SIDE_ASK, rows[i].ask);
        }
        p.next = r->next;
        p.halted = r->halted;
        ask.after = r->after;
    } while (ask.after != 0);
    return p;
}

static void apply(struct picture *p, const struct body_tape *m)
{
    const struct body_tape_listing *moved = m->listings.items;
    const struct body_tape_trade *trades = m->trades.items;
    const struct body_tape_state *states = m->states.items;
    const struct body_tape_top *tops = m->tops.items;

    if (m->next <= p->next) return;
    for (size_t i = 0; i < m->listings.n; i++) {
        assert_true(moved[i].record >= m->from && moved[i].record < m->next);
        assert_int_not_equal(moved[i].listing, listings[0]);
        assert_true(moved[i].state == LISTING_OPEN || moved[i].state == LISTING_HALTED || moved[i].state == LISTING_CLOSED);
        if (moved[i].record >= p->next) seen_of(p, moved[i].listing)->state = moved[i].state;
    }
    for (size_t i = 0; i < m->trades.n; i++) {
        assert_true(trades[i].record >= m->from && trades[i].record < m->next);
        if (trades[i].record < p->next) continue;
        struct seen *s = seen_of(p, trades[i].listing);
        s->has_last = 1;
        s->last_price = trades[i].price;
        p->n_trades++;
    }
    for (size_t i = 0; i < m->states.n; i++) {
        if (states[i].record >= p->next) p->halted = states[i].halted;
    }
    for (size_t i = 0; i < m->tops.n; i++) {
        set_side(seen_of(p, tops[i].listing), SIDE_BID, tops[i].bid);
        set_side(seen_of(p, tops[i].listing), SIDE_ASK, tops[i].ask);
    }
    p->next = m->next;
}

/* The picture kept up is that of the state now; closed listings are not in the latter. */
static void assert_picture(const struct picture *kept)
{
    struct picture now = ask_picture(2), open = *kept;
    open.n = 0;
    for (size_t i = 0; i < kept->n; i++) {
        if (kept->seen[i].state != LISTING_CLOSED) open.seen[open.n++] = kept->seen[i];
    }
    assert_int_equal(open.next, now.next);
    assert_int_equal(open.halted, now.halted);
    assert_int_equal(open.n, now.n);
    assert_memory_equal(open.seen, now.seen, now.n * sizeof now.seen[0]);
}

/* ---- listeners ---- */

struct listener {
    void *socket;
    struct arena arena;
    uint64_t next; /* where the next message must begin */
    size_t n_messages;
};

static void *connect_as(enum who who, int type)
{
    char endpoint[64];
    void *socket = zmq_socket(context, type);
    int zero = 0, timeout_ms = 5000;

    assert_non_null(socket);
    assert_true(n_sockets < ARRAY_LEN(sockets));
    sockets[n_sockets++] = socket;
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, identity_wire_public(w.ids[BROKER]), 32);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, identity_wire_public(w.ids[who]), 32);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(w.ids[who]), 32);
    if (type == ZMQ_SUB) zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", tape_port(tape));
    assert_int_equal(zmq_connect(socket, endpoint), 0);
    return socket;
}

/* The next message; it follows the one before without gap. */
static const struct body_tape *hear(struct listener *l)
{
    static uint8_t frame[LIMIT_TRADE_FRAME_BYTES];
    const struct body_tape *m;

    int len = zmq_recv(l->socket, frame, sizeof frame, 0);
    assert_true(len > 0 && (size_t)len <= sizeof frame);
    arena_reset(&l->arena);
    assert_ok(tape_decode(BYTES(frame, (size_t)len), &l->arena, &m));
    if (l->n_messages++ > 0) assert_int_equal(m->from, l->next);
    l->next = m->next;
    return m;
}

static struct listener join(enum who who)
{
    struct listener l = {.socket = connect_as(who, ZMQ_SUB)};
    arena_init(&l.arena, 4u << 20);
    hear(&l);
    return l;
}

static void disconnect(void *socket)
{
    for (size_t i = 0; i < n_sockets; i++) {
        if (sockets[i] == socket) sockets[i] = sockets[--n_sockets];
    }
    zmq_close(socket);
}

static void leave(struct listener *l)
{
    disconnect(l->socket);
    arena_deinit(&l->arena);
}

static void hear_all(struct listener *l, struct picture *p)
{
    tape_kick(tape);
    while (l->next < w.size) apply(p, hear(l));
}

/* ---- tests ---- */

static void it_is_gapless_over_many_commits(void **state)
{
    (void)state;
    uint64_t n_before, n_after;
    struct listener l = join(BUYER);
    assert_int_equal(l.next, w.size);
    struct picture p = ask_picture(0);
    assert_ok(state_count(query_view, TABLE_TRADE, &n_before));
    for (int i = 0; i < 10; i++) {
        steps(20, (size_t)i + 1);
        if (i == 3) halt(listings[2], true);
        if (i == 5) halt(0, true);
        tape_kick(tape);
        hear_all(&l, &p);
        assert_picture(&p);
        if (i == 3) halt(listings[2], false);
        if (i == 5) halt(0, false);
    }
    assert_ok(state_count(query_view, TABLE_TRADE, &n_after));
    assert_true(n_after > n_before + 20);
    assert_int_equal(p.n_trades, n_after - n_before);
    leave(&l);
}

static void who_joins_late_has_what_the_state_has(void **state)
{
    (void)state;
    struct listener first = join(BUYER);
    struct picture kept = ask_picture(0);
    steps(50, 1);
    struct listener late = join(VENDOR); /* amid it all */
    steps(10, 1);
    struct picture p = ask_picture(1);
    steps(50, 3);
    struct body_close close = {.listing = listings[3]};
    state_it(&w, VENDOR, KIND_CLOSE, &close);
    uint64_t newest = publish(&w, "New on the tape", "", "", NULL);
    open_listing(&w, newest);
    ask_order(&w, newest, 77, 0);
    halt(0, true);
    hear_all(&late, &p);
    hear_all(&first, &kept);
    assert_picture(&p);
    assert_picture(&kept);
    assert_int_equal(p.halted, 1);
    assert_int_equal(seen_of(&p, newest)->side[SIDE_ASK].price, 77);
    assert_true(seen_of(&p, newest)->side[SIDE_ASK].unlimited);
    assert_int_equal(seen_of(&p, listings[3])->state, LISTING_CLOSED);
    assert_int_equal(seen_of(&p, listings[3])->has[SIDE_ASK], 0);
    leave(&late);
    leave(&first);
}

static void a_long_round_is_split(void **state)
{
    (void)state;
    struct listener l = join(BUYER);
    for (size_t i = 0; i < 300; i++) ask_order(&w, listings[1], 1000 - i % 3, 1);
    struct picture p = ask_picture(0);
    hear_all(&l, &p);
    size_t n_before = l.n_messages;
    bid_order(&w, listings[2], 5, 1);
    bid_order(&w, listings[1], 1000, 150);
    bid_order(&w, listings[1], 1000, 149); /* more trades than one message holds */
    tape_kick(tape);
    const struct body_tape *m = hear(&l);
    while (m->next <= p.next) m = hear(&l); /* heartbeats */
    apply(&p, m);
    assert_true(m->trades.n <= LIMIT_PAGE && p.next < w.size);
    hear_all(&l, &p);
    assert_true(l.n_messages > n_before + 1);
    assert_int_equal(p.n_trades, 299);
    assert_picture(&p);
    leave(&l);
}

/* Every subscription is told where the tape stands, but one message is for all that came within a moment. */
static void subscribing_again_and_again_floods_nobody(void **state)
{
    (void)state;
    uint64_t began_ms, n = 0;
    uint8_t first[1];
    struct listener l = join(BUYER);
    void *pest = connect_as(VENDOR, ZMQ_XSUB);
    began_ms = clock_steady_ms();
    for (int i = 0; i < 500; i++) {
        assert_int_equal(zmq_send(pest, "\1", 1, 0), 1);
        if (i % 50 == 0) usleep(4000); /* many rounds of the tape */
    }
    while (clock_steady_ms() - began_ms < 300) hear(&l), n++;
    uint64_t most = (clock_steady_ms() - began_ms) / 20 + 2;
    assert_in_range(n, 1, most);
    assert_true(zmq_recv(pest, first, sizeof first, 0) > 0);
    disconnect(pest);
    leave(&l);
}

static void when_nothing_happens_it_beats(void **state)
{
    (void)state;
    struct listener l = join(BUYER);
    for (int i = 0; i < 3; i++) {
        const struct body_tape *m = hear(&l);
        assert_int_equal(m->from, w.size);
        assert_int_equal(m->next, w.size);
        assert_int_equal(m->time_ms, w.now_ms);
        assert_int_equal(m->trades.n + m->tops.n + m->listings.n + m->states.n, 0);
    }
    leave(&l);
    usleep(3 * HEARTBEAT_MS * 1000); /* nobody listens: nothing is read, and nobody misses it */
    steps(20, 1);
    l = join(BUYER);
    assert_int_equal(l.next, w.size);
    leave(&l);
}

static void strangers_hear_nothing(void **state)
{
    (void)state;
    char byte;
    int short_ms = 4 * HEARTBEAT_MS;
    struct body_suspend suspend = {.reason = BYTES_TEXT("test")};
    memcpy(suspend.party, identity_party(w.ids[BUYER]), 32);
    state_it(&w, OPERATOR, KIND_SUSPEND, &suspend);
    void *stranger = connect_as(STRANGER, ZMQ_SUB);
    struct listener suspended = join(BUYER);
    zmq_setsockopt(stranger, ZMQ_RCVTIMEO, &short_ms, sizeof short_ms);
    assert_int_equal(zmq_recv(stranger, &byte, 1, 0), -1);
    hear(&suspended);
    leave(&suspended);
    disconnect(stranger);
}

/* Messages, subscriptions to a thousand topics: whoever else listens does not notice. */
static void what_subscribers_send_does_no_harm(void **state)
{
    (void)state;
    static uint8_t noise[900];
    struct listener l = join(BUYER);
    void *rude = connect_as(VENDOR, ZMQ_XSUB);
    int timeout_ms = 50;

    zmq_setsockopt(rude, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms);
    for (size_t i = 0; i < 1000; i++) {
        memset(noise, (int)(i & 255), sizeof noise);
        noise[0] = (uint8_t)(i % 3); /* unsubscribe, subscribe, neither */
        noise[1] = (uint8_t)(i >> 8);
        (void)!zmq_send(rude, noise, sizeof noise, i % 10 == 9 ? ZMQ_SNDMORE : 0);
    }
    struct picture p = ask_picture(0);
    steps(30, 1);
    hear_all(&l, &p);
    assert_picture(&p);
    disconnect(rude);
    leave(&l);
}

static enum tide_err no_message(void *ctx, const struct body_tape *message)
{
    (void)ctx, (void)message;
    return TIDE_EIO;
}

static void a_round_is_bounded(void **state)
{
    (void)state;
    struct tape_round round;
    tape_round_init(&round, w.journal, query_view);
    assert_ok(state_read_renew(query_view));
    assert_int_equal(tape_round_run(&round, 0, TAPE_ROUND_RECORDS + 1, no_message, NULL), TIDE_ELIMIT);
    assert_int_equal(tape_round_run(&round, 2, 1, no_message, NULL), TIDE_ELIMIT);
    assert_int_equal(tape_round_run(&round, 0, w.size + 1, no_message, NULL), TIDE_EDAMAGED);
    assert_int_equal(tape_round_run(&round, 0, w.size, no_message, NULL), TIDE_EIO);
    tape_round_deinit(&round);
}

/* For each of two listings: in which message its last trade and its top came. */
struct split {
    size_t n, last_trade[2], top[2], n_tops[2];
    uint64_t next;
};

static enum tide_err note_split(void *ctx, const struct body_tape *m)
{
    struct split *s = ctx;
    const struct body_tape_trade *trades = m->trades.items;
    const struct body_tape_top *tops = m->tops.items;

    s->n++;
    assert_int_equal(m->from, s->next);
    s->next = m->next;
    for (size_t i = 0; i < m->trades.n; i++) s->last_trade[trades[i].listing == listings[1]] = s->n;
    for (size_t i = 0; i < m->tops.n; i++) {
        s->top[tops[i].listing == listings[1]] = s->n;
        s->n_tops[tops[i].listing == listings[1]]++;
    }
    return TIDE_OK;
}

static void a_top_comes_with_what_touched_it_last(void **state)
{
    (void)state;
    struct tape_round round;
    struct split split = {.next = w.size};
    uint64_t from = w.size;
    for (size_t i = 0; i < 300; i++) ask_order(&w, listings[1], 1000, 1);
    ask_order(&w, listings[2], 1000, 0);
    bid_order(&w, listings[2], 1000, 1);
    bid_order(&w, listings[1], 1000, 150);
    bid_order(&w, listings[1], 1000, 150);
    assert_ok(state_read_renew(query_view));
    tape_round_init(&round, w.journal, query_view);
    assert_ok(tape_round_run(&round, from, w.size, note_split, &split));
    tape_round_deinit(&round);
    assert_int_equal(split.next, w.size);
    assert_int_equal(split.n, 2);
    assert_int_equal(split.last_trade[0], 1);
    assert_int_equal(split.top[0], 1);
    assert_int_equal(split.last_trade[1], 2);
    assert_int_equal(split.top[1], 2); /* not in the first, though it has most of that book's trades */
    assert_int_equal(split.n_tops[0] + split.n_tops[1], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_gapless_over_many_commits, build, tear_down),
        cmocka_unit_test_setup_teardown(who_joins_late_has_what_the_state_has, build, tear_down),
        cmocka_unit_test_setup_teardown(a_long_round_is_split, build, tear_down),
        cmocka_unit_test_setup_teardown(a_top_comes_with_what_touched_it_last, build, tear_down),
        cmocka_unit_test_setup_teardown(subscribing_again_and_again_floods_nobody, build, tear_down),
        cmocka_unit_test_setup_teardown(when_nothing_happens_it_beats, build, tear_down),
        cmocka_unit_test_setup_teardown(strangers_hear_nothing, build, tear_down),
        cmocka_unit_test_setup_teardown(what_subscribers_send_does_no_harm, build, tear_down),
        cmocka_unit_test_setup_teardown(a_round_is_bounded, build, tear_down),
    };
    return cmocka_run_group_tests_name("server_tape", tests, NULL, NULL);
}
