/*
 * The folders of contents: their names, and how far a content that lies elsewhere was checked.
 *
 * Always holds: a name belongs to one commitment; a damaged `checked` counts for nothing.
 * Not here: what else is in a folder (blobs.c).
 */
#include "storage/blobs_internal.h"
#include "storage/checksum.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SALT_CHECKED 0
#define NAME_BYTES (4 * HASH_BYTES + 32)
#define KEY_AT (2 * HASH_BYTES + 1) /* where the key commitment begins in a name */

enum tide_err blob_folder(const struct blobs *b, const struct age_commitment *commitment, char out[FILES_PATH_MAX])
{
    /* The key commitment belongs to one listing: who knows another's root and nonce does not come to its chunks. */
    char name[NAME_BYTES], *to = name;
    for (size_t i = 0; i < HASH_BYTES; i++) to += sprintf(to, "%02x", commitment->content_root[i]);
    *to++ = '-';
    for (size_t i = 0; i < HASH_BYTES; i++) to += sprintf(to, "%02x", commitment->key_commitment[i]);
    sprintf(to, "-%" PRIu64, commitment->plaintext_len);
    return files_join(out, b->dir, name);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool blobs_folder_key(const char *name, uint8_t key_commitment[HASH_BYTES])
{
    if (strlen(name) < KEY_AT + 2 * HASH_BYTES + 2) return false;
    if (name[KEY_AT - 1] != '-' || name[KEY_AT + 2 * HASH_BYTES] != '-') return false;
    for (size_t i = 0; i < HASH_BYTES; i++) {
        int high = hex_digit(name[KEY_AT + 2 * i]), low = hex_digit(name[KEY_AT + 2 * i + 1]);
        if (high < 0 || low < 0) return false;
        key_commitment[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static enum tide_err checked_path(const struct blobs *b, const struct age_commitment *commitment, char out[FILES_PATH_MAX])
{
    char folder[FILES_PATH_MAX];
    enum tide_err err = blob_folder(b, commitment, folder);
    return err == TIDE_OK ? files_join(out, folder, "checked") : err;
}

static uint64_t sum_of(const uint64_t *n)
{
    return checksum_of(SALT_CHECKED, BYTES("checked", 7), BYTES(n, sizeof *n));
}

uint64_t blobs_checked(const struct blobs *b, const struct age_commitment *commitment)
{
    char path[FILES_PATH_MAX];
    uint64_t stored[2]; /* the number, its checksum */
    size_t len;

    if (checked_path(b, commitment, path) != TIDE_OK) return 0;
    if (files_read(path, stored, sizeof stored, &len) != TIDE_OK || len != sizeof stored) return 0;
    return stored[1] == sum_of(&stored[0]) && stored[0] <= commitment->n_chunks ? stored[0] : 0;
}

enum tide_err blobs_set_checked(const struct blobs *b, const struct age_commitment *commitment, uint64_t n)
{
    char path[FILES_PATH_MAX], folder[FILES_PATH_MAX];
    uint64_t stored[2] = {n, sum_of(&n)};

    enum tide_err err = checked_path(b, commitment, path);
    if (err == TIDE_OK) err = files_replace(path, BYTES(stored, sizeof stored));
    if (err == TIDE_OK) err = blob_folder(b, commitment, folder);
    return err == TIDE_OK ? files_sync_dir(folder) : err;
}
