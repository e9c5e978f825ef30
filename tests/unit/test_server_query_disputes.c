/*
 * What is shown before and after a purchase that may be doubted: samples, sealed details, marks, disputes, who judges
 * them and on what evidence; and to whom.
 */
#include "tests/unit/test_dispute.h"
#include "tests/unit/test_query.h"

#include "storage/sample_draw.h"

static struct sale *sale;

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    query_world_open();
    sale = sale_new();
    return 0;
}

static int tear_down(void **state)
{
    free(sale);
    query_world_close();
    return remove_test_dir(state);
}

static struct body_listing_row listing_row(enum who who, uint64_t listing)
{
    struct body_q_listing about = {.listing = listing};
    const struct body_r_listing *r = ask(who, "listing", &about);
    return *(const struct body_listing_row *)r->row.items;
}

static struct body_trade_row trade_row(enum who who, uint64_t trade)
{
    struct body_q_trade about = {.trade = trade};
    const struct body_r_trade *r = ask(who, "trade", &about);
    return *(const struct body_trade_row *)r->row.items;
}

/* ---- samples ---- */

/* A listing of 60 chunks that promises three of them, stored, with a detail part if `detail_len` is not 0. */
static uint64_t publish_promising(uint64_t detail_len)
{
    struct body_publish p = {.kind = LISTING_DATASET, .title = BYTES_TEXT("Air"), .terms = BYTES_TEXT("Use it well."),
                             .plaintext_len = 60 * AGE_CHUNK_BYTES, .samples = 3, .detail_len = detail_len};
    p.n_chunks = age_n_chunks(p.plaintext_len);
    p.payload_len = age_payload_len(p.plaintext_len);
    p.right_operating[0] = p.nonce[0] = p.content_root[0] = p.key_commitment[0] = 9;
    if (detail_len > 0) p.detail_nonce[0] = p.detail_root[0] = p.detail_commitment[0] = 10;
    uint64_t listing = state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
    struct body_stored stored = {.listing = listing};
    state_it(&w, BROKER, KIND_STORED, &stored);
    return listing;
}

/* The vendor's statement of the chunks drawn; its record. */
static uint64_t sign_samples(uint64_t listing, const uint8_t seed[32])
{
    struct sample_chunk chunks[3] = {{0}};
    uint64_t drawn[3];
    struct body_sample sample = {.listing = listing, .chunks = {chunks, 3}};
    sample_draw(seed, 60, 3, drawn);
    for (size_t i = 0; i < 3; i++) {
        chunks[i].chunk = drawn[i];
        memset(chunks[i].hash, (int)i + 1, 32);
    }
    return state_it(&w, VENDOR, KIND_SAMPLE, &sample);
}

static void samples_are_every_partys_to_see(void **state)
{
    (void)state;
    uint8_t seed[32];
    uint64_t listing = publish_promising(0);
    struct body_q_listing about = {.listing = listing}, none = {.listing = 2};
    refused(BUYER, "sample", &about, OUTCOME_NO_SUCH_LISTING); /* not approved yet */
    const struct body_r_sample *r = ask(VENDOR, "sample", &about);
    assert_int_equal(r->sampled, 0);
    assert_int_equal(r->envelope.len, 0);

    struct body_review review = {.listing = listing, .verdict = REVIEW_APPROVE};
    uint64_t approved = state_it(&w, REVIEWER, KIND_REVIEW, &review);
    struct body_drawn drawn = {.listing = listing, .root = {1, 2, 3}};
    state_it(&w, BROKER, KIND_DRAWN, &drawn);
    sample_seed(drawn.root, seed);
    r = ask(BUYER, "sample", &about);
    assert_memory_equal(r->seed, seed, 32);
    assert_int_equal(r->sampled, 0);
    struct body_listing_row row = listing_row(BUYER, listing);
    assert_memory_equal(row.seed, seed, 32);
    assert_int_equal(row.samples, 3);
    assert_int_equal(row.sampled, 0);

    uint64_t signed_in = sign_samples(listing, seed);
    assert_true(signed_in > approved);
    struct body_stored stored = {.listing = listing};
    state_it(&w, BROKER, KIND_STORED, &stored);
    r = ask(BUYER, "sample", &about);
    assert_int_equal(r->sampled, signed_in);
    struct bytes bytes;
    const uint8_t *signature;
    struct statement statement;
    assert_ok(envelope_decode(r->envelope, &arena, &bytes, &signature));
    assert_ok(sign_verify(identity_party(w.ids[VENDOR]), DOMAIN_STATEMENT, bytes, signature));
    assert_ok(statement_decode(bytes, &arena, &statement));
    assert_int_equal(statement.kind, KIND_SAMPLE);
    assert_int_equal(((const struct body_sample *)statement.body)->chunks.n, 3);
    row = listing_row(STRANGER, listing);
    assert_int_equal(row.sampled, signed_in);
    assert_int_equal(row.state, LISTING_OPEN);

    refused(STRANGER, "sample", &about, OUTCOME_UNKNOWN_PARTY);
    refused(BUYER, "sample", &none, OUTCOME_NO_SUCH_LISTING);
    uint64_t plain = publish(&w, "Unsampled", "", "", NULL);
    open_listing(&w, plain);
    about.listing = plain;
    r = ask(BUYER, "sample", &about);
    assert_int_equal(r->sampled, 0);
    static const uint8_t absent[32];
    assert_memory_equal(r->seed, absent, 32);
}

