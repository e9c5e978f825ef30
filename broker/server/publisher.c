/*
 * Publishing (publisher.h). The last checkpoint is read back and verified at start, then kept in memory; every new one
 * is checked against it through the tiles before the key is used.
 */
#include "broker/server/publisher.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct publisher {
    struct publisher_options o;
    struct note_key key;
    struct checkpoint last;  /* size 0: none yet */
    struct tiles_reader reader;
    pthread_t thread;
    bool started;
    pthread_mutex_t lock;    /* guards what follows */
    pthread_cond_t changed;
    uint64_t head_size;
    bool idle;               /* the thread waits for the head to grow */
    bool stop;
};

/* ---- publishing once ---- */

static enum tide_err contradiction(char *why, size_t why_len, const char *what)
{
    snprintf(why, why_len, "%s", what);
    return TIDE_EDAMAGED;
}

/* The checkpoint that was published last, which every new one must extend. */
static enum tide_err read_last(struct publisher *p, char *why, size_t why_len)
{
    char text[CHECKPOINT_MAX];
    size_t len;
    enum tide_err err = tiles_read_checkpoint(p->o.tiles, text, &len);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (!err) err = checkpoint_verify(BYTES(text, len), &p->key, &p->last);
    if (err == TIDE_EAUTH || err == TIDE_EMALFORMED)
        return contradiction(why, why_len, "tiles/checkpoint is not one that this broker's log key signed");
    return err;
}

/* The root of the first `size` leaves as the tiles have it must be `expected`. */
static enum tide_err check_root(const struct merkle_store *store, uint64_t size, const uint8_t expected[HASH_BYTES],
                                bool *same)
{
    uint8_t root[HASH_BYTES];
    enum tide_err err = merkle_root_from_store(store, size, root);
    *same = !err && memcmp(root, expected, HASH_BYTES) == 0;
    return err;
}

static enum tide_err check_before_signing(struct publisher *p, const struct checkpoint *next, char *why,
                                          size_t why_len)
{
    struct merkle_store store;
    bool same;
    tiles_reader_init(&p->reader, p->o.tiles, next->size, &store);
    if (p->last.size > 0) {
        enum tide_err err = check_root(&store, p->last.size, p->last.root, &same);
        if (err) return err;
        if (!same)
            return contradiction(why, why_len, "the tiles do not give the root of the checkpoint published last");
    }
    enum tide_err err = check_root(&store, next->size, next->root, &same);
    if (err) return err;
    return same ? TIDE_OK : contradiction(why, why_len, "the tiles do not give the root of the journal's head");
}

enum tide_err publisher_publish(struct publisher *p, char *why, size_t why_len)
{
    struct merkle_tree tree;
    struct checkpoint next = {0};
    char text[CHECKPOINT_MAX];
    snprintf(why, why_len, "tiles or journal cannot be used");

    enum tide_err err = journal_head(p->o.journal, &tree);
    if (err) return err;
    if (tree.size < p->last.size)
        return contradiction(why, why_len, "the journal is shorter than the checkpoint published last");
    if (tree.size == 0) return TIDE_OK;
    snprintf(next.origin, sizeof next.origin, "%s", p->o.origin);
    next.size = tree.size;
    merkle_root(&tree, next.root);
    if (next.size == p->last.size) {
        bool same = memcmp(next.root, p->last.root, HASH_BYTES) == 0;
        return same ? TIDE_OK
                    : contradiction(why, why_len, "the journal's head is not that of the checkpoint published last");
    }
    err = tiles_extend(p->o.tiles, p->o.journal, p->last.size, next.size);
    if (!err) err = check_before_signing(p, &next, why, why_len);
    if (err) return err;
    size_t len = checkpoint_sign(&next, &p->key, p->o.log_secret, text);
    err = tiles_write_checkpoint(p->o.tiles, BYTES(text, len));
    if (!err) p->last = next;
    return err;
}

enum tide_err publisher_open(const struct publisher_options *options, struct publisher **out, char *why, size_t why_len)
{
    *out = NULL;
    snprintf(why, why_len, "tiles/checkpoint cannot be read");
    struct publisher *p = calloc(1, sizeof *p);
    if (!p) return TIDE_ENOMEM;
    p->o = *options;
    pthread_condattr_t attr;
    ASSERT(pthread_condattr_init(&attr) == 0 && pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_mutex_init(&p->lock, NULL) == 0 && pthread_cond_init(&p->changed, &attr) == 0);
    pthread_condattr_destroy(&attr);
    enum tide_err err = note_key_init(p->o.origin, NOTE_TYPE_ED25519, p->o.log_public, &p->key);
    if (!err) err = read_last(p, why, why_len);
    if (!err) err = publisher_publish(p, why, why_len);
    if (err) publisher_close(&p);
    *out = p;
    return err;
}

/* ---- the thread ---- */

/* Waits, with the lock held, until `until_ms` of the steady clock or something changes. */
static void wait_until(struct publisher *p, uint64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    (void)!pthread_cond_timedwait(&p->changed, &p->lock, &until);
}

/* Returns when there is something to publish and the interval has passed, or when it is time to stop. */
static bool wait_for_growth(struct publisher *p, uint64_t not_before_ms)
{
    pthread_mutex_lock(&p->lock);
    p->idle = true;
    while (!p->stop && p->head_size <= p->last.size) pthread_cond_wait(&p->changed, &p->lock);
    p->idle = false;
    while (!p->stop && clock_steady_ms() < not_before_ms) wait_until(p, not_before_ms);
    bool stop = p->stop;
    pthread_mutex_unlock(&p->lock);
    return !stop;
}

static void *publisher_thread(void *ctx)
{
    struct publisher *p = ctx;
    uint64_t not_before_ms = 0;
    bool go_on = true;
    while (go_on) {
        char why[160];
        go_on = wait_for_growth(p, not_before_ms);
        enum tide_err err = publisher_publish(p, why, sizeof why);
        not_before_ms = clock_steady_ms() + p->o.interval_ms;
        if (err == TIDE_EFULL || err == TIDE_ENOMEM) {
            log_event(LOG_LEVEL_WARNING, "not_published", "error=%s hint=%s", log_value(tide_err_text(err)).text,
                      log_value("make room on the disk; it is tried again").text);
        } else if (err) {
            p->o.failed(p->o.ctx, why, err);
            break;
        }
    }
    return NULL;
}

enum tide_err publisher_start(struct publisher *p)
{
    p->started = pthread_create(&p->thread, NULL, publisher_thread, p) == 0;
    return p->started ? TIDE_OK : TIDE_ENOMEM;
}

void publisher_kick(struct publisher *p, uint64_t size)
{
    pthread_mutex_lock(&p->lock);
    p->head_size = size;
    if (p->idle) pthread_cond_signal(&p->changed); /* in its interval it need not be woken for every append */
    pthread_mutex_unlock(&p->lock);
}

void publisher_close(struct publisher **p)
{
    if (!*p) return;
    if ((*p)->started) {
        pthread_mutex_lock(&(*p)->lock);
        (*p)->stop = true;
        pthread_cond_signal(&(*p)->changed);
        pthread_mutex_unlock(&(*p)->lock);
        pthread_join((*p)->thread, NULL);
    }
    pthread_cond_destroy(&(*p)->changed);
    pthread_mutex_destroy(&(*p)->lock);
    free(*p);
    *p = NULL;
}
