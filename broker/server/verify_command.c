/*
 * `tidemarkd verify` (commands.h): first the log (every record hashed, the tree compared with the durable head and with
 * the published checkpoint), then the law (every statement decided again). Reads only; its scratch state lies in
 * $TMPDIR or /tmp.
 */
#include "broker/market/verify.h"
#include "broker/server/commands.h"
#include "broker/server/market_dir.h"
#include "crypto/sign.h"
#include "storage/tiles.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define READ_RECORDS 1024u
#define READ_BYTES (4u << 20)
#define ARENA_CAP (64u << 20)

struct progress {
    const char *what;
    unsigned shown; /* percent said last */
    bool terminal;
};

static bool show_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct progress *p = ctx;
    unsigned percent = total ? (unsigned)(done * 100 / total) : 100;
    if (percent == p->shown || (!p->terminal && percent / 10 == p->shown / 10)) return true;
    p->shown = percent;
    if (p->terminal) fprintf(stderr, "\r%s %3u %%%s", p->what, percent, percent == 100 ? "\n" : "");
    else fprintf(stderr, "%s %u %%\n", p->what, percent / 10 * 10);
    return true;
}

struct log_check {
    struct journal *journal;
    struct merkle_tree head, tree;
    struct checkpoint checkpoint; /* size 0: none */
    struct arena arena;
    struct bytes records[READ_RECORDS];
    struct progress progress;
    char why[256];
};

static enum tide_err differs(struct log_check *c, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s", why);
    return TIDE_EDAMAGED;
}

static enum tide_err read_checkpoint(struct log_check *c, const char *dir)
{
    struct tiles *tiles = NULL;
    char text[CHECKPOINT_MAX];
    size_t len = 0;
    enum tide_err err = tiles_open(dir, false, &tiles);
    if (!err) err = tiles_read_checkpoint(tiles, text, &len);
    tiles_close(&tiles);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err) return err;
    const char *end = memmem(text, len, "\n\n", 2);
    if (!end || checkpoint_parse(BYTES(text, (size_t)(end - text) + 1), &c->checkpoint) != TIDE_OK)
        return differs(c, "tiles/checkpoint is not a checkpoint");
    return TIDE_OK;
}

static enum tide_err check_checkpoint(struct log_check *c)
{
    uint8_t root[HASH_BYTES];
    if (c->checkpoint.size == 0 || c->tree.size != c->checkpoint.size) return TIDE_OK;
    merkle_root(&c->tree, root);
    if (memcmp(root, c->checkpoint.root, HASH_BYTES) == 0) return TIDE_OK;
    return differs(c, "the published checkpoint is not of these records");
}

/* Hashes the next piece of the journal. */
static enum tide_err hash_piece(struct log_check *c)
{
    uint64_t left = c->head.size - c->tree.size;
    size_t n, wanted = left < READ_RECORDS ? (size_t)left : READ_RECORDS;
    arena_reset(&c->arena);
    enum tide_err err = journal_read(c->journal, c->tree.size, wanted, READ_BYTES, &c->arena, c->records, &n);
    if (!err && n == 0) err = TIDE_EDAMAGED;
    if (err == TIDE_EDAMAGED)
        snprintf(c->why, sizeof c->why, "a record from %" PRIu64 " on is missing or damaged", c->tree.size);
    for (size_t i = 0; !err && i < n; i++) {
        uint8_t leaf[HASH_BYTES];
        merkle_leaf_hash(c->records[i], leaf);
        merkle_append(&c->tree, leaf);
        err = check_checkpoint(c);
    }
    return err;
}

static enum tide_err check_log(struct log_check *c, const char *dir)
{
    uint8_t head_root[HASH_BYTES], root[HASH_BYTES];
    /* The checkpoint first: records that come meanwhile make the head larger, never smaller than it. */
    enum tide_err err = read_checkpoint(c, dir);
    if (!err) err = journal_head(c->journal, &c->head);
    if (!err && c->checkpoint.size > c->head.size)
        err = differs(c, "the journal is shorter than the published checkpoint");
    while (!err && c->tree.size < c->head.size) {
        err = hash_piece(c);
        if (!err) show_progress(&c->progress, c->tree.size, c->head.size);
    }
    if (err) return err;
    merkle_root(&c->head, head_root);
    merkle_root(&c->tree, root);
    if (memcmp(root, head_root, HASH_BYTES) == 0) return TIDE_OK;
    return differs(c, "the records do not give the journal's head");
}

static const char *scratch_dir(void)
{
    const char *dir = getenv("TMPDIR");
    return dir && *dir ? dir : "/tmp";
}

static void print_result(const struct verify_result *result, bool signatures, bool json)
{
    if (json) {
        printf("{\"ok\": true, \"records\": %" PRIu64 ", \"statements\": %" PRIu64 ", \"events\": %" PRIu64,
               result->n_records, result->n_statements, result->n_events);
        printf(", \"signatures_checked\": %s}\n", signatures ? "true" : "false");
        return;
    }
    printf("records\t%" PRIu64 "\nstatements\t%" PRIu64 "\nevents\t%" PRIu64 "\n", result->n_records,
           result->n_statements, result->n_events);
    printf("signatures\t%s\n", signatures ? "checked" : "not checked");
    fprintf(stderr, "The journal, decided again, gives the same events; every account adds up.\n");
}

static enum exit_status complain_different(const char *dir, const char *why)
{
    char what[1200];
    snprintf(what, sizeof what, "the journal in %s does not verify", dir);
    return complain(EXIT_VERIFICATION, OUTCOME_V_FAILED, what, why,
                    "Keep the folder as it is; compare it with a mirror of the log.");
}

static enum exit_status verify_opened(struct log_check *check, const char *dir, bool signatures, bool json)
{
    struct verify_result result = {0};
    enum tide_err err = check_log(check, dir);
    if (err == TIDE_EDAMAGED) return complain_different(dir, check->why);
    if (!err) {
        struct progress progress = {"decided again", 0, check->progress.terminal};
        err = verify_journal(check->journal, scratch_dir(), signatures, show_progress, &progress, &result);
    }
    if (err == TIDE_EDAMAGED) {
        char why[320];
        snprintf(why, sizeof why, "record %" PRIu64 ": %s", result.bad_index, result.why);
        return complain_different(dir, why);
    }
    if (err)
        return complain(EXIT_FAILED, OUTCOME_C_INTERNAL, "verifying could not be finished", tide_err_text(err),
                        "Make room in $TMPDIR and memory, then run it again.");
    print_result(&result, signatures, json);
    return EXIT_OK;
}

enum exit_status verify_command(const char *dir, bool signatures, bool json)
{
    enum tide_err err = market_dir_check(dir);
    if (!err) err = crypto_init();
    if (err) return complain_no_market(dir, err);
    struct log_check *check = calloc(1, sizeof *check);
    if (!check) return complain_no_market(dir, TIDE_ENOMEM);
    arena_init(&check->arena, ARENA_CAP);
    check->progress = (struct progress){"log", 0, isatty(STDERR_FILENO) == 1};
    err = journal_open(dir, JOURNAL_READONLY, &check->journal);
    enum exit_status status = err == TIDE_EDAMAGED ? complain_different(dir, "the journal's end contradicts its head")
                              : err                ? complain_no_market(dir, err)
                                                   : verify_opened(check, dir, signatures, json);
    journal_close(&check->journal);
    arena_deinit(&check->arena);
    free(check);
    return status;
}