/* ---- sealed details ---- */

static uint64_t disclose(uint64_t listing, enum who to, uint8_t grant_bytes[AGE_GRANT_BYTES])
{
    struct body_disclose body = {.listing = listing};
    uint8_t file_key[AGE_FILE_KEY_BYTES] = {4};
    memcpy(body.party, identity_party(w.ids[to]), 32);
    assert_ok(age_grant_seal(file_key, identity_seal_public(w.ids[to]), grant_bytes));
    body.grant = BYTES(grant_bytes, AGE_GRANT_BYTES);
    return state_it(&w, VENDOR, KIND_DISCLOSE, &body);
}

static void a_detail_is_shown_to_whom_it_was_opened(void **state)
{
    (void)state;
    uint8_t for_buyer[AGE_GRANT_BYTES], for_reviewer[AGE_GRANT_BYTES], anew[AGE_GRANT_BYTES];
    uint64_t listing = publish_promising(5000);
    struct body_q_detail about = {.listing = listing}, none = {.listing = 2};
    struct body_review review = {.listing = listing, .verdict = REVIEW_APPROVE};
    refused(BUYER, "detail", &about, OUTCOME_NO_SUCH_LISTING);
    state_it(&w, REVIEWER, KIND_REVIEW, &review);
    struct body_drawn drawn = {.listing = listing, .root = {1}};
    state_it(&w, BROKER, KIND_DRAWN, &drawn);
    assert_int_equal(listing_row(STRANGER, listing).detail_len, 5000);

    refused(BUYER, "detail", &about, OUTCOME_NO_SUCH_DETAIL);
    refused(STRANGER, "detail", &about, OUTCOME_UNKNOWN_PARTY);
    refused(BUYER, "detail", &none, OUTCOME_NO_SUCH_LISTING);
    const struct body_r_detail *r = ask(VENDOR, "detail", &about);
    assert_int_equal(r->detail_len, 5000);
    assert_int_equal(r->parties.n, 0);
    assert_int_equal(r->disclosed, 0);

    uint64_t to_buyer = disclose(listing, BUYER, for_buyer), to_reviewer = disclose(listing, REVIEWER, for_reviewer);
    r = ask(BUYER, "detail", &about);
    assert_int_equal(r->detail_len, 5000);
    assert_int_equal(r->disclosed, to_buyer);
    assert_true(bytes_equal(r->grant, BYTES(for_buyer, sizeof for_buyer)));
    assert_int_equal(r->parties.n, 0); /* who else may read it is the vendor's to know */
    r = ask(REVIEWER, "detail", &about);
    assert_true(bytes_equal(r->grant, BYTES(for_reviewer, sizeof for_reviewer)));
    refused(REGULATOR, "detail", &about, OUTCOME_NO_SUCH_DETAIL);

    about.limit = 1; /* the reviewer was admitted before the buyer */
    r = ask(VENDOR, "detail", &about);
    assert_int_equal(r->parties.n, 1);
    const struct body_detail_row *rows = r->parties.items;
    assert_memory_equal(rows[0].party, identity_party(w.ids[REVIEWER]), 32);
    assert_text(rows[0].name, "Reviewer");
    assert_int_equal(rows[0].disclosed, to_reviewer);
    assert_int_equal(r->grant.len, 0);
    about.after = r->after;
    assert_int_not_equal(about.after, 0);
    r = ask(VENDOR, "detail", &about);
    assert_int_equal(r->parties.n, 1);
    rows = r->parties.items;
    assert_memory_equal(rows[0].party, identity_party(w.ids[BUYER]), 32);
    assert_int_equal(rows[0].disclosed, to_buyer);
    assert_int_equal(r->after, 0);

    uint64_t again = disclose(listing, BUYER, anew); /* takes the place of the earlier one */
    about = (struct body_q_detail){.listing = listing};
    r = ask(BUYER, "detail", &about);
    assert_int_equal(r->disclosed, again);
    assert_true(bytes_equal(r->grant, BYTES(anew, sizeof anew)));
    r = ask(VENDOR, "detail", &about);
    assert_int_equal(r->parties.n, 2);

    uint64_t plain = publish(&w, "Plain", "", "", NULL);
    about.listing = plain;
    refused(VENDOR, "detail", &about, OUTCOME_NO_SUCH_DETAIL);
}

