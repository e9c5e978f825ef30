/*
 * tide_tape_follow against a broker of the test's own: a real XPUB socket with CURVE, a picture of two pages, messages that
 * are old, new, empty, and one that is missing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/fake_broker.h"
#include "tidemark.h"

static void *tape_socket; /* the fake's thread uses it */
static atomic_uint n_pictures, lie;

static void publish(uint64_t from, uint64_t next, uint64_t listing)
{
    struct arena arena;
    struct bytes frame;
    struct body_tape_listing row = {.record = from, .listing = listing, .title = BYTES_TEXT("Air"), .state = LISTING_HALTED};
    struct body_tape message = {.from = from, .next = next, .time_ms = 5};
    if (listing != 0) message.listings = (struct list){.items = &row, .n = 1};
    arena_init(&arena, 1u << 16);
    assert_int_equal(tape_encode(&message, &arena, &frame), TIDE_OK);
    zmq_send(tape_socket, frame.data, frame.len, 0);
    arena_deinit(&arena);
}

/* The subscription must be there before anything is published. */
static void await_subscriber(void)
{
    uint8_t frame[16];
    int timeout = 2000;
    zmq_setsockopt(tape_socket, ZMQ_RCVTIMEO, &timeout, sizeof timeout);
    (void)zmq_recv(tape_socket, frame, sizeof frame, 0);
}

static bool answer(struct fake *f, const struct request *request, struct arena *arena, struct reply *reply)
{
    (void)f;
    if (request->verb->verb != VERB_TAPE) return false;
    const struct body_q_tape *q = request->body;
    struct body_r_tape *page = arena_calloc(arena, 1, sizeof *page);
    struct body_top_row *row = arena_calloc(arena, 1, sizeof *row);
    *row = (struct body_top_row){.listing = q->after + 5, .title = BYTES_TEXT("Air"), .state = LISTING_OPEN};
    page->tops = (struct list){.items = row, .n = 1};
    reply->body = page;
    if (q->after != 0) { /* the second page of the first picture */
        page->next = 11;
        publish(8, 10, 5);
        publish(10, 12, 5);
        publish(12, 12, 0);
        publish(12, 15, 6);
        publish(16, 18, 5);
        return true;
    }
    if (atomic_fetch_add(&n_pictures, 1) == 0) {
        await_subscriber();
        page->next = 10;
        page->after = 5;
        if (atomic_load(&lie) != 0) page->after = 0, zmq_send(tape_socket, "x", 1, 0);
    } else {
        assert_int_equal(request->after, 16); /* as far as the message that could not be used */
        page->next = 18;
        publish(18, 20, 5);
    }
    return true;
}

static bool each(void *ctx, const struct tide_doc *message)
{
    char *text = ctx, part[64];
    if (strcmp(tide_doc_kind(message), "tape") == 0)
        snprintf(part, sizeof part, "m%u-%u ", (unsigned)tide_doc_u64(message, "from"), (unsigned)tide_doc_u64(message, "next"));
    else
        snprintf(part, sizeof part, "p%u@%u ", (unsigned)tide_doc_u64(tide_doc_item(message, "tops", 0), "listing"),
                 (unsigned)tide_doc_u64(message, "next"));
    strcat(text, part);
    return tide_doc_u64(message, "next") != 20;
}

struct stage {
    struct fake fake;
    struct tide_identity *identity;
    struct tide_market *market;
    char dir[64];
};

static struct stage *stage_open(void)
{
    struct stage *s = calloc(1, sizeof *s);
    char endpoint[64];
    size_t len = sizeof endpoint;
    int one = 1, zero = 0;
    atomic_store(&n_pictures, 0);
    assert_true(fake_start(&s->fake, answer));
    tape_socket = zmq_socket(s->fake.context, ZMQ_XPUB);
    zmq_setsockopt(tape_socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(tape_socket, ZMQ_CURVE_SERVER, &one, sizeof one);
    zmq_setsockopt(tape_socket, ZMQ_CURVE_SECRETKEY, identity_wire_secret(s->fake.identity), 32);
    assert_int_equal(zmq_bind(tape_socket, "tcp://127.0.0.1:*"), 0);
    zmq_getsockopt(tape_socket, ZMQ_LAST_ENDPOINT, endpoint, &len);
    atomic_store(&s->fake.tape_port, (unsigned)atoi(strrchr(endpoint, ':') + 1));
    strcpy(s->dir, "/tmp/tidemark-tape.XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    assert_int_equal(tide_identity_new(&s->identity, NULL), 0);
    struct tide_options options = {.url = s->fake.url_text, .identity = s->identity, .state_dir = s->dir};
    assert_int_equal(tide_market_open(&options, &s->market, NULL), 0);
    return s;
}

static void stage_close(struct stage *s)
{
    char command[96];
    tide_market_close(&s->market);
    atomic_store(&s->fake.stop, true);
    zmq_close(tape_socket);
    fake_stop(&s->fake);
    tide_identity_free(&s->identity);
    snprintf(command, sizeof command, "rm -rf %s", s->dir);
    assert_int_equal(system(command), 0);
    free(s);
}

static void pictures_and_messages_join_without_a_gap(void **state)
{
    (void)state;
    char text[256] = "";
    struct tide_error error;
    struct stage *s = stage_open();
    assert_int_equal(tide_tape_follow(s->market, 0, each, text, &error), 0);
    assert_string_equal(text, "p5@10 p10@11 m10-12 m12-15 p5@18 m18-20 ");
    stage_close(s);
}

static void one_listing_is_shown_alone(void **state)
{
    (void)state;
    char text[256] = "";
    struct tide_error error;
    struct stage *s = stage_open();
    assert_int_equal(tide_tape_follow(s->market, 5, each, text, &error), 0);
    assert_string_equal(text, "p5@10 p10@11 m10-12 p5@18 m18-20 ");
    stage_close(s);
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    char text[256] = "";
    struct tide_error error;
    struct stage *s = stage_open();
    atomic_store(&lie, 1);
    assert_int_equal(tide_tape_follow(s->market, 0, each, text, &error), 702);
    atomic_store(&lie, 0);
    stage_close(s);
}

static void a_market_without_a_tape_and_an_interrupt_end_it(void **state)
{
    (void)state;
    char text[256] = "";
    struct tide_error error;
    struct stage *s = stage_open();
    tide_market_interrupt(s->market);
    assert_int_equal(tide_tape_follow(s->market, 0, each, text, &error), 611);
    atomic_store(&s->fake.tape_port, 0);
    assert_int_equal(tide_tape_follow(s->market, 0, each, text, &error), 605);
    assert_string_equal(text, "");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_and_messages_join_without_a_gap),
        cmocka_unit_test(one_listing_is_shown_alone),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(a_market_without_a_tape_and_an_interrupt_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
