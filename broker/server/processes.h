/*
 * The three processes of `tidemarkd run`, each runnable alone. None opens an environment before the fork. All serve
 * until SIGTERM or SIGINT, then drain and return 0; any other value is the process's exit status.
 */
#ifndef TIDEMARK_BROKER_PROCESSES_H
#define TIDEMARK_BROKER_PROCESSES_H

#include "broker/server/config.h"

/*
 * The ports in force are shared through `DIR`/ports: each process writes its own doors' when they are bound
 * (text lines "lobby 7420", replaced atomically), so that port_base 0 works. ports_wait waits until a door is there.
 */
MUST_USE enum tide_err ports_write(const char *dir, const char *door, uint16_t port);
uint16_t ports_read(const char *dir, const char *door); /* 0: not served (now) */

int broker_process(const struct config *config);
int auditor_process(const struct config *config);
int lobby_process(const struct config *config);

/* Starts and watches all three; a child that dies takes the others down. */
int run_processes(const struct config *config);

/* The data thread of the broker process. Completed uploads are handed to `stored` (any thread may call it). */
struct data_door;
struct journal;
struct state;
struct data_door_options {
    const struct config *config;
    void *zmq_context;
    struct state *state;
    struct journal *journal;
    const uint8_t *wire_secret;
    bool (*stored)(void *ctx, uint64_t listing); /* false: queue full, tried again later */
    void *ctx;
    void (*failed)(void *failed_ctx, const char *what, enum tide_err err); /* the process must stop; may be NULL */
    void *failed_ctx;
};
MUST_USE enum tide_err data_door_start(const struct data_door_options *options, struct data_door **out);
void data_door_stop(struct data_door **d);
uint16_t data_door_port(const struct data_door *d);

#endif