/* ---- disputes ---- */

static void judges_are_the_broker_and_active_regulators(void **state)
{
    (void)state;
    const struct body_r_judges *r = ask(BUYER, "judges", &(struct body_q_none){});
    const struct body_judge_row *rows = r->judges.items;
    assert_int_equal(r->judges.n, 2);
    assert_memory_equal(rows[0].party, identity_party(w.ids[BROKER]), 32);
    assert_memory_equal(rows[0].seal_key, identity_seal_public(w.ids[BROKER]), 32);
    assert_text(rows[0].name, "Test market");
    assert_memory_equal(rows[1].party, identity_party(w.ids[REGULATOR]), 32);
    assert_memory_equal(rows[1].seal_key, identity_seal_public(w.ids[REGULATOR]), 32);
    assert_text(rows[1].name, "Regulator");

    admit(&w, OTHER, "Second regulator", ROLE_REGULATOR, "");
    r = ask(VENDOR, "judges", &(struct body_q_none){});
    assert_int_equal(r->judges.n, 3);
    struct body_suspend suspend = {.reason = BYTES_TEXT("why not")};
    memcpy(suspend.party, identity_party(w.ids[REGULATOR]), 32);
    state_it(&w, OPERATOR, KIND_SUSPEND, &suspend);
    r = ask(BUYER, "judges", &(struct body_q_none){});
    rows = r->judges.items;
    assert_int_equal(r->judges.n, 2);
    assert_memory_equal(rows[1].party, identity_party(w.ids[OTHER]), 32);
    refused(STRANGER, "judges", &(struct body_q_none){}, OUTCOME_UNKNOWN_PARTY);
}

static void state_verdict(uint64_t trade, enum finding finding, uint64_t chunk)
{
    struct body_verdict verdict = {.trade = trade, .finding = finding, .chunk = chunk};
    state_it(&w, BROKER, KIND_VERDICT, &verdict);
}

