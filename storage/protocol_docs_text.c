/*
 * The prose of docs/protocol.md: what the tables cannot say. protocol_docs.c prints it between them.
 *
 * Always holds: no number here that a table below it prints from the code.
 */
#include "storage/protocol_docs.h"

const char docs_intro[] =
    "# Tidemark: protocol\n"
    "\n"
    "How programs talk to a broker: the doors, the frames, every statement, every event and every query. With this page\n"
    "and [formats.md](formats.md) (identities, the log, sealed content, settlement) another implementation can be\n"
    "written. The tables are printed from the tables the broker decodes with; `TIDEMARK_WRITE_DOCS=1` and the unit test\n"
    "`test_storage_protocol` write this file anew, and the same test fails when it is out of date.\n"
    "\n"
    "This is protocol version 1. All numbers in frames are msgpack integers; money is in fen, times are Unix\n"
    "milliseconds, and what names a listing, an order or a trade is the index of the record that created it.\n"
    "\n"
    "## Doors\n"
    "\n"
    "A market is reached through its URL:\n"
    "\n"
    "    tidemark://HOST:PORT/ORIGIN?market=<b64url>&log=<b64url>&wire=<b64url>\n"
    "\n"
    "HOST and PORT are the lobby's. The three values are 32 bytes each in unpadded base64url: the market id, the key\n"
    "that signs the log's checkpoints, and the broker's CURVE public key. The lobby's `doors` names the ports of the\n"
    "others, all on the same host; a port of 0 means that the door is not served.\n"
    "\n"
    "| usual port | door | socket | who | what for |\n"
    "|---|---|---|---|---|\n"
    "| 7420 | lobby | ROUTER, CURVE | anyone with a key | finding the doors, the catalog, asking to be enrolled |\n"
    "| 7421 | trade | ROUTER, CURVE | enrolled parties | statements and queries |\n"
    "| 7422 | tape | XPUB, CURVE | enrolled parties | listings, tops of books, trades, as they happen |\n"
    "| 7423 | data | ROUTER, CURVE | enrolled parties | sealed content, chunk by chunk |\n"
    "| 7424 | audit | ROUTER, CURVE | regulators | records, proofs, checkpoints; nothing that writes |\n"
    "| 7480 | http | HTTP | anyone | `/checkpoint`, `/tile/…` (hash tiles), `/healthz`; not served by this version: port 0 |\n"
    "\n"
    "The first five speak ZMTP 3 with the CURVE mechanism (RFC 26/CurveZMQ). The broker is the CURVE server with the\n"
    "key in the URL; the client's CURVE key is its identity's *wire key* (formats.md, \"Identities\"). Connect a DEALER\n"
    "socket; to the tape a SUB.\n"
    "\n"
    "Who is who: the CURVE key admits to a door and makes replies private. The trade and data doors admit wire keys of\n"
    "enrolled parties, the audit door those of regulators, the lobby any key. Admission is looked at again for every\n"
    "message, so that a suspension holds for live connections too. Who a *statement* is from is decided by its\n"
    "signature alone. A routing id means nothing; a peer that chooses its own is not answered.\n"
    "\n";

const char docs_frames[] =
    "## Requests and replies\n"
    "\n"
    "A message is exactly one frame; messages of several frames are dropped without an answer. A request is\n"
    "\n"
    "    [ protocol = 1, request_id, verb, body ]\n"
    "\n"
    "and its reply\n"
    "\n"
    "    [ protocol = 1, request_id, code, text, body ]\n"
    "\n"
    "- `request_id`: any unsigned integer, chosen by the client, given back as it came. Requests may be pipelined; replies\n"
    "  can come in another order.\n"
    "- `verb`: a string of the table of verbs. With `@` and an index behind it (`book@1234`; decimal, no sign, no\n"
    "  leading zeros) a query is answered once all records below that index are in the state it looks at; so a client\n"
    "  reads what it wrote. Without it, the answer is of the newest committed state.\n"
    "- `body`: an array with the verb's fields.\n"
    "- `code`: 0 is success, everything else an outcome (see below). `text` is for people and may be empty; programs\n"
    "  look at the code. When the code is not 0, the body is an empty array.\n"
    "- A request that cannot be decoded is answered `malformed` under its request id if the first two items could be\n"
    "  read, else under 0.\n"
    "- Lists are paged: `before` (or `after`) of an answer is the cursor of the next page, 0 (or empty) means no more. A\n"
    "  page can be shorter than its `limit` asked for, so go by the cursor.\n"
    "\n"
    "A request that was not answered can be sent again: queries change nothing, and a statement carries the id that makes\n"
    "repeating it harmless.\n"
    "\n";

