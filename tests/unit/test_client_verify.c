/*
 * Verifying offline: a receipt and a proof made here from their parts, and everything that can be wrong with them, one
 * thing at a time.
 */
#include "client/lib/files.h"
#include "client/lib/proof.h"
#include "client/lib/schemas.h"
#include "storage/settlement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define ORIGIN "example.test/market"
#define N_LEAVES 21
#define INDEX 13

/* What a receipt is made of; each test changes one thing before it is built. */
struct recipe {
    uint64_t basis, kind, record_index, proof_index;
    bool has_vendor, has_buyer, has_broker;
    const struct identity *vendor_signs, *log_signs;
    const char *signed_price;  /* replaces the price line's number in the note; NULL: the same text */
    const char *addendum;      /* signed as well, behind an empty line; NULL: nothing */
    const char *origin;
    bool wrong_leaf, wrong_hash, without_extra;
    uint64_t settled_trade;
    const struct identity *vendor_line, *buyer_line; /* whose keys the lines name and are signed with; NULL: the text's */
    struct key_change { const struct identity *from, *to; uint64_t index; bool wrong_leaf, other_kind; } changes[4];
    size_t n_changes;
};

static struct identity *vendor, *buyer, *broker, *stranger;
static struct arena arena;
static struct note_key log_key;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 16u << 20);
    if (crypto_init() != TIDE_OK || identity_new(&vendor) != TIDE_OK || identity_new(&buyer) != TIDE_OK ||
        identity_new(&broker) != TIDE_OK || identity_new(&stranger) != TIDE_OK) {
        return -1;
    }
    return note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(broker), &log_key) == TIDE_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    identity_free(&vendor);
    identity_free(&buyer);
    identity_free(&broker);
    identity_free(&stranger);
    return 0;
}

static struct recipe good(void)
{
    return (struct recipe){.basis = BASIS_ACCEPTED, .kind = KIND_SETTLED, .record_index = INDEX, .proof_index = INDEX,
                           .has_vendor = true, .has_buyer = true, .has_broker = true, .vendor_signs = vendor,
                           .log_signs = broker, .origin = ORIGIN, .settled_trade = 41};
}

/* ---- parts ---- */
static struct bytes settlement_text(const struct recipe *r)
{
    struct settlement s = {.origin = BYTES_TEXT(r->origin), .title = BYTES_TEXT("上海空气质量"), .trade = 41, .listing = 17,
                           .quantity = 2, .price = 9900, .total = 19800, .fee = 198, .has_content = true};
    memcpy(s.vendor, identity_party(vendor), 32);
    memcpy(s.buyer, identity_party(buyer), 32);
    memset(s.content_root, 1, 32);
    memset(s.key_commitment, 2, 32);
    memset(s.terms_hash, 3, 32);
    return settlement_format(&s, &arena);
}

static struct bytes settled_record(const struct recipe *r, struct bytes text)
{
    struct posting postings[] = {{.account = ACCOUNT_ESCROW, .amount = -19800},
                                 {.account = ACCOUNT_AVAILABLE, .amount = 19800}};
    struct body_settled body = {.trade = r->settled_trade, .basis = r->basis, .text = text, .postings = {postings, 2}};
    struct body_refunded refund = {.trade = r->settled_trade, .basis = r->basis, .text = text, .postings = {postings, 2}};
    struct event event = {.kind = r->kind, .version = 1, .cause_index = INDEX - 1,
                          .body = r->kind == KIND_REFUNDED ? (const void *)&refund : &body};
    struct record record = {.type = RECORD_EVENT, .index = r->record_index, .time_ms = 1795459305230};
    struct bytes out;
    memset(event.salt, 9, sizeof event.salt);
    assert_int_equal(event_encode(&event, &arena, &record.payload), TIDE_OK);
    assert_int_equal(record_encode(&record, &arena, &out), TIDE_OK);
    return out;
}

