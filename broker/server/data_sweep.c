/*
 * Letting go of what no listing needs any more: content, detail part and samples of a listing that is closed or refused and
 * whose trades are all final, once they were so for the days that the operator keeps them; at once if nobody ever bought of
 * it, for they count for nothing any more and a vendor could begin anew with as much; evidence of trades that ended without a
 * dispute. Evidence of a dispute stays: regulators judge it again.
 *
 * Always holds: what belongs to a listing that the state does not know is left alone; a failure costs a line in the log.
 * Not here: the marks and the removal (storage/sweep.h).
 */
#include "broker/server/data_door.h"

#include "broker/server/log.h"

#include <inttypes.h>
#include <stdlib.h>

#define ENTRIES_A_LOOK 16
#define DAY_MS (UINT64_C(24) * 3600 * 1000)

/* LINGERS: by nobody, but buyers may fetch it again for the days that it is kept. */
enum need { NEEDED, LINGERS, UNNEEDED };

/* What is said of an entry: TIDE_ENOTFOUND: it is none of ours. */
typedef enum tide_err (*entry_need)(struct data_door *d, const char *name, enum need *need);

static enum tide_err listing_need(struct data_door *d, uint64_t listing, enum need *need)
{
    struct row_listing row;
    uint8_t key[8];

    key_u64(key, listing);
    enum tide_err err = state_get(d->view, TABLE_LISTING, key, &row);
    if (err != TIDE_OK) return err;
    bool over = row.state == LISTING_CLOSED || row.state == LISTING_REFUSED;
    *need = row.n_trades > 0 ? LINGERS : UNNEEDED;
    if (!over || row.n_open_trades > 0 || row.stored_bytes > 0) *need = NEEDED;
    return TIDE_OK;
}

static enum tide_err content_need(struct data_door *d, const char *name, enum need *need)
{
    uint8_t key_commitment[HASH_BYTES];
    struct row_ref ref;

    if (!blobs_folder_key(name, key_commitment)) return TIDE_ENOTFOUND;
    enum tide_err err = state_get(d->view, TABLE_CONTENT, key_commitment, &ref);
    if (err == TIDE_OK) err = listing_need(d, ref.index, need);
    if (err == TIDE_OK && *need != NEEDED) blob_cache_drop(&d->cache, key_commitment);
    return err;
}

/* The number that a name begins with, followed by `rest`. */
static bool name_number(const char *name, uint64_t *number, const char **rest)
{
    char *end;
    *number = strtoull(name, &end, 10);
    *rest = end;
    return end != name;
}

static enum tide_err sample_need(struct data_door *d, const char *name, enum need *need)
{
    uint64_t listing;
    const char *rest;

    if (!name_number(name, &listing, &rest) || *rest != '\0') return TIDE_ENOTFOUND;
    return listing_need(d, listing, need);
}

static enum tide_err evidence_need(struct data_door *d, const char *name, enum need *need)
{
    struct row_trade row;
    uint64_t trade;
    const char *rest;
    uint8_t key[8];

    if (!name_number(name, &trade, &rest) || (*rest != '\0' && *rest != '.')) return TIDE_ENOTFOUND;
    key_u64(key, trade);
    enum tide_err err = state_get(d->view, TABLE_TRADE, key, &row);
    if (err != TIDE_OK) return err;
    bool final = row.state == TRADE_SETTLED || row.state == TRADE_REFUNDED;
    *need = !final || (row.dispute_record != 0 && *rest == '\0') ? NEEDED : UNNEEDED;
    return TIDE_OK;
}

static enum tide_err sweep_entry(struct data_door *d, struct sweep *s, const char *name, enum need need, uint64_t now_ms)
{
    uint64_t keep_ms = d->options.config->keep_days * DAY_MS, since_ms = 0;

    if (need == NEEDED) return sweep_unmark(s, name);
    enum tide_err err = need == LINGERS ? sweep_mark(s, name, now_ms, &since_ms) : TIDE_OK;
    if (err != TIDE_OK || (need == LINGERS && now_ms - since_ms < keep_ms)) return err;
    err = sweep_remove(s, name);
    if (err == TIDE_OK) log_event(LOG_LEVEL_INFO, "swept", "entry=%s", log_value(name).text);
    return err;
}

static enum tide_err sweep_store(struct data_door *d, struct sweep *s, entry_need need_of, uint64_t now_ms)
{
    char name[SWEEP_NAME_MAX];
    enum need need;

    for (size_t i = 0; i < ENTRIES_A_LOOK && sweep_next(s, name) == TIDE_OK; i++) {
        enum tide_err err = need_of(d, name, &need);
        if (err == TIDE_ENOTFOUND) continue;
        if (err != TIDE_OK) return err;
        err = sweep_entry(d, s, name, need, now_ms);
        if (err != TIDE_OK) {
            log_event(LOG_LEVEL_WARNING, "not_swept", "entry=%s error=%s", log_value(name).text,
                      log_value(tide_err_text(err)).text);
        }
    }
    return TIDE_OK;
}

enum tide_err data_sweep(struct data_door *d, uint64_t now_ms)
{
    enum tide_err err = sweep_store(d, &d->contents, content_need, now_ms);
    if (err == TIDE_OK) err = sweep_store(d, &d->samples, sample_need, now_ms);
    if (err == TIDE_OK) err = sweep_store(d, &d->evidence, evidence_need, now_ms);
    return err;
}
