/*
 * The table of location_troubles.h, in memory: after a restart every location is asked for again at once.
 *
 * Always holds: at most TROUBLES_MAX are known; the one that is due first makes room.
 * Not here: asking (location.c).
 */
#include "broker/server/location_troubles.h"

#include "broker/server/clock.h"
#include "broker/server/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BACKOFF_FIRST_MS 2000
#define BACKOFF_MAX_MS (3600 * 1000)
#define PAUSE_TIMES 10
#define SLOW_MS 500 /* what fails faster than this costs others nothing */
#define TROUBLES_MAX 256

/* A listing whose last look went wrong. */
struct trouble {
    uint64_t listing, next_ms, backoff_ms;
    uint64_t vendor, vendor_next_ms; /* of all listings of its vendor */
    char text[LOCATION_TROUBLE_MAX];
};

struct location_troubles {
    pthread_mutex_t lock;
    struct trouble all[TROUBLES_MAX];
    size_t n;
};

enum tide_err troubles_new(struct location_troubles **out)
{
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return TIDE_ENOMEM;
    if (pthread_mutex_init(&(*out)->lock, NULL) == 0) return TIDE_OK;
    free(*out);
    *out = NULL;
    return TIDE_ENOMEM;
}

void troubles_free(struct location_troubles **t)
{
    if (*t == NULL) return;
    pthread_mutex_destroy(&(*t)->lock);
    free(*t);
    *t = NULL;
}

/* With the lock held. NULL: none. */
static struct trouble *trouble_of(struct location_troubles *t, uint64_t listing)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->all[i].listing == listing) return &t->all[i];
    }
    return NULL;
}

/* A place for it. */
static struct trouble *trouble_new(struct location_troubles *t, uint64_t listing)
{
    struct trouble *place = &t->all[0];

    if (t->n < TROUBLES_MAX) place = &t->all[t->n++];
    else {
        for (size_t i = 1; i < TROUBLES_MAX; i++) {
            if (t->all[i].next_ms < place->next_ms) place = &t->all[i];
        }
    }
    *place = (struct trouble){.listing = listing, .backoff_ms = BACKOFF_FIRST_MS / 2};
    return place;
}

void troubles_note(struct location_troubles *t, uint64_t listing, uint64_t vendor, uint64_t took_ms, const char *why)
{
    uint64_t now_ms = clock_steady_ms();

    pthread_mutex_lock(&t->lock);
    struct trouble *trouble = trouble_of(t, listing);
    if (trouble == NULL) trouble = trouble_new(t, listing);
    trouble->backoff_ms = 2 * trouble->backoff_ms < BACKOFF_MAX_MS ? 2 * trouble->backoff_ms : BACKOFF_MAX_MS;
    trouble->next_ms = now_ms + trouble->backoff_ms;
    trouble->vendor = vendor;
    trouble->vendor_next_ms = took_ms < SLOW_MS ? 0 : now_ms + PAUSE_TIMES * took_ms;
    snprintf(trouble->text, sizeof trouble->text, "%s", why);
    uint64_t wait_ms = trouble->backoff_ms;
    pthread_mutex_unlock(&t->lock);
    log_event(LOG_LEVEL_WARNING, "location_trouble", "listing=%" PRIu64 " why=%s again_in_s=%" PRIu64, listing,
              log_value(why).text, wait_ms / 1000);
}

void troubles_forget(struct location_troubles *t, uint64_t listing)
{
    pthread_mutex_lock(&t->lock);
    struct trouble *trouble = trouble_of(t, listing);
    if (trouble != NULL) *trouble = t->all[--t->n];
    pthread_mutex_unlock(&t->lock);
}

bool troubles_is_due(struct location_troubles *t, uint64_t listing, uint64_t vendor)
{
    uint64_t now_ms = clock_steady_ms();
    bool due = true;

    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->n && due; i++) {
        const struct trouble *one = &t->all[i];
        due = (one->listing != listing || now_ms >= one->next_ms) && (one->vendor != vendor || now_ms >= one->vendor_next_ms);
    }
    pthread_mutex_unlock(&t->lock);
    return due;
}

void troubles_text(struct location_troubles *t, uint64_t listing, char out[LOCATION_TROUBLE_MAX])
{
    pthread_mutex_lock(&t->lock);
    const struct trouble *trouble = trouble_of(t, listing);
    snprintf(out, LOCATION_TROUBLE_MAX, "%s", trouble != NULL ? trouble->text : "");
    pthread_mutex_unlock(&t->lock);
}