/* A line over `text` under a party's own name. */
static void party_line(const struct identity *named, const struct identity *signs, struct bytes text,
                       char line[NOTE_LINE_MAX])
{
    char name[BECH32_TEXT_MAX];
    struct note_key key;
    uint8_t signature[SIGN_BYTES];
    bech32_encode(PARTY_PREFIX, identity_party(named), name);
    assert_int_equal(note_key_init(name, NOTE_TYPE_ED25519, identity_party(named), &key), TIDE_OK);
    identity_sign(signs, DOMAIN_NONE, text, signature);
    note_format_line(&key, signature, line);
}

static struct bytes note_make(const struct recipe *r, struct bytes text)
{
    char line[NOTE_LINE_MAX], *note = arena_alloc(&arena, 8192);
    struct bytes signed_text = text;
    if (r->signed_price != NULL) {
        char *copy = (char *)(uintptr_t)arena_copy(&arena, text).data;
        memcpy(strstr(copy, "\nprice ") + 7, r->signed_price, strlen(r->signed_price));
        signed_text = BYTES_TEXT(copy);
    }
    char *at = mempcpy(note, signed_text.data, signed_text.len);
    if (r->addendum != NULL) at = stpcpy(stpcpy(at, "\n"), r->addendum);
    signed_text = BYTES(note, (size_t)(at - note));
    *at++ = '\n';
    if (r->has_vendor) {
        party_line(r->vendor_line ? r->vendor_line : vendor, r->vendor_line ? r->vendor_line : r->vendor_signs,
                   signed_text, line);
        at = stpcpy(at, line);
    }
    if (r->has_buyer) {
        party_line(r->buyer_line ? r->buyer_line : buyer, r->buyer_line ? r->buyer_line : buyer, signed_text, line);
        at = stpcpy(at, line);
    }
    if (r->has_broker) {
        note_sign_line(&log_key, identity_log_secret(broker), signed_text, line);
        at = stpcpy(at, line);
    }
    return BYTES(note, (size_t)(at - note));
}

/* A tree of leaf hashes, small enough to be worked out anew for each node. */
struct leaves {
    uint8_t hashes[32][HASH_BYTES];
};

static enum tide_err leaves_node(void *ctx, unsigned level, uint64_t index, uint8_t out[HASH_BYTES])
{
    const struct leaves *leaves = ctx;
    if (level == 0) {
        memcpy(out, leaves->hashes[index], HASH_BYTES);
        return TIDE_OK;
    }
    uint8_t left[HASH_BYTES], right[HASH_BYTES];
    enum tide_err err = leaves_node(ctx, level - 1, 2 * index, left);
    if (err == TIDE_OK) err = leaves_node(ctx, level - 1, 2 * index + 1, right);
    merkle_node_hash(left, right, out);
    return err;
}

static struct bytes proof_at(const struct recipe *r, uint64_t index, struct bytes record)
{
    struct leaves leaves;
    struct merkle_tree tree = {0};
    struct checkpoint cp = {.size = N_LEAVES};
    struct proof_file file = {.index = index == INDEX ? r->proof_index : index};
    char checkpoint[CHECKPOINT_MAX], *text;
    size_t len;
    for (unsigned i = 0; i < N_LEAVES; i++) {
        if (i == index && !r->wrong_leaf) merkle_leaf_hash(record, leaves.hashes[i]);
        else merkle_leaf_hash(BYTES(&i, sizeof i), leaves.hashes[i]);
        merkle_append(&tree, leaves.hashes[i]);
    }
    merkle_root(&tree, cp.root);
    snprintf(cp.origin, sizeof cp.origin, "%s", r->origin);
    struct merkle_store store = {&leaves, leaves_node};
    assert_int_equal(merkle_prove_inclusion(&store, index, N_LEAVES, &file.proof), TIDE_OK);
    if (r->wrong_hash) file.proof.hashes[1][0] ^= 1;
    struct note_key key;
    assert_int_equal(note_key_init(r->origin, NOTE_TYPE_ED25519, identity_log_public(r->log_signs), &key), TIDE_OK);
    file.checkpoint = BYTES(checkpoint, checkpoint_sign(&cp, &key, identity_log_secret(r->log_signs), checkpoint));
    if (!r->without_extra) file.extra = record;
    assert_int_equal(proof_file_format(&file, &text, &len), TIDE_OK);
    struct bytes copy = arena_copy(&arena, BYTES(text, len));
    free(text);
    return copy;
}

