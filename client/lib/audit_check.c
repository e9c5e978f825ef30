/*
 * Checking a mirror: one pass over its records, in rounds; the signatures of a round are checked by all cores.
 *
 * Always holds: every record goes through the tree, the tiles and the facts, in order; the root is that of the signed
 * checkpoint, or an alarm says that it is not; a check that found something goes on to the end, and says it all. Nothing is
 * written. Memory is bounded but for what audit.h says.
 * Not here: what records say (audit_facts.c, audit_keys.c), disputes (audit_dispute.c), making a mirror (mirror.c).
 */
#include "client/lib/audit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUND_SIGNATURES 4096u
#define ROUND_BUNDLES 64u
#define THREADS_MAX 16

/* ---- what is wrong ---- */

void audit_alarm(struct audit *a, uint64_t record, uint64_t trade, const char *format, ...)
{
    struct body_checked *report = a->report;
    char words[400];
    va_list list;
    report->n_alarms++;
    if (report->alarms.n == CHECK_ALARMS_MAX) return;
    va_start(list, format);
    int len = vsnprintf(words, sizeof words, format, list);
    va_end(list);
    struct body_alarm *rows = report->alarms.items;
    if (rows == NULL && (rows = arena_calloc(a->doc->arena, CHECK_ALARMS_MAX, sizeof *rows)) == NULL) {
        a->no_memory = true;
        return;
    }
    report->alarms.items = rows;
    struct bytes kept = arena_copy(a->doc->arena, BYTES(words, len < 0 ? 0 : strlen(words)));
    rows[report->alarms.n++] = (struct body_alarm){.record = record, .trade = trade, .words = kept};
}

bool audit_record(struct audit *a, uint64_t index, struct record *out)
{
    struct bytes records[TILE_WIDTH];
    uint64_t bundle = index / TILE_WIDTH, left = a->head.size - bundle * TILE_WIDTH;
    if (index >= a->head.size) return false;
    unsigned width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
    return bundle_read(a->tiles, bundle, width, &a->scratch, records) == TIDE_OK &&
           record_decode(records[index % TILE_WIDTH], &a->scratch, out) == TIDE_OK;
}

/* ---- signatures ---- */

struct crew {
    struct audit_signature *signatures;
    size_t n;
    atomic_size_t next;
};

static void *crew_work(void *arg)
{
    struct crew *crew = arg;
    for (size_t i; (i = atomic_fetch_add(&crew->next, 1)) < crew->n;) {
        struct audit_signature *s = &crew->signatures[i];
        s->is_wrong = sign_verify(s->key, s->domain, s->message, s->signature) != TIDE_OK;
    }
    return NULL;
}

static void round_end(struct audit *a)
{
    struct crew crew = {.signatures = a->signatures, .n = a->n_signatures};
    pthread_t threads[THREADS_MAX];
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    size_t n_threads = 0;
    while (n_threads + 1 < (size_t)(cores < 1 ? 1 : cores) && n_threads < THREADS_MAX &&
           pthread_create(&threads[n_threads], NULL, crew_work, &crew) == 0)
        n_threads++;
    crew_work(&crew);
    for (size_t i = 0; i < n_threads; i++) pthread_join(threads[i], NULL);
    for (size_t i = 0; i < a->n_signatures; i++) {
        if (a->signatures[i].is_wrong)
            audit_alarm(a, a->signatures[i].record, 0, "In record %" PRIu64 " %s is wrong.", a->signatures[i].record,
                        a->signatures[i].whose);
    }
    a->report->signatures += a->n_signatures;
    a->n_signatures = 0;
    audit_round_end(a);
    arena_reset(&a->round);
}

/* ---- the pass ---- */

struct pass {
    struct merkle_tree tree;
    struct tiles_check *tiles;
    bool tiles_are_wrong; /* said once */
    unsigned n_bundles;   /* of this round */
};

static void tiles_say(struct audit *a, struct pass *p, enum tide_err err)
{
    if (err == TIDE_OK || p->tiles_are_wrong) return;
    p->tiles_are_wrong = true;
    audit_alarm(a, p->tree.size, 0, "%s %s", p->tiles->path,
                err == TIDE_ENOTFOUND ? "is missing." : "is not what the records below it hash to.");
}

static int bundle_take(struct audit *a, struct pass *p, struct tide_error *error)
{
    struct bytes records[TILE_WIDTH];
    uint8_t leaf[HASH_BYTES];
    uint64_t index = p->tree.size / TILE_WIDTH, left = a->head.size - p->tree.size;
    unsigned width = left < TILE_WIDTH ? (unsigned)left : TILE_WIDTH;
    enum tide_err err = bundle_read(a->tiles, index, width, &a->round, records);
    if (err == TIDE_ENOMEM) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    if (err != TIDE_OK) {
        audit_alarm(a, p->tree.size, 0, "The bundle of records %" PRIu64 " to %" PRIu64 " is missing or damaged.", p->tree.size,
                    p->tree.size + width - 1);
        return OUTCOME_V_FAILED;
    }
    for (unsigned i = 0; i < width; i++) {
        merkle_leaf_hash(records[i], leaf);
        if (!p->tiles_are_wrong) tiles_say(a, p, tiles_check_leaf(p->tiles, leaf));
        audit_take(a, p->tree.size, records[i]);
        merkle_append(&p->tree, leaf);
        if (a->is_review) merkle_root(&p->tree, a->review_root);
        a->is_review = false;
    }
    if (a->n_signatures >= ROUND_SIGNATURES || ++p->n_bundles == ROUND_BUNDLES) {
        round_end(a);
        p->n_bundles = 0;
    }
    return a->no_memory ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
}

