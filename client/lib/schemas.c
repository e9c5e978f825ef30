/*
 * The tables of the library's own shapes.
 *
 * Always holds: they are made from the lists of schemas.h, as the market's are from those of storage/records.h.
 */
#include "client/lib/schemas.h"
#include "storage/field_entries.h"

const char *const names_outbox_state[] = {"signed", "accepted", "refused", "proven", NULL};
const char *const names_judged[] = {"right", "false", "missing", "changed", "not_sealed_to_you", "no_identity", "open", NULL};

SCHEMA_DEFINE(MIRROR, body_mirror, mirror, 0, "a mirror of the log")
SCHEMA_DEFINE(ALARM, body_alarm, alarm, 0, "something that a check found wrong")
SCHEMA_DEFINE(JUDGED, body_judged, judged, 0, "a dispute, judged again")
SCHEMA_DEFINE(CHECKED, body_checked, checked, 0, "what a check of a mirror found")
SCHEMA_DEFINE(REPORT, body_report, report, 0, "what a verification found")
SCHEMA_DEFINE(OUTBOX_ENTRY, body_outbox_entry, outbox_entry, 0, "a statement of the outbox")
SCHEMA_DEFINE(SALE, body_sale, sale, 0, "a sale under way")
SCHEMA_DEFINE(DELIVERED, body_delivered, delivered, 0, "what a fetch or an examination came to")
SCHEMA_DEFINE(SHOWN_CHUNK, body_shown_chunk, shown_chunk, 0, "a sample chunk")
SCHEMA_DEFINE(SHOWN_SAMPLE, body_shown_sample, shown_sample, 0, "a listing's samples")