static struct bytes proof_make(const struct recipe *r, struct bytes record)
{
    return proof_at(r, INDEX, record);
}

static struct bytes change_make(const struct recipe *r, const struct key_change *c)
{
    struct body_rekeyed rekeyed = {.seal_key = {7}, .wire_key = {8}};
    struct body_carded carded = {.card_hash = {9}};
    struct event event = {.kind = c->other_kind ? KIND_CARDED : KIND_REKEYED, .version = 1, .cause_index = c->index - 1,
                          .body = c->other_kind ? (const void *)&carded : &rekeyed};
    struct record record = {.type = RECORD_EVENT, .index = c->index, .time_ms = 1795459305230};
    struct recipe usual = {.origin = r->origin, .log_signs = r->log_signs, .wrong_leaf = c->wrong_leaf};
    struct bytes out;
    memcpy(rekeyed.party, identity_party(c->from), 32);
    memcpy(rekeyed.new_key, identity_party(c->to), 32);
    memcpy(carded.party, identity_party(c->from), 32);
    memset(event.salt, 9, sizeof event.salt);
    assert_int_equal(event_encode(&event, &arena, &record.payload), TIDE_OK);
    assert_int_equal(record_encode(&record, &arena, &out), TIDE_OK);
    usual.proof_index = c->index;
    return proof_at(&usual, c->index, out);
}

static struct bytes receipt_make(const struct recipe *r)
{
    struct bytes text = settlement_text(r);
    struct receipt receipt = {.note = note_make(r, text), .proof = proof_make(r, settled_record(r, text))};
    for (size_t i = 0; i < r->n_changes; i++) receipt.changes[i] = change_make(r, &r->changes[i]);
    receipt.n_changes = r->n_changes;
    struct bytes out = receipt_format(&receipt, &arena);
    assert_non_null(out.data);
    return out;
}

/* The code of verifying it; the report goes to *report if asked for. */
static int check(struct bytes content, struct tide_doc **report)
{
    struct tide_doc *own = NULL;
    struct tide_error e;
    int code = verify_content(content, &log_key, &own, &e);
    assert_int_equal(code == 0, own != NULL);
    if (report != NULL) *report = own;
    else tide_doc_free(&own);
    arena_reset(&arena);
    return code;
}

static int check_recipe(const struct recipe *r)
{
    return check(receipt_make(r), NULL);
}

/* ---- tests ---- */
static void a_good_receipt(void **state)
{
    (void)state;
    struct recipe r = good();
    struct tide_doc *report;
    char name[BECH32_TEXT_MAX], vkey[NOTE_VKEY_MAX];
    assert_int_equal(check(receipt_make(&r), &report), 0);
    assert_string_equal(tide_doc_text(report, "kind"), "receipt");
    assert_string_equal(tide_doc_text(report, "origin"), ORIGIN);
    assert_string_equal(tide_doc_text(report, "basis"), "accepted");
    assert_string_equal(tide_doc_text(report, "title"), "上海空气质量");
    bech32_encode(PARTY_PREFIX, identity_party(vendor), name);
    assert_string_equal(tide_doc_text(report, "vendor"), name);
    assert_int_equal(tide_doc_u64(report, "trade"), 41);
    assert_int_equal(tide_doc_u64(report, "listing"), 17);
    assert_int_equal(tide_doc_u64(report, "quantity"), 2);
    assert_int_equal(tide_doc_u64(report, "price"), 9900);
    assert_int_equal(tide_doc_u64(report, "total"), 19800);
    assert_int_equal(tide_doc_u64(report, "fee"), 198);
    assert_int_equal(tide_doc_u64(report, "index"), INDEX);
    assert_int_equal(tide_doc_u64(report, "size"), N_LEAVES);
    assert_int_equal(tide_doc_u64(report, "vendor_signed"), 1);
    assert_int_equal(tide_doc_u64(report, "buyer_signed"), 1);
    assert_int_equal(tide_doc_u64(report, "broker_signed"), 1);
    assert_non_null(strstr(tide_doc_text(report, "words"), "198.00 CNY"));
    assert_string_equal(tide_doc_text(report, "vendor_key"), tide_doc_text(report, "vendor"));
    assert_string_equal(tide_doc_text(report, "buyer_key"), tide_doc_text(report, "buyer"));
    note_key_format(&log_key, vkey);
    assert_string_equal(tide_doc_text(report, "log_key"), vkey);
    tide_doc_free(&report);
}

