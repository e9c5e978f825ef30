/*
 * The prose of docs/protocol.md, apart from the program that prints the tables between it; private to storage/.
 */
#ifndef TIDEMARK_STORAGE_PROTOCOL_DOCS_H
#define TIDEMARK_STORAGE_PROTOCOL_DOCS_H

extern const char docs_intro[];      /* title, doors, transport */
extern const char docs_frames[];     /* requests, replies, order, paging */
extern const char docs_codec[];      /* codec rules */
extern const char docs_fields[];     /* before the table of field types */
extern const char docs_statements[]; /* statements and envelopes, before their fields */
extern const char docs_events[];     /* records and events, before their fields */
extern const char docs_verbs[];      /* before the table of verbs */
extern const char docs_tape[];       /* before the tape's messages */
extern const char docs_trade[];      /* one trade from end to end */
extern const char docs_outcomes[];   /* before the table of outcomes */
extern const char docs_limits[];     /* before the table of limits */

#endif
