/*
 * The evidence of disputes in a mirror: which is wanted, and fetching it.
 *
 * Always holds: a file under evidence/ has the SHA-256 that its dispute names, whole and durable; what is wanted is durable
 * before the checkpoint that covers its dispute, so that nothing is forgotten over a crash.
 * Not here: opening evidence (audit_dispute.c).
 */
#include "client/lib/mirror.h"

#include "client/lib/files.h"
#include "client/lib/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WANTED_FILE "evidence/wanted"
#define AGAIN_MS 10000 /* what the broker did not have is not asked for with every page */

static int wanted_add(struct evidence_box *box, uint64_t trade, const uint8_t hash[HASH_BYTES], struct tide_error *error)
{
    for (size_t i = 0; i < box->n_wanted; i++) {
        if (box->wanted[i].trade == trade) return 0;
    }
    if (box->n_wanted == box->room) {
        size_t room = box->room == 0 ? 16 : 2 * box->room;
        struct wanted *grown = realloc(box->wanted, room * sizeof *grown);
        if (grown == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
        box->wanted = grown;
        box->room = room;
    }
    struct wanted *w = &box->wanted[box->n_wanted++];
    *w = (struct wanted){.trade = trade};
    memcpy(w->hash, hash, HASH_BYTES);
    box->is_dirty = true;
    return 0;
}

static void wanted_drop(struct evidence_box *box, size_t i)
{
    box->wanted[i] = box->wanted[--box->n_wanted];
    box->is_dirty = true;
}

static bool unhex(const char *text, uint8_t out[HASH_BYTES])
{
    for (size_t i = 0; i < HASH_BYTES; i++) {
        unsigned byte;
        if (sscanf(text + 2 * i, "%2x", &byte) != 1) return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* ---- the list on disk ---- */

int evidence_box_open(struct evidence_box *box, const char *dir, struct tide_error *error)
{
    char path[MIRROR_PATH_MAX], hex[65];
    uint8_t hash[HASH_BYTES];
    uint64_t trade;
    *box = (struct evidence_box){.dir = dir};
    int code = mirror_path(path, dir, "evidence", error);
    if (code == 0 && mkdir(path, 0700) != 0 && errno != EEXIST) code = error_file(error, "make", path);
    if (code == 0) code = mirror_path(path, dir, WANTED_FILE, error);
    if (code != 0) return code;
    FILE *file = fopen(path, "re");
    if (file == NULL) return errno == ENOENT ? 0 : error_file(error, "read", path);
    while (code == 0 && fscanf(file, "%" SCNu64 " %64[0-9a-f]\n", &trade, hex) == 2) {
        if (strlen(hex) == 64 && unhex(hex, hash)) code = wanted_add(box, trade, hash, error);
    }
    fclose(file);
    box->is_dirty = false;
    return code;
}

void evidence_box_close(struct evidence_box *box)
{
    free(box->wanted);
    *box = (struct evidence_box){0};
}

int evidence_box_save(struct evidence_box *box, struct tide_error *error)
{
    char path[MIRROR_PATH_MAX], *text = NULL;
    size_t len = 0;
    if (!box->is_dirty) return 0;
    int code = mirror_path(path, box->dir, WANTED_FILE, error);
    FILE *file = code == 0 ? open_memstream(&text, &len) : NULL;
    if (code != 0) return code;
    if (file == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    for (size_t i = 0; i < box->n_wanted; i++) {
        fprintf(file, "%" PRIu64 " ", box->wanted[i].trade);
        for (size_t n = 0; n < HASH_BYTES; n++) fprintf(file, "%02x", box->wanted[i].hash[n]);
        fputc('\n', file);
    }
    code = fclose(file) != 0 ? error_set(error, OUTCOME_C_NO_MEMORY, NULL) : 0;
    if (code == 0) code = file_store(path, 0666, BYTES(text, len), error);
    free(text);
    if (code == 0) box->is_dirty = false;
    return code;
}

/* ---- what records say ---- */

int evidence_box_note(struct evidence_box *box, struct bytes record, struct tide_error *error)
{
    struct statement st;
    struct arena arena;
    int code = 0;
    arena_init(&arena, 4u << 20);
    if (record_statement(record, &arena, &st) && st.kind == KIND_DISPUTE) {
        const struct body_dispute *dispute = st.body;
        code = wanted_add(box, dispute->trade, dispute->evidence, error);
    } else if (st.kind == KIND_VERDICT) { /* cleared where it is none */
        const struct body_verdict *verdict = st.body;
        for (size_t i = 0; i < box->n_wanted && verdict->finding == FINDING_EVIDENCE_MISSING; i++) {
            if (box->wanted[i].trade == verdict->trade) wanted_drop(box, i--);
        }
    }
    arena_deinit(&arena);
    return code;
}

/* ---- fetching ---- */

/* The pieces, one after the other. *len 0: the broker has none, or cannot say now. */
static int pieces_get(struct tide_market *m, uint64_t trade, uint8_t *out, size_t *len, struct tide_error *error)
{
    uint64_t whole = 1;
    size_t done = 0;
    *len = 0;
    while (done < whole) {
        struct body_q_evidence q = {.trade = trade, .offset = done};
        struct tide_doc *doc;
        int code = market_query(m, VERB_EVIDENCE, &q, &doc, error);
        if (code == OUTCOME_C_INTERRUPTED || code == OUTCOME_C_NO_MEMORY) return code;
        if (code != 0) return 0; /* asked again another time */
        const struct body_r_evidence *reply = doc->value;
        size_t n = reply->piece.len;
        bool fits = reply->len <= LIMIT_EVIDENCE_BYTES && n > 0 && n <= reply->len - done && (done == 0 || reply->len == whole);
        if (fits) memcpy(out + done, reply->piece.data, n);
        whole = reply->len;
        done += n;
        tide_doc_free(&doc);
        if (!fits) return 0;
    }
    *len = done;
    return 0;
}

static int one_fetch(struct evidence_box *box, struct tide_market *m, struct wanted *w, bool *got, struct tide_error *error)
{
    char path[MIRROR_PATH_MAX], name[48];
    uint8_t hash[HASH_BYTES];
    size_t len = 0;
    *got = false;
    snprintf(name, sizeof name, "evidence/%" PRIu64, w->trade);
    int code = mirror_path(path, box->dir, name, error);
    uint8_t *bytes = code == 0 ? malloc(LIMIT_EVIDENCE_BYTES) : NULL;
    if (code != 0) return code;
    if (bytes == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    code = pieces_get(m, w->trade, bytes, &len, error);
    if (code == 0 && len > 0) {
        sha256(BYTES(bytes, len), hash);
        w->is_wrong = memcmp(hash, w->hash, HASH_BYTES) != 0;
        if (!w->is_wrong) code = file_store(path, 0666, BYTES(bytes, len), error);
        *got = code == 0 && !w->is_wrong;
    }
    free(bytes);
    return code;
}

int evidence_box_fetch(struct evidence_box *box, struct tide_market *m, struct tide_error *error)
{
    int code = 0;
    for (size_t i = 0; i < box->n_wanted && code == 0;) {
        bool got = false;
        if (clock_ms() >= box->wanted[i].not_before_ms) {
            box->wanted[i].not_before_ms = clock_ms() + AGAIN_MS;
            code = one_fetch(box, m, &box->wanted[i], &got, error);
        }
        if (got) {
            box->n_got++;
            wanted_drop(box, i);
        } else {
            i++;
        }
    }
    return code;
}