static void signatures_that_are_missing(void **state)
{
    (void)state;
    struct recipe r = good();
    struct tide_doc *report;
    r.has_vendor = false;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.has_buyer = false;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED); /* who accepted has signed */
    r.basis = BASIS_DEADLINE;
    assert_int_equal(check(receipt_make(&r), &report), 0);
    assert_int_equal(tide_doc_u64(report, "buyer_signed"), 0);
    assert_string_equal(tide_doc_text(report, "basis"), "deadline");
    tide_doc_free(&report);
    r.has_vendor = false;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED); /* who granted has signed, always */
    r = good();
    r.has_broker = false;
    assert_int_equal(check(receipt_make(&r), &report), 0); /* the log says it already */
    assert_int_equal(tide_doc_u64(report, "broker_signed"), 0);
    tide_doc_free(&report);
}

/* Nothing is signed together with the settlement text: who reads the note would read it as settled too. */
static void an_addendum(void **state)
{
    (void)state;
    struct recipe r = good();
    r.addendum = "and the buyer owes 500.00 CNY more\n";
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
}

static void signatures_that_are_wrong(void **state)
{
    (void)state;
    struct recipe r = good();
    r.vendor_signs = stranger;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.log_signs = stranger; /* a checkpoint of somebody else's under the same name */
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.signed_price = "9901"; /* all three signed it, but it is not what was settled */
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
}

static void records_that_are_wrong(void **state)
{
    (void)state;
    struct recipe r = good();
    r.kind = KIND_REFUNDED;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.settled_trade = 42;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.record_index = INDEX + 1;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.proof_index = INDEX + 1;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.wrong_leaf = true;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.wrong_hash = true;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.origin = "example.test/other"; /* genuine, of another market */
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED);
    r = good();
    r.without_extra = true;
    assert_int_not_equal(check_recipe(&r), 0);
}

/* Who changed its key between the trade and its signature signed with the new one: the log proves whose it is. */
static void keys_that_changed(void **state)
{
    (void)state;
    struct identity *vendor2, *vendor3, *buyer2;
    struct tide_doc *report;
    assert_int_equal(identity_new(&vendor2), TIDE_OK);
    assert_int_equal(identity_new(&vendor3), TIDE_OK);
    assert_int_equal(identity_new(&buyer2), TIDE_OK);
    struct recipe r = good();
    r.vendor_line = vendor3;
    r.buyer_line = buyer2;
    assert_int_equal(check_recipe(&r), OUTCOME_V_FAILED); /* nothing says whose they are */
    r.changes[0] = (struct key_change){.from = vendor, .to = vendor2, .index = 3};
    r.changes[1] = (struct key_change){.from = vendor2, .to = vendor3, .index = 5};
    r.changes[2] = (struct key_change){.from = buyer, .to = buyer2, .index = 4};
    r.n_changes = 3;
    assert_int_equal(check(receipt_make(&r), &report), 0);
    assert_int_equal(tide_doc_u64(report, "vendor_signed"), 1);
    assert_int_equal(tide_doc_u64(report, "buyer_signed"), 1);
    assert_non_null(strstr(tide_doc_text(report, "words"), "The vendor had changed its key"));
    assert_non_null(strstr(tide_doc_text(report, "words"), "The buyer had changed its key"));
    assert_true(tide_doc_u64(report, "vendor_rekeyed") == 1 && tide_doc_u64(report, "buyer_rekeyed") == 1);
    assert_string_not_equal(tide_doc_text(report, "vendor_key"), tide_doc_text(report, "vendor"));
    tide_doc_free(&report);

    struct recipe bad = r;
    bad.n_changes = 2; /* the buyer's is missing */
    assert_int_equal(check_recipe(&bad), OUTCOME_V_FAILED);
    bad = r;
    bad.changes[0] = r.changes[1]; /* one in between is missing, or they are out of order */
    bad.changes[1] = r.changes[0];
    assert_int_equal(check_recipe(&bad), OUTCOME_V_FAILED);
    bad = r;
    bad.vendor_line = vendor2; /* a key that was replaced before it signed */
    assert_int_equal(check_recipe(&bad), OUTCOME_V_FAILED);
    bad = r;
    bad.changes[3] = (struct key_change){.from = stranger, .to = vendor2, .index = 6};
    bad.n_changes = 4;
    assert_int_equal(check_recipe(&bad), OUTCOME_V_FAILED);
    bad = r;
    bad.changes[1].index = INDEX + 1; /* after the settlement */
    assert_int_equal(check_recipe(&bad), OUTCOME_V_FAILED);
    bad = r;
    bad.changes[2].wrong_leaf = true; /* not in the log */
    assert_int_equal(check_recipe(&bad), OUTCOME_V_FAILED);
    bad = r;
    bad.changes[2].other_kind = true;
    assert_int_equal(check_recipe(&bad), OUTCOME_V_FAILED);
    identity_free(&vendor2);
    identity_free(&vendor3);
    identity_free(&buyer2);
}

