/*
 * The sequencer, driven by hand: a clock that is set, a journal that fails when told to, replies caught. It must never
 * tell of a record that is not durable, nor lose or double one, whatever fails.
 */
#include "tests/unit/test_server.h"

#include "broker/server/query.h"
#include "broker/server/sequencer.h"

#define JOBS_MAX 16

static struct world w;
static struct sequencer *sequencer;
static struct job jobs[JOBS_MAX];
static size_t n_jobs;

/* ---- what the sequencer is given ---- */

static struct {
    uint64_t now_ms;
    unsigned n_appends, fail_at; /* the fail_at-th append from now gives `failure`; 0: none */
    enum tide_err failure;
    unsigned fail_reads;
    struct job *finished[JOBS_MAX], *released[JOBS_MAX];
    size_t n_finished, n_released;
    uint64_t finished_at_size; /* the journal's size when jobs were finished last */
} fake;

static uint64_t fake_now_ms(void *ctx)
{
    (void)ctx;
    return fake.now_ms;
}

static void fake_random(void *ctx, void *out, size_t len)
{
    static uint8_t next;
    (void)ctx;
    memset(out, ++next, len);
}

static enum tide_err fake_append(void *ctx, const struct bytes *records, size_t n)
{
    (void)ctx;
    fake.n_appends++;
    if (fake.fail_at > 0 && --fake.fail_at == 0) return fake.failure;
    return journal_append(w.journal, records, n);
}

static uint64_t journal_size(void)
{
    struct merkle_tree head;
    assert_ok(journal_head(w.journal, &head));
    return head.size;
}

static enum tide_err fake_size(void *ctx, uint64_t *n_records)
{
    (void)ctx;
    *n_records = journal_size();
    return TIDE_OK;
}

static enum tide_err fake_head(void *ctx, struct merkle_tree *out)
{
    (void)ctx;
    return journal_head(w.journal, out);
}

static enum tide_err fake_read(void *ctx, uint64_t first, size_t max_n, size_t max_bytes, struct arena *arena,
                               struct bytes *out, size_t *n)
{
    (void)ctx;
    *n = 0;
    if (fake.fail_reads > 0 && fake.fail_reads--) return TIDE_EFULL;
    return journal_read(w.journal, first, max_n, max_bytes, arena, out, n);
}

static void fake_finished(void *ctx, struct job *const *done, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) fake.finished[fake.n_finished++] = done[i];
    fake.finished_at_size = journal_size();
}

static void fake_released(void *ctx, struct job *const *done, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++) fake.released[fake.n_released++] = done[i];
}

static enum tide_err open_sequencer(size_t commit_batches)
{
    struct sequencer_options options = {
        .io = {.now_ms = fake_now_ms, .random = fake_random, .append = fake_append, .size = fake_size,
               .head = fake_head, .read = fake_read, .finished = fake_finished, .released = fake_released},
        .state = w.state, .identity = w.ids[BROKER], .commit_batches = commit_batches,
    };
    return sequencer_new(&options, &sequencer);
}

static int build(void **state)
{
    if (make_test_dir(state) != 0) return -1;
    memset(&fake, 0, sizeof fake);
    n_jobs = 0;
    sequencer = NULL;
    world_open(&w);
    for (size_t i = 0; i < JOBS_MAX; i++) arena_init(&jobs[i].arena, JOB_ARENA_CAP);
    fake.now_ms = w.now_ms;
    return 0;
}

static int tear_down(void **state)
{
    sequencer_free(&sequencer);
    for (size_t i = 0; i < JOBS_MAX; i++) arena_deinit(&jobs[i].arena);
    world_close(&w);
    return remove_test_dir(state);
}

/* ---- jobs ---- */

static struct job *new_job(enum job_kind kind, enum who peer)
{
    struct job *job = &jobs[n_jobs];
    struct arena arena = job->arena;
    *job = (struct job){.kind = kind, .arena = arena};
    memcpy(job->wire_key, identity_wire_public(w.ids[peer]), 32);
    job->request = (struct request){.request_id = ++n_jobs, .verb = verb_by_name(BYTES_TEXT("submit"))};
    return job;
}

