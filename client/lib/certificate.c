/*
 * A registered listing's certificate: fetched, checked as `verify` would check it, written.
 *
 * Always holds: as for receipts (receipt.c), whose way it goes.
 */
#include "client/lib/proof.h"
#include "client/lib/schemas.h"

static struct paper_answer certificate_answer(const void *value)
{
    const struct body_r_certificate *r = value;
    return (struct paper_answer){.note = r->note, .record = r->record, .proof = r->proof};
}

static bool is_certificate_of(const struct body_report *report, uint64_t listing)
{
    return report->certificate != 0 && report->listing == listing;
}

int tide_certificate(struct tide_market *market, uint64_t listing, const char *out_path, int timeout_ms,
                     struct tide_error *error)
{
    const struct body_q_listing q = {.listing = listing};
    const struct paper paper = {.verb = VERB_CERTIFICATE, .question = &q, .of = "registration", .subject = "listing",
                                .number = listing, .answer = certificate_answer, .is_it = is_certificate_of};
    error_clear(error);
    return paper_fetch(market, &paper, out_path, timeout_ms, error);
}
