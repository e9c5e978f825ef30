/*
 * Sealed detail parts, as their vendor deals with them: sealed when it publishes, opened later to parties of its choice.
 *
 * Always holds: a detail part has a nonce and a file key of its own; its key is sealed only to the key of the party that
 * is named, and is the one that the listing commits to.
 * Not here: reading one (detail_view.c), getting its ciphertext to the store (upload.c).
 */
#include "client/lib/jobs.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- sealing ---- */

static void commitment_fill(struct body_publish *body, const struct age_commitment *c)
{
    body->detail_len = c->plaintext_len;
    memcpy(body->detail_nonce, c->nonce, sizeof body->detail_nonce);
    memcpy(body->detail_root, c->content_root, sizeof body->detail_root);
    memcpy(body->detail_commitment, c->key_commitment, sizeof body->detail_commitment);
}

/* The sealed form of an earlier try: must hold what the file holds. */
static int adopt(struct tide_market *m, const struct tide_sale *files, int plain_fd, uint64_t size, struct age_commitment *c,
                 struct tide_error *error)
{
    const struct progress quiet = {.market = m, .what = "check"};
    struct sealed_file f;
    int code = sealed_open(m->identity, files->sealed_detail_path, &f, error);
    if (code != 0) return code;
    *c = (struct age_commitment){.plaintext_len = f.plaintext_len, .n_chunks = f.n_chunks};
    memcpy(c->nonce, f.nonce, sizeof c->nonce);
    age_key_commitment(f.file_key, f.nonce, c->key_commitment);
    code = f.plaintext_len == size ? sealed_hash(&f, -1, plain_fd, &quiet, c->content_root, error) : OUTCOME_V_DAMAGED;
    sealed_close(&f);
    if (code != OUTCOME_V_DAMAGED) return code;
    return error_set(error, OUTCOME_C_FILE, "%s is there already and holds something else than %s: move it away.",
                     files->sealed_detail_path, files->detail_path);
}

int detail_prepare(struct tide_market *m, const struct tide_sale *files, bool anew, struct body_publish *body,
                   struct tide_error *error)
{
    const struct progress quiet = {.market = m, .what = "seal"};
    struct age_commitment c;
    uint64_t size;
    int fd;
    int code = file_open(files->detail_path, &fd, &size, error);
    if (code != 0) return code;
    if (size == 0 || size > LIMIT_DETAIL_BYTES) {
        code = error_set(error, OUTCOME_C_FILE, "%s has %" PRIu64 " bytes; a detail part has at least one and at most %u.",
                         files->detail_path, size, LIMIT_DETAIL_BYTES);
    } else if (!anew && access(files->sealed_detail_path, F_OK) == 0) {
        code = adopt(m, files, fd, size, &c, error);
    } else {
        code = file_seal(m->identity, files->detail_path, files->sealed_detail_path, &quiet, &c, error);
    }
    close(fd);
    if (code == 0) commitment_fill(body, &c);
    return code;
}

/* ---- to whom ---- */

/* A change of keys is public and in the log; the keys that a party was admitted with are the broker's word. */
static int seal_key_prove(struct tide_market *m, const struct body_key_row *row, bool *proven, struct tide_error *error)
{
    struct record record;
    struct event event;
    struct tide_doc *doc;
    bool admitted = false, rekeyed = false;
    int code = record_proven(m, row->since, &doc, &record, error);
    if (code == OUTCOME_NO_SUCH_RECORD) return 0; /* not for our eyes */
    if (code != 0) return code;
    if (record_event(&record, KIND_REKEYED, doc->arena, &event)) {
        const struct body_rekeyed *e = event.body;
        rekeyed = memcmp(e->new_key, row->key, 32) == 0 && memcmp(e->seal_key, row->seal_key, 32) == 0;
    } else if (record_event(&record, KIND_ADMITTED, doc->arena, &event)) {
        const struct body_admitted *e = event.body;
        admitted = memcmp(e->party, row->key, 32) == 0 && memcmp(e->seal_key, row->seal_key, 32) == 0;
    }
    tide_doc_free(&doc);
    *proven = admitted || rekeyed;
    if (*proven) return 0;
    return error_set(error, OUTCOME_V_FAILED, "The log has other keys of that party than the broker shows; nothing was signed.");
}