static struct job *deposit_job(uint64_t amount, const char *reference)
{
    struct job *job = new_job(JOB_STATEMENT, BANK);
    struct body_deposit *body = arena_calloc(&w.arena, 1, sizeof *body);
    assert_non_null(body);
    *body = (struct body_deposit){.amount = amount, .reference = BYTES_TEXT(reference)};
    memcpy(body->party, identity_party(w.ids[BUYER]), 32);
    job->envelope = envelope_of(&w, BANK, KIND_DEPOSIT, body, 60000, &job->statement, &job->statement_bytes);
    return job;
}

/* The same statement, sent once more by `peer`. */
static struct job *again(const struct job *first, enum who peer)
{
    struct job *job = new_job(JOB_STATEMENT, peer);
    job->statement = first->statement;
    job->statement_bytes = first->statement_bytes;
    job->envelope = first->envelope;
    return job;
}

static struct reply reply_of(const struct job *job)
{
    struct reply reply;
    assert_true(job->reply.len > 0);
    assert_ok(reply_decode(job->reply, &schema_r_submit, &w.arena, &reply));
    assert_int_equal(reply.request_id, job->request.request_id);
    return reply;
}

static const struct body_r_submit *accepted(const struct job *job)
{
    struct reply reply = reply_of(job);
    assert_int_equal(reply.code, OUTCOME_OK);
    return reply.body;
}

static struct record record_at(uint64_t index)
{
    struct bytes bytes;
    struct record record;
    size_t n;
    assert_ok(journal_read(w.journal, index, 1, SIZE_MAX, &w.arena, &bytes, &n));
    assert_int_equal(n, 1);
    assert_ok(record_decode(bytes, &w.arena, &record));
    return record;
}

static struct statement statement_at(uint64_t index)
{
    struct record record = record_at(index);
    struct bytes bytes;
    const uint8_t *signature;
    struct statement statement;
    assert_int_equal(record.type, RECORD_STATEMENT);
    assert_ok(envelope_decode(record.payload, &w.arena, &bytes, &signature));
    assert_ok(statement_decode(bytes, &w.arena, &statement));
    assert_ok(sign_verify(statement.party, DOMAIN_STATEMENT, bytes, signature));
    return statement;
}

static uint64_t committed(void)
{
    struct state_view *view;
    uint64_t applied;
    assert_ok(state_read_begin(w.state, &view));
    assert_ok(state_applied(view, &applied));
    state_read_end(&view);
    return applied;
}

static uint64_t available(enum who who)
{
    struct state_view *view;
    struct row_party party;
    struct row_account account;
    uint64_t number;
    uint8_t key[16];
    assert_ok(state_read_begin(w.state, &view));
    assert_ok(party_by_key(view, identity_party(w.ids[who]), &number, &party));
    key_u64_u64(key, number, 0);
    enum tide_err err = state_get(view, TABLE_ACCOUNT, key, &account);
    assert_true(err == TIDE_OK || err == TIDE_ENOTFOUND);
    state_read_end(&view);
    return account.available;
}

/* ---- tests ---- */

static void replies_follow_one_append_of_the_whole_batch(void **state)
{
    (void)state;
    assert_ok(open_sequencer(0));
    uint64_t size = journal_size();
    assert_int_equal(fake.n_appends, 0); /* nothing was due */
    struct job *batch[] = {deposit_job(100, "a"), deposit_job(1, "b"), deposit_job(300, "a"), deposit_job(400, "c")};
    batch[1]->statement.party[0] ^= 1; /* nobody */
    assert_ok(sequencer_batch(sequencer, batch, 4));
    assert_int_equal(fake.n_appends, 1);
    assert_int_equal(fake.n_finished, 4);
    assert_int_equal(fake.finished_at_size, size + 4);
    for (size_t i = 0; i < 4; i++) assert_ptr_equal(fake.finished[i], batch[i]);
    const struct body_r_submit *first = accepted(batch[0]), *last = accepted(batch[3]);
    assert_int_equal(first->first_index, size);
    assert_int_equal(first->next_index, size + 2);
    assert_int_equal(first->events.n, 1);
    assert_int_equal(last->first_index, size + 2);
    assert_int_equal(reply_of(batch[1]).code, OUTCOME_UNKNOWN_PARTY);
    assert_int_equal(reply_of(batch[2]).code, OUTCOME_REFERENCE_USED);
    assert_int_equal(sequencer_next_index(sequencer), size + 4);
}

