/*
 * What `tidemarkd` does when it does not serve: init, info, verify. Each gives the exit status; errors are said.
 */
#ifndef TIDEMARK_BROKER_COMMANDS_H
#define TIDEMARK_BROKER_COMMANDS_H

#include "broker/server/text.h"

struct init_options {
    const char *dir, *name, *origin;
    const char *advertise; /* NULL: 127.0.0.1 */
    const char *listen;    /* NULL: 127.0.0.1 */
    uint16_t port_base;
    bool json;
};

/*
 * Makes a market: keys, configuration, the journal with the genesis, the first checkpoint. Everything is made beside
 * its place and moved there at the end: interrupted at any moment, it can be run again.
 */
enum exit_status init_command(const struct init_options *options);

/* Prints what there is: URL, sizes, heads, counts, ports. Works while the broker runs. */
enum exit_status info_command(const char *dir, bool json);

/* Decides the whole journal again; EXIT_VERIFICATION if anything differs. Works while the broker runs. */
enum exit_status verify_command(const char *dir, bool signatures, bool json);

/* Says why there is no market to be had in `dir`, for TIDE_ENOTFOUND, TIDE_ECANCELED and the like. */
enum exit_status complain_no_market(const char *dir, enum tide_err err);

#endif
