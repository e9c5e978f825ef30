/*
 * What tidemarkd knows of itself: `DIR`/tidemark.conf (inih), read once. An unknown key is an error that names the
 * nearest one.
 */
#ifndef TIDEMARK_BROKER_CONFIG_H
#define TIDEMARK_BROKER_CONFIG_H

#include "crypto/base.h"

struct config {
    char dir[1024];
    char listen[64];         /* [doors] listen */
    uint16_t port_base;      /* [doors] port_base; 0: free ports */
    char advertise[256];     /* [doors] advertise: host in the market's URL */
    unsigned log_level;      /* [log] level: 3 errors, 4 warnings, 6 info, 7 debug */
    unsigned publish_interval_ms; /* [publish] interval_ms */
    unsigned n_verifiers;    /* [limits] verifiers; 0: one a core */
    unsigned queue_length;   /* [limits] queue: statements waiting at most */
    uint64_t lobby_memory_bytes; /* [limits] lobby_memory_mib */
    unsigned keep_days;      /* [content] keep_days: so long it is kept once nobody needs it any more */
    char location_ca[1024];  /* [content] location_ca: authorities of vendors' own servers; empty: the system's */
    bool location_local;     /* [content] location_local: such servers may be in private networks */
};

/* Defaults, then the file. TIDE_EMALFORMED fills `why` (what, where, the nearest key). */
MUST_USE enum tide_err config_load(const char *dir, struct config *out, char *why, size_t why_len);

/* Sets one key ("doors.listen") as a line of the file would; NULL: done, otherwise what was expected. */
const char *config_set(struct config *c, const char *key, const char *value);

#endif