/* No single changed byte makes another receipt that verifies with another meaning. */
static void every_byte_counts(void **state)
{
    (void)state;
    struct recipe r = good();
    struct bytes file = receipt_make(&r);
    uint8_t *copy = malloc(file.len);
    assert_non_null(copy);
    struct bytes text = settlement_text(&r);
    memcpy(copy, file.data, file.len);
    size_t len = file.len, text_len = text.len;
    arena_reset(&arena);
    for (size_t i = 0; i < len; i++) {
        copy[i] ^= 1;
        int code = check(BYTES(copy, len), NULL);
        /* A line under a changed name or key id is an unknown line: that of the broker may go without. */
        if (code == 0) assert_true(i > text_len);
        copy[i] ^= 1;
    }
    assert_int_equal(check(BYTES(copy, len), NULL), 0);
    for (size_t cut = 0; cut < len; cut += 7) assert_int_not_equal(check(BYTES(copy, cut), NULL), 0);
    free(copy);
}

static void a_proof_file(void **state)
{
    (void)state;
    struct recipe r = good();
    struct tide_doc *report;
    assert_int_equal(check(proof_make(&r, settled_record(&r, settlement_text(&r))), &report), 0);
    assert_string_equal(tide_doc_text(report, "kind"), "proof");
    assert_string_equal(tide_doc_text(report, "record_kind"), "settled");
    assert_int_equal(tide_doc_u64(report, "index"), INDEX);
    assert_string_equal(tide_doc_text(report, "basis"), "accepted");
    assert_int_equal(tide_doc_u64(report, "trade"), 41);
    assert_int_equal(tide_doc_u64(report, "vendor_signed"), 0); /* nobody signed a record of the log */
    tide_doc_free(&report);
    r.kind = KIND_REFUNDED; /* of a refund there is no receipt, but this */
    r.basis = BASIS_VERDICT;
    assert_int_equal(check(proof_make(&r, settled_record(&r, settlement_text(&r))), &report), 0);
    assert_string_equal(tide_doc_text(report, "record_kind"), "refunded");
    assert_string_equal(tide_doc_text(report, "basis"), "verdict");
    tide_doc_free(&report);
    r = good();
    r.without_extra = true;
    assert_int_equal(check(proof_make(&r, settled_record(&r, settlement_text(&r))), NULL), OUTCOME_V_UNREADABLE);
    r = good();
    r.wrong_hash = true;
    assert_int_equal(check(proof_make(&r, settled_record(&r, settlement_text(&r))), NULL), OUTCOME_V_FAILED);
}

