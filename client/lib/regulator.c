/*
 * The audit feed, record by record and readable.
 *
 * Always holds: what is handed on was proven by the feed (feed.c) before.
 * Not here: a mirror of it (mirror.c).
 */
#include "client/lib/feed.h"

#include "client/lib/error.h"
#include "storage/records.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

struct reading {
    bool (*each)(void *ctx, uint64_t index, const char *json, const uint8_t *record, size_t len);
    void *ctx;
};

static int page_hand_on(struct feed *f, uint64_t from, const struct body_record_row *rows, size_t n,
                        struct tide_error *error)
{
    const struct reading *reading = f->ctx;
    for (size_t i = 0; i < n && !f->stopped; i++) {
        json_t *json = record_to_json(rows[i].record);
        char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER);
        json_decref(json);
        if (text == NULL) {
            return error_set(error, OUTCOME_V_UNREADABLE,
                             "Record %" PRIu64 " is in the log, but of no kind that this version knows.", from + i);
        }
        f->stopped = !reading->each(reading->ctx, from + i, text, rows[i].record.data, rows[i].record.len);
        free(text);
    }
    return 0;
}

int tide_audit_follow(struct tide_market *market, uint64_t from, bool follow,
                      bool (*each)(void *ctx, uint64_t index, const char *json, const uint8_t *record, size_t len),
                      void *ctx, struct tide_error *error)
{
    struct reading reading = {each, ctx};
    struct feed f = {.m = market, .page = page_hand_on, .ctx = &reading};
    error_clear(error);
    return feed_run(&f, from, follow, error);
}
