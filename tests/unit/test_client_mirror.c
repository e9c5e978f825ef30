/*
 * Checking a mirror: of an honest market with disputes of every kind nothing is said; of a broker that lies in a verdict, or
 * rewrites a record and signs the log over it, it is said what, and where. The records are a real market's; what is wrong with
 * them is put in one thing at a time.
 */
#include "tests/unit/mirror_fixture.h"

/* ---- a market ---- */

static struct deal fine, unreadable, wrong, gone, others, waiting, shown;

/* The bank has new keys from now on; OTHER is its old identity. */
static void rekey_bank(void)
{
    struct body_new_keys keys = {0};
    struct statement s;
    struct bytes bytes;
    struct identity *old = w.ids[BANK], *new;
    assert_ok(identity_new(&new));
    memcpy(keys.party, identity_party(old), 32);
    memcpy(keys.seal_key, identity_seal_public(new), 32);
    memcpy(keys.wire_key, identity_wire_public(new), 32);
    w.ids[BANK] = new;
    const struct body_rekey body = {envelope_of(&w, BANK, KIND_NEW_KEYS, &keys, 60000, &s, &bytes)};
    w.ids[BANK] = old;
    state_it(&w, BANK, KIND_REKEY, &body);
    identity_free(&w.ids[OTHER]);
    w.ids[OTHER] = old;
    w.ids[BANK] = new;
}

static int build(void **state)
{
    char dir[700];
    uint8_t other_key[AGE_FILE_KEY_BYTES] = {8};
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 64u << 20);
    world_open(&w);
    snprintf(mirror, sizeof mirror, "%s/mirror", test_dir);
    snprintf(dir, sizeof dir, "%s/evidence", mirror);
    mkdir(mirror, 0700);
    mkdir(dir, 0700);
    goods_seal(&small, SMALL_LEN, 9);
    small.listing = publish(&w, "Air Quality 2024", "Hourly values", "", &small.content);
    open_listing(&w, small.listing);
    ask_order(&w, small.listing, 9900, 0);

    struct deal d = deal_make(); /* one that nobody disputes */
    grant_as(&d, file_key, d.recipient);
    accept_trade(&w, d.trade);

    rekey_bank();
    fine = deal_make();
    grant_as(&fine, file_key, fine.recipient);
    dispute(&fine, true, true);
    verdict(&fine, FINDING_NOT_PROVEN, 1);
    accept_trade(&w, fine.trade);

    unreadable = deal_make();
    grant_as(&unreadable, file_key, identity_seal_public(w.ids[STRANGER]));
    dispute(&unreadable, true, true);
    verdict(&unreadable, FINDING_GRANT_UNREADABLE, 0);

    wrong = deal_make();
    grant_as(&wrong, other_key, wrong.recipient);
    dispute(&wrong, true, true);
    verdict(&wrong, FINDING_WRONG_KEY, 0);

    gone = deal_make();
    grant_as(&gone, file_key, gone.recipient);
    dispute(&gone, true, false);
    verdict(&gone, FINDING_EVIDENCE_MISSING, 0);

    others = deal_make();
    grant_as(&others, file_key, others.recipient);
    dispute(&others, false, true);
    verdict(&others, FINDING_NOT_PROVEN, 1);

    goods_seal(&sampled, SAMPLED_LEN, 10);
    uint64_t drawn = list_sampled();
    ask_order(&w, sampled.listing, 9900, 0);
    shown = deal_of(&sampled);
    grant_as(&shown, file_key, shown.recipient);
    dispute_chunk(&shown, drawn, true, true);
    verdict(&shown, FINDING_SAMPLE_MISMATCH, drawn);

    waiting = deal_make();
    grant_as(&waiting, file_key, waiting.recipient);
    dispute(&waiting, true, true);
    return 0;
}

static int tear_down(void **state)
{
    world_close(&w);
    arena_deinit(&arena);
    return remove_test_dir(state);
}

/* ---- honest ---- */

