/*
 * A mirror of the log: a standard tlog-tiles directory, made record by record as the feed proves them.
 *
 * Always holds: `checkpoint` is replaced only when every tile, every bundle and the list of wanted evidence of that size is
 * durable, so that the folder is whole at any moment; full bundles are written as soon as they are proven, and a run that
 * was killed goes on behind them, after their tree was proven again. A head that does not go on from the newest one seen
 * here is refused, and both are kept.
 * Not here: the proofs (feed.c), evidence (mirror_evidence.c), checking offline (audit_check.c).
 */
#include "client/lib/mirror.h"

#include "client/lib/feed.h"
#include "client/lib/files.h"
#include "client/lib/jobs.h"
#include "client/lib/schemas.h"
#include "storage/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct mirror {
    struct tide_market *m;
    const char *dir;
    struct tiles *tiles;
    struct note_key key;
    struct checkpoint done, seen; /* on disk: `checkpoint`, `checkpoint.seen` */
    char note[CHECKPOINT_MAX];    /* of the newest head */
    size_t note_len;
    struct bytes bundle[TILE_WIDTH]; /* records of the bundle that is not full yet; malloc'd */
    unsigned n_bundle;
    uint64_t n_added;
    struct evidence_box evidence;
    struct progress progress;
    struct feed feed;
    int lock;
};

/* ---- heads on disk ---- */

static int store(const struct mirror *mi, const char *name, struct bytes content, struct tide_error *error)
{
    char path[MIRROR_PATH_MAX];
    int code = mirror_path(path, mi->dir, name, error);
    return code == 0 ? file_store(path, 0666, content, error) : code;
}

/* Both heads side by side. They are kept even if there are some: the first pair is the one that counts. */
static int fork_keep(struct mirror *mi, struct bytes seen, struct bytes shown, struct tide_error *error)
{
    char path[MIRROR_PATH_MAX], first[MIRROR_PATH_MAX];
    int code = mirror_path(path, mi->dir, "fork", error);
    if (code == 0) code = mirror_path(first, mi->dir, "fork/shown", error);
    if (code == 0 && mkdir(path, 0700) != 0 && errno != EEXIST) code = error_file(error, "make", path);
    if (code != 0 || access(first, F_OK) == 0) return code;
    code = store(mi, "fork/seen", seen, error);
    return code == 0 ? store(mi, "fork/shown", shown, error) : code;
}

static int forked(struct mirror *mi, struct bytes shown, const struct checkpoint *cp, struct tide_error *error)
{
    char note[CHECKPOINT_MAX];
    struct checkpoint seen;
    size_t len;
    int code = mirror_head_load(mi->dir, "checkpoint.seen", &mi->key, note, &len, &seen, error);
    if (code == 0) code = fork_keep(mi, BYTES(note, len), shown, error);
    if (code != 0) return code;
    return error_set(error, OUTCOME_V_FORK,
                     "%s signed a head of %" PRIu64 " records that was seen before, and now shows one of %" PRIu64
                     " that does not go with it. Both are in %s/fork.", mi->key.name, seen.size, cp->size, mi->dir);
}

/* A head other than the last: it must go on from the newest that this mirror saw. */
static int head_seen(struct feed *f, struct bytes note, const struct checkpoint *cp, struct tide_error *error)
{
    struct mirror *mi = f->ctx;
    bool holds = true;
    int code = 0;
    if (note.len > CHECKPOINT_MAX) return error_set(error, OUTCOME_V_FAILED, "The broker's checkpoint is too long.");
    if (mi->seen.size > 0 && cp->size == mi->seen.size) holds = memcmp(cp->root, mi->seen.root, HASH_BYTES) == 0;
    else if (mi->seen.size > cp->size) code = checkpoint_extends(mi->m, cp, &mi->seen, &holds, error);
    else if (mi->seen.size > 0) code = checkpoint_extends(mi->m, &mi->seen, cp, &holds, error);
    if (code != 0) return code;
    if (!holds) return forked(mi, note, cp, error);
    return cp->size < mi->seen.size ? error_set(error, OUTCOME_NOT_YET, "The broker shows an older head than before.") : 0;
}

/* It is the newest now. */
static int head_took(struct feed *f, struct bytes note, const struct checkpoint *cp, struct tide_error *error)
{
    struct mirror *mi = f->ctx;
    int code = 0;
    memcpy(mi->note, note.data, note.len);
    mi->note_len = note.len;
    if (cp->size > mi->seen.size) code = store(mi, "checkpoint.seen", note, error);
    if (code == 0) mi->seen = *cp;
    return code;
}

