/*
 * The client against a broker that loses replies, refuses, lies and contradicts itself (fake_broker.h): what becomes of
 * calls and statements, and what is left in the outbox.
 */
#include <stdlib.h>

#include "client/lib/jobs.h"
#include "client/lib/schemas.h"
#include "storage/settlement.h"
#include "tests/unit/fake_broker.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS 3000
#define SHORT_MS 500 /* where the broker is silent on purpose */

static struct fake fake;
static struct tide_identity *me;
static struct tide_market *market;
static char dir[] = "/tmp/tidemark-market-XXXXXX";

/* ---- setting up ---- */
static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

typedef bool answer(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply);

static void begin_for(answer *how, int timeout_ms)
{
    struct tide_error e;
    assert_true(fake_start(&fake, how));
    assert_int_equal(tide_identity_new(&me, NULL), 0);
    struct tide_options options = {.url = fake.url_text, .identity = me, .state_dir = dir, .timeout_ms = timeout_ms};
    assert_int_equal(tide_market_open(&options, &market, &e), 0);
}

static void begin(answer *how)
{
    begin_for(how, TIMEOUT_MS);
}

static void end(void)
{
    tide_market_close(&market);
    tide_identity_free(&me);
    fake_stop(&fake);
}

static bool silent(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    (void)f, (void)request, (void)arena, (void)reply;
    return false;
}

static bool accept_submit(const struct request *request, struct arena *arena, struct reply *reply)
{
    struct body_r_submit *body = arena_calloc(arena, 1, sizeof *body);
    if (request->verb->verb != VERB_SUBMIT) return false;
    body->first_index = 100;
    body->next_index = 102;
    reply->body = body;
    return true;
}

static bool accepting(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    (void)f;
    return accept_submit(request, arena, reply);
}

/* The outbox as a line: "close:accepted:100 …" */
static bool entry_line(void *ctx, const struct tide_doc *entry)
{
    char *line = ctx;
    sprintf(line + strlen(line), "%s%s:%s:%s:%s", line[0] != '\0' ? " " : "", tide_doc_text(entry, "kind"),
            tide_doc_text(entry, "state"), tide_doc_text(entry, "first_index"), tide_doc_text(entry, "code"));
    return true;
}

static const char *outbox_line(void)
{
    static char line[1024];
    line[0] = '\0';
    assert_int_equal(tide_outbox_each(market, entry_line, line, NULL), 0);
    return line;
}

static struct body_close close_body = {.listing = 17};

static int state_close(struct tide_doc **out, struct tide_error *e)
{
    return market_state(market, &schema_close, &close_body, out, e);
}

/* ---- getting in ---- */
static void another_broker_is_not_believed(void **state)
{
    (void)state;
    struct tide_error e;
    begin(silent);
    atomic_store(&fake.other_log_key, true);
    assert_int_equal(tide_query(market, "balances", NULL, NULL, &e), OUTCOME_V_FAILED);
    assert_non_null(strstr(e.message, "log key"));
    assert_int_equal(state_close(NULL, &e), OUTCOME_V_FAILED);
    assert_string_equal(outbox_line(), ""); /* it was never sent */
    end();
}

static void a_stranger_is_told_so(void **state)
{
    (void)state;
    struct tide_error e;
    begin(silent);
    atomic_store(&fake.party_state, PARTY_UNKNOWN);
    int64_t before = clock_ms();
    assert_int_equal(tide_query(market, "balances", NULL, NULL, &e), OUTCOME_UNKNOWN_PARTY);
    assert_int_equal(state_close(NULL, &e), OUTCOME_UNKNOWN_PARTY);
    assert_true(clock_ms() - before < TIMEOUT_MS); /* at once, not by silence */
    assert_string_equal(outbox_line(), "");
    end();
}

static void nobody_is_there(void **state)
{
    (void)state;
    struct tide_error e;
    begin_for(silent, SHORT_MS);
    fake_stop(&fake);
    assert_int_equal(tide_query(market, "doors", NULL, NULL, &e), OUTCOME_C_UNREACHABLE);
    assert_int_equal(e.retry, 1);
    assert_int_equal(state_close(NULL, &e), OUTCOME_C_UNREACHABLE);
    assert_string_equal(outbox_line(), "");
    tide_market_close(&market);
    tide_identity_free(&me);
}

