/*
 * The bounded queue: order, bounds, reservations, sleeping and waking, and many threads at once (run under
 * ThreadSanitizer too).
 */
#include "tests/unit/test_storage.h"

#include "broker/server/clock.h"
#include "broker/server/queue.h"

#include <poll.h>
#include <pthread.h>

static char things[4096]; /* items are addresses in here */

static void push_one(struct queue *q, size_t thing)
{
    void *item = &things[thing];
    assert_true(queue_push(q, &item, 1));
}

static size_t pop_one(struct queue *q, int timeout_ms)
{
    void *item;
    return queue_pop(q, &item, 1, timeout_ms) == 1 ? (size_t)((char *)item - things) : SIZE_MAX;
}

static void gives_things_in_order_and_says_when_full(void **state)
{
    (void)state;
    struct queue *q;
    void *items[5] = {&things[0], &things[1], &things[2], &things[3], &things[4]}, *out[8];
    assert_int_equal(queue_new(0, &q), TIDE_EINVAL);
    assert_int_equal(queue_new(4, &q), TIDE_OK);
    assert_false(queue_push(q, items, 5)); /* all or none */
    assert_int_equal(queue_length(q), 0);
    assert_true(queue_push(q, items, 4));
    assert_false(queue_push(q, items, 1));
    assert_int_equal(queue_pop(q, out, 3, 0), 3);
    for (size_t i = 0; i < 3; i++) assert_ptr_equal(out[i], &things[i]);
    assert_true(queue_push(q, &items[4], 1));
    assert_int_equal(queue_pop(q, out, 8, 0), 2);
    assert_ptr_equal(out[0], &things[3]);
    assert_ptr_equal(out[1], &things[4]);
    assert_int_equal(queue_pop(q, out, 8, 0), 0);
    queue_free(&q);
    assert_null(q);
}

static void keeps_the_order_of_reservations(void **state)
{
    (void)state;
    struct queue *q;
    uint64_t places[4];
    assert_int_equal(queue_new(4, &q), TIDE_OK);
    for (size_t i = 0; i < 4; i++) assert_true(queue_reserve(q, &places[i]));
    uint64_t more;
    assert_false(queue_reserve(q, &more));
    queue_fill(q, places[2], &things[2]);
    queue_fill(q, places[1], NULL);
    assert_int_equal(pop_one(q, 0), SIZE_MAX); /* the first is not there yet */
    queue_fill(q, places[0], &things[0]);
    assert_int_equal(pop_one(q, 0), 0);
    assert_int_equal(pop_one(q, 0), 2); /* 1 was passed over */
    assert_int_equal(pop_one(q, 0), SIZE_MAX);
    push_one(q, 9);
    assert_int_equal(pop_one(q, 0), SIZE_MAX); /* behind the fourth */
    queue_fill(q, places[3], NULL);
    assert_int_equal(pop_one(q, 0), 9);
    assert_int_equal(queue_length(q), 0);
    queue_free(&q);
}

static void waits_no_longer_than_asked(void **state)
{
    (void)state;
    struct queue *q;
    assert_int_equal(queue_new(4, &q), TIDE_OK);
    uint64_t before = clock_steady_ms();
    assert_int_equal(pop_one(q, 30), SIZE_MAX);
    uint64_t waited = clock_steady_ms() - before;
    assert_true(waited >= 29 && waited < 5000);
    queue_close(q);
    assert_int_equal(pop_one(q, -1), SIZE_MAX);
    void *item = &things[0];
    uint64_t place;
    assert_false(queue_push(q, &item, 1));
    assert_false(queue_reserve(q, &place));
    queue_free(&q);
}

static void can_be_polled_together_with_sockets(void **state)
{
    (void)state;
    struct queue *q;
    assert_int_equal(queue_new(4, &q), TIDE_OK);
    struct pollfd item = {.fd = queue_fd(q), .events = POLLIN};
    push_one(q, 1);
    assert_int_equal(poll(&item, 1, 0), 0); /* nobody sleeps: no system call was spent */
    assert_true(queue_watch(q));
    assert_int_equal(pop_one(q, 0), 1);
    assert_false(queue_watch(q));
    assert_int_equal(poll(&item, 1, 0), 0);
    push_one(q, 2);
    push_one(q, 3);
    assert_int_equal(poll(&item, 1, 0), 1);
    queue_unwatch(q);
    assert_int_equal(poll(&item, 1, 0), 0);
    assert_int_equal(pop_one(q, 0), 2);
    assert_int_equal(pop_one(q, 0), 3);
    queue_free(&q);
}

/* ---- threads ---- */

#define N_PRODUCERS 3u
#define N_CONSUMERS 3u
#define N_EACH 20000u

struct crowd {
    struct queue *q;
    unsigned number;
    uint64_t sum, n, last[N_PRODUCERS];
    bool in_order;
};

