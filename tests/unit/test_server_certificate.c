/*
 * Certificates from the approval to the file: what the broker answers is what the client's verification takes, and
 * nothing else is.
 */
#include "tests/unit/test_query.h"

#include "client/lib/proof.h"
#include "client/lib/schemas.h"
#include "storage/certificate.h"
#include "storage/settlement.h"

static uint64_t registered, pending, sampling, late;

static uint64_t publish_sampled(void)
{
    struct body_publish p = {.title = BYTES_TEXT("Sampled"), .terms = BYTES_TEXT("Use it well."), .samples = 2};
    p.right_operating[0] = 1;
    p.plaintext_len = 40 * 65536;
    p.n_chunks = age_n_chunks(p.plaintext_len);
    p.payload_len = age_payload_len(p.plaintext_len);
    p.nonce[0] = p.content_root[0] = p.key_commitment[0] = 99;
    return state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
}

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    arena_init(&arena, 8u << 20);
    world_open(&w);
    registered = publish(&w, "Air Quality 2024", "Hourly values", "", NULL);
    open_listing(&w, registered);
    pending = publish(&w, "Not reviewed yet", "", "", NULL);
    sampling = publish_sampled();
    open_listing(&w, sampling);
    const struct body_drawn drawn = {.listing = sampling, .root = {1}}; /* any: nobody decides this journal again */
    state_it(&w, BROKER, KIND_DRAWN, &drawn);
    world_checkpoint(&w, 0);
    late = publish(&w, "After the checkpoint", "", "", NULL);
    open_listing(&w, late);
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

static const struct body_r_certificate *ask_certificate(enum who who, uint64_t listing, enum outcome expected)
{
    const struct body_q_listing q = {.listing = listing};
    return ask_code(who, "certificate", &q, expected);
}

/* The file, as tide_certificate makes it. */
static struct bytes file_of(struct bytes note, struct bytes record, struct bytes proof)
{
    struct proof_file file;
    static uint8_t scratch[NOTE_MAX];
    char *text;
    size_t len;
    assert_ok(proof_file_parse(proof, scratch, sizeof scratch, &file));
    file.extra = record;
    assert_ok(proof_file_format(&file, &text, &len));
    struct bytes out = receipt_format(&(struct receipt){.note = note, .proof = BYTES(text, len)}, &arena);
    free(text);
    assert_non_null(out.data);
    return out;
}

static struct note_key log_key(enum who whose, const char *origin)
{
    struct note_key key;
    assert_ok(note_key_init(origin, NOTE_TYPE_ED25519, identity_log_public(w.ids[whose]), &key));
    return key;
}

static int verify(struct bytes file, const struct note_key *key, struct tide_doc **report)
{
    struct tide_doc *own = NULL;
    struct tide_error error;
    int code = verify_content(file, key, &own, &error);
    assert_int_equal(code == 0, own != NULL);
    if (report != NULL) *report = own;
    else tide_doc_free(&own);
    return code;
}