/* A statement's proof: its own signature is checked, too. */
static void a_proof_of_a_statement(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 2; wrong++) {
        struct recipe r = good();
        struct body_close body = {.listing = 17};
        struct statement st = {
            .kind = KIND_CLOSE, .version = 1, .issued_at = 1795459305230, .valid_until = 1795459365230, .body = &body};
        struct record record = {.type = RECORD_STATEMENT, .index = INDEX, .time_ms = 1795459305231};
        struct bytes bytes, encoded;
        uint8_t signature[SIGN_BYTES];
        struct tide_doc *report = NULL;
        memset(st.market, 5, 32);
        memset(st.command_id, 6, 16);
        memcpy(st.party, identity_party(vendor), 32);
        assert_int_equal(statement_encode(&st, &arena, &bytes), TIDE_OK);
        identity_sign(wrong ? stranger : vendor, DOMAIN_STATEMENT, bytes, signature);
        assert_int_equal(envelope_encode(bytes, signature, &arena, &record.payload), TIDE_OK);
        assert_int_equal(record_encode(&record, &arena, &encoded), TIDE_OK);
        assert_int_equal(check(proof_make(&r, encoded), &report), wrong ? OUTCOME_V_FAILED : 0);
        if (!wrong) assert_string_equal(tide_doc_text(report, "record_kind"), "close");
        tide_doc_free(&report);
    }
}

/* ---- the public function ---- */
static void keys_of_all_forms(void **state)
{
    (void)state;
    struct tide_error e;
    struct market_url url = {.host = "127.0.0.1", .port = 7420, .origin = ORIGIN};
    char path[] = "/tmp/tidemark-receipt-XXXXXX", text[MARKET_URL_MAX], vkey[NOTE_VKEY_MAX], *from_url = NULL;
    struct recipe r = good();
    struct tide_doc *report = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_store(path, 0600, receipt_make(&r), &e), 0);
    memset(url.market, 1, 32);
    memset(url.wire_key, 2, 32);
    memcpy(url.log_key, identity_log_public(broker), 32);
    market_url_format(&url, text);
    note_key_format(&log_key, vkey);

    assert_int_equal(tide_verify(path, NULL, NULL, &report, &e), OUTCOME_V_LOG_KEY_UNKNOWN);
    assert_null(report);
    assert_int_equal(tide_verify(path, vkey, NULL, &report, &e), 0);
    tide_doc_free(&report);
    assert_int_equal(tide_verify(path, NULL, text, NULL, &e), 0);
    assert_int_equal(tide_verify(path, "nonsense", NULL, &report, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_verify(path, NULL, "tidemark://nonsense", &report, &e), OUTCOME_C_USAGE);
    assert_int_equal(tide_verify("/nonexistent/receipt", vkey, NULL, &report, &e), OUTCOME_C_FILE);
    assert_int_equal(tide_url_vkey(text, &from_url, &e), 0);
    assert_string_equal(from_url, vkey);
    free(from_url);
    assert_int_equal(tide_url_vkey("http://example.test/", &from_url, &e), OUTCOME_C_USAGE);
    assert_null(from_url);

    memcpy(url.log_key, identity_log_public(stranger), 32);
    market_url_format(&url, text);
    assert_int_equal(tide_verify(path, NULL, text, &report, &e), OUTCOME_V_FAILED); /* another market's URL */
    assert_int_equal(file_store(path, 0600, BYTES_TEXT("hello\n"), &e), 0);
    assert_int_equal(tide_verify(path, vkey, NULL, &report, &e), OUTCOME_V_UNREADABLE);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_receipt),            cmocka_unit_test(signatures_that_are_missing),
        cmocka_unit_test(signatures_that_are_wrong), cmocka_unit_test(records_that_are_wrong),
        cmocka_unit_test(every_byte_counts),         cmocka_unit_test(a_proof_file),
        cmocka_unit_test(a_proof_of_a_statement),    cmocka_unit_test(keys_of_all_forms),
        cmocka_unit_test(an_addendum),               cmocka_unit_test(keys_that_changed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
