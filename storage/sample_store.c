/*
 * The store of sample chunks: one small file a chunk.
 *
 * Always holds: a name appears with its whole, synced content, whose hash it carries; a chunk leaves only with that hash.
 * Not here: who may put and get, and what was signed (broker/server/data_samples.c).
 */
#include "storage/sample_store.h"

#include "storage/files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define NAME_MAX_BYTES (20 + 1 + 2 * HASH_BYTES + 1)

static enum tide_err name_folder(char out[FILES_PATH_MAX], const char *dir, uint64_t listing)
{
    char name[48];
    snprintf(name, sizeof name, "samples/%" PRIu64, listing);
    return files_join(out, dir, name);
}

static void name_chunk(char out[NAME_MAX_BYTES], const struct sample_name *name)
{
    char *to = out + sprintf(out, "%" PRIu64 "-", name->chunk);
    for (size_t i = 0; i < HASH_BYTES; i++) to += sprintf(to, "%02x", name->hash[i]);
}

static enum tide_err name_file(char out[FILES_PATH_MAX], const char *dir, const struct sample_name *name)
{
    char folder[FILES_PATH_MAX], file[NAME_MAX_BYTES];
    name_chunk(file, name);
    enum tide_err err = name_folder(folder, dir, name->listing);
    return err == TIDE_OK ? files_join(out, folder, file) : err;
}

static bool has_hash(struct bytes plain, const struct sample_name *name)
{
    uint8_t hash[HASH_BYTES];
    sha256(plain, hash);
    return memcmp(hash, name->hash, HASH_BYTES) == 0;
}

/* What an earlier statement signed of this chunk. */
static enum tide_err remove_others(const char *folder, const struct sample_name *name)
{
    char keep[NAME_MAX_BYTES], path[FILES_PATH_MAX];
    enum tide_err err = TIDE_OK;

    name_chunk(keep, name);
    size_t prefix = (size_t)(strchr(keep, '-') - keep) + 1;
    DIR *entries = opendir(folder);
    if (entries == NULL) return files_err(errno);
    for (struct dirent *e; err == TIDE_OK && (e = readdir(entries)) != NULL;) {
        if (strncmp(e->d_name, keep, prefix) != 0 || strcmp(e->d_name, keep) == 0) continue;
        err = files_join(path, folder, e->d_name);
        if (err == TIDE_OK) err = files_remove(path);
    }
    closedir(entries);
    return err;
}

static enum tide_err make_folders(char folder[FILES_PATH_MAX], const char *dir, uint64_t listing)
{
    char all[FILES_PATH_MAX];
    enum tide_err err = files_join(all, dir, "samples");
    if (err == TIDE_OK) err = files_make_dir(all, false);
    if (err == TIDE_OK) err = name_folder(folder, dir, listing);
    return err == TIDE_OK ? files_make_dir(folder, false) : err;
}

enum tide_err sample_put(const char *dir, const struct sample_name *name, struct bytes plain)
{
    char folder[FILES_PATH_MAX], path[FILES_PATH_MAX];

    if (plain.len > AGE_CHUNK_BYTES) return TIDE_ELIMIT;
    if (!has_hash(plain, name)) return TIDE_EAUTH;
    if (sample_is_there(dir, name)) return TIDE_OK;
    enum tide_err err = make_folders(folder, dir, name->listing);
    if (err == TIDE_OK) err = name_file(path, dir, name);
    if (err == TIDE_OK) err = files_replace(path, plain);
    return err == TIDE_OK ? remove_others(folder, name) : err;
}

enum tide_err sample_get(const char *dir, const struct sample_name *name, uint8_t *out, size_t *len)
{
    char path[FILES_PATH_MAX];

    *len = 0;
    enum tide_err err = name_file(path, dir, name);
    if (err == TIDE_OK) err = files_read(path, out, AGE_CHUNK_BYTES, len);
    if (err == TIDE_ELIMIT || (err == TIDE_OK && !has_hash(BYTES(out, *len), name))) err = TIDE_EDAMAGED;
    if (err != TIDE_OK) *len = 0;
    return err;
}

bool sample_is_there(const char *dir, const struct sample_name *name)
{
    char path[FILES_PATH_MAX];
    return name_file(path, dir, name) == TIDE_OK && access(path, R_OK) == 0;
}

enum tide_err sample_sync(const char *dir, uint64_t listing)
{
    char folder[FILES_PATH_MAX];
    enum tide_err err = name_folder(folder, dir, listing);
    return err == TIDE_OK ? files_sync_dir(folder) : err;
}