/* The sealing key in force of a party that may be named by an older key; `key` becomes the one in force. */
static int reader_find(struct tide_market *m, uint8_t key[32], uint8_t seal_key[32], bool *proven, struct tide_error *error)
{
    struct body_q_party q = {0};
    struct tide_doc *doc;
    memcpy(q.party, key, 32);
    int code = market_query(m, VERB_KEYS, &q, &doc, error);
    if (code != 0) return code;
    const struct list *keys = &((const struct body_r_keys *)doc->value)->keys;
    const struct body_key_row *rows = keys->items;
    if (keys->n == 0) {
        tide_doc_free(&doc);
        return error_set(error, OUTCOME_NO_SUCH_PARTY, NULL);
    }
    const struct body_key_row *last = &rows[keys->n - 1];
    code = party_keys_lead(m, key, last->key, UINT64_MAX, error); /* the newest is the same party's */
    if (code == 0) code = seal_key_prove(m, last, proven, error);
    memcpy(key, last->key, 32);
    memcpy(seal_key, last->seal_key, 32);
    tide_doc_free(&doc);
    return code;
}

static int recipient_check(const char *recipient, const uint8_t seal_key[32], bool *proven, struct tide_error *error)
{
    uint8_t given[32];
    if (recipient == NULL) return 0;
    if (bech32_decode(RECIPIENT_PREFIX, BYTES_TEXT(recipient), given) != TIDE_OK)
        return error_set(error, OUTCOME_C_USAGE, "\"%.80s\" is no recipient: one begins with age1.", recipient);
    if (memcmp(given, seal_key, 32) != 0)
        return error_set(error, OUTCOME_V_FAILED, "The broker shows another sealing key of that party; nothing was signed.");
    *proven = true;
    return 0;
}

static int detail_key(struct tide_market *m, uint64_t listing, uint8_t key[AGE_FILE_KEY_BYTES], struct tide_error *error)
{
    const struct body_publish *body;
    struct tide_doc *doc;
    int code = publish_proven(m, listing, &doc, &body, error);
    if (code != 0) return code;
    if (body->detail_len == 0) code = error_set(error, OUTCOME_NO_SUCH_DETAIL, "Listing %" PRIu64 " has no detail part.", listing);
    if (code == 0) code = file_key_find(m, listing, body->detail_nonce, body->detail_commitment, key, error);
    tide_doc_free(&doc);
    return code;
}

int tide_disclose(struct tide_market *market, uint64_t listing, const char *party, const char *recipient, bool *proven,
                  struct tide_doc **out, struct tide_error *error)
{
    uint8_t file_key[AGE_FILE_KEY_BYTES], seal_key[32], grant[AGE_GRANT_BYTES];
    struct body_disclose body = {.listing = listing};
    error_clear(error);
    *proven = false;
    if (out != NULL) *out = NULL;
    int code = need_identity(market, error);
    if (code == 0 && bech32_decode(PARTY_PREFIX, BYTES_TEXT(party), body.party) != TIDE_OK)
        code = error_set(error, OUTCOME_C_USAGE, "\"%.80s\" is no party: one begins with tide1.", party);
    if (code == 0) code = reader_find(market, body.party, seal_key, proven, error);
    if (code == 0) code = recipient_check(recipient, seal_key, proven, error);
    if (code == 0) code = detail_key(market, listing, file_key, error);
    if (code != 0) return code;
    bool sealed = age_grant_seal(file_key, seal_key, grant) == TIDE_OK;
    explicit_bzero(file_key, sizeof file_key);
    if (!sealed) return error_set(error, OUTCOME_V_FAILED, "That party's sealing key cannot be sealed to.");
    body.grant = BYTES(grant, sizeof grant);
    return market_state(market, &schema_disclose, &body, out, error);
}
