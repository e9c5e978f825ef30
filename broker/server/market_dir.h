/*
 * A market's folder: what is in it, who holds it, and what to tell when it cannot be used.
 */
#ifndef TIDEMARK_BROKER_MARKET_DIR_H
#define TIDEMARK_BROKER_MARKET_DIR_H

#include "crypto/base.h"

#define BROKER_KEY_FILE "broker.key"
#define OPERATOR_KEY_FILE "operator.key"
#define OPERATOR2_KEY_FILE "operator2.key"
#define CONFIG_FILE "tidemark.conf"
#define INIT_DIR "init.unfinished" /* there as long as `init` is not through */

/* TIDE_OK: `dir` holds a market. TIDE_ENOTFOUND: it does not; TIDE_ECANCELED: an `init` there was interrupted. */
MUST_USE enum tide_err market_dir_check(const char *dir);

/*
 * Holds the market for this process and its children, until all of them are gone. TIDE_EBUSY: it is held. *fd is kept
 * open by the caller.
 */
MUST_USE enum tide_err market_dir_lock(const char *dir, int *fd);

/* Processes that hold keys: no core dumps, no peeping by other processes of the same user. */
void process_harden(void);

#endif
