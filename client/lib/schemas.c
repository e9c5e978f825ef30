/*
 * The tables of the library's own shapes.
 *
 * Always holds: they are made from the lists of schemas.h, as the market's are from those of storage/records.h.
 */
#include "client/lib/schemas.h"
#include "storage/field_entries.h"

const char *const names_outbox_state[] = {"signed", "accepted", "refused", "proven", NULL};

SCHEMA_DEFINE(REPORT, body_report, report, 0, "what a verification found")
SCHEMA_DEFINE(OUTBOX_ENTRY, body_outbox_entry, outbox_entry, 0, "a statement of the outbox")
SCHEMA_DEFINE(SALE, body_sale, sale, 0, "a sale under way")
