/*
 * The table of outcomes and its lookups. outcome.h has the list; nothing here knows what an outcome means.
 */
#include "storage/outcome.h"

const struct outcome_info all_outcomes[] = {
#define OUTCOME_AS_ENTRY(NAME, number, name, retry, giver, sentence, hint) {number, name, retry, GIVEN_BY_##giver, sentence, hint},
    OUTCOMES(OUTCOME_AS_ENTRY)
#undef OUTCOME_AS_ENTRY
};

const size_t n_all_outcomes = ARRAY_LEN(all_outcomes);

const struct outcome_info *outcome_info(unsigned code)
{
    for (size_t i = 0; i < n_all_outcomes; i++) {
        if (all_outcomes[i].code == code) return &all_outcomes[i];
    }
    return NULL;
}

const struct outcome_info *outcome_by_name(const char *name)
{
    for (size_t i = 0; i < n_all_outcomes; i++) {
        if (strcmp(all_outcomes[i].name, name) == 0) return &all_outcomes[i];
    }
    return NULL;
}
