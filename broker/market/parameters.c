/*
 * The market's parameters: their defaults, their bounds, reading those that a genesis gives, and changing them.
 *
 * Always holds: a parameter in force lies within its bounds, so that no deadline or fee computed from it can overflow.
 * Not here: what a parameter governs (book.c, order.c, settlement.c, due.c, decide.c).
 */
#include "broker/market/law.h"

#define MINUTE_MS UINT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
#define YEARS_10_MS (3650 * DAY_MS)

const uint64_t parameter_defaults[PARAM_N] = {
    [PARAM_FEE_DATASET_BP] = 100,
    [PARAM_FEE_MODEL_BP] = 100,
    [PARAM_FEE_REPORT_BP] = 100,
    [PARAM_FEE_API_BP] = 100,
    [PARAM_FEE_COMPUTE_BP] = 100,
    [PARAM_GRANT_MS] = DAY_MS,
    [PARAM_ACCEPT_MS] = DAY_MS,
    [PARAM_ACCEPT_MS_PER_10GIB] = HOUR_MS,
    [PARAM_CLAIM_MS] = 30 * DAY_MS,
    [PARAM_STATEMENT_MS] = 10 * MINUTE_MS,
    [PARAM_COLLAR_BP] = 0,
    [PARAM_CLAIM_BOND_FEN] = 0,
    [PARAM_OUTAGE_MS] = 5 * MINUTE_MS,
    [PARAM_REKEY_MS] = 72 * HOUR_MS,
    [PARAM_VOUCHER_HOLD_MS] = 30 * DAY_MS,
    [PARAM_VENDOR_LISTINGS_MAX] = 100000,
    [PARAM_VENDOR_BYTES_MAX] = UINT64_C(1) << 40,
};

static const struct { uint64_t min, max; } parameter_bounds[PARAM_N] = {
    [PARAM_FEE_DATASET_BP] = {0, 10000},
    [PARAM_FEE_MODEL_BP] = {0, 10000},
    [PARAM_FEE_REPORT_BP] = {0, 10000},
    [PARAM_FEE_API_BP] = {0, 10000},
    [PARAM_FEE_COMPUTE_BP] = {0, 10000},
    [PARAM_GRANT_MS] = {1000, YEARS_10_MS},
    [PARAM_ACCEPT_MS] = {1000, YEARS_10_MS},
    [PARAM_ACCEPT_MS_PER_10GIB] = {0, DAY_MS},
    [PARAM_CLAIM_MS] = {1000, YEARS_10_MS},
    [PARAM_STATEMENT_MS] = {LIMIT_VALID_DEFAULT_MS, DAY_MS}, /* the broker and the library sign for so long */
    [PARAM_COLLAR_BP] = {0, 1000000},
    [PARAM_CLAIM_BOND_FEN] = {0, LIMIT_AMOUNT},
    [PARAM_OUTAGE_MS] = {1000, YEARS_10_MS},
    [PARAM_REKEY_MS] = {1000, YEARS_10_MS},
    [PARAM_VOUCHER_HOLD_MS] = {0, YEARS_10_MS},
    [PARAM_VENDOR_LISTINGS_MAX] = {1, LIMIT_AMOUNT},
    [PARAM_VENDOR_BYTES_MAX] = {1, LIMIT_AMOUNT},
};

bool parameter_in_bounds(uint64_t which, uint64_t value)
{
    return which < PARAM_N && value >= parameter_bounds[which].min && value <= parameter_bounds[which].max;
}

/* Each within its bounds, and none twice. */
static bool all_good(const struct list *given)
{
    bool seen[PARAM_N] = {false};
    const struct parameter_value *items = given->items;
    for (size_t i = 0; i < given->n; i++) {
        uint64_t which = items[i].parameter;
        if (!parameter_in_bounds(which, items[i].value) || seen[which]) return false;
        seen[which] = true;
    }
    return true;
}

static void set_all(const struct list *given, uint64_t values[PARAM_N])
{
    const struct parameter_value *items = given->items;
    for (size_t i = 0; i < given->n; i++) values[items[i].parameter] = items[i].value;
}

bool parameters_read(const struct list *given, uint64_t values[PARAM_N])
{
    memcpy(values, parameter_defaults, sizeof parameter_defaults);
    if (!all_good(given)) return false;
    set_all(given, values);
    return true;
}

/* In force at once: what has begun carries the values it began with. */
enum tide_err decide_parameters(struct hearing *h)
{
    const struct body_parameters *p = h->cause->statement.body;
    if (!all_good(&p->parameters)) return refuse(h, OUTCOME_BAD_PARAMETER);
    struct body_parameters_set *e = EVENT(h, PARAMETERS_SET, parameters_set);
    if (!e) return TIDE_ENOMEM;
    e->parameters = p->parameters;
    return TIDE_OK;
}

enum tide_err apply_parameters_set(struct fold *f, const struct body_parameters_set *e)
{
    enum tide_err err = fold_market(f);
    if (err) return err;
    if (!all_good(&e->parameters)) return TIDE_EDAMAGED;
    set_all(&e->parameters, f->market.parameters);
    return fold_put_market(f);
}