static void the_state_is_committed_when_idle_or_after_enough(void **state)
{
    (void)state;
    uint64_t wait_ms;
    assert_ok(open_sequencer(2));
    uint64_t size = journal_size();
    struct job *one[] = {deposit_job(1, "a")}, *two[] = {deposit_job(2, "b")}, *three[] = {deposit_job(3, "c")};
    assert_ok(sequencer_batch(sequencer, one, 1));
    assert_int_equal(committed(), size); /* held back */
    assert_ok(sequencer_batch(sequencer, two, 1));
    assert_int_equal(committed(), size + 4);
    assert_ok(sequencer_batch(sequencer, three, 1));
    assert_int_equal(committed(), size + 4);
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(committed(), size + 6);
    assert_int_equal(wait_ms, 60000); /* no deadline: only the clock is to be looked at */
}

static void a_barrier_comes_back_when_the_state_is_committed(void **state)
{
    (void)state;
    assert_ok(open_sequencer(0));
    struct job *batch[] = {deposit_job(1, "a"), new_job(JOB_BARRIER, BUYER), deposit_job(2, "b")};
    assert_ok(sequencer_batch(sequencer, batch, 3));
    assert_int_equal(fake.n_finished, 2);
    assert_int_equal(fake.n_released, 1);
    assert_ptr_equal(fake.released[0], batch[1]);
    assert_int_equal(committed(), journal_size());
}

/* A journal that is full: everything of the batch is refused, nothing of it stays, the same is accepted later. */
static void a_full_journal_refuses_and_forgets(void **state)
{
    (void)state;
    assert_ok(open_sequencer(0));
    struct job *before[] = {deposit_job(5, "z")};
    assert_ok(sequencer_batch(sequencer, before, 1)); /* journaled, not yet committed: must survive the abort */
    uint64_t size = journal_size();
    fake.fail_at = 1;
    fake.failure = TIDE_EFULL;
    struct job *batch[] = {deposit_job(100, "a"), new_job(JOB_BARRIER, BUYER), deposit_job(200, "b")};
    assert_ok(sequencer_batch(sequencer, batch, 3));
    assert_int_equal(reply_of(batch[0]).code, OUTCOME_FULL);
    assert_int_equal(reply_of(batch[1]).code, OUTCOME_FULL);
    assert_int_equal(reply_of(batch[2]).code, OUTCOME_FULL);
    assert_int_equal(fake.n_released, 0);
    assert_int_equal(fake.n_finished, 4);
    assert_int_equal(journal_size(), size);
    assert_int_equal(sequencer_next_index(sequencer), size);
    assert_int_equal(available(BUYER), 5);

    struct job *retry[] = {again(batch[0], BANK), again(batch[2], BANK)};
    uint64_t wait_ms;
    assert_ok(sequencer_batch(sequencer, retry, 2));
    assert_int_equal(accepted(retry[0])->first_index, size);
    assert_int_equal(accepted(retry[1])->first_index, size + 2);
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(available(BUYER), 305);
    assert_int_equal(committed(), journal_size());
}

/* Folding the tail again may fail too: everything is refused until it succeeds. */
static void a_state_that_is_behind_catches_up_before_anything_else(void **state)
{
    (void)state;
    uint64_t wait_ms;
    assert_ok(open_sequencer(0));
    struct job *before[] = {deposit_job(5, "z")};
    assert_ok(sequencer_batch(sequencer, before, 1));
    fake.fail_at = 1;
    fake.failure = TIDE_EFULL;
    fake.fail_reads = 4; /* after the failure; twice for the next batch; once when idle */
    struct job *batch[] = {deposit_job(100, "a")};
    assert_ok(sequencer_batch(sequencer, batch, 1));
    struct job *second[] = {again(batch[0], BANK)};
    assert_ok(sequencer_batch(sequencer, second, 1));
    assert_int_equal(reply_of(second[0]).code, OUTCOME_FULL);
    assert_int_equal(fake.fail_reads, 1);
    fake.fail_reads = 0;
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(available(BUYER), 5);
    struct job *third[] = {again(batch[0], BANK)};
    assert_ok(sequencer_batch(sequencer, third, 1));
    assert_int_equal(accepted(third[0])->next_index, journal_size());
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(available(BUYER), 105);
}