struct token {
    unsigned producer;
    uint64_t value;
};
static struct token tokens[N_PRODUCERS][N_EACH];

static void *produce(void *ctx)
{
    struct crowd *c = ctx;
    for (uint64_t i = 0; i < N_EACH; i++) {
        tokens[c->number][i] = (struct token){c->number, i + 1};
        void *item = &tokens[c->number][i];
        while (!queue_push(c->q, &item, 1)) sched_yield();
    }
    return NULL;
}

static void *consume(void *ctx)
{
    struct crowd *c = ctx;
    void *items[7];
    c->in_order = true;
    for (;;) {
        size_t n = queue_pop(c->q, items, ARRAY_LEN(items), -1);
        if (n == 0) return NULL;
        for (size_t i = 0; i < n; i++) {
            const struct token *t = items[i];
            c->in_order = c->in_order && t->value > c->last[t->producer];
            c->last[t->producer] = t->value;
            c->sum += t->value;
            c->n++;
        }
    }
}

static void loses_nothing_between_many_threads(void **state)
{
    (void)state;
    struct queue *q;
    pthread_t producers[N_PRODUCERS], consumers[N_CONSUMERS];
    struct crowd made[N_PRODUCERS] = {0}, taken[N_CONSUMERS] = {0};
    assert_int_equal(queue_new(64, &q), TIDE_OK);
    for (unsigned i = 0; i < N_CONSUMERS; i++) {
        taken[i].q = q;
        assert_int_equal(pthread_create(&consumers[i], NULL, consume, &taken[i]), 0);
    }
    for (unsigned i = 0; i < N_PRODUCERS; i++) {
        made[i] = (struct crowd){.q = q, .number = i};
        assert_int_equal(pthread_create(&producers[i], NULL, produce, &made[i]), 0);
    }
    for (unsigned i = 0; i < N_PRODUCERS; i++) pthread_join(producers[i], NULL);
    queue_close(q);
    uint64_t n = 0, sum = 0;
    for (unsigned i = 0; i < N_CONSUMERS; i++) {
        pthread_join(consumers[i], NULL);
        assert_true(taken[i].in_order);
        n += taken[i].n;
        sum += taken[i].sum;
    }
    assert_int_equal(n, N_PRODUCERS * N_EACH);
    assert_int_equal(sum, (uint64_t)N_PRODUCERS * N_EACH * (N_EACH + 1) / 2);
    queue_free(&q);
}

/* As the broker does: places taken by one, filled by several, taken out in the first one's order. */
struct line {
    struct queue *work, *inbox;
    uint64_t places[N_EACH];
};

static void *fill_places(void *ctx)
{
    struct line *l = ctx;
    void *items[5];
    for (;;) {
        size_t n = queue_pop(l->work, items, ARRAY_LEN(items), -1);
        if (n == 0) return NULL;
        for (size_t i = 0; i < n; i++) {
            const struct token *t = items[i];
            queue_fill(l->inbox, l->places[t->value - 1], t->value % 7 == 0 ? NULL : items[i]);
        }
    }
}

static void *offer_places(void *ctx)
{
    struct line *l = ctx;
    for (uint64_t i = 0; i < N_EACH; i++) {
        tokens[0][i] = (struct token){0, i + 1};
        void *item = &tokens[0][i];
        while (!queue_reserve(l->inbox, &l->places[i])) sched_yield();
        while (!queue_push(l->work, &item, 1)) sched_yield();
    }
    queue_close(l->work);
    return NULL;
}

static void many_fillers_do_not_change_the_order(void **state)
{
    (void)state;
    static struct line line;
    pthread_t offerer, fillers[3];
    assert_int_equal(queue_new(64, &line.work), TIDE_OK);
    assert_int_equal(queue_new(100, &line.inbox), TIDE_OK);
    for (size_t i = 0; i < 3; i++) assert_int_equal(pthread_create(&fillers[i], NULL, fill_places, &line), 0);
    assert_int_equal(pthread_create(&offerer, NULL, offer_places, &line), 0);
    for (uint64_t value = 1; value <= N_EACH; value++) {
        void *item;
        if (value % 7 == 0) continue;
        assert_int_equal(queue_pop(line.inbox, &item, 1, 10000), 1);
        assert_int_equal(((const struct token *)item)->value, value);
    }
    pthread_join(offerer, NULL);
    for (size_t i = 0; i < 3; i++) pthread_join(fillers[i], NULL);
    assert_int_equal(queue_length(line.inbox), 0);
    queue_free(&line.work);
    queue_free(&line.inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_things_in_order_and_says_when_full),
        cmocka_unit_test(keeps_the_order_of_reservations),
        cmocka_unit_test(waits_no_longer_than_asked),
        cmocka_unit_test(can_be_polled_together_with_sockets),
        cmocka_unit_test(loses_nothing_between_many_threads),
        cmocka_unit_test(many_fillers_do_not_change_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