static void a_trade_shows_its_dispute_and_its_vendor_the_mark(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES] = {3};
    uint64_t trade = sell(&w, sale), listing = trade_row(BUYER, trade).listing;
    struct body_trade_row row = trade_row(BUYER, trade);
    assert_int_equal(row.dispute, 0);
    assert_int_equal(row.verdict, 0);
    assert_int_equal(row.finding, FINDING_NONE);
    assert_int_not_equal(row.due, 0);
    uint64_t disputed = dispute(&w, trade, hash);
    row = trade_row(VENDOR, trade);
    assert_int_equal(row.state, TRADE_DISPUTED);
    assert_int_equal(row.dispute, disputed);
    assert_int_equal(row.verdict, 0);
    assert_int_equal(row.due, 0); /* deadlines stop */
    uint64_t verdict = w.size;
    state_verdict(trade, FINDING_BAD_CIPHERTEXT, 1);
    for (enum who who = VENDOR; who <= REGULATOR; who++) {
        row = trade_row(who, trade);
        assert_int_equal(row.state, TRADE_REFUNDED);
        assert_int_equal(row.verdict, verdict);
        assert_int_equal(row.finding, FINDING_BAD_CIPHERTEXT);
    }
    struct body_q_own all = {0};
    const struct body_r_trades *trades = ask(BUYER, "trades", &all);
    assert_int_equal(((const struct body_trade_row *)trades->trades.items)->finding, FINDING_BAD_CIPHERTEXT);

    struct body_listing_row of_listing = listing_row(STRANGER, listing);
    assert_int_equal(of_listing.vendor_faults, 1);
    assert_int_equal(of_listing.vendor_missed, 0);
    assert_int_equal(of_listing.vendor_settled, 0);
    assert_int_equal(of_listing.elsewhere, 0);
    accept_trade(&w, sell(&w, sale));
    struct body_q_search every = {0};
    const struct body_r_search *found = ask(STRANGER, "search", &every); /* marks of a vendor, not of a listing */
    assert_int_equal(found->listings.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(((const struct body_listing_row *)found->listings.items)[i].vendor_faults, 1);
        assert_int_equal(((const struct body_listing_row *)found->listings.items)[i].vendor_settled, 1);
    }
}

static void evidence_is_for_regulators_piece_by_piece(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES], *whole, found[HASH_BYTES], noise[200];
    uint64_t trade = sell(&w, sale), undisputed = sell(&w, sale), empty = sell(&w, sale);
    struct evidence e = evidence_of(sale, 0);
    struct body_q_evidence about = {.trade = trade};

    refused(REGULATOR, "evidence", &about, OUTCOME_UNKNOWN_VERB); /* of a door that has no folder */
    source.dir = test_dir;
    refused(REGULATOR, "evidence", &about, OUTCOME_NO_SUCH_EVIDENCE); /* not disputed yet */
    put_honest_evidence(&w, trade, &e, hash);
    refused(REGULATOR, "evidence", &about, OUTCOME_NO_SUCH_EVIDENCE); /* what nobody named is nobody's */
    dispute(&w, trade, hash);
    static const enum who others[] = {VENDOR, BUYER, OPERATOR, BANK};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) refused(others[i], "evidence", &about, OUTCOME_NOT_YOUR_ROLE);
    refused(STRANGER, "evidence", &about, OUTCOME_UNKNOWN_PARTY);

    const struct body_r_evidence *r = ask(REGULATOR, "evidence", &about);
    assert_memory_equal(r->hash, hash, HASH_BYTES);
    assert_int_equal(r->piece.len, LIMIT_PIECE_BYTES);
    uint64_t len = r->len;
    whole = malloc(len);
    assert_non_null(whole);
    for (about.offset = 0; about.offset < len; about.offset += r->piece.len) {
        r = ask(REGULATOR, "evidence", &about);
        assert_true(r->piece.len > 0 && r->piece.len <= len - about.offset);
        memcpy(whole + about.offset, r->piece.data, r->piece.len);
    }
    sha256(BYTES(whole, len), found);
    assert_memory_equal(found, hash, HASH_BYTES);
    r = ask(REGULATOR, "evidence", &about); /* from the end on there is nothing */
    assert_int_equal(r->piece.len, 0);
    assert_int_equal(r->len, len);
    about.offset = LIMIT_EVIDENCE_BYTES;
    assert_int_equal(((const struct body_r_evidence *)ask(REGULATOR, "evidence", &about))->piece.len, 0);

    uint8_t *plain;
    size_t plain_len;
    struct evidence opened;
    assert_ok(age_file_open(BYTES(whole, len), identity_seal_secret(w.ids[REGULATOR]), &plain, &plain_len));
    assert_ok(evidence_decode(BYTES(plain, plain_len), &arena, &opened));
    assert_true(bytes_equal(opened.sealed, e.sealed));
    free(plain);
    free(whole);

    about = (struct body_q_evidence){.trade = undisputed};
    refused(REGULATOR, "evidence", &about, OUTCOME_NO_SUCH_EVIDENCE);
    about.trade = 2;
    refused(REGULATOR, "evidence", &about, OUTCOME_NO_SUCH_TRADE);
    memset(noise, 7, sizeof noise); /* another than the dispute names is not given */
    put_evidence(empty, BYTES(noise, sizeof noise), hash);
    hash[0] ^= 1;
    dispute(&w, empty, hash);
    about.trade = empty;
    refused(REGULATOR, "evidence", &about, OUTCOME_NO_SUCH_EVIDENCE);
}