/* After an I/O error nobody knows what is on the disk: no reply, and an error that stops the process. */
static void a_broken_journal_stops_without_a_word(void **state)
{
    (void)state;
    assert_ok(open_sequencer(0));
    fake.fail_at = 1;
    fake.failure = TIDE_EIO;
    struct job *batch[] = {deposit_job(100, "a"), new_job(JOB_BARRIER, BUYER)};
    assert_int_equal(sequencer_batch(sequencer, batch, 2), TIDE_EIO);
    assert_int_equal(fake.n_finished, 2);
    assert_int_equal(batch[0]->reply.len, 0);
    assert_int_equal(reply_of(batch[1]).code, OUTCOME_STOPPING);
    assert_int_equal(committed(), journal_size());
}

static void a_repeated_statement_is_answered_to_its_author_only(void **state)
{
    (void)state;
    assert_ok(open_sequencer(0));
    struct job *first = deposit_job(100, "a");
    struct job *batch[] = {first, again(first, BANK), again(first, BUYER)};
    assert_ok(sequencer_batch(sequencer, batch, 3));
    assert_int_equal(accepted(batch[1])->first_index, accepted(batch[0])->first_index);
    assert_int_equal(accepted(batch[1])->next_index, accepted(batch[0])->next_index);
    assert_int_equal(reply_of(batch[2]).code, OUTCOME_ID_REUSED);
    struct job *later[] = {again(first, BANK), again(first, BUYER)};
    assert_ok(sequencer_batch(sequencer, later, 2));
    assert_int_equal(accepted(later[0])->first_index, accepted(batch[0])->first_index);
    assert_int_equal(reply_of(later[1]).code, OUTCOME_ID_REUSED);
    assert_int_equal(fake.n_appends, 1);
}

static void a_clock_that_steps_back_does_not_stop_it(void **state)
{
    (void)state;
    assert_ok(open_sequencer(0));
    struct job *one[] = {deposit_job(1, "a")};
    assert_ok(sequencer_batch(sequencer, one, 1));
    uint64_t time_ms = record_at(accepted(one[0])->first_index).time_ms;
    assert_int_equal(time_ms, fake.now_ms);
    fake.now_ms -= 30000;
    struct job *two[] = {deposit_job(2, "b")};
    assert_ok(sequencer_batch(sequencer, two, 1));
    assert_int_equal(record_at(accepted(two[0])->first_index).time_ms, time_ms);
    fake.now_ms += 31000;
    struct job *three[] = {deposit_job(3, "c")};
    assert_ok(sequencer_batch(sequencer, three, 1));
    assert_int_equal(record_at(accepted(three[0])->first_index).time_ms, time_ms + 1000);
}

/* ---- what the broker states itself ---- */

/* A market in which a trade waits for its grant; gives the time by which it must come. */
static uint64_t market_with_trade(void)
{
    struct bytes text;
    uint64_t listing = publish(&w, "Air", "", "", NULL);
    open_listing(&w, listing);
    deposit(&w, BUYER, 1000, "first");
    ask_order(&w, listing, 300, 1);
    uint64_t trade = bid_order(&w, listing, 300, 1) + 1;
    fake.now_ms = w.now_ms;
    return trade_of(&w, trade, &text).due;
}

static void what_is_due_is_stated_before_what_has_come(void **state)
{
    (void)state;
    uint64_t wait_ms, due = market_with_trade();
    assert_ok(open_sequencer(0));
    fake.now_ms = w.now_ms = due - 5000;
    assert_ok(sequencer_batch(sequencer, NULL, 0));
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_true(wait_ms >= 5000 && wait_ms <= 5001);
    assert_int_equal(available(BUYER), 700);
    fake.now_ms = w.now_ms = due + 1;
    uint64_t size = journal_size();
    struct job *batch[] = {deposit_job(1, "a")};
    assert_ok(sequencer_batch(sequencer, batch, 1));
    struct statement tick = statement_at(size);
    assert_int_equal(tick.kind, KIND_TICK);
    assert_memory_equal(tick.party, identity_party(w.ids[BROKER]), 32);
    assert_int_equal(tick.issued_at, fake.now_ms);
    assert_true(accepted(batch[0])->first_index > size + 1); /* the tick and its events come first */
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(available(BUYER), 1001);
}

