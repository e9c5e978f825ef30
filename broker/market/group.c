/*
 * Who counts as one: parties of one legal group do not trade with, review, rule for or give to each other.
 *
 * Always holds: a party is of its own group; an empty group is nobody's.
 * Not here: what one group may not do (the file of each subject), who says what a party's group is (party.c).
 */
#include "broker/market/law.h"

bool same_group(uint64_t a_number, const struct row_party *a, uint64_t b_number, const struct row_party *b)
{
    return a_number == b_number || (a->group[0] != 0 && strcmp(a->group, b->group) == 0);
}
