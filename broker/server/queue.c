/*
 * The bounded queue (queue.h). A slot is NULL (reserved, not filled), `passed_over` (filled with nothing) or an item.
 *
 * Always holds, under the lock: head <= tail <= head + capacity; the slot at head is never `passed_over`; `tokens` is
 * at most what the eventfd holds or is about to be given, so that a sleeper who is counted on does wake.
 */
#include "broker/server/queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct queue {
    pthread_mutex_t lock;
    void **slots;
    uint64_t mask;       /* capacity - 1; the capacity is a power of two */
    uint64_t head, tail; /* the next to take, the next to reserve */
    unsigned sleepers;   /* threads waiting for the eventfd */
    unsigned tokens;     /* wake-ups given and not yet taken */
    bool closed;
    int fd;              /* a semaphore: one count a wake-up */
};

static char passed_over_mark;
static void *const passed_over = &passed_over_mark;

enum tide_err queue_new(size_t capacity, struct queue **out)
{
    *out = NULL;
    if (capacity == 0 || capacity > (SIZE_MAX >> 8)) return TIDE_EINVAL;
    size_t room = 1;
    while (room < capacity) room *= 2;

    struct queue *q = calloc(1, sizeof *q);
    if (!q) return TIDE_ENOMEM;
    q->slots = calloc(room, sizeof *q->slots);
    q->mask = room - 1;
    q->fd = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
    if (!q->slots || q->fd < 0) {
        if (q->fd >= 0) close(q->fd);
        free(q->slots);
        free(q);
        return TIDE_ENOMEM;
    }
    ASSERT(pthread_mutex_init(&q->lock, NULL) == 0);
    *out = q;
    return TIDE_OK;
}

void queue_free(struct queue **q)
{
    if (!*q) return;
    close((*q)->fd);
    pthread_mutex_destroy(&(*q)->lock);
    free((*q)->slots);
    free(*q);
    *q = NULL;
}

static bool is_ready(const struct queue *q)
{
    return q->head < q->tail && q->slots[q->head & q->mask] != NULL;
}

/* How many sleepers to wake for `n` new things; they are then counted on. Under the lock. */
static unsigned wake_count(struct queue *q, size_t n)
{
    unsigned idle = q->sleepers > q->tokens ? q->sleepers - q->tokens : 0;
    unsigned wakes = n < idle ? (unsigned)n : idle;
    q->tokens += wakes;
    return wakes;
}

static void wake(struct queue *q, unsigned wakes)
{
    if (wakes == 0) return;
    uint64_t value = wakes;
    ssize_t written;
    do written = write(q->fd, &value, sizeof value);
    while (written < 0 && errno == EINTR);
    ASSERT(written == (ssize_t)sizeof value);
}

/* Takes one wake-up from the eventfd, if there is one; then under the lock the count follows. */
static bool take_token(struct queue *q)
{
    uint64_t value;
    return read(q->fd, &value, sizeof value) == (ssize_t)sizeof value;
}

bool queue_push(struct queue *q, void *const *items, size_t n)
{
    pthread_mutex_lock(&q->lock);
    bool fits = !q->closed && n <= q->mask + 1 - (q->tail - q->head);
    unsigned wakes = 0;
    if (fits) {
        for (size_t i = 0; i < n; i++) {
            ASSERT(items[i] != NULL);
            q->slots[q->tail++ & q->mask] = items[i];
        }
        if (is_ready(q)) wakes = wake_count(q, n);
    }
    pthread_mutex_unlock(&q->lock);
    wake(q, wakes);
    return fits;
}

bool queue_reserve(struct queue *q, uint64_t *place)
{
    pthread_mutex_lock(&q->lock);
    bool fits = !q->closed && q->tail - q->head <= q->mask;
    if (fits) {
        *place = q->tail++;
        q->slots[*place & q->mask] = NULL;
    }
    pthread_mutex_unlock(&q->lock);
    return fits;
}

/* Moves head past places that turned out empty. */
static void pass_over(struct queue *q)
{
    while (q->head < q->tail && q->slots[q->head & q->mask] == passed_over) q->slots[q->head++ & q->mask] = NULL;
}

void queue_fill(struct queue *q, uint64_t place, void *item)
{
    pthread_mutex_lock(&q->lock);
    ASSERT(place >= q->head && place < q->tail && q->slots[place & q->mask] == NULL);
    q->slots[place & q->mask] = item ? item : passed_over;
    unsigned wakes = 0;
    if (place == q->head) {
        pass_over(q);
        if (is_ready(q)) wakes = wake_count(q, 1);
    }
    pthread_mutex_unlock(&q->lock);
    wake(q, wakes);
}

static size_t take(struct queue *q, void **items, size_t max)
{
    size_t n = 0;
    while (n < max && is_ready(q)) {
        items[n++] = q->slots[q->head & q->mask];
        q->slots[q->head++ & q->mask] = NULL;
        pass_over(q);
    }
    return n;
}

static int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sleeps until woken or `until_ms` (-1: for ever). Called and returns with the lock held. */
static void sleep_once(struct queue *q, int64_t until_ms)
{
    int timeout = -1;
    if (until_ms >= 0) {
        int64_t left = until_ms - monotonic_ms();
        timeout = left < 0 ? 0 : (int)left;
    }
    q->sleepers++;
    pthread_mutex_unlock(&q->lock);
    struct pollfd wait = {.fd = q->fd, .events = POLLIN};
    bool token = poll(&wait, 1, timeout) > 0 && take_token(q);
    pthread_mutex_lock(&q->lock);
    q->sleepers--;
    if (token) q->tokens--;
}

size_t queue_pop(struct queue *q, void **items, size_t max, int timeout_ms)
{
    int64_t until_ms = timeout_ms > 0 ? monotonic_ms() + timeout_ms : timeout_ms;
    pthread_mutex_lock(&q->lock);
    size_t n = take(q, items, max);
    while (n == 0 && timeout_ms != 0 && !q->closed) {
        sleep_once(q, until_ms);
        n = take(q, items, max);
        if (until_ms > 0 && monotonic_ms() >= until_ms) break;
    }
    pthread_mutex_unlock(&q->lock);
    return n;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    unsigned wakes = wake_count(q, SIZE_MAX);
    pthread_mutex_unlock(&q->lock);
    wake(q, wakes);
}

bool queue_is_closed(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool closed = q->closed;
    pthread_mutex_unlock(&q->lock);
    return closed;
}

size_t queue_length(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t length = (size_t)(q->tail - q->head);
    pthread_mutex_unlock(&q->lock);
    return length;
}

bool queue_watch(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool ready = is_ready(q) || q->closed;
    if (!ready) q->sleepers++;
    pthread_mutex_unlock(&q->lock);
    return ready;
}

void queue_unwatch(struct queue *q)
{
    bool token = take_token(q);
    pthread_mutex_lock(&q->lock);
    q->sleepers--;
    if (token) q->tokens--;
    pthread_mutex_unlock(&q->lock);
}

int queue_fd(const struct queue *q)
{
    return q->fd;
}