static void a_deadline_needs_no_message(void **state)
{
    (void)state;
    uint64_t due = market_with_trade();
    assert_ok(open_sequencer(0));
    uint64_t size = journal_size();
    fake.now_ms = due + 1;
    assert_ok(sequencer_batch(sequencer, NULL, 0));
    assert_int_equal(statement_at(size).kind, KIND_TICK);
    uint64_t after = journal_size();
    assert_true(after > size + 1);
    assert_ok(sequencer_batch(sequencer, NULL, 0));
    assert_int_equal(journal_size(), after); /* once */
}

static void an_outage_is_stated_in_the_first_tick(void **state)
{
    (void)state;
    uint64_t size = journal_size(), down_ms = 10 * 60 * 1000;
    fake.now_ms = w.now_ms + down_ms;
    assert_ok(open_sequencer(0));
    struct statement tick = statement_at(size);
    assert_int_equal(tick.kind, KIND_TICK);
    assert_int_equal(((const struct body_tick *)tick.body)->outage_ms, down_ms);
    uint64_t after = journal_size();
    assert_int_equal(committed(), after);
    sequencer_free(&sequencer);
    assert_ok(open_sequencer(0)); /* once */
    assert_int_equal(journal_size(), after);
}

/* The outage must be told even if the first try cannot be journaled. */
static void an_outage_is_not_forgotten_when_the_disk_is_full(void **state)
{
    (void)state;
    fake.now_ms = w.now_ms + 10 * 60 * 1000;
    fake.fail_at = 1;
    fake.failure = TIDE_EFULL;
    assert_int_equal(open_sequencer(0), TIDE_EFULL);
    assert_null(sequencer);
    uint64_t size = journal_size();
    assert_ok(open_sequencer(0));
    assert_int_equal(statement_at(size).kind, KIND_TICK);
}

static void stored_is_the_brokers_own_statement(void **state)
{
    (void)state;
    uint64_t listing = publish(&w, "Air", "", "", NULL), size = journal_size();
    fake.now_ms = w.now_ms;
    assert_ok(open_sequencer(0));
    struct job *batch[] = {new_job(JOB_STORED, BROKER), new_job(JOB_STORED, BROKER)};
    batch[0]->listing = batch[1]->listing = listing;
    assert_ok(sequencer_batch(sequencer, batch, 2));
    assert_int_equal(fake.n_finished, 2);
    assert_int_equal(batch[0]->reply.len, 0);
    assert_int_equal(statement_at(size).kind, KIND_STORED);
    assert_int_equal(journal_size(), size + 2); /* the second was refused */
}

/* A trade of a listing that is made up, granted and disputed. */
static uint64_t disputed_trade(void)
{
    uint8_t sealed[AGE_GRANT_BYTES];
    uint64_t listing = publish(&w, "Air", "", "", NULL);
    open_listing(&w, listing);
    deposit(&w, BUYER, 100, "money");
    ask_order(&w, listing, 100, 1);
    uint64_t trade = bid_order(&w, listing, 100, 1) + 1;
    grant(&w, trade, sealed);
    struct body_dispute body = {.trade = trade, .evidence = {1}};
    state_it(&w, BUYER, KIND_DISPUTE, &body);
    fake.now_ms = w.now_ms;
    return trade;
}

static void a_verdict_is_the_brokers_own_statement(void **state)
{
    (void)state;
    uint64_t trade = disputed_trade(), size = journal_size();
    assert_int_equal(available(BUYER), 0);
    assert_ok(open_sequencer(1));
    struct job *batch[] = {new_job(JOB_VERDICT, BROKER), new_job(JOB_VERDICT, BROKER)};
    batch[0]->verdict = (struct body_verdict){.trade = trade, .finding = FINDING_WRONG_KEY};
    batch[1]->verdict = (struct body_verdict){.trade = trade, .finding = FINDING_NOT_PROVEN};
    assert_ok(sequencer_batch(sequencer, batch, 2));
    assert_int_equal(fake.n_finished, 2);
    assert_int_equal(batch[0]->reply.len, 0);
    assert_int_equal(batch[1]->reply.len, 0);
    struct statement verdict = statement_at(size);
    assert_int_equal(verdict.kind, KIND_VERDICT);
    assert_memory_equal(verdict.party, identity_party(w.ids[BROKER]), 32);
    assert_int_equal(((const struct body_verdict *)verdict.body)->finding, FINDING_WRONG_KEY);
    assert_int_equal(journal_size(), size + 2); /* and its refund; the second was refused: it is stated once */
    assert_int_equal(available(BUYER), 100);
}