const char docs_codec[] =
    "## Codec rules\n"
    "\n"
    "Everything is msgpack, of which only this is allowed; anything else is `malformed`:\n"
    "\n"
    "- arrays, unsigned and negative integers, UTF-8 strings (`str`), byte strings (`bin`). No maps, no floats, no nil, no\n"
    "  booleans, no extensions.\n"
    "- An array has exactly the items its kind and version say. What is absent is empty, or 0, but never missing.\n"
    "- Every integer and every header has its shortest form: 127 is `7f`, never `cc 7f`. Numbers from 0 on are unsigned\n"
    "  forms, also in signed fields; signed forms are for negative numbers only. So each value has exactly one encoding.\n"
    "- Strings are well-formed UTF-8 (no surrogates, no overlong forms) and have no NUL.\n"
    "- Arrays nest, elements count and lengths reach no further than the limits at the end of this page. A count or a\n"
    "  length that is larger than the bytes left is refused before anything is allocated.\n"
    "- Nothing follows the last byte.\n"
    "\n"
    "Signatures are over bytes as they were sent. Nobody encodes a thing again to check it.\n"
    "\n";

const char docs_fields[] =
    "## Fields\n"
    "\n"
    "A body is an array with one item a field, in the order of its table. The column *type* names these:\n"
    "\n";

const char docs_statements[] =
    "## Statements\n"
    "\n"
    "Whoever wants something of the market signs a statement:\n"
    "\n"
    "    statement = [ kind, version = 1, market (bin 32), party (bin 32), command_id (bin 16),\n"
    "                  issued_at, valid_until, body ]\n"
    "    signature = Ed25519( \"tidemark/statement/v1\\n\" ‖ statement bytes )\n"
    "    envelope  = [ statement (bin), signature (bin 64) ]\n"
    "\n"
    "- `market`: SHA-256 of the genesis statement's bytes; 32 zero bytes inside the genesis statement itself.\n"
    "- `party`: the Ed25519 public key that signs.\n"
    "- `command_id`: a UUIDv7 (RFC 9562) whose 48 bits of time are `issued_at`. It belongs to its party: the same bytes\n"
    "  under the same id are answered with the first acceptance, other bytes under it are refused (`id_reused`). A refused\n"
    "  statement is not remembered. Write the envelope down before sending it; after a lost reply, send it again.\n"
    "- `issued_at` may be ahead of the broker's clock, and `valid_until` after `issued_at`, only so far as the limits and\n"
    "  the parameter `statement_ms` say; an `enrol` statement may be good for a week. After `valid_until` it is `expired`.\n"
    "\n"
    "The verb `submit` takes the envelope and answers when the statement and all that follows from it are durable.\n"
    "\n";

