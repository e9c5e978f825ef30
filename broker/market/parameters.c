/*
 * The market's parameters: their defaults, their bounds, and reading those that a genesis gives.
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
    [PARAM_STATEMENT_MS] = {1000, DAY_MS},
    [PARAM_COLLAR_BP] = {0, 1000000},
    [PARAM_CLAIM_BOND_FEN] = {0, LIMIT_AMOUNT},
    [PARAM_OUTAGE_MS] = {1000, YEARS_10_MS},
};

bool parameter_in_bounds(uint64_t which, uint64_t value)
{
    return which < PARAM_N && value >= parameter_bounds[which].min && value <= parameter_bounds[which].max;
}

bool parameters_read(const struct list *given, uint64_t values[PARAM_N])
{
    bool seen[PARAM_N] = {false};
    memcpy(values, parameter_defaults, sizeof parameter_defaults);
    const struct parameter_value *items = given->items;
    for (size_t i = 0; i < given->n; i++) {
        uint64_t which = items[i].parameter;
        if (!parameter_in_bounds(which, items[i].value) || seen[which]) return false;
        seen[which] = true;
        values[which] = items[i].value;
    }
    return true;
}