/* A full disk takes the verdict with it: nobody waits for an answer, and it can be stated again. */
static void a_verdict_on_a_full_disk_is_dropped(void **state)
{
    (void)state;
    uint64_t trade = disputed_trade(), size = journal_size();
    assert_ok(open_sequencer(1));
    struct job *first = new_job(JOB_VERDICT, BROKER), *again_later = new_job(JOB_VERDICT, BROKER);
    first->verdict = again_later->verdict = (struct body_verdict){.trade = trade, .finding = FINDING_WRONG_KEY};
    fake.fail_at = 1;
    fake.failure = TIDE_EFULL;
    assert_ok(sequencer_batch(sequencer, &first, 1));
    assert_int_equal(fake.n_finished, 1);
    assert_int_equal(first->reply.len, 0);
    assert_int_equal(journal_size(), size);
    assert_ok(sequencer_batch(sequencer, &again_later, 1));
    assert_int_equal(statement_at(size).kind, KIND_VERDICT);
    assert_int_equal(available(BUYER), 100);
}

/* ---- samples ---- */

/* A listing that promises samples, its content stored. */
static uint64_t publish_with_samples(void)
{
    struct body_publish p = {.kind = LISTING_DATASET, .title = BYTES_TEXT("Air"), .terms = BYTES_TEXT("Use it well."),
                             .plaintext_len = 60 * 65536, .samples = 3};
    p.n_chunks = age_n_chunks(p.plaintext_len);
    p.payload_len = age_payload_len(p.plaintext_len);
    p.right_operating[0] = p.nonce[0] = p.content_root[0] = p.key_commitment[0] = 9;
    uint64_t listing = state_it(&w, VENDOR, KIND_PUBLISH, &p) + 1;
    struct body_stored stored = {.listing = listing};
    state_it(&w, BROKER, KIND_STORED, &stored);
    fake.now_ms = w.now_ms;
    return listing;
}

static struct job *approval_job(uint64_t listing)
{
    struct job *job = new_job(JOB_STATEMENT, REVIEWER);
    struct body_review *body = arena_calloc(&w.arena, 1, sizeof *body);
    assert_non_null(body);
    *body = (struct body_review){.listing = listing, .verdict = REVIEW_APPROVE};
    job->envelope = envelope_of(&w, REVIEWER, KIND_REVIEW, body, 60000, &job->statement, &job->statement_bytes);
    return job;
}

/* The root of the journal's first records, from the records alone. */
static void root_of_journal(uint64_t size, uint8_t root[32])
{
    struct merkle_tree tree = {0};
    for (uint64_t i = 0; i < size; i++) {
        struct bytes bytes;
        uint8_t leaf[32];
        size_t n;
        assert_ok(journal_read(w.journal, i, 1, SIZE_MAX, &w.arena, &bytes, &n));
        merkle_leaf_hash(bytes, leaf);
        merkle_append(&tree, leaf);
    }
    merkle_root(&tree, root);
}

static void check_drawn(uint64_t listing, const struct body_r_submit *approved)
{
    uint8_t root[32];
    struct statement drawn = statement_at(approved->next_index);
    const struct body_drawn *body = drawn.body;
    assert_int_equal(drawn.kind, KIND_DRAWN);
    assert_memory_equal(drawn.party, identity_party(w.ids[BROKER]), 32);
    assert_int_equal(body->listing, listing);
    root_of_journal(approved->first_index + 1, root);
    assert_memory_equal(body->root, root, 32);
}