static void bad_arguments(void **state)
{
    (void)state;
    struct tide_error e;
    struct tide_doc *body;
    struct tide_market *other = NULL;
    struct tide_options options = {.url = "tidemark://nonsense", .state_dir = dir};
    assert_int_equal(tide_market_open(&options, &other, &e), OUTCOME_C_USAGE);
    assert_null(other);
    begin(silent);
    assert_int_equal(tide_query(market, "ballances", NULL, NULL, &e), OUTCOME_C_USAGE);
    assert_non_null(strstr(e.message, "\"balances\""));
    assert_int_equal(tide_query(market, "submit", NULL, NULL, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_query(market, "book", NULL, NULL, &e), OUTCOME_C_USAGE); /* which listing? */
    assert_non_null(strstr(e.message, "listing"));
    assert_int_equal(tide_doc_new("order", &body, NULL), 0);
    assert_int_equal(tide_state(market, "close", body, NULL, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_state(market, "order", body, NULL, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_state(market, "placed", body, NULL, &e), OUTCOME_C_USAGE);
    assert_string_equal(outbox_line(), "");
    tide_doc_free(&body);
    end();
    options = (struct tide_options){.url = fake.url_text}; /* no identity: may ask only */
    assert_int_equal(tide_market_open(&options, &market, &e), 0);
    assert_int_equal(state_close(NULL, &e), OUTCOME_C_NO_IDENTITY);
    tide_market_close(&market);
}

/* ---- many at once ---- */
static bool echo_listing(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    struct body_r_book *book = arena_calloc(arena, 1, sizeof *book);
    (void)f;
    if (request->verb->verb != VERB_BOOK) return false;
    book->last_price = ((const struct body_q_book *)request->body)->listing;
    reply->body = book;
    return true;
}

static void replies_find_their_calls(void **state)
{
    (void)state;
    enum { N = 5000 }; /* more than may be in flight */
    static struct tide_call *calls[N];
    begin(echo_listing);
    for (uint64_t i = 0; i < N; i++) {
        struct body_q_book q = {.listing = i + 1};
        assert_int_equal(call_start(market, VERB_BOOK, &q, 0, &calls[i], NULL), 0);
    }
    for (uint64_t i = N; i-- > 0;) { /* waited for backwards */
        struct tide_doc *doc;
        struct tide_error e;
        assert_int_equal(tide_call_finish(&calls[i], &doc, &e), 0);
        assert_int_equal(tide_doc_u64(doc, "last_price"), i + 1);
        tide_doc_free(&doc);
    }
    assert_null(market->calls);
    end();
}

/* A program's own loop: poll, dispatch; nothing else. */
static void a_loop_of_ones_own(void **state)
{
    (void)state;
    struct tide_call *call;
    struct tide_doc *doc, *body;
    begin(echo_listing);
    assert_int_equal(tide_doc_new("book", &body, NULL), 0);
    assert_int_equal(tide_doc_set_u64(body, "listing", 9, NULL), 0);
    assert_int_equal(tide_query_start(market, "book@5", body, &call, NULL), 0);
    assert_string_equal(tide_call_id(call), "");
    while (!tide_call_done(call)) {
        zmq_pollitem_t item = {.fd = tide_market_fd(market), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, tide_market_timeout_ms(market));
        assert_int_equal(tide_market_dispatch(market, NULL), 0);
    }
    assert_int_equal(tide_call_finish(&call, &doc, NULL), 0);
    assert_null(call);
    assert_int_equal(tide_doc_u64(doc, "last_price"), 9);
    tide_doc_free(&doc);
    tide_doc_free(&body);
    end();
}

static void timeouts_and_interrupts(void **state)
{
    (void)state;
    struct tide_error e;
    struct tide_call *call;
    begin_for(silent, SHORT_MS);
    assert_int_equal(tide_query_start(market, "balances", NULL, &call, NULL), 0);
    assert_int_equal(tide_call_wait(call, 50, &e), OUTCOME_C_TIMEOUT); /* goes on */
    assert_false(tide_call_done(call));
    tide_market_interrupt(market);
    assert_int_equal(tide_call_wait(call, -1, &e), OUTCOME_C_INTERRUPTED);
    assert_int_equal(tide_call_finish(&call, NULL, &e), OUTCOME_C_UNREACHABLE);
    tide_market_interrupt(market);
    assert_int_equal(tide_trade_wait(market, 5, "granted", -1, NULL, &e), OUTCOME_C_INTERRUPTED);
    assert_int_equal(tide_query_start(market, "balances", NULL, &call, NULL), 0);
    tide_market_close(&market); /* with a call under way */
    assert_true(tide_call_done(call));
    assert_int_equal(tide_call_finish(&call, NULL, &e), OUTCOME_C_INTERRUPTED);
    tide_identity_free(&me);
    fake_stop(&fake);
}

/* ---- statements ---- */
static void accepted(void **state)
{
    (void)state;
    struct tide_doc *doc;
    begin(accepting);
    assert_int_equal(state_close(&doc, NULL), 0);
    assert_int_equal(tide_doc_u64(doc, "first_index"), 100);
    assert_string_equal(outbox_line(), "close:accepted:100:0");
    assert_int_equal(market->seen_index, 102); /* what is asked next is answered after it */
    tide_doc_free(&doc);
    end();
}

static bool refusing(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    (void)f, (void)request, (void)arena;
    reply->code = OUTCOME_NOT_YOURS;
    reply->text = BYTES_TEXT("Listing 17 is another vendor's.");
    return true;
}

static void refused(void **state)
{
    (void)state;
    struct tide_error e;
    begin(refusing);
    assert_int_equal(state_close(NULL, &e), OUTCOME_NOT_YOURS);
    assert_string_equal(e.message, "Listing 17 is another vendor's.");
    assert_string_equal(e.name, "not_yours");
    assert_string_equal(outbox_line(), "close:refused:0:304");
    end();
}

static bool busy_twice(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    if (atomic_load(&f->n_submits) > 2) return accept_submit(request, arena, reply);
    reply->code = OUTCOME_BUSY;
    return true;
}

static bool deaf_twice(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    return atomic_load(&f->n_submits) > 2 && accept_submit(request, arena, reply);
}

static void said_again_with_the_same_bytes(void **state)
{
    (void)state;
    begin(busy_twice);
    assert_int_equal(state_close(NULL, NULL), 0);
    assert_int_equal(atomic_load(&fake.n_submits), 3);
    assert_int_equal(atomic_load(&fake.n_other_bytes), 0);
    end();
    begin_for(deaf_twice, 2 * SHORT_MS);
    assert_int_equal(state_close(NULL, NULL), 0);
    assert_int_equal(atomic_load(&fake.n_submits), 3);
    assert_int_equal(atomic_load(&fake.n_other_bytes), 0);
    assert_string_equal(outbox_line(), "close:accepted:100:0");
    end();
}

/* What a bid's recipient is follows from the identity and the command id alone. */
static void bids_have_their_own_recipient(void **state)
{
    (void)state;
    uint8_t secret[32], recipient[32], id[16];
    struct body_order seen, order = {.listing = 17, .side = SIDE_BID, .price = 100, .quantity = 1};
    begin(accepting);
    memset(order.terms_hash, 4, 32);
    assert_int_equal(market_state(market, &schema_order, &order, NULL, NULL), 0);
    fake_seen(&fake, id, &seen);
    identity_bid_key(me->id, id, 0, secret, recipient);
    assert_memory_equal(seen.recipient, recipient, 32);
    assert_int_equal(id[6] >> 4, 7); /* UUIDv7 */
    order.side = SIDE_ASK;
    assert_int_equal(market_state(market, &schema_order, &order, NULL, NULL), 0);
    memset(recipient, 0, 32);
    fake_seen(&fake, id, &seen);
    assert_memory_equal(seen.recipient, recipient, 32);
    end();
}

/* ---- orders ---- */

/* One listing with usage terms; whatever is submitted is accepted. */
static bool listing_17(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    (void)f;
    if (request->verb->verb != VERB_LISTING) return accept_submit(request, arena, reply);
    struct body_r_listing *body = arena_calloc(arena, 1, sizeof *body);
    struct body_listing_row *row = arena_calloc(arena, 1, sizeof *row);
    struct body_publish *published = arena_calloc(arena, 1, sizeof *published);
    row->listing = 17;
    row->state = LISTING_OPEN;
    memset(row->vendor, 9, 32);
    row->title = published->title = BYTES_TEXT("air");
    published->terms = BYTES_TEXT("for research");
    sha256(published->terms, row->terms_hash);
    body->row = (struct list){row, 1};
    body->published = (struct list){published, 1};
    reply->body = body;
    return true;
}

/* The order document as JSON says it; gives the code, and what the broker saw. */
static int order_json(const char *json, struct body_order *seen, struct tide_error *e)
{
    struct tide_doc *order, *reply = NULL;
    uint8_t id[16];
    assert_int_equal(tide_doc_parse("order", json, &order, NULL), 0);
    int code = tide_order(market, order, &reply, e);
    assert_int_equal(tide_doc_u64(reply, "first_index"), code == 0 ? 100 : 0);
    tide_doc_free(&reply);
    tide_doc_free(&order);
    fake_seen(&fake, id, seen);
    return code;
}

static void bids_accept_the_present_terms(void **state)
{
    (void)state;
    static const uint8_t none[32];
    struct body_order seen;
    struct tide_error e;
    uint8_t hash[32];
    begin(listing_17);
    tide_sha256("for research", strlen("for research"), hash);
    assert_int_equal(order_json("{\"listing\":17,\"side\":\"bid\",\"price\":100,\"quantity\":3,\"tif\":\"gtd\","
                                "\"expires_at\":5000,\"voucher\":44,\"post_only\":true}",
                                &seen, &e), 0);
    assert_memory_equal(seen.terms_hash, hash, 32);
    assert_memory_not_equal(seen.recipient, none, 32);
    assert_int_equal(seen.voucher, 44);
    assert_int_equal(seen.tif, TIF_GTD);
    assert_int_equal(seen.expires_at, 5000);
    assert_int_equal(seen.post_only, 1);
    assert_int_equal(order_json("{\"listing\":17,\"side\":\"bid\",\"type\":\"market\",\"tif\":\"ioc\",\"quantity\":3,"
                                "\"budget\":900}",
                                &seen, &e), 0);
    assert_int_equal(seen.type, ORDER_MARKET);
    assert_int_equal(seen.budget, 900);
    assert_memory_equal(seen.terms_hash, hash, 32);
    assert_int_equal(tide_bid(market, 17, 250, 2, "study", NULL, &e), 0);
    uint8_t id[16];
    fake_seen(&fake, id, &seen);
    assert_int_equal(seen.price, 250);
    assert_int_equal(seen.quantity, 2);
    assert_int_equal(seen.side, SIDE_BID);
    assert_memory_equal(seen.terms_hash, hash, 32);
    end();
}

/* A person has agreed to what was shown, and to nothing else. */
static void other_terms_than_shown_are_not_accepted(void **state)
{
    (void)state;
    struct body_order seen;
    struct tide_error e;
    char json[256], hex[65] = "";
    uint8_t hash[32];
    begin(listing_17);
    tide_sha256("for research", strlen("for research"), hash);
    for (size_t i = 0; i < 32; i++) sprintf(hex + 2 * i, "%02x", hash[i]);
    snprintf(json, sizeof json, "{\"listing\":17,\"price\":100,\"quantity\":3,\"terms_hash\":\"%s\"}", hex);
    assert_int_equal(order_json(json, &seen, &e), 0);
    hex[0] = hex[0] == '0' ? '1' : '0';
    snprintf(json, sizeof json, "{\"listing\":17,\"price\":100,\"quantity\":3,\"terms_hash\":\"%s\"}", hex);
    assert_int_equal(order_json(json, &seen, &e), OUTCOME_WRONG_TERMS);
    assert_int_equal(order_json("{\"listing\":18,\"price\":100,\"quantity\":3}", &seen, &e), OUTCOME_V_FAILED);
    assert_int_equal(atomic_load(&fake.n_submits), 1);
    end();
}

static void asks_go_as_they_are(void **state)
{
    (void)state;
    static const uint8_t none[32];
    struct body_order seen;
    struct tide_error e;
    struct tide_doc *doc;
    begin(accepting); /* which knows no listing: none is asked for */
    assert_int_equal(order_json("{\"listing\":17,\"side\":\"ask\",\"price\":100,\"unlimited\":true}", &seen, &e), 0);
    assert_int_equal(seen.unlimited, 1);
    assert_memory_equal(seen.terms_hash, none, 32);
    assert_memory_equal(seen.recipient, none, 32);
    assert_int_equal(tide_doc_new("close", &doc, NULL), 0);
    assert_int_equal(tide_order(market, doc, NULL, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_order(market, NULL, NULL, &e), OUTCOME_C_USAGE);
    tide_doc_free(&doc);
    end();
}

/* A statement and a verb may have one name. */
static void a_verbs_request_by_its_name(void **state)
{
    (void)state;
    struct tide_doc *doc;
    assert_int_equal(tide_doc_new("order", &doc, NULL), 0);
    assert_ptr_equal(doc->schema, &schema_order);
    tide_doc_free(&doc);
    assert_int_equal(tide_doc_new("order?", &doc, NULL), 0);
    assert_ptr_equal(doc->schema, &schema_q_order);
    tide_doc_free(&doc);
    assert_int_equal(tide_doc_parse("book?", "{\"listing\":5}", &doc, NULL), 0);
    assert_ptr_equal(doc->schema, &schema_q_book);
    tide_doc_free(&doc);
    assert_int_equal(tide_doc_new("cancel?", &doc, NULL), OUTCOME_C_USAGE);
    assert_int_equal(tide_doc_new("?", &doc, NULL), OUTCOME_C_USAGE);
}

/* ---- statements of before ---- */

/* An entry as a crash leaves it: signed, and out of date by now. */
static void entry_put(uint64_t age_ms)
{
    struct arena arena;
    struct bytes bytes, envelope;
    uint8_t signature[SIGN_BYTES];
    struct statement st = {.kind = KIND_CLOSE, .version = 1, .issued_at = wall_ms() - age_ms, .body = &close_body};
    st.valid_until = st.issued_at + LIMIT_VALID_DEFAULT_MS;
    memcpy(st.market, fake.url.market, 32);
    memcpy(st.party, identity_party(me->id), 32);
    memset(st.command_id, 0x11, 16);
    arena_init(&arena, 1u << 20);
    assert_int_equal(statement_encode(&st, &arena, &bytes), TIDE_OK);
    identity_sign(me->id, DOMAIN_STATEMENT, bytes, signature);
    assert_int_equal(envelope_encode(bytes, signature, &arena, &envelope), TIDE_OK);
    struct outbox_entry entry = {
        .kind = KIND_CLOSE, .signed_at_ms = st.issued_at, .state = OUTBOX_SIGNED, .envelope = envelope};
    memcpy(entry.market, st.market, 32);
    memcpy(entry.party, st.party, 32);
    memcpy(entry.command_id, st.command_id, 16);
    assert_int_equal(outbox_put(market->outbox, &entry), TIDE_OK);
    arena_deinit(&arena);
}

static bool expired(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    struct body_r_statements *page = arena_calloc(arena, 1, sizeof *page);
    struct body_statement_row *row = arena_calloc(arena, 1, sizeof *row);
    unsigned index = atomic_load(&f->answers_index);
    if (request->verb->verb == VERB_STATEMENTS) {
        *row = (struct body_statement_row){.index = index, .kind = KIND_CLOSE, .time_ms = wall_ms()};
        memset(row->command_id, 0x11, 16);
        page->statements = (struct list){row, index != 0 ? 1 : 0};
        reply->body = page;
        return true;
    }
    if (request->verb->verb == VERB_PROOF) reply->code = OUTCOME_NOT_YET;
    else reply->code = OUTCOME_EXPIRED;
    return true;
}

static void expired_but_accepted(void **state)
{
    (void)state;
    unsigned n_open;
    begin(expired);
    atomic_store(&fake.answers_index, 77);
    entry_put(300000);
    assert_int_equal(tide_resend(market, &n_open, NULL), 0);
    assert_int_equal(n_open, 1); /* accepted, not proven yet */
    assert_string_equal(outbox_line(), "close:accepted:77:0");
    end();
}

static void expired_for_good(void **state)
{
    (void)state;
    unsigned n_open;
    begin(expired);
    entry_put(300000);
    assert_int_equal(tide_resend(market, &n_open, NULL), 0);
    assert_int_equal(n_open, 0);
    assert_string_equal(outbox_line(), "close:refused:0:207");
    end();
}

static void still_unknown(void **state)
{
    (void)state;
    struct tide_error e;
    unsigned n_open;
    begin_for(silent, SHORT_MS);
    entry_put(1000);
    assert_int_equal(tide_resend(market, &n_open, &e), 0);
    assert_int_equal(n_open, 1);
    assert_string_equal(outbox_line(), "close:signed:0:0"); /* and so it can be asked again */
    end();
}

/* ---- heads ---- */
static void head_make(uint64_t size, uint8_t fill, const struct merkle_tree *tree, struct checkpoint *cp,
                      char note[CHECKPOINT_MAX], size_t *len)
{
    struct note_key key;
    *cp = (struct checkpoint){.size = size};
    snprintf(cp->origin, sizeof cp->origin, "%s", fake.url.origin);
    if (tree != NULL) merkle_root(tree, cp->root);
    else memset(cp->root, fill, sizeof cp->root);
    assert_int_equal(note_key_init(cp->origin, NOTE_TYPE_ED25519, identity_log_public(fake.identity), &key), TIDE_OK);
    *len = checkpoint_sign(cp, &key, identity_log_secret(fake.identity), note);
}

/* No proof at all; or (answers_index) the right one from 1 leaf to 2: the second leaf's hash. */
static bool proving(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    struct body_r_consistency *body = arena_calloc(arena, 1, sizeof *body);
    struct body_hash_row *row = arena_calloc(arena, 1, sizeof *row);
    if (request->verb->verb != VERB_CONSISTENCY) return false;
    const struct body_q_consistency *q = request->body;
    bool right = atomic_load(&f->answers_index) != 0;
    if (right) merkle_leaf_hash(BYTES("b", 1), row->hash);
    body->hashes = (struct list){row, right ? 1 : 0};
    body->checkpoint = BYTES_TEXT("-");
    body->size = q->size;
    reply->body = body;
    return true;
}

static void heads_must_agree(void **state)
{
    (void)state;
    struct tide_error e;
    struct merkle_tree tree = {0};
    struct checkpoint one, other_one, two;
    char note_one[CHECKPOINT_MAX], note_other[CHECKPOINT_MAX], note_two[CHECKPOINT_MAX];
    size_t len_one, len_other, len_two;
    uint8_t leaf[32];
    begin(proving);
    merkle_leaf_hash(BYTES("a", 1), leaf);
    merkle_append(&tree, leaf);
    head_make(1, 0, &tree, &one, note_one, &len_one);
    head_make(1, 5, NULL, &other_one, note_other, &len_other);
    merkle_leaf_hash(BYTES("b", 1), leaf);
    merkle_append(&tree, leaf);
    head_make(2, 0, &tree, &two, note_two, &len_two);

    assert_int_equal(checkpoint_check(market, BYTES(note_one, len_one), &one, &e), 0);
    note_one[len_one - 10] ^= 1;
    struct checkpoint damaged;
    assert_int_equal(checkpoint_check(market, BYTES(note_one, len_one), &damaged, &e), OUTCOME_V_FAILED);
    note_one[len_one - 10] ^= 1;

    assert_int_equal(checkpoint_pin(market, BYTES(note_one, len_one), &one, &e), 0);
    assert_int_equal(checkpoint_pin(market, BYTES(note_one, len_one), &one, &e), 0);
    assert_int_equal(checkpoint_pin(market, BYTES(note_other, len_other), &other_one, &e), OUTCOME_V_FORK);
    assert_int_equal(checkpoint_pin(market, BYTES(note_two, len_two), &two, &e),
                     OUTCOME_V_FORK); /* it cannot show it */
    atomic_store(&fake.answers_index, 1);
    assert_int_equal(checkpoint_pin(market, BYTES(note_two, len_two), &two, &e), 0);
    assert_int_equal(checkpoint_pin(market, BYTES(note_one, len_one), &one, &e), 0); /* older, and its beginning */
    assert_int_equal(checkpoint_pin(market, BYTES(note_other, len_other), &other_one, &e), OUTCOME_V_FORK);
    end();
}

/* ---- what is signed ---- */
static void contradictions_are_not_signed(void **state)
{
    (void)state;
    struct tide_error e;
    struct arena arena;
    begin(silent);
    arena_init(&arena, 1u << 16);
    struct body_listing_row listing = {.listing = 17, .title = BYTES_TEXT("air"), .n_chunks = 3};
    struct body_trade_row trade = {.trade = 26, .listing = 17, .quantity = 2, .price = 50, .total = 100, .fee = 1};
    struct settlement s = {.origin = BYTES_TEXT(fake.url.origin),
                           .title = BYTES_TEXT("air"),
                           .trade = 26,
                           .listing = 17,
                           .quantity = 2,
                           .price = 50,
                           .total = 100,
                           .fee = 1,
                           .has_content = true};
    memcpy(trade.vendor, identity_party(me->id), 32);
    memcpy(listing.vendor, trade.vendor, 32);
    memcpy(s.vendor, trade.vendor, 32);
    memcpy(trade.buyer, identity_party(fake.identity), 32);
    memcpy(s.buyer, trade.buyer, 32);
    trade.text = settlement_format(&s, &arena);
    assert_int_equal(settlement_check(market, &trade, &listing, &e), 0);

    struct settlement changed[13];
    for (size_t i = 0; i < 13; i++) changed[i] = s;
    changed[0].origin = BYTES_TEXT("example.test/other");
    changed[1].title = BYTES_TEXT("water");
    changed[2].trade = 27;
    changed[3].listing = 18;
    changed[4].quantity = 3;
    changed[5].price = 51;
    changed[6].total = 99;
    changed[7].fee = 2;
    changed[8].has_content = false;
    changed[9].key_commitment[5] = 1;
    changed[10].terms_hash[31] = 1;
    memcpy(changed[11].buyer, trade.vendor, 32);
    changed[12].voucher = 30, changed[12].programme = 9;
    for (size_t i = 0; i < 13; i++) {
        trade.text = settlement_format(&changed[i], &arena);
        assert_non_null(trade.text.data);
        assert_int_equal(settlement_check(market, &trade, &listing, &e), OUTCOME_V_FAILED);
    }
    trade.voucher = 30, trade.programme = 9;
    assert_int_equal(settlement_check(market, &trade, &listing, &e), 0);
    trade.voucher = 29;
    assert_int_equal(settlement_check(market, &trade, &listing, &e), OUTCOME_V_FAILED);
    trade.voucher = 30, trade.programme = 8;
    assert_int_equal(settlement_check(market, &trade, &listing, &e), OUTCOME_V_FAILED);
    trade.text = BYTES_TEXT("I owe you everything\n");
    assert_int_equal(settlement_check(market, &trade, &listing, &e), OUTCOME_V_FAILED);
    arena_deinit(&arena);
    end();
}

/* Two markets of one process share their outbox: LMDB must not be opened twice. */
static void two_markets_one_outbox(void **state)
{
    (void)state;
    struct tide_market *second = NULL;
    begin(accepting);
    struct tide_options options = {.url = fake.url_text, .identity = me, .state_dir = dir, .timeout_ms = TIMEOUT_MS};
    assert_int_equal(tide_market_open(&options, &second, NULL), 0);
    assert_ptr_equal(second->outbox, market->outbox);
    assert_int_equal(market_state(second, &schema_close, &close_body, NULL, NULL), 0);
    tide_market_close(&second);
    assert_string_equal(outbox_line(), "close:accepted:100:0");
    assert_int_equal(state_close(NULL, NULL), 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_broker_is_not_believed), cmocka_unit_test(a_stranger_is_told_so),
        cmocka_unit_test(nobody_is_there),                cmocka_unit_test(bad_arguments),
        cmocka_unit_test(replies_find_their_calls),       cmocka_unit_test(a_loop_of_ones_own),
        cmocka_unit_test(timeouts_and_interrupts),        cmocka_unit_test(accepted),
        cmocka_unit_test(refused),                        cmocka_unit_test(said_again_with_the_same_bytes),
        cmocka_unit_test(bids_have_their_own_recipient),  cmocka_unit_test(expired_but_accepted),
        cmocka_unit_test(expired_for_good),               cmocka_unit_test(still_unknown),
        cmocka_unit_test(heads_must_agree),               cmocka_unit_test(contradictions_are_not_signed),
        cmocka_unit_test(two_markets_one_outbox),
        cmocka_unit_test(bids_accept_the_present_terms),
        cmocka_unit_test(other_terms_than_shown_are_not_accepted),
        cmocka_unit_test(asks_go_as_they_are),
        cmocka_unit_test(a_verbs_request_by_its_name),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