const char docs_events[] =
    "## Records and events\n"
    "\n"
    "Every accepted statement, and every event that follows from it, is one record of the journal, and one leaf of the\n"
    "log:\n"
    "\n"
    "    record = [ 1, type, index, time_ms, payload (bin) ]\n"
    "    event  = [ kind, version = 1, cause_index, salt (bin 16), body ]\n"
    "\n"
    "Type 1: the payload is an envelope, byte for byte as it was sent. Type 2: it is an event. The events of a statement\n"
    "follow it directly and are committed with it; `cause_index` is its index. `time_ms` never falls from one record to the\n"
    "next. `salt` is the first 16 bytes of SHA-256(\"tidemark/salt/v1\\n\" ‖ the cause's record ‖ u64 big-endian number of the\n"
    "event among its cause's events, from 0): it keeps a public leaf hash from giving away an event that could be guessed.\n"
    "\n"
    "Money in events is double entry: the postings of an event sum to zero for each asset.\n"
    "\n";

const char docs_verbs[] =
    "## Verbs\n"
    "\n";

const char docs_tape[] =
    "## The tape\n"
    "\n"
    "Door 7422 publishes what every enrolled party may see, without names: subscribe with a SUB socket under CURVE, topic\n"
    "empty; a suspended party may listen too. A message is one frame\n"
    "\n"
    "    [ protocol = 1, body of `tape` ]\n"
    "\n"
    "and says what happened in the records `from` … `next` − 1. The next message begins where this one ends; if it does\n"
    "not, something was lost on the way (the broker waits for nobody), and the picture is to be asked for again. When\n"
    "nothing happens, a message with `from` = `next` comes every five seconds; one comes at the beginning of each\n"
    "subscription, to all. Anything but subscriptions is thrown away, and who sends much of it is cut.\n"
    "\n"
    "A listing is on the tape from its opening on. A top is in the message with the last record that may have changed it and is\n"
    "as it is after that message's records; it counts at most 256 orders at its price.\n"
    "\n"
    "To have the whole picture at any time: subscribe; when the first message has come, ask `tape`, page by page; then apply to\n"
    "each listing the messages whose `next` is above that of its page; of what they say of single records only what is of\n"
    "records from there on. A listing that is new on the tape has an empty book until a top says otherwise.\n"
    "\n";

const char docs_trade[] =
    "## One trade from end to end\n"
    "\n"
    "1. Both parties `enrol` in the lobby and wait; an operator's `admit` statement carries their requests into the\n"
    "   journal. `party` in the lobby tells how it stands.\n"
    "2. The vendor seals its file, submits `publish` with the content's commitment, sends leaf hashes (`put_manifest`) and\n"
    "   chunks (`put_chunk`) to the data door; `upload` says what is missing. When all is there and right, the broker\n"
    "   states `stored`. A reviewer submits `review`; the listing is open.\n"
    "3. The vendor submits an ask (`order`), the buyer a bid with a one-time recipient and the SHA-256 of the usage terms.\n"
    "   Where they meet, a `traded` event follows and the money is in escrow.\n"
    "4. The vendor sees it in `trades`, makes the grant (an age header for the bid's recipient), signs the settlement text\n"
    "   and submits `grant`.\n"
    "5. The buyer reads `trade`, gets chunks (`get_manifest`, `get_chunk`), opens `grant ‖ payload` and checks it against the\n"
    "   listing, signs the same settlement text and submits `accept`. A `settled` event pays the vendor. If a deadline\n"
    "   passes instead, the broker's `tick` leads to `refunded` (no grant) or `settled` (no word from the buyer).\n"
    "6. Either asks for the `receipt`: the settlement note, the `settled` record and its inclusion proof.\n"
    "\n"
    "Signatures of `grant` and `accept` are Ed25519 over the settlement text's bytes alone, with the party's key.\n"
    "\n";

const char docs_outcomes[] =
    "## Outcomes\n"
    "\n"
    "Codes are stable. 1xx: the broker cannot take it now; 2xx: malformed or not authentic; 3xx: not allowed to this party;\n"
    "4xx: no such thing, or wrong state; 5xx: policy. 6xx and 7xx never cross the wire: they are the client's own troubles\n"
    "and what its checks found. *Retry*: sending the same again may help by itself. Checks are made in this order, so that\n"
    "one statement has one answer.\n"
    "\n";

const char docs_limits[] =
    "## Limits\n"
    "\n";
