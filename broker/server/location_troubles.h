/*
 * What is wrong with payloads at their vendors' own locations, and when each is asked for again. Any thread.
 *
 * Always holds: a listing that failed waits twice as long each time; a vendor whose server failed slowly waits ten times as
 * long with all of its listings: it takes no more than about a tenth of the time from others.
 */
#ifndef TIDEMARK_BROKER_LOCATION_TROUBLES_H
#define TIDEMARK_BROKER_LOCATION_TROUBLES_H

#include "broker/server/location.h"

struct location_troubles;

MUST_USE enum tide_err troubles_new(struct location_troubles **out);
void troubles_free(struct location_troubles **t);

/* It failed, which took `took_ms`; also said in the log. */
void troubles_note(struct location_troubles *t, uint64_t listing, uint64_t vendor, uint64_t took_ms, const char *why);
void troubles_forget(struct location_troubles *t, uint64_t listing);

/* Whether a listing of that vendor may be asked for (again) now. */
bool troubles_is_due(struct location_troubles *t, uint64_t listing, uint64_t vendor);

/* What the last look found wrong; empty: nothing. */
void troubles_text(struct location_troubles *t, uint64_t listing, char out[LOCATION_TROUBLE_MAX]);

#endif
