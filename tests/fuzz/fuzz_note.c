/*
 * Signed notes, checkpoints and verifier keys. What parses must, written again, be the same bytes.
 */
#include "crypto/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_key(struct bytes text)
{
    struct note_key key;
    char again[NOTE_VKEY_MAX];
    if (note_key_parse(text, &key) != TIDE_OK) return;
    note_key_format(&key, again);
    ASSERT(bytes_equal(BYTES_TEXT(again), text));
}

static void check_base64(struct bytes text)
{
    static uint8_t out[4096];
    static char again[8192];
    size_t out_len;
    if (base64_decode(text, out, sizeof out, &out_len) != TIDE_OK) return;
    base64_encode(BYTES(out, out_len), again);
    ASSERT(bytes_equal(BYTES_TEXT(again), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    /* The log and the witness of the corpus. */
    static const char log_vkey[] = "log.example/one+a386b94f+AYqHX/8es4RRV3rNWv7kBUVlaN18ieCQhjoFV7x69J8X";
    struct note_key keys[2];
    struct note_result result;
    struct checkpoint cp;
    struct bytes in = BYTES(data, len);
    uint8_t seed[32], public_key[32], secret_key[64];

    if (crypto_init() != TIDE_OK) return 0;
    memset(seed, 5, sizeof seed);
    sign_keypair(seed, public_key, secret_key);
    ASSERT(note_key_parse(BYTES_TEXT(log_vkey), &keys[0]) == TIDE_OK);
    ASSERT(note_key_init("witness.example/w1", NOTE_TYPE_COSIGNATURE, public_key, &keys[1]) == TIDE_OK);
    if (note_verify(in, keys, 2, &result) == TIDE_OK) {
        ASSERT(result.n_verified > 0 && result.text.len > 0 && result.text.data[result.text.len - 1] == '\n');
        (void)!checkpoint_parse(result.text, &cp);
    }
    (void)!checkpoint_parse(in, &cp);
    (void)!checkpoint_verify(in, &keys[0], &cp);
    check_key(in);
    check_base64(in);
    return 0;
}
