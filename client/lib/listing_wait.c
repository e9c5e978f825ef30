/*
 * Waiting for what becomes of a listing; of one's own, answering the draw of its samples on the way.
 *
 * Always holds: a broker that answered once and goes away is waited for, for a while; an interrupt ends any wait.
 * Not here: how a draw is answered (sampling.c).
 */
#include "client/lib/jobs.h"

#include <inttypes.h>

#define AWAY_MAX_MS 600000

struct watch {
    struct tide_market *m;
    uint64_t listing;
    const char *state;       /* waited for */
    bool answers;            /* the draw, from sealed_path */
    const char *sealed_path;
    struct progress progress;
    int64_t seen_ms;         /* when the broker answered last; 0: never */
};

static bool is_away(int code)
{
    return code == OUTCOME_C_UNREACHABLE || is_passing(code);
}

/* One look. *there: it is so far, and *doc the row. `now`: the state it is in. */
static int look(struct watch *w, bool *there, const char **now, struct tide_doc **doc, struct tide_error *error)
{
    const struct body_listing_row *row;
    *there = false;
    int code = row_of_listing(w->m, w->listing, doc, &row, error);
    if (code != 0) return code;
    w->seen_ms = clock_ms();
    *now = field_enum_name(fields_find(&schema_listing_row, "state"), row->state);
    *there = strcmp(*now, w->state) == 0;
    if (!*there && (row->state == LISTING_REFUSED || row->state == LISTING_CLOSED)) {
        code = error_set(error, OUTCOME_WRONG_STATE, "Listing %" PRIu64 " is %s and will not be %s any more.", w->listing,
                         *now, w->state);
    }
    bool draws = code == 0 && w->answers && row->state == LISTING_SAMPLING;
    if (code == 0 && *there) code = error_of(error, doc_narrow(*doc, "row"), "The listing");
    if (code != 0 || !*there) tide_doc_free(doc);
    bool answered;
    return draws ? samples_answer(w->m, w->listing, w->sealed_path, &w->progress, &answered, error) : code;
}

static int watch_run(struct watch *w, int timeout_ms, struct tide_doc **out, struct tide_error *error)
{
    int64_t until = market_until(timeout_ms);
    const char *now = "?";
    int pause = 0;
    error_clear(error);
    if (out != NULL) *out = NULL;
    for (;;) {
        struct tide_doc *doc = NULL;
        bool there;
        int code = look(w, &there, &now, &doc, error);
        if (code == 0 && there) {
            if (out != NULL) *out = doc;
            else tide_doc_free(&doc);
            return 0;
        }
        bool waits = code == 0 || is_passing(code) ||
                     (is_away(code) && w->seen_ms != 0 && clock_ms() - w->seen_ms < AWAY_MAX_MS);
        if (!waits) return code;
        code = poll_pause(w->m, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT) error_set(error, code, "Listing %" PRIu64 " is still %s.", w->listing, now);
        if (code != 0) return code;
    }
}

int tide_listing_wait(struct tide_market *market, uint64_t listing, const char *state, int timeout_ms,
                      struct tide_doc **out, struct tide_error *error)
{
    struct watch w = {.m = market, .listing = listing, .state = state};
    return watch_run(&w, timeout_ms, out, error);
}

int tide_listing_open(struct tide_market *market, uint64_t listing, const char *sealed_path, int timeout_ms,
                      tide_progress progress, void *ctx, struct tide_doc **out, struct tide_error *error)
{
    struct watch w = {.m = market, .listing = listing, .state = "open", .answers = true, .sealed_path = sealed_path,
                      .progress = {progress, ctx, market, "sample"}};
    return watch_run(&w, timeout_ms, out, error);
}