/* Right behind the approval, in the same append, whatever else is in the batch. */
static void a_sample_is_drawn_at_once(void **state)
{
    (void)state;
    uint64_t listing = publish_with_samples();
    assert_ok(open_sequencer(0));
    uint64_t size = journal_size();
    struct job *batch[] = {deposit_job(100, "a"), approval_job(listing), deposit_job(200, "b"), approval_job(listing)};
    assert_ok(sequencer_batch(sequencer, batch, 4));
    assert_int_equal(fake.n_appends, 1);
    const struct body_r_submit *approved = accepted(batch[1]), *after = accepted(batch[2]);
    assert_int_equal(approved->first_index, size + 2);
    assert_int_equal(approved->events.n, approved->next_index - approved->first_index - 1);
    check_drawn(listing, approved);
    assert_int_equal(after->first_index, approved->next_index + 2); /* `drawn` and its event are between */
    assert_int_equal(reply_of(batch[3]).code, OUTCOME_WRONG_STATE);
    assert_int_equal(journal_size(), after->next_index);
}

/* The first of a batch: the journal's own head is all there is below it. */
static void a_sample_is_drawn_from_a_log_that_is_durable_but_for_one(void **state)
{
    (void)state;
    uint64_t listing = publish_with_samples();
    assert_ok(open_sequencer(0));
    struct job *batch[] = {approval_job(listing)};
    assert_ok(sequencer_batch(sequencer, batch, 1));
    check_drawn(listing, accepted(batch[0]));
}

/* The approval and its draw are lost together, or not at all. */
static void an_approval_that_is_not_journaled_draws_nothing(void **state)
{
    (void)state;
    uint64_t listing = publish_with_samples(), size = journal_size();
    assert_ok(open_sequencer(0));
    fake.fail_at = 1;
    fake.failure = TIDE_EFULL;
    struct job *batch[] = {approval_job(listing), deposit_job(1, "a")};
    assert_ok(sequencer_batch(sequencer, batch, 2));
    assert_int_equal(reply_of(batch[0]).code, OUTCOME_FULL);
    assert_int_equal(journal_size(), size);
    struct job *retry[] = {again(batch[0], REVIEWER)};
    assert_ok(sequencer_batch(sequencer, retry, 1));
    check_drawn(listing, accepted(retry[0]));
}

/* A halted market has no outage: its halt counts the time. */
static void no_outage_is_stated_while_the_market_is_halted(void **state)
{
    (void)state;
    const struct body_halt halt = {.listing = 0, .reason = BYTES_TEXT("Maintenance.")};
    uint64_t wait_ms, due = market_with_trade();
    state_it(&w, OPERATOR, KIND_HALT, &halt);
    uint64_t size = journal_size();
    fake.now_ms = due + 60 * 60 * 1000;
    assert_ok(open_sequencer(0));
    assert_int_equal(journal_size(), size); /* nor is the trade's deadline due */
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(wait_ms, 60000);
}

/* A crash between journal and state: the journal's tail is applied when it starts. */
static void starts_from_the_journals_tail(void **state)
{
    (void)state;
    assert_ok(open_sequencer(0));
    struct job *batch[] = {deposit_job(100, "a"), deposit_job(200, "b")};
    assert_ok(sequencer_batch(sequencer, batch, 2));
    sequencer_free(&sequencer);
    state_abort(w.state);
    assert_true(committed() < journal_size());
    assert_ok(open_sequencer(0));
    assert_int_equal(committed(), journal_size());
    assert_int_equal(available(BUYER), 300);
    assert_int_equal(sequencer_next_index(sequencer), journal_size());
}

/* ---- what is large ---- */

/* A listing with `n` asks for one unit at 1 fen. */
static uint64_t listing_with_asks(size_t n)
{
    uint64_t listing = publish(&w, "Air", "", "", NULL);
    open_listing(&w, listing);
    for (size_t i = 0; i < n; i++) ask_order(&w, listing, 1, 1);
    fake.now_ms = w.now_ms;
    return listing;
}