/* ---- writing ---- */

static void bundle_clear(struct mirror *mi)
{
    for (unsigned i = 0; i < mi->n_bundle; i++) free((void *)(uintptr_t)mi->bundle[i].data);
    mi->n_bundle = 0;
}

static int bundle_flush(struct mirror *mi, uint64_t index, struct tide_error *error)
{
    enum tide_err err = bundle_write(mi->tiles, index, mi->bundle, mi->n_bundle);
    return error_of(error, err, "Cannot write an entry bundle of the mirror");
}

static int record_keep(struct mirror *mi, struct bytes record, struct tide_error *error)
{
    if (record.len > LIMIT_RECORD_BYTES) return error_set(error, OUTCOME_V_FAILED, "A record is longer than a record may be.");
    uint8_t *copy = malloc(record.len + 1);
    if (copy == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    memcpy(copy, record.data, record.len);
    mi->bundle[mi->n_bundle++] = BYTES(copy, record.len);
    return 0;
}

/* Record `index`, proven, behind those that are here. */
static int record_take(struct mirror *mi, uint64_t index, struct bytes record, struct tide_error *error)
{
    int code = record_keep(mi, record, error);
    if (code == 0) code = evidence_box_note(&mi->evidence, record, error);
    if (code == 0 && mi->n_bundle == TILE_WIDTH) {
        code = bundle_flush(mi, index / TILE_WIDTH, error);
        bundle_clear(mi);
    }
    return code;
}

static int page_take(struct feed *f, uint64_t first, const struct body_record_row *rows, size_t n, struct tide_error *error)
{
    struct mirror *mi = f->ctx;
    int code = 0;
    for (size_t i = 0; i < n && code == 0; i++) code = record_take(mi, first + i, rows[i].record, error);
    if (code == 0) mi->n_added += n;
    if (code == 0) code = evidence_box_fetch(&mi->evidence, mi->m, error);
    if (code == 0 && !progress_tell(&mi->progress, first + n, f->head.size)) code = progress_stopped(&mi->progress, error);
    return code;
}

/* Everything of the head's size is here: tiles, then the checkpoint. */
static int publish(struct feed *f, struct tide_error *error)
{
    struct mirror *mi = f->ctx;
    uint64_t old = mi->done.size, size = f->tree.size;
    if (size == old) return 0;
    int code = mi->n_bundle > 0 ? bundle_flush(mi, size / TILE_WIDTH, error) : 0;
    if (code == 0) code = error_of(error, bundles_extend_tiles(mi->tiles, old, size), "Cannot write the mirror's tiles");
    if (code == 0) code = evidence_box_save(&mi->evidence, error);
    if (code == 0) {
        enum tide_err err = tiles_write_checkpoint(mi->tiles, BYTES(mi->note, mi->note_len));
        code = error_of(error, err, "Cannot write the mirror's checkpoint");
    }
    if (code != 0) return code;
    mi->done = f->head;
    for (uint64_t i = old / TILE_WIDTH; i < size / TILE_WIDTH; i++) bundle_remove_partials(mi->tiles, i);
    return 0;
}

/* ---- going on ---- */

static int damaged(const struct mirror *mi, struct tide_error *error)
{
    return error_set(error, OUTCOME_V_FAILED,
                     "What is in %s is not what its checkpoint says: it was changed since it was written.", mi->dir);
}

/* The edge of the tree that the checkpoint signs, out of the tiles. */
static int tree_load(struct mirror *mi, struct merkle_tree *tree, struct tide_error *error)
{
    struct merkle_store nodes;
    uint8_t root[HASH_BYTES];
    uint64_t size = mi->done.size, at = 0;
    size_t n = 0;
    enum tide_err err = TIDE_OK;
    memset(tree, 0, sizeof *tree);
    struct tiles_reader *reader = malloc(sizeof *reader);
    if (reader == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    tiles_reader_init(reader, mi->tiles, size, &nodes);
    for (unsigned bit = 64; bit-- > 0 && err == TIDE_OK;) {
        if ((size >> bit & 1) == 0) continue;
        err = nodes.node(nodes.ctx, bit, at >> bit, tree->edge[n++]);
        at += UINT64_C(1) << bit;
    }
    free(reader);
    tree->size = size;
    if (err == TIDE_OK) merkle_root(tree, root);
    if (err == TIDE_ENOMEM) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    return err == TIDE_OK && (size == 0 || memcmp(root, mi->done.root, HASH_BYTES) == 0) ? 0 : damaged(mi, error);
}

/* The records of the last bundle, as far as the checkpoint covers them; `tree` is that before it, then with them. */
static int tail_load(struct mirror *mi, struct tide_error *error)
{
    struct bytes records[TILE_WIDTH];
    uint8_t leaves[TILE_WIDTH][HASH_BYTES], leaf[HASH_BYTES];
    unsigned width = (unsigned)(mi->done.size % TILE_WIDTH);
    uint64_t index = mi->done.size / TILE_WIDTH;
    struct merkle_store nodes;
    struct arena arena;
    if (width == 0) return 0;
    struct tiles_reader *reader = malloc(sizeof *reader);
    if (reader == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    arena_init(&arena, BUNDLE_BYTES_MAX + 4096);
    tiles_reader_init(reader, mi->tiles, mi->done.size, &nodes);
    enum tide_err err = bundle_read(mi->tiles, index, width, &arena, records);
    for (unsigned i = 0; i < width && err == TIDE_OK; i++) {
        err = nodes.node(nodes.ctx, 0, index * TILE_WIDTH + i, leaves[i]);
        merkle_leaf_hash(records[i], leaf);
        if (err == TIDE_OK && memcmp(leaf, leaves[i], HASH_BYTES) != 0) err = TIDE_EDAMAGED;
    }
    int code = err == TIDE_OK ? 0 : err == TIDE_ENOMEM ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : damaged(mi, error);
    for (unsigned i = 0; i < width && code == 0; i++) code = record_keep(mi, records[i], error);
    arena_deinit(&arena);
    free(reader);
    return code;
}

/* Whether a full bundle on disk begins with the records that the checkpoint covers of it. */
static bool goes_on(const struct mirror *mi, const struct bytes records[TILE_WIDTH])
{
    for (unsigned i = 0; i < mi->n_bundle; i++) {
        if (!bytes_equal(records[i], mi->bundle[i])) return false;
    }
    return true;
}

/* What bundles from `tree` to `to` say of evidence: the run that wrote them may have ended before it noted it. */
static int ahead_note(struct mirror *mi, const struct merkle_tree *tree, uint64_t to, struct arena *arena,
                      struct tide_error *error)
{
    struct bytes records[TILE_WIDTH];
    int code = 0;
    for (uint64_t at = tree->size; at < to && code == 0; at += TILE_WIDTH - at % TILE_WIDTH) {
        arena_reset(arena);
        enum tide_err err = bundle_read(mi->tiles, at / TILE_WIDTH, TILE_WIDTH, arena, records);
        code = error_of(error, err, "Cannot read the mirror's bundles");
        for (unsigned i = (unsigned)(at % TILE_WIDTH); i < TILE_WIDTH && code == 0; i++)
            code = evidence_box_note(&mi->evidence, records[i], error);
    }
    return code;
}

/* Full bundles that an earlier run wrote behind the checkpoint, if the head's tree has them: nothing comes twice. */
static int ahead_load(struct mirror *mi, struct merkle_tree *tree, struct tide_error *error)
{
    struct merkle_tree ahead = *tree;
    struct bytes records[TILE_WIDTH];
    uint8_t leaf[HASH_BYTES];
    struct arena arena;
    int code = 0;
    arena_init(&arena, BUNDLE_BYTES_MAX + 4096);
    for (uint64_t index = tree->size / TILE_WIDTH; (index + 1) * TILE_WIDTH <= mi->seen.size; index++) {
        arena_reset(&arena);
        if (bundle_read(mi->tiles, index, TILE_WIDTH, &arena, records) != TIDE_OK) break;
        if (ahead.size == tree->size && !goes_on(mi, records)) break;
        for (unsigned i = (unsigned)(ahead.size % TILE_WIDTH); i < TILE_WIDTH; i++) {
            merkle_leaf_hash(records[i], leaf);
            merkle_append(&ahead, leaf);
        }
    }
    if (ahead.size > tree->size && feed_check(&mi->feed, &ahead, tree->size, NULL) == 0) {
        code = ahead_note(mi, tree, ahead.size, &arena, error);
        bundle_clear(mi);
        *tree = ahead;
    }
    arena_deinit(&arena);
    return code;
}

/* Takes the folder, and what is in it. */
static int mirror_open(struct mirror *mi, struct tide_error *error)
{
    char path[MIRROR_PATH_MAX], note[CHECKPOINT_MAX];
    size_t len;
    int code = mirror_path(path, mi->dir, ".lock", error);
    if (code != 0) return code;
    enum tide_err err = note_key_init(mi->m->url.origin, NOTE_TYPE_ED25519, mi->m->url.log_key, &mi->key);
    if (err == TIDE_OK) err = tiles_open_at(mi->dir, true, &mi->tiles);
    if (err == TIDE_OK) err = files_lock(path, &mi->lock);
    if (err == TIDE_EBUSY) return error_set(error, OUTCOME_C_FILE, "Another mirror is being made in %s.", mi->dir);
    if (err != TIDE_OK) return error_of(error, err, mi->dir);
    code = mirror_head_load(mi->dir, "checkpoint", &mi->key, mi->note, &mi->note_len, &mi->done, error);
    if (code == 0) code = mirror_head_load(mi->dir, "checkpoint.seen", &mi->key, note, &len, &mi->seen, error);
    if (code == 0 && mi->seen.size < mi->done.size) { /* a copy without it: the checkpoint was seen as well */
        mi->seen = mi->done;
        code = store(mi, "checkpoint.seen", BYTES(mi->note, mi->note_len), error);
    }
    return code == 0 ? evidence_box_open(&mi->evidence, mi->dir, error) : code;
}

static void mirror_close(struct mirror *mi)
{
    bundle_clear(mi);
    evidence_box_close(&mi->evidence);
    tiles_close(&mi->tiles);
    if (mi->lock >= 0) close(mi->lock);
}

/* The state directory remembers heads too, of other commands: what it caught is kept here as well. */
static void fork_of_pin(struct mirror *mi)
{
    struct bytes seen, shown;
    struct arena arena;
    arena_init(&arena, 8 * CHECKPOINT_MAX);
    if (checkpoint_fork(mi->m, &arena, &seen, &shown)) (void)fork_keep(mi, seen, shown, NULL); /* the fork is what is told */
    arena_deinit(&arena);
}

static int mirror_run(struct mirror *mi, bool follow, struct tide_error *error)
{
    struct feed *f = &mi->feed;
    int64_t until = market_until(mi->m->timeout_ms);
    int pause = 0;
    *f = (struct feed){.m = mi->m, .ctx = mi, .page = page_take, .seen = head_seen, .took = head_took, .covered = publish};
    int code = tree_load(mi, &f->tree, error);
    if (code == 0) code = tail_load(mi, error);
    if (code != 0) return code;
    while ((code = feed_head(f, error)) != 0 && is_passing(code)) {
        int waited = poll_pause(mi->m, &pause, follow ? -1 : until, error);
        if (waited != 0) return waited;
    }
    if (code == 0) code = ahead_load(mi, &f->tree, error);
    if (code == 0) code = evidence_box_fetch(&mi->evidence, mi->m, error);
    if (code == 0 && f->tree.size == f->head.size) code = publish(f, error);
    if (code == 0) code = feed_run(f, f->tree.size, follow, error);
    if (code == OUTCOME_V_FORK) fork_of_pin(mi);
    return code;
}

static int report_fill(const struct mirror *mi, struct tide_doc **out, struct tide_error *error)
{
    struct tide_doc *doc = doc_new(&schema_mirror);
    if (doc == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    struct body_mirror *report = doc->value;
    report->origin = arena_copy(doc->arena, BYTES_TEXT(mi->key.name));
    report->size = mi->done.size;
    report->added = mi->n_added;
    report->evidence = mi->evidence.n_got;
    report->wanted = mi->evidence.n_wanted;
    for (size_t i = 0; i < mi->evidence.n_wanted; i++) report->wrong += mi->evidence.wanted[i].is_wrong;
    *out = doc;
    return 0;
}

int tide_audit_mirror(struct tide_market *market, const char *dir, bool follow, tide_progress progress, void *ctx,
                      struct tide_doc **report, struct tide_error *error)
{
    error_clear(error);
    if (report != NULL) *report = NULL;
    struct mirror *mi = calloc(1, sizeof *mi);
    if (mi == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    mi->m = market;
    mi->dir = dir;
    mi->lock = -1;
    mi->progress = (struct progress){.tell = progress, .ctx = ctx, .market = market, .what = "mirror"};
    int code = mirror_open(mi, error);
    if (code == 0) code = mirror_run(mi, follow, error);
    if (code == 0 && report != NULL) code = report_fill(mi, report, error);
    mirror_close(mi);
    free(mi);
    return code;
}
