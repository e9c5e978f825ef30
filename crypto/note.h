/*
 * C2SP signed notes (v1.0.0), checkpoints (tlog-checkpoint v1.0.0) and proof files (tlog-proof): text in, text
 * out, bounded. Unknown keys are ignored, a known key with a wrong signature refuses the whole note.
 */
#ifndef TIDEMARK_CRYPTO_NOTE_H
#define TIDEMARK_CRYPTO_NOTE_H

#include "crypto/merkle.h"
#include "crypto/sign.h"

#define NOTE_MAX 65536u        /* bytes of a whole note */
#define NOTE_SIGNATURES_MAX 16 /* signature lines of a note (the specification's least bound); more is malformed */
#define NOTE_NAME_MAX 128
#define NOTE_LINE_MAX 320      /* one signature line, NUL included */
#define NOTE_VKEY_MAX 256      /* a verifier key as text, NUL included */
#define CHECKPOINT_MAX 4096u

#define NOTE_TYPE_ED25519 0x01
#define NOTE_TYPE_COSIGNATURE 0x04

struct note_key {
    char name[NOTE_NAME_MAX + 1];
    uint8_t type;
    uint8_t id[4];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
};

/* Fills *out. TIDE_EINVAL: a name that is empty, too long, or has spaces, '+' or control characters. */
MUST_USE enum tide_err note_key_init(const char *name, uint8_t type, const uint8_t public_key[SIGN_PUBLIC_BYTES],
                                     struct note_key *out);

/* `name+hex(id)+base64(type ‖ key)` and back. */
void note_key_format(const struct note_key *key, char out[NOTE_VKEY_MAX]);
MUST_USE enum tide_err note_key_parse(struct bytes text, struct note_key *out);

/* One signature line over `text` (which ends in \n), ended by \n and NUL. The key is of NOTE_TYPE_ED25519. */
void note_sign_line(const struct note_key *key, const uint8_t secret_key[SIGN_SECRET_BYTES], struct bytes text,
                    char line[NOTE_LINE_MAX]);

/* The line of a signature that was made elsewhere (the settlement note's). */
void note_format_line(const struct note_key *key, const uint8_t signature[SIGN_BYTES], char line[NOTE_LINE_MAX]);

/*
 * A witness's line (C2SP tlog-cosignature v1.0.1, Ed25519) over a checkpoint's text at `time_s`, Unix seconds below
 * 2^63. The key is of NOTE_TYPE_COSIGNATURE; `text` has at most CHECKPOINT_MAX bytes.
 */
void note_cosign_line(const struct note_key *key, const uint8_t secret_key[SIGN_SECRET_BYTES], struct bytes text,
                      uint64_t time_s, char line[NOTE_LINE_MAX]);

/* What note_verify found. */
struct note_result {
    struct bytes text;                      /* with its last \n; points into the note */
    size_t n_verified;                      /* known keys with a line (a repeated line counts once), all right */
    bool verified[NOTE_SIGNATURES_MAX];     /* per entry of `keys` */
    uint64_t time_s[NOTE_SIGNATURES_MAX];   /* per entry of `keys`: when it cosigned; 0 for other types */
};

/*
 * Checks a note against `n_keys` <= NOTE_SIGNATURES_MAX known keys. TIDE_EMALFORMED; TIDE_EAUTH: a known key's line
 * is wrong, or no line is of a known key.
 */
MUST_USE enum tide_err note_verify(struct bytes note, const struct note_key *keys, size_t n_keys,
                                   struct note_result *out);

struct checkpoint {
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size;
    uint8_t root[HASH_BYTES];
};

/* The signed checkpoint of `cp`, NUL-terminated; returns its length. The key's name is the origin. */
size_t checkpoint_sign(const struct checkpoint *cp, const struct note_key *key,
                       const uint8_t secret_key[SIGN_SECRET_BYTES], char out[CHECKPOINT_MAX]);

/* Parses exactly the three lines of a note's text (no signature looked at). TIDE_EMALFORMED. */
MUST_USE enum tide_err checkpoint_parse(struct bytes text, struct checkpoint *out);

/* note_verify and checkpoint_parse, and the origin must be the key's name. */
MUST_USE enum tide_err checkpoint_verify(struct bytes note, const struct note_key *key, struct checkpoint *out);

/* A C2SP tlog-proof. `extra` may be empty. */
struct proof_file {
    struct bytes extra;      /* decoded bytes of the `extra` line; points into the buffer given to the parser */
    uint64_t index;
    struct merkle_proof proof;
    struct bytes checkpoint; /* verbatim */
};

/* *out is malloc'd text. */
MUST_USE enum tide_err proof_file_format(const struct proof_file *proof, char **out, size_t *out_len);

/* `scratch` (NOTE_MAX bytes or more) receives the decoded extra. */
MUST_USE enum tide_err proof_file_parse(struct bytes text, uint8_t *scratch, size_t scratch_len,
                                        struct proof_file *out);

/* Standard base64 with padding; returns the text's length. `out` has room for (len + 2) / 3 * 4 + 1. */
size_t base64_encode(struct bytes in, char *out);
/* TIDE_EMALFORMED unless `text` is canonical base64 of at most `room` bytes. */
MUST_USE enum tide_err base64_decode(struct bytes text, uint8_t *out, size_t room, size_t *out_len);

#endif