/* 702 only where the pass cannot go on: what else is wrong is an alarm. */
static int pass_run(struct audit *a, struct pass *p, const struct progress *progress, struct tide_error *error)
{
    uint8_t root[HASH_BYTES];
    int code = 0;
    while (code == 0 && p->tree.size < a->head.size) {
        code = bundle_take(a, p, error);
        if (code == 0 && !progress_tell(progress, p->tree.size, a->head.size)) code = progress_stopped(progress, error);
    }
    if (code != 0 && code != OUTCOME_V_FAILED) return code;
    round_end(a);
    if (code != 0) return code;
    if (!p->tiles_are_wrong) tiles_say(a, p, tiles_check_end(p->tiles));
    merkle_root(&p->tree, root);
    if (memcmp(root, a->head.root, HASH_BYTES) != 0)
        audit_alarm(a, a->head.size, 0, "The records are not those that the log signed: their root is another.");
    for (size_t i = 0; i < a->trades.n; i++) { /* disputes that wait */
        const struct audit_trade *t = a->trades.entries[i].row;
        if (t != NULL && t->dispute_record != 0 && t->verdict_record == 0) audit_judge(a, t);
    }
    return a->no_memory ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
}

/* ---- in public ---- */

static int audit_open(struct audit *a, const char *vkey, const char *url, struct tide_error *error)
{
    char note[CHECKPOINT_MAX];
    struct market_url parsed;
    size_t len;
    int code = verify_log_key(vkey, url, &a->log, error);
    if (code == 0) code = mirror_head_load(a->dir, "checkpoint", &a->log, note, &len, &a->head, error);
    if (code != 0) return code;
    if (len == 0) return error_set(error, OUTCOME_C_FILE, "There is no mirror in %s: it has no checkpoint.", a->dir);
    if (vkey == NULL && url != NULL && market_url_parse(url, &parsed) == TIDE_OK) {
        memcpy(a->market, parsed.market, 32);
        a->has_market = true;
    }
    a->report->origin = arena_copy(a->doc->arena, BYTES_TEXT(a->log.name));
    a->report->size = a->head.size;
    return error_of(error, tiles_open_at(a->dir, false, &a->tiles), a->dir);
}

static void audit_close(struct audit *a)
{
    audit_facts_free(a);
    tiles_close(&a->tiles);
    free(a->signatures);
    arena_deinit(&a->round);
    arena_deinit(&a->cause_memory);
    arena_deinit(&a->scratch);
}

static int audit_run(struct audit *a, const struct progress *progress, struct tide_error *error)
{
    struct pass *p = calloc(1, sizeof *p);
    struct tiles_check *tiles = malloc(sizeof *tiles);
    int code = p == NULL || tiles == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
    if (code == 0) {
        tiles_check_init(tiles, a->tiles);
        p->tiles = tiles;
        code = pass_run(a, p, progress, error);
    }
    free(tiles);
    free(p);
    return code;
}

/* One sentence for all that is wrong. */
static int alarms_say(const struct body_checked *report, struct tide_error *error)
{
    const struct body_alarm *first = report->alarms.items;
    char more[64] = "";
    if (report->n_alarms > 1) snprintf(more, sizeof more, " (and %" PRIu64 " more)", report->n_alarms - 1);
    return error_set(error, OUTCOME_V_FAILED, "Record %" PRIu64 ": %.*s%s", first->record, (int)first->words.len,
                     (const char *)first->words.data, more);
}

int tide_audit_check(const char *dir, const struct tide_identity *identity, const char *log_vkey, const char *market_url,
                     tide_progress progress, void *ctx, struct tide_doc **report, struct tide_error *error)
{
    const struct progress tell = {.tell = progress, .ctx = ctx, .what = "check"};
    error_clear(error);
    if (report != NULL) *report = NULL;
    if (crypto_init() != TIDE_OK) return error_set(error, OUTCOME_C_INTERNAL, "No source of randomness.");
    struct audit *a = calloc(1, sizeof *a);
    struct tide_doc *doc = doc_new(&schema_checked);
    int code = a == NULL || doc == NULL ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
    if (code == 0) {
        a->dir = dir;
        a->identity = identity == NULL ? NULL : identity->id;
        a->doc = doc;
        a->report = doc->value;
        arena_init(&a->round, (size_t)ROUND_BUNDLES * 2 * BUNDLE_BYTES_MAX);
        arena_init(&a->cause_memory, 16u << 20);
        arena_init(&a->scratch, 4 * (size_t)BUNDLE_BYTES_MAX + (16u << 20));
        code = audit_open(a, log_vkey, market_url, error);
        if (code == 0) code = audit_run(a, &tell, error);
        if ((code == 0 || code == OUTCOME_V_FAILED) && a->report->alarms.n > 0) code = alarms_say(a->report, error);
        bool is_told = report != NULL && a->tiles != NULL && (code == 0 || code == OUTCOME_V_FAILED);
        if (is_told && doc_adopt(doc, doc->value) == TIDE_OK) {
            *report = doc;
            doc = NULL;
        }
        audit_close(a);
    }
    tide_doc_free(&doc);
    free(a);
    return code;
}
