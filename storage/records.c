/*
 * The tables of every kind of statement and event, expanded from the lists in records.h, and the names of their
 * enumerations.
 *
 * Always holds: a name's position is its value; statements are numbered below 100, events from 101.
 * Not here: bytes (records_codec.c), JSON (records_json.c, fields_json.c).
 */
#include "storage/records.h"

#include "storage/field_entries.h"

const char *const names_role[] = {"vendor", "buyer",   "reviewer", "bank",     "issuer",
                                  "arbiter", "operator", "regulator", NULL};
const char *const names_listing_kind[] = {"dataset", "model", "report", "api", "compute", NULL};
const char *const names_class[] = {"general", "important", "core", NULL};
const char *const names_listing_state[] = {"none", "awaiting", "pending", "sampling", "open",
                                           "halted", "refused", "closed", NULL};
const char *const names_side[] = {"bid", "ask", NULL};
const char *const names_order_type[] = {"limit", "market", NULL};
const char *const names_tif[] = {"gtc", "gtd", "ioc", "fok", NULL};
const char *const names_account[] = {"available", "held", "escrow", "fees", "float", "issued", NULL};
const char *const names_parameter[] = {
    "fee_dataset_bp", "fee_model_bp",        "fee_report_bp", "fee_api_bp",   "fee_compute_bp",
    "grant_ms",       "accept_ms",           "accept_ms_per_10gib", "claim_ms", "statement_ms",
    "collar_bp",      "claim_bond_fen",      "outage_ms",     "rekey_ms",     "voucher_hold_ms",
    "vendor_listings_max", "vendor_bytes_max", NULL};
const char *const names_verdict[] = {"approve", "refuse", NULL};
const char *const names_close_reason[] = {"cancelled", "expired", "listing_closed", "suspended",
                                          "self_trade", "unfilled", NULL};
const char *const names_basis[] = {"accepted", "deadline", "ruling", "verdict", NULL};
const char *const names_trade_state[] = {"none", "matched", "granted", "disputed", "claimed",
                                         "settled", "refunded", NULL};
const char *const names_work[] = {"none", "match", "close_listing", "suspend", "resume_listing", "end_programme",
                                  "draw", NULL};
const char *const names_payout[] = {"paid", "returned", NULL};
const char *const names_withdrawal_state[] = {"none", "held", "paid", "returned", NULL};
const char *const names_ruling[] = {"settle", "refund", NULL};
const char *const names_programme_state[] = {"none", "open", "ended", NULL};
const char *const names_party_state[] = {"unknown", "waiting", "active", "suspended", NULL};
const char *const names_finding[] = {"none", "not_proven", "evidence_missing", "evidence_invalid", "grant_unreadable",
                                     "wrong_key", "bad_ciphertext", "sample_mismatch", NULL};
const char *const names_part[] = {"content", "detail", NULL};
const char *const names_signed[] = {"bid", "ask", "listing", "bid_replaced", "ask_replaced", NULL};

_Static_assert(ARRAY_LEN(names_listing_kind) == LISTING_COMPUTE + 2, "a name each");
_Static_assert(ARRAY_LEN(names_class) == CLASS_CORE + 2, "a name each");
_Static_assert(ARRAY_LEN(names_listing_state) == LISTING_CLOSED + 2, "a name each");
_Static_assert(ARRAY_LEN(names_tif) == TIF_FOK + 2, "a name each");
_Static_assert(ARRAY_LEN(names_account) == ACCOUNT_ISSUED + 2, "a name each");
_Static_assert(ARRAY_LEN(names_parameter) == PARAM_N + 1, "a name each");
_Static_assert(ARRAY_LEN(names_close_reason) == CLOSE_UNFILLED + 2, "a name each");
_Static_assert(ARRAY_LEN(names_basis) == BASIS_VERDICT + 2, "a name each");
_Static_assert(ARRAY_LEN(names_trade_state) == TRADE_REFUNDED + 2, "a name each");
_Static_assert(ARRAY_LEN(names_finding) == FINDING_SAMPLE_MISMATCH + 2, "a name each");
_Static_assert(ARRAY_LEN(names_work) == WORK_DRAW + 2, "a name each");
_Static_assert(ARRAY_LEN(names_party_state) == PARTY_SUSPENDED + 2, "a name each");
_Static_assert(1u << (ARRAY_LEN(names_role) - 1) == ROLE_ALL + 1, "a name each");

SCHEMA_DEFINE(POSTING, posting, posting, 0, "money moved on one account")
SCHEMA_DEFINE(PARAMETER, parameter_value, parameter, 0, "a parameter of the market")
SCHEMA_DEFINE(OPERATOR, operator_entry, operator, 0, "an operator named by the genesis")
SCHEMA_DEFINE(KEYWORD, keyword, keyword, 0, "a word to be found by")
SCHEMA_DEFINE(COLUMN, column, column, 0, "a column of the table on offer")
SCHEMA_DEFINE(SAMPLE_CHUNK, sample_chunk, sample_chunk, 0, "a chunk shown in clear")

#define KIND_AS_SCHEMA(NAME, member, number, doc) SCHEMA_DEFINE(NAME, body_##member, member, number, doc)
STATEMENTS(KIND_AS_SCHEMA)
EVENTS(KIND_AS_SCHEMA)

#define STATEMENT_NUMBER(NAME, member, number, doc) _Static_assert((number) > 0 && (number) < 100, #member);
#define EVENT_NUMBER(NAME, member, number, doc) _Static_assert((number) > 100 && (number) < 1000, #member);
STATEMENTS(STATEMENT_NUMBER)
EVENTS(EVENT_NUMBER)

const struct schema *const all_schemas[] = {
#define KIND_AS_POINTER(NAME, member, number, doc) &schema_##member,
    STATEMENTS(KIND_AS_POINTER) EVENTS(KIND_AS_POINTER)
#undef KIND_AS_POINTER
};

const size_t n_all_schemas = ARRAY_LEN(all_schemas);

const struct schema *schema_of_kind(uint64_t kind)
{
    switch (kind) {
#define KIND_AS_CASE(NAME, member, number, doc) \
    case number: \
        return &schema_##member;
        STATEMENTS(KIND_AS_CASE)
        EVENTS(KIND_AS_CASE)
#undef KIND_AS_CASE
    default:
        return NULL;
    }
}

const struct schema *schema_of_name(const char *name)
{
    for (size_t i = 0; i < n_all_schemas; i++) {
        if (strcmp(all_schemas[i]->name, name) == 0) return all_schemas[i];
    }
    return NULL;
}
