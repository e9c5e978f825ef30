/*
 * A listing for other catalogues: one JSON-LD document of W3C DCAT 3, with an ODRL 2.2 policy for its usage terms. Its
 * context is inline, so a reader needs no network, and all of it is from the market's answer: nothing is guessed.
 *
 * The market's own terms, `urn:tidemark:ns#` (prefix tide), for what no vocabulary says:
 *   listing, state, class, unit, rows, updateCycle, personalData, legalBasis     as in the field tables
 *   market               the market: urn:tidemark:market:ID, ID being its id in base64url, as in its URL
 *   dataset model report api compute     what it is (dct:type); categories (the scheme that its theme is of)
 *   columns, columnName, columnType      the table's columns, in order
 *   rightHolding, rightProcessing, rightOperating, assessment      SHA-256 of those documents
 *   contentRoot          RFC 6962 root over the sealed chunks: no checksum of the file, hence not an spdx:Checksum
 *   keyCommitment, nonce, chunks, sealedBytes      the rest of what binds the sealed file
 *   mediaType            a media type that has no page at IANA, has parameters, or belongs to a service
 */
#ifndef TIDEMARK_CLI_DCAT_H
#define TIDEMARK_CLI_DCAT_H

#include <jansson.h>

/*
 * `answer` is the JSON form of the verb `listing`'s reply, `market_url` the market's URL. A dcat:Dataset, or a
 * dcat:DataService for api and compute. Its policy is an odrl:Offer while the listing is open, and an odrl:Set (terms
 * that nobody offers now) in any other state. The caller decrefs it. NULL: no memory, or no market in the URL.
 */
json_t *dcat_document(const json_t *answer, const char *market_url);

#endif
