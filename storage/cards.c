/*
 * Contact cards as files: `cards/<party number>`, 16 hex digits, holds salt ‖ card, mode 0600.
 *
 * Always holds: a party has at most one card, no longer than LIMIT_CARD_BYTES; a file appears whole or not at all; the
 * file that a card replaces, or that is erased, is gone from the folder when the call returns.
 * Not here: who may put, see or erase one (broker/server/query_cards.c); whether its hash is the one in force.
 */
#include "storage/cards.h"

#include "storage/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct cards {
    char dir[FILES_PATH_MAX - 32];
    pthread_mutex_t lock; /* one change at a time: there is one temporary name */
};

static void temporary_path(const struct cards *c, char path[FILES_PATH_MAX])
{
    snprintf(path, FILES_PATH_MAX, "%s/new", c->dir);
}

/* What a crash left half put: it was not acknowledged, and is under no party's name that could erase it. */
static enum tide_err temporary_remove(const struct cards *c)
{
    char path[FILES_PATH_MAX];

    temporary_path(c, path);
    if (unlink(path) == 0) return files_sync_dir(c->dir);
    return errno == ENOENT ? TIDE_OK : files_err(errno);
}

enum tide_err cards_open(const char *dir, struct cards **out)
{
    char path[FILES_PATH_MAX];

    *out = NULL;
    struct cards *c = calloc(1, sizeof *c);
    if (c == NULL) return TIDE_ENOMEM;
    pthread_mutex_init(&c->lock, NULL);
    enum tide_err err = files_join(path, dir, "cards");
    if (err == TIDE_OK && strlen(path) >= sizeof c->dir) err = TIDE_ELIMIT;
    if (err == TIDE_OK) {
        memcpy(c->dir, path, strlen(path) + 1);
        err = files_make_dir(path, false);
    }
    if (err == TIDE_OK) err = temporary_remove(c);
    if (err != TIDE_OK) cards_close(&c);
    *out = c;
    return err;
}

void cards_close(struct cards **c)
{
    if (*c == NULL) return;
    pthread_mutex_destroy(&(*c)->lock);
    free(*c);
    *c = NULL;
}

void cards_hash(const uint8_t salt[CARD_SALT_BYTES], struct bytes card, uint8_t hash[HASH_BYTES])
{
    const struct bytes parts[] = {BYTES(salt, CARD_SALT_BYTES), card};

    sha256_parts(parts, ARRAY_LEN(parts), hash);
}

static void card_path(const struct cards *c, uint64_t party, char path[FILES_PATH_MAX])
{
    snprintf(path, FILES_PATH_MAX, "%s/%016" PRIx64, c->dir, party);
}

static enum tide_err write_file(const char *path, const uint8_t salt[CARD_SALT_BYTES], struct bytes card)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return files_err(errno);
    enum tide_err err = files_write_at(fd, salt, CARD_SALT_BYTES, 0);
    if (err == TIDE_OK) err = files_write_at(fd, card.data, card.len, CARD_SALT_BYTES);
    if (err == TIDE_OK && fsync(fd) != 0) err = files_err(errno);
    if (close(fd) != 0 && err == TIDE_OK) err = files_err(errno);
    return err;
}

enum tide_err cards_put(struct cards *c, uint64_t party, const uint8_t salt[CARD_SALT_BYTES], struct bytes card)
{
    char path[FILES_PATH_MAX], temporary[FILES_PATH_MAX];

    if (card.len > LIMIT_CARD_BYTES) return TIDE_ELIMIT;
    card_path(c, party, path);
    temporary_path(c, temporary);
    pthread_mutex_lock(&c->lock);
    enum tide_err err = write_file(temporary, salt, card);
    if (err == TIDE_OK && rename(temporary, path) != 0) err = files_err(errno);
    if (err != TIDE_OK) unlink(temporary);
    pthread_mutex_unlock(&c->lock);
    return err == TIDE_OK ? files_sync_dir(c->dir) : err;
}

enum tide_err cards_get(struct cards *c, uint64_t party, const uint8_t hash[HASH_BYTES], struct arena *arena,
                        uint8_t salt[CARD_SALT_BYTES], struct bytes *card)
{
    uint8_t file[CARD_SALT_BYTES + LIMIT_CARD_BYTES], found[HASH_BYTES];
    char path[FILES_PATH_MAX];
    size_t len;

    memset(salt, 0, CARD_SALT_BYTES);
    *card = BYTES(NULL, 0);
    card_path(c, party, path);
    enum tide_err err = files_read(path, file, sizeof file, &len);
    if (err == TIDE_ELIMIT || (err == TIDE_OK && len < CARD_SALT_BYTES)) return TIDE_ENOTFOUND;
    if (err != TIDE_OK) return err;
    struct bytes in_file = BYTES(file + CARD_SALT_BYTES, len - CARD_SALT_BYTES);
    cards_hash(file, in_file, found);
    if (memcmp(found, hash, HASH_BYTES) != 0) return TIDE_ENOTFOUND;
    *card = arena_copy(arena, in_file);
    if (card->data == NULL) return TIDE_ENOMEM;
    memcpy(salt, file, CARD_SALT_BYTES);
    return TIDE_OK;
}

enum tide_err cards_erase(struct cards *c, uint64_t party)
{
    char path[FILES_PATH_MAX];

    card_path(c, party, path);
    pthread_mutex_lock(&c->lock);
    int error = unlink(path) == 0 ? 0 : errno;
    pthread_mutex_unlock(&c->lock);
    if (error == ENOENT) return TIDE_OK; /* costs the disk nothing, however often it is asked */
    return error == 0 ? files_sync_dir(c->dir) : files_err(error);
}
