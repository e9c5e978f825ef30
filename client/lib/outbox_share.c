/*
 * Outboxes shared among the markets of one process. The library's only state that does not belong to a handle: LMDB
 * loses its locks when a process opens an environment twice.
 *
 * Always holds: an entry lives as long as a market uses it; folders are known by device and inode, not by name.
 */
#include "client/lib/outbox_share.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

struct shared {
    struct shared *next;
    struct outbox *outbox;
    dev_t device;
    ino_t inode;
    unsigned n_users;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *all;

static enum tide_err take(const char *dir, struct outbox **out)
{
    struct stat st;
    if (stat(dir, &st) != 0) return errno == ENOENT ? TIDE_ENOTFOUND : TIDE_EDENIED;
    for (struct shared *s = all; s != NULL; s = s->next) {
        if (s->device != st.st_dev || s->inode != st.st_ino) continue;
        s->n_users++;
        *out = s->outbox;
        return TIDE_OK;
    }
    struct shared *fresh = calloc(1, sizeof *fresh);
    if (fresh == NULL) return TIDE_ENOMEM;
    enum tide_err err = outbox_open(dir, &fresh->outbox);
    if (err != TIDE_OK) {
        free(fresh);
        return err;
    }
    fresh->device = st.st_dev;
    fresh->inode = st.st_ino;
    fresh->n_users = 1;
    fresh->next = all;
    all = fresh;
    *out = fresh->outbox;
    return TIDE_OK;
}

enum tide_err outbox_take(const char *dir, struct outbox **out)
{
    *out = NULL;
    pthread_mutex_lock(&lock);
    enum tide_err err = take(dir, out);
    pthread_mutex_unlock(&lock);
    return err;
}

void outbox_give(struct outbox **o)
{
    if (*o == NULL) return;
    pthread_mutex_lock(&lock);
    struct shared **at = &all;
    while (*at != NULL && (*at)->outbox != *o) at = &(*at)->next;
    struct shared *s = *at;
    if (s != NULL && --s->n_users == 0) {
        *at = s->next;
        outbox_close(&s->outbox);
        free(s);
    }
    pthread_mutex_unlock(&lock);
    *o = NULL;
}