static void test_a_good_one(void **state)
{
    (void)state;
    struct note_key key = log_key(BROKER, ORIGIN);
    struct tide_doc *doc;
    const struct body_r_certificate *r = ask_certificate(BUYER, registered, OUTCOME_OK);
    assert_int_equal(verify(file_of(r->note, r->record, r->proof), &key, &doc), 0);
    const struct body_report *report = doc->value;
    assert_true(bytes_equal(report->kind, BYTES_TEXT("certificate")));
    assert_true(bytes_equal(report->origin, BYTES_TEXT(ORIGIN)));
    assert_true(bytes_equal(report->title, BYTES_TEXT("Air Quality 2024")));
    assert_true(bytes_equal(report->class, BYTES_TEXT("general")));
    assert_true(bytes_equal(report->listing_kind, BYTES_TEXT("dataset")));
    assert_int_equal(report->certificate, 1);
    assert_int_equal(report->listing, registered);
    assert_int_equal(report->trade, 0);
    assert_memory_equal(report->vendor, identity_party(w.ids[VENDOR]), 32);
    assert_memory_equal(report->reviewer, identity_party(w.ids[REVIEWER]), 32);
    assert_int_equal(report->registered, report->time_ms);
    assert_true(report->index > registered && report->size > report->index);
    assert_true(report->broker_signed && !report->vendor_signed);
    assert_non_null(memmem(report->words.data, report->words.len, "certificate 1", 13));
    tide_doc_free(&doc);

    r = ask_certificate(BUYER, sampling, OUTCOME_OK); /* approved is registered, whether it is open or not */
    assert_int_equal(verify(file_of(r->note, r->record, r->proof), &key, NULL), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_null(ask_certificate(BUYER, 1, OUTCOME_NO_SUCH_LISTING));
    assert_null(ask_certificate(BUYER, pending, OUTCOME_NO_SUCH_LISTING)); /* not public yet */
    assert_null(ask_certificate(VENDOR, pending, OUTCOME_WRONG_STATE));
    assert_null(ask_certificate(VENDOR, late, OUTCOME_NOT_YET));
    source.log_secret = NULL;
    assert_null(ask_certificate(VENDOR, registered, OUTCOME_UNKNOWN_VERB));
    source.log_secret = identity_log_secret(w.ids[BROKER]);
}

static void test_what_is_not_taken(void **state)
{
    (void)state;
    struct note_key key = log_key(BROKER, ORIGIN), other_key = log_key(VENDOR, ORIGIN);
    struct note_key other_name = log_key(BROKER, "x");
    const struct body_r_certificate *r = ask_certificate(BUYER, sampling, OUTCOME_OK);
    struct bytes other_record = arena_copy(&w.arena, r->record);
    struct bytes other_proof = arena_copy(&w.arena, r->proof), other_note = arena_copy(&w.arena, r->note);
    r = ask_certificate(BUYER, registered, OUTCOME_OK);
    struct bytes file = file_of(r->note, r->record, r->proof);
    assert_int_equal(verify(file, &key, NULL), 0);
    assert_int_equal(verify(file, &other_key, NULL), OUTCOME_V_FAILED);
    assert_int_equal(verify(file, &other_name, NULL), OUTCOME_V_FAILED);
    assert_int_equal(verify(file_of(r->note, other_record, other_proof), &key, NULL), OUTCOME_V_FAILED);
    assert_int_equal(verify(file_of(other_note, r->record, r->proof), &key, NULL), OUTCOME_V_FAILED);
    assert_int_equal(verify(file_of(r->note, other_record, r->proof), &key, NULL), OUTCOME_V_FAILED);
    assert_int_equal(verify(file_of(r->note, r->record, other_proof), &key, NULL), OUTCOME_V_FAILED);
    arena_reset(&w.arena);

    /* A text that is signed by the log, but is not what the record registered. */
    const char *at = memmem(r->note.data, r->note.len, "\n\n", 2);
    struct bytes text = arena_copy(&arena, BYTES(r->note.data, (size_t)(at - (const char *)r->note.data) + 1));
    char line[NOTE_LINE_MAX];
    uint8_t *lie = arena_alloc(&arena, text.len + 2 + NOTE_LINE_MAX);
    memcpy(strstr((char *)(uintptr_t)text.data, "Air"), "Bad", 3);
    note_sign_line(&key, identity_log_secret(w.ids[BROKER]), text, line);
    memcpy(lie, text.data, text.len);
    lie[text.len] = '\n';
    memcpy(lie + text.len + 1, line, strlen(line));
    assert_int_equal(verify(file_of(BYTES(lie, text.len + 1 + strlen(line)), r->record, r->proof), &key, NULL),
                     OUTCOME_V_FAILED);
}

/* No file with a byte cut off or changed verifies, but for lines of keys that nobody knows. */
static void test_truncated_and_flipped(void **state)
{
    (void)state;
    struct note_key key = log_key(BROKER, ORIGIN);
    const struct body_r_certificate *r = ask_certificate(BUYER, registered, OUTCOME_OK);
    struct bytes file = file_of(r->note, r->record, r->proof);
    uint8_t *copy = malloc(file.len);
    assert_non_null(copy);
    for (size_t i = 0; i < file.len; i++) {
        int code = verify(BYTES(file.data, i), &key, NULL);
        assert_true(code == OUTCOME_V_FAILED || code == OUTCOME_V_UNREADABLE);
        memcpy(copy, file.data, file.len);
        copy[i] ^= 1;
        code = verify(BYTES(copy, file.len), &key, NULL);
        if (code != OUTCOME_V_FAILED && code != OUTCOME_V_UNREADABLE) fail_msg("byte %zu changed: %d", i, code);
    }
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_one),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_what_is_not_taken),
        cmocka_unit_test(test_truncated_and_flipped),
    };
    return cmocka_run_group_tests(tests, build, tear_down);
}
