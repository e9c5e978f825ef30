/*
 * One client of bench_transfers: the library as a vendor or a buyer uses it, in a process of its own whose memory can be told.
 */
#ifndef TIDEMARK_BENCH_TRANSFER_CLIENT_H
#define TIDEMARK_BENCH_TRANSFER_CLIENT_H

/*
 * argv: upload URL IDENTITY STATE_DIR FILE | fetch URL IDENTITY STATE_DIR OUT TRADE. Writes "started" when the first bytes move, and
 * "ended KIB" with its peak memory when all is done. `fetch` does it again and again until standard input ends, and the last one is whole,
 * too. Returns the exit code.
 */
int transfer_client(int argc, char **argv);

#endif
