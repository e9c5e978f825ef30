/*
 * Enrolling: asking the lobby, and waiting for an operator's answer.
 *
 * Always holds: the request is signed by the key it is about, and names its sealing and wire keys.
 */
#include "client/lib/jobs.h"

static int roles_parse(const char *const *roles, uint64_t *out, struct tide_error *error)
{
    *out = 0;
    for (size_t i = 0; roles != NULL && roles[i] != NULL; i++) {
        size_t bit = 0, n = 0;
        while (names_role[n] != NULL) n++;
        while (bit < n && strcmp(names_role[bit], roles[i]) != 0) bit++;
        if (bit == n) {
            const char *near = nearest_name(roles[i], names_role, n);
            return error_set(error, OUTCOME_C_USAGE, "There is no role \"%.32s\"%s%s%s.", roles[i],
                             near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
        }
        *out |= UINT64_C(1) << bit;
    }
    return *out != 0 ? 0 : error_set(error, OUTCOME_C_USAGE, "Name at least one role.");
}

int tide_enrol(struct tide_market *market, const char *name, const char *const *roles, const char *jurisdiction,
               struct tide_doc **out, struct tide_error *error)
{
    return tide_enrol_card(market, name, roles, jurisdiction, NULL, out, error);
}

int tide_enrol_card(struct tide_market *market, const char *name, const char *const *roles, const char *jurisdiction,
                    const char *card, struct tide_doc **out, struct tide_error *error)
{
    struct body_enrol body = {.name = BYTES_TEXT(name)};
    error_clear(error);
    if (out != NULL) *out = NULL;
    int code = roles_parse(roles, &body.roles, error);
    if (code != 0) return code;
    if (jurisdiction != NULL) body.jurisdiction = BYTES_TEXT(jurisdiction);
    code = need_identity(market, error);
    if (code == 0 && card != NULL) code = card_prepare(market, card, body.card_hash, error);
    return code != 0 ? code : market_state(market, &schema_enrol, &body, out, error);
}

int tide_enrol_wait(struct tide_market *market, int timeout_ms, struct tide_doc **out, struct tide_error *error)
{
    int64_t until = market_until(timeout_ms);
    int pause = 0;
    error_clear(error);
    if (out != NULL) *out = NULL;
    int code = need_identity(market, error);
    while (code == 0) {
        struct tide_doc *doc;
        code = market_query(market, VERB_PARTY, NULL, &doc, error);
        if (code != 0 && code != OUTCOME_UNKNOWN_PARTY && code != OUTCOME_NO_SUCH_PARTY && !is_passing(code)) break;
        uint64_t state = code == 0 ? ((const struct body_r_party *)doc->value)->state : PARTY_UNKNOWN;
        if (state == PARTY_ACTIVE && out != NULL) {
            *out = doc;
            doc = NULL;
        }
        tide_doc_free(&doc);
        if (state == PARTY_ACTIVE) return 0;
        if (state == PARTY_SUSPENDED) return error_set(error, OUTCOME_SUSPENDED, NULL);
        code = poll_pause(market, &pause, until, error);
        if (code == OUTCOME_C_TIMEOUT) {
            error_set(error, code,
                      state == PARTY_WAITING ? "No operator of %s has answered yet."
                                             : "%s does not know this key: no request waits.",
                      market->url.origin);
        }
    }
    return code;
}