static void an_honest_market(void **state)
{
    (void)state;
    records_read();
    mirror_write();
    struct tide_doc *report = check_as(REGULATOR, 0);
    assert_int_equal(tide_doc_u64(report, "size"), n_records);
    assert_int_equal(tide_doc_u64(report, "n_alarms"), 0);
    assert_int_equal(tide_doc_u64(report, "settlements"), 5); /* two settled, three refunded */
    assert_int_equal(tide_doc_u64(report, "right"), 5);
    assert_int_equal(tide_doc_u64(report, "unjudged"), 2);
    assert_int_equal(tide_doc_count(report, "disputes"), 7);
    assert_true(tide_doc_u64(report, "signatures") > tide_doc_u64(report, "statements"));
    row_is(report, &fine, "not_proven", "not_proven", "right");
    row_is(report, &unreadable, "grant_unreadable", "grant_unreadable", "right");
    row_is(report, &wrong, "wrong_key", "wrong_key", "right");
    row_is(report, &gone, "evidence_missing", "none", "right");
    row_is(report, &others, "not_proven", "none", "not_sealed_to_you");
    row_is(report, &shown, "sample_mismatch", "sample_mismatch", "right");
    row_is(report, &waiting, "none", "none", "open");
    tide_doc_free(&report);
    report = check_as(N_WHO, 0); /* without an identity nothing can be opened */
    row_is(report, &wrong, "wrong_key", "none", "no_identity");
    tide_doc_free(&report);
    report = check_as(VENDOR, 0); /* nor with one that nothing was sealed to */
    row_is(report, &wrong, "wrong_key", "none", "not_sealed_to_you");
    tide_doc_free(&report);
}

static void an_older_seed_opens_what_was_sealed_to_it(void **state)
{
    (void)state;
    struct identity *newer, *kept = w.ids[REGULATOR];
    assert_ok(identity_rotate(kept, &newer));
    w.ids[REGULATOR] = newer;
    struct tide_doc *report = check_as(REGULATOR, 0);
    row_is(report, &wrong, "wrong_key", "wrong_key", "right");
    tide_doc_free(&report);
    w.ids[REGULATOR] = kept;
    identity_free(&newer);
}

/* ---- evidence in the mirror ---- */

static void evidence_that_was_changed_or_lost(void **state)
{
    (void)state;
    char aside[700];
    flip_byte(evidence_path(wrong.trade), 400);
    struct tide_doc *report = check_as(REGULATOR, OUTCOME_V_FAILED);
    row_is(report, &wrong, "wrong_key", "none", "changed");
    assert_int_equal(tide_doc_u64(tide_doc_item(report, "alarms", 0), "trade"), wrong.trade);
    tide_doc_free(&report);
    flip_byte(evidence_path(wrong.trade), 400);
    snprintf(aside, sizeof aside, "%s/aside", test_dir);
    assert_int_equal(rename(evidence_path(wrong.trade), aside), 0);
    report = check_as(REGULATOR, OUTCOME_V_FAILED);
    row_is(report, &wrong, "wrong_key", "none", "missing");
    tide_doc_free(&report);
    assert_int_equal(rename(aside, evidence_path(wrong.trade)), 0);
    report = check_as(REGULATOR, 0);
    tide_doc_free(&report);
}

/* ---- records that were rewritten ---- */

static struct arena forge_memory;

/* Statement `index` again, with another body or signer. */
static void forge(size_t index, enum who who, void (*change)(void *body))
{
    struct record record;
    struct statement st;
    struct bytes bytes;
    const uint8_t *old;
    uint8_t signature[64];
    assert_ok(record_decode(records[index], &forge_memory, &record));
    assert_ok(envelope_decode(record.payload, &forge_memory, &bytes, &old));
    assert_ok(statement_decode(bytes, &forge_memory, &st));
    if (change != NULL) change((void *)(uintptr_t)st.body);
    memcpy(st.party, identity_party(w.ids[who]), 32);
    assert_ok(statement_encode(&st, &forge_memory, &bytes));
    identity_sign(w.ids[who], DOMAIN_STATEMENT, bytes, signature);
    assert_ok(envelope_encode(bytes, signature, &forge_memory, &record.payload));
    assert_ok(record_encode(&record, &forge_memory, &records[index]));
}

