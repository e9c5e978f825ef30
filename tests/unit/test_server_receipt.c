/*
 * The receipt of a trade whose parties changed their keys before they signed: what the broker answers is what the
 * client's verification takes, and what is left out of it is missed.
 */
#include "tests/unit/test_query.h"

#include "client/lib/proof.h"
#include "client/lib/schemas.h"
#include "storage/settlement.h"

static uint64_t changed, many, plain;
static uint8_t vendor_at_trade[32];

/* The party has a new identity from now on; its old one is gone. */
static void rekey(enum who who)
{
    struct identity *old = w.ids[who], *new;
    struct body_new_keys keys = {0};
    struct statement s;
    struct bytes bytes;
    assert_ok(identity_new(&new));
    memcpy(keys.party, identity_party(old), 32);
    memcpy(keys.seal_key, identity_seal_public(new), 32);
    memcpy(keys.wire_key, identity_wire_public(new), 32);
    w.ids[who] = new;
    const struct body_rekey body = {envelope_of(&w, who, KIND_NEW_KEYS, &keys, 60000, &s, &bytes)};
    w.ids[who] = old;
    state_it(&w, who, KIND_REKEY, &body);
    w.ids[who] = new;
    identity_free(&old);
}

static int build(void **state)
{
    uint8_t sealed[AGE_GRANT_BYTES];
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 8u << 20);
    world_open(&w);
    uint64_t air = publish(&w, "Air Quality 2024", "Hourly values", "", NULL);
    open_listing(&w, air);
    deposit(&w, BUYER, 1000000, "ref-1");
    ask_order(&w, air, 9900, 0);
    rekey(VENDOR); /* before the trade: the text has the new key */
    memcpy(vendor_at_trade, identity_party(w.ids[VENDOR]), 32);
    plain = bid_order(&w, air, 9900, 1) + 1;
    changed = bid_order(&w, air, 9900, 1) + 1;
    many = bid_order(&w, air, 9900, 1) + 1;
    grant(&w, plain, sealed);
    accept_trade(&w, plain);
    rekey(VENDOR);
    rekey(BUYER);
    rekey(VENDOR);
    grant(&w, changed, sealed);
    rekey(VENDOR); /* after the grant: none of the receipt's business */
    accept_trade(&w, changed);
    rekey(BUYER);
    for (size_t i = 0; i < RECEIPT_CHANGES_MAX; i++) rekey(VENDOR);
    grant(&w, many, sealed);
    accept_trade(&w, many);
    world_checkpoint(&w, 0);
    source = (struct query_source){.journal = w.journal, .log_secret = identity_log_secret(w.ids[BROKER])};
    assert_ok(tiles_open(test_dir, false, &source.tiles));
    assert_ok(state_read_begin(w.state, &source.view));
    return 0;
}

static int tear_down(void **state)
{
    state_read_end(&source.view);
    tiles_close(&source.tiles);
    world_close(&w);
    arena_deinit(&arena);
    return remove_test_dir(state);
}

static const struct body_r_receipt *ask_receipt(uint64_t trade, enum outcome expected)
{
    const struct body_q_trade q = {.trade = trade};
    return ask_code(BUYER, "receipt", &q, expected);
}

static struct bytes with_record(struct bytes proof, struct bytes record)
{
    struct proof_file file;
    static uint8_t scratch[NOTE_MAX];
    char *text;
    size_t len;
    assert_ok(proof_file_parse(proof, scratch, sizeof scratch, &file));
    file.extra = record;
    assert_ok(proof_file_format(&file, &text, &len));
    struct bytes out = arena_copy(&arena, BYTES(text, len));
    free(text);
    return out;
}

/* The file, as tide_receipt makes it; without the change `left_out`. */
static struct bytes file_of(const struct body_r_receipt *r, size_t left_out)
{
    const struct body_key_change *changes = r->changes.items;
    struct receipt receipt = {.note = r->note, .proof = with_record(r->proof, r->record)};
    for (size_t i = 0; i < r->changes.n; i++)
        if (i != left_out) receipt.changes[receipt.n_changes++] = with_record(changes[i].proof, changes[i].record);
    struct bytes out = receipt_format(&receipt, &arena);
    assert_non_null(out.data);
    return out;
}

static int verify(struct bytes file, struct tide_doc **report)
{
    struct note_key key;
    struct tide_error error;
    assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(w.ids[BROKER]), &key));
    return verify_content(file, &key, report, &error);
}

static void test_changes(void **state)
{
    (void)state;
    struct tide_doc *doc;
    const struct body_r_receipt *r = ask_receipt(changed, OUTCOME_OK);
    assert_int_equal(r->changes.n, 3);
    assert_int_equal(verify(file_of(r, SIZE_MAX), &doc), 0);
    const struct body_report *report = doc->value;
    assert_true(report->vendor_signed && report->buyer_signed && report->broker_signed);
    assert_memory_equal(report->vendor, vendor_at_trade, 32); /* the text's */
    assert_non_null(memmem(report->words.data, report->words.len, "The vendor had changed", 22));
    assert_non_null(memmem(report->words.data, report->words.len, "The buyer had changed", 21));
    tide_doc_free(&doc);
    for (size_t i = 0; i < r->changes.n; i++) assert_int_equal(verify(file_of(r, i), &doc), OUTCOME_V_FAILED);
}

static void test_no_changes(void **state)
{
    (void)state;
    struct tide_doc *doc;
    const struct body_r_receipt *r = ask_receipt(plain, OUTCOME_OK);
    assert_int_equal(r->changes.n, 0);
    assert_int_equal(verify(file_of(r, SIZE_MAX), &doc), 0);
    const struct body_report *report = doc->value;
    assert_null(memmem(report->words.data, report->words.len, "had changed", 11));
    tide_doc_free(&doc);
}

static void test_too_many(void **state)
{
    (void)state;
    assert_null(ask_receipt(many, OUTCOME_TOO_LARGE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_no_changes),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
