/*
 * What a mirror and its check share: names of files, heads on disk, records as statements.
 *
 * Always holds: a head that is loaded is signed by the log's key.
 */
#include "client/lib/mirror.h"

#include "storage/files.h"

#include <stdio.h>

int mirror_path(char out[MIRROR_PATH_MAX], const char *dir, const char *name, struct tide_error *error)
{
    int n = snprintf(out, MIRROR_PATH_MAX, "%s/%s", dir, name);
    return n > 0 && n < MIRROR_PATH_MAX ? 0 : error_set(error, OUTCOME_C_FILE, "The folder's name is too long.");
}

bool record_statement(struct bytes record, struct arena *arena, struct statement *out)
{
    struct record r;
    struct bytes bytes;
    const uint8_t *signature;
    memset(out, 0, sizeof *out);
    if (record_decode(record, arena, &r) == TIDE_OK && r.type == RECORD_STATEMENT &&
        envelope_decode(r.payload, arena, &bytes, &signature) == TIDE_OK && statement_decode(bytes, arena, out) == TIDE_OK)
        return true;
    memset(out, 0, sizeof *out);
    return false;
}

int mirror_head_load(const char *dir, const char *name, const struct note_key *key, char note[CHECKPOINT_MAX], size_t *len,
                     struct checkpoint *out, struct tide_error *error)
{
    char path[MIRROR_PATH_MAX];
    *len = 0;
    *out = (struct checkpoint){0};
    int code = mirror_path(path, dir, name, error);
    if (code != 0) return code;
    enum tide_err err = files_read(path, note, CHECKPOINT_MAX, len);
    if (err == TIDE_ENOTFOUND) return 0;
    if (err != TIDE_OK && err != TIDE_ELIMIT) return error_of(error, err, path);
    if (err == TIDE_OK && checkpoint_verify(BYTES(note, *len), key, out) == TIDE_OK) return 0;
    return error_set(error, OUTCOME_V_FAILED, "%s is not signed by the key of the log %s: it is another log's, or was changed.",
                     path, key->name);
}