static void forge_event(size_t index, void (*change)(void *body))
{
    struct record record;
    struct event event;
    assert_ok(record_decode(records[index], &forge_memory, &record));
    assert_ok(event_decode(record.payload, &forge_memory, &event));
    change((void *)(uintptr_t)event.body);
    assert_ok(event_encode(&event, &forge_memory, &record.payload));
    assert_ok(record_encode(&record, &forge_memory, &records[index]));
}

/* The first record of a kind from `from` on. */
static size_t find(uint64_t kind, size_t from)
{
    for (size_t i = from; i < n_records; i++) {
        struct record record;
        struct statement st;
        struct event event;
        struct bytes bytes;
        const uint8_t *signature;
        arena_reset(&arena);
        assert_ok(record_decode(records[i], &arena, &record));
        if (record.type == RECORD_EVENT && event_decode(record.payload, &arena, &event) == TIDE_OK && event.kind == kind) return i;
        if (record.type == RECORD_STATEMENT && envelope_decode(record.payload, &arena, &bytes, &signature) == TIDE_OK &&
            statement_decode(bytes, &arena, &st) == TIDE_OK && st.kind == kind)
            return i;
    }
    fail_msg("no record of kind %u", (unsigned)kind);
    return 0;
}

static void more_money(void *body)
{
    ((struct body_deposit *)body)->amount++;
}

static void other_signature(void *body)
{
    ((struct body_grant *)body)->signature[5] ^= 1;
}

static void cheaper(void *body)
{
    struct body_settled *e = body;
    char *text = (char *)(uintptr_t)arena_copy(&forge_memory, e->text).data;
    memcpy(strstr(text, "\ntotal 9900"), "\ntotal 9800", 11);
    e->text = BYTES(text, e->text.len);
}

static void as_accepted(void *body)
{
    ((struct body_refunded *)body)->basis = BASIS_RULING;
}

static void another_root(void *body)
{
    ((struct body_drawn *)body)->root[0] ^= 1;
}

static void another_seed(void *body)
{
    ((struct body_sample_drawn *)body)->seed[0] ^= 1;
}

static void another_chunk(void *body)
{
    struct sample_chunk *chunk = ((struct body_sample *)body)->chunks.items;
    chunk->chunk ^= 1;
}

static void another_party(void *body)
{
    memcpy(((struct body_admitted *)body)->party, identity_party(w.ids[STRANGER]), 32);
}

static void another_key(void *body)
{
    memcpy(((struct body_rekeyed *)body)->new_key, identity_party(w.ids[STRANGER]), 32);
}

static void records_that_were_rewritten(void **state)
{
    (void)state;
    arena_init(&forge_memory, 16u << 20);
    records_read();
    uint8_t *copy = (uint8_t *)(uintptr_t)arena_copy(&forge_memory, records[find(KIND_DEPOSIT, 0)]).data;
    size_t at = find(KIND_DEPOSIT, 0);
    copy[records[at].len - 1] ^= 1; /* of the signature, which ends the record */
    records[at].data = copy;
    check_fails("its party's signature is wrong");
    records_read();
    forge(find(KIND_DEPOSIT, 0), STRANGER, more_money);
    check_fails("a key that was nobody's");
    records_read();
    forge(find(KIND_GRANT, 0), VENDOR, other_signature);
    check_fails("the vendor's signature of the settlement is wrong");
    records_read();
    forge(find(KIND_GRANT, 0), BUYER, NULL);
    check_fails("not signed by the party of trade");
    records_read();
    forge_event(find(KIND_SETTLED, 0), cheaper);
    check_fails("is not what was traded");
    records_read();
    forge_event(find(KIND_REFUNDED, 0), as_accepted);
    check_fails("nobody ruled");
    records_read();
    forge(find(KIND_DRAWN, 0), BROKER, another_root);
    check_fails("not drawn from the log's root at its approval");
    records_read();
    forge_event(find(KIND_SAMPLE_DRAWN, 0), another_seed);
    check_fails("is not what its draw gives");
    records_read();
    forge(find(KIND_SAMPLE, 0), VENDOR, another_chunk);
    check_fails("are not the chunks that were drawn");
    records_read();
    forge_event(find(KIND_ADMITTED, find(KIND_ADMIT, 0)), another_party);
    check_fails("did not ask for it");
    records_read();
    forge_event(find(KIND_REKEYED, 0), another_key);
    check_fails("one that nobody asked for");
    records_read();
    forge(find(KIND_DEPOSIT, find(KIND_REKEYED, 0)), OTHER, NULL);
    check_fails("a key that was not in force any more");
    records_read();
    records[40] = records[41]; /* one record in the place of another */
    check_fails("names another index");
    arena_deinit(&forge_memory);
    records_read();
    mirror_write();
    struct tide_doc *report = check_as(REGULATOR, 0); /* nothing of that was left behind */
    tide_doc_free(&report);
}