/* ---- proofs ---- */

/* Whether `who` may have a proof of a record; whatever is not its own does not exist. */
static void assert_sees(enum who who, uint64_t index, bool sees)
{
    struct body_q_index about = {.index = index};
    if (sees) assert_non_null(ask(who, "proof", &about));
    else refused(who, "proof", &about, OUTCOME_NO_SUCH_RECORD);
}

static void parties_have_proofs_of_their_disputes(void **state)
{
    (void)state;
    uint8_t hash[HASH_BYTES] = {3}, grant_bytes[AGE_GRANT_BYTES];
    deposit(&w, BUYER, 1000, "enough");
    admit(&w, OTHER, "Other buyer", ROLE_BUYER, "others");
    uint64_t failed_trade = sell(&w, sale);
    uint64_t stated = dispute(&w, failed_trade, hash), failed_verdict = w.size;
    state_verdict(failed_trade, FINDING_EVIDENCE_MISSING, 0);
    uint64_t trade = sell(&w, sale);
    dispute(&w, trade, hash);
    uint64_t verdict = w.size;
    state_verdict(trade, FINDING_WRONG_KEY, 0);
    uint64_t listing = publish_promising(100);
    struct body_review review = {.listing = listing, .verdict = REVIEW_APPROVE};
    struct body_drawn drawn = {.listing = listing, .root = {1}};
    uint8_t seed[32];
    state_it(&w, REVIEWER, KIND_REVIEW, &review);
    state_it(&w, BROKER, KIND_DRAWN, &drawn);
    sample_seed(drawn.root, seed);
    uint64_t sampled = sign_samples(listing, seed), disclosed = disclose(listing, BUYER, grant_bytes);
    world_checkpoint(&w, 0);
    assert_ok(tiles_open(test_dir, false, &source.tiles));

    static const enum who parties[] = {BUYER, VENDOR};
    for (size_t i = 0; i < ARRAY_LEN(parties); i++) {
        assert_sees(parties[i], stated + 1, true);         /* disputed */
        assert_sees(parties[i], failed_verdict, true);     /* the broker's own statement of what it found */
        assert_sees(parties[i], failed_verdict + 1, true); /* dispute_failed */
        assert_sees(parties[i], verdict, true);
        assert_sees(parties[i], verdict + 1, true);        /* refunded */
        assert_sees(parties[i], disclosed + 1, true);
    }
    assert_sees(BUYER, stated, true);
    assert_sees(VENDOR, stated, false); /* the other's statement; the event tells of it */
    assert_sees(VENDOR, sampled + 1, true);
    assert_sees(VENDOR, disclosed, true);
    assert_sees(BUYER, disclosed, false);
    assert_sees(OTHER, sampled + 1, true); /* says no more than the listing, which is shown */
    const uint64_t nobody_elses[] = {stated, stated + 1, failed_verdict, failed_verdict + 1, verdict, verdict + 1,
                                     disclosed, disclosed + 1};
    for (size_t i = 0; i < ARRAY_LEN(nobody_elses); i++) {
        assert_sees(OTHER, nobody_elses[i], false);
        assert_sees(REGULATOR, nobody_elses[i], true);
    }
    tiles_close(&source.tiles);
}

#define QUERY_TEST(f) cmocka_unit_test_setup_teardown(f, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUERY_TEST(samples_are_every_partys_to_see),
        QUERY_TEST(a_detail_is_shown_to_whom_it_was_opened),
        QUERY_TEST(judges_are_the_broker_and_active_regulators),
        QUERY_TEST(a_trade_shows_its_dispute_and_its_vendor_the_mark),
        QUERY_TEST(evidence_is_for_regulators_piece_by_piece),
        QUERY_TEST(parties_have_proofs_of_their_disputes),
    };
    log_set_level(0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