/* Nobody has to come for it: what was sliced goes on at once. */
static void what_was_sliced_needs_no_message(void **state)
{
    (void)state;
    uint64_t wait_ms;
    const struct body_close close = {.listing = listing_with_asks(LIMIT_MATCHES + 1)};
    assert_ok(open_sequencer(0));
    struct job *job = new_job(JOB_STATEMENT, VENDOR);
    job->envelope = envelope_of(&w, VENDOR, KIND_CLOSE, &close, 60000, &job->statement, &job->statement_bytes);
    assert_ok(sequencer_batch(sequencer, &job, 1));
    assert_int_equal(reply_of(job).code, OUTCOME_OK);
    uint64_t size = journal_size();
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(wait_ms, 1);
    assert_ok(sequencer_batch(sequencer, NULL, 0));
    assert_int_equal(statement_at(size).kind, KIND_CONTINUE);
    assert_ok(sequencer_idle(sequencer, &wait_ms));
    assert_int_equal(wait_ms, 60000);
}

/* Each item meets 255 asks before it is refused: 25 MB a statement, if nothing gave them back. */
static void refused_items_keep_no_memory(void **state)
{
    (void)state;
    uint64_t listing = listing_with_asks(LIMIT_MATCHES - 1);
    static struct body_order orders[LIMIT_BATCH_ORDERS];
    struct body_order_batch batch = {.orders = {orders, LIMIT_BATCH_ORDERS}};
    struct job *all[JOBS_MAX];
    uint8_t id[16] = {1}, secret[32];
    deposit(&w, BUYER, 1000, "first");
    for (size_t i = 0; i < LIMIT_BATCH_ORDERS; i++) {
        orders[i] = (struct body_order){.listing = listing, .side = SIDE_BID, .price = 1, .quantity = LIMIT_MATCHES,
                                        .tif = TIF_FOK};
        identity_bid_key(w.ids[BUYER], id, 0, secret, orders[i].recipient);
        sha256(BYTES_TEXT("Use it well."), orders[i].terms_hash);
    }
    fake.now_ms = w.now_ms;
    assert_ok(open_sequencer(0));
    for (size_t i = 0; i < JOBS_MAX; i++) {
        all[i] = new_job(JOB_STATEMENT, BUYER);
        all[i]->envelope = envelope_of(&w, BUYER, KIND_ORDER_BATCH, &batch, 60000, &all[i]->statement,
                                       &all[i]->statement_bytes);
    }
    assert_ok(sequencer_batch(sequencer, all, JOBS_MAX));
    for (size_t i = 0; i < JOBS_MAX; i++) assert_int_equal(reply_of(all[i]).code, OUTCOME_OK);
}

#define SEQUENCER_TEST(name) cmocka_unit_test_setup_teardown(name, build, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SEQUENCER_TEST(replies_follow_one_append_of_the_whole_batch),
        SEQUENCER_TEST(the_state_is_committed_when_idle_or_after_enough),
        SEQUENCER_TEST(a_barrier_comes_back_when_the_state_is_committed),
        SEQUENCER_TEST(a_full_journal_refuses_and_forgets),
        SEQUENCER_TEST(a_state_that_is_behind_catches_up_before_anything_else),
        SEQUENCER_TEST(a_broken_journal_stops_without_a_word),
        SEQUENCER_TEST(a_repeated_statement_is_answered_to_its_author_only),
        SEQUENCER_TEST(a_clock_that_steps_back_does_not_stop_it),
        SEQUENCER_TEST(what_is_due_is_stated_before_what_has_come),
        SEQUENCER_TEST(a_deadline_needs_no_message),
        SEQUENCER_TEST(an_outage_is_stated_in_the_first_tick),
        SEQUENCER_TEST(an_outage_is_not_forgotten_when_the_disk_is_full),
        SEQUENCER_TEST(stored_is_the_brokers_own_statement),
        SEQUENCER_TEST(a_verdict_is_the_brokers_own_statement),
        SEQUENCER_TEST(a_verdict_on_a_full_disk_is_dropped),
        SEQUENCER_TEST(a_sample_is_drawn_at_once),
        SEQUENCER_TEST(a_sample_is_drawn_from_a_log_that_is_durable_but_for_one),
        SEQUENCER_TEST(an_approval_that_is_not_journaled_draws_nothing),
        SEQUENCER_TEST(no_outage_is_stated_while_the_market_is_halted),
        SEQUENCER_TEST(starts_from_the_journals_tail),
        SEQUENCER_TEST(what_was_sliced_needs_no_message),
        SEQUENCER_TEST(refused_items_keep_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