static void a_log_that_somebody_else_signed(void **state)
{
    (void)state;
    struct tide_error e;
    struct note_key key;
    char text[NOTE_VKEY_MAX];
    struct tide_doc *report;
    assert_ok(note_key_init(ORIGIN, NOTE_TYPE_ED25519, identity_log_public(w.ids[STRANGER]), &key));
    note_key_format(&key, text);
    assert_int_equal(tide_audit_check(mirror, NULL, text, NULL, NULL, NULL, &report, &e), OUTCOME_V_FAILED);
    assert_null(report);
    assert_int_equal(tide_audit_check(mirror, NULL, NULL, NULL, NULL, NULL, &report, &e), OUTCOME_V_LOG_KEY_UNKNOWN);
    assert_int_equal(tide_audit_check(test_dir, NULL, vkey(), NULL, NULL, NULL, &report, &e), OUTCOME_C_FILE);
}

/* ---- verdicts that are not true ---- */

static void false_verdicts(void **state)
{
    (void)state;
    struct deal robbed = deal_make(), denied = deal_make(), hushed = deal_make(), elsewhere = deal_make();
    uint8_t other_key[AGE_FILE_KEY_BYTES] = {8};
    grant_as(&robbed, file_key, robbed.recipient); /* the vendor did right */
    dispute(&robbed, true, true);
    verdict(&robbed, FINDING_BAD_CIPHERTEXT, 1);
    grant_as(&denied, other_key, denied.recipient); /* the vendor cheated */
    dispute(&denied, true, true);
    verdict(&denied, FINDING_NOT_PROVEN, 1);
    grant_as(&hushed, other_key, hushed.recipient);
    dispute(&hushed, true, true);
    verdict(&hushed, FINDING_EVIDENCE_MISSING, 0);
    grant_as(&elsewhere, file_key, elsewhere.recipient);
    dispute(&elsewhere, true, true);
    verdict(&elsewhere, FINDING_NOT_PROVEN, 2);
    records_read();
    mirror_write();
    struct tide_doc *report = check_as(REGULATOR, OUTCOME_V_FAILED);
    char words[200];
    row_is(report, &robbed, "bad_ciphertext", "not_proven", "false");
    row_is(report, &denied, "not_proven", "wrong_key", "false");
    row_is(report, &hushed, "evidence_missing", "wrong_key", "false");
    row_is(report, &elsewhere, "not_proven", "not_proven", "false");
    row_is(report, &fine, "not_proven", "not_proven", "right");
    assert_int_equal(tide_doc_u64(report, "false_verdicts"), 4);
    assert_int_equal(tide_doc_u64(report, "n_alarms"), 4);
    const struct tide_doc *alarm = tide_doc_item(report, "alarms", 0);
    assert_int_equal(tide_doc_u64(alarm, "trade"), robbed.trade);
    snprintf(words, sizeof words, "The verdict on trade %u is bad_ciphertext, but its evidence shows not_proven.",
             (unsigned)robbed.trade);
    assert_string_equal(tide_doc_text(alarm, "words"), words);
    tide_doc_free(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_market),
        cmocka_unit_test(an_older_seed_opens_what_was_sealed_to_it),
        cmocka_unit_test(evidence_that_was_changed_or_lost),
        cmocka_unit_test(records_that_were_rewritten),
        cmocka_unit_test(a_log_that_somebody_else_signed),
        cmocka_unit_test(false_verdicts),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
