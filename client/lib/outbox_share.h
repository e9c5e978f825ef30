/*
 * One open outbox a folder and process: LMDB must not be opened twice. Private to client/lib/.
 */
#ifndef TIDEMARK_CLIENT_OUTBOX_SHARE_H
#define TIDEMARK_CLIENT_OUTBOX_SHARE_H

#include "storage/outbox.h"

/* Opens the outbox in `dir`, or takes the one that another market of this process has open. Any thread. */
MUST_USE enum tide_err outbox_take(const char *dir, struct outbox **out);
/* Gives it back; the last one closes it. */
void outbox_give(struct outbox **o);

#endif
