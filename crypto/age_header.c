/*
 * The grammar of an age v1 header, read strictly, and its MAC.
 *
 * Always holds: a header is accepted in one spelling only: canonical base64, "\n" ends lines, one space between
 * arguments, the last body line shorter than 64 columns. What is not accepted is TIDE_EMALFORMED before any key is
 * touched. Not here: what is inside a stanza (age_x25519.c, age_scrypt.c), the payload.
 */
#include "crypto/age_header.h"

#include "crypto/lines.h"

#include <sodium.h>

#define BODY_COLUMNS 64
#define BODY_LINE_BYTES 48 /* what a full line decodes to */

size_t age_b64_encode(struct bytes in, uint8_t *out)
{
    char text[BODY_COLUMNS + 1];
    ASSERT(in.len > 0 && in.len <= BODY_LINE_BYTES);
    sodium_bin2base64(text, sizeof text, in.data, in.len, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    size_t len = strlen(text);
    memcpy(out, text, len);
    return len;
}

/* At most `room` bytes; false unless canonical. */
static bool b64_decode(struct bytes text, uint8_t *out, size_t room, size_t *len)
{
    *len = 0;
    if (text.len == 0) return true;
    return is_ascii(text) &&
           sodium_base642bin(out, room, (const char *)text.data, text.len, NULL, len, NULL,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0;
}

bool age_b64_decode(struct bytes text, uint8_t *out, size_t len)
{
    size_t got;
    return b64_decode(text, out, len, &got) && got == len;
}

bool age_stanza_is(const struct age_stanza *stanza, const char *type)
{
    return stanza->n_args > 0 && bytes_equal(stanza->args[0], BYTES_TEXT(type));
}

/* "-> " and one or more arguments of visible characters. */
static bool args_parse(struct bytes line, struct age_stanza *out)
{
    if (!prefix_take(&line, "-> ")) return false;
    for (;;) {
        size_t len = 0;
        while (len < line.len && line.data[len] > 0x20 && line.data[len] < 0x7f) len++;
        if (len == 0) return false;
        if (out->n_args < AGE_ARGS_MAX) out->args[out->n_args] = BYTES(line.data, len);
        out->n_args++;
        if (len == line.len) return true;
        if (line.data[len] != ' ') return false;
        line = BYTES(line.data + len + 1, line.len - len - 1);
    }
}

/* Full lines, then one that is shorter. */
static bool body_parse(struct bytes *text, struct age_stanza *out)
{
    struct bytes line;
    uint8_t decoded[BODY_LINE_BYTES];
    size_t len;
    do {
        if (!line_take(text, &line) || line.len > BODY_COLUMNS) return false;
        if (!b64_decode(line, decoded, sizeof decoded, &len)) return false;
        if (out->body_len < sizeof out->body) {
            size_t room = sizeof out->body - out->body_len;
            memcpy(out->body + out->body_len, decoded, len < room ? len : room);
        }
        out->body_len += len;
    } while (line.len == BODY_COLUMNS);
    return true;
}

static bool stanza_parse(struct bytes *text, struct age_stanza *out)
{
    struct bytes line;
    memset(out, 0, sizeof *out);
    return line_take(text, &line) && args_parse(line, out) && body_parse(text, out);
}

bool age_stanza_take(struct bytes *stanzas, struct age_stanza *out)
{
    if (stanzas->len == 0) return false;
    bool good = stanza_parse(stanzas, out);
    ASSERT(good); /* age_header_parse has been over them */
    return true;
}

static bool header_parse(struct bytes in, struct age_header *out)
{
    struct bytes rest = in, line;
    struct age_stanza stanza;

    if (!prefix_take(&rest, AGE_FIRST_LINE)) return false;
    out->stanzas.data = rest.data;
    while (rest.len >= 3 && memcmp(rest.data, "---", 3) != 0) {
        if (!stanza_parse(&rest, &stanza)) return false;
        out->n_stanzas++;
        if (age_stanza_is(&stanza, AGE_STANZA_SCRYPT)) out->has_scrypt = true;
    }
    if (rest.len < 3 || out->n_stanzas == 0) return false;
    out->stanzas.len = (size_t)(rest.data - out->stanzas.data);
    out->maced = BYTES(in.data, (size_t)(rest.data - in.data) + 3);
    if (!line_take(&rest, &line) || !prefix_take(&line, "--- ")) return false;
    if (!age_b64_decode(line, out->mac, sizeof out->mac)) return false;
    out->len = in.len - rest.len;
    return true;
}

enum tide_err age_header_parse(struct bytes in, struct age_header *out)
{
    struct bytes looked_at = BYTES(in.data, in.len < AGE_HEADER_MAX ? in.len : AGE_HEADER_MAX);

    memset(out, 0, sizeof *out);
    if (!header_parse(looked_at, out)) {
        /* Where the cut at AGE_HEADER_MAX is to blame cannot be told from a bad line there; both are refused. */
        bool no_end = in.len > AGE_HEADER_MAX && memmem(looked_at.data, looked_at.len, "\n--- ", 5) == NULL;
        memset(out, 0, sizeof *out);
        return no_end ? TIDE_ELIMIT : TIDE_EMALFORMED;
    }
    /* A passphrase promises who wrote the file only if it is the one way in. */
    if (out->has_scrypt && out->n_stanzas != 1) {
        memset(out, 0, sizeof *out);
        return TIDE_EMALFORMED;
    }
    return TIDE_OK;
}

static void header_mac(struct bytes maced, const uint8_t file_key[AGE_FILE_KEY_BYTES], uint8_t mac[HASH_BYTES])
{
    uint8_t key[HASH_BYTES];
    hkdf_sha256(BYTES(file_key, AGE_FILE_KEY_BYTES), BYTES(NULL, 0), BYTES_TEXT("header"), key);
    hmac_sha256(BYTES(key, sizeof key), maced, mac);
    sodium_memzero(key, sizeof key);
}

enum tide_err age_header_check(const struct age_header *header, const uint8_t file_key[AGE_FILE_KEY_BYTES])
{
    uint8_t mac[HASH_BYTES];
    header_mac(header->maced, file_key, mac);
    return sodium_memcmp(mac, header->mac, sizeof mac) == 0 ? TIDE_OK : TIDE_EAUTH;
}

size_t age_header_end(const uint8_t file_key[AGE_FILE_KEY_BYTES], uint8_t *header, size_t len)
{
    uint8_t mac[HASH_BYTES];
    size_t begin = len;
    memcpy(header + len, "---", 3);
    len += 3;
    header_mac(BYTES(header, len), file_key, mac);
    header[len++] = ' ';
    len += age_b64_encode(BYTES(mac, sizeof mac), header + len);
    header[len++] = '\n';
    return len - begin;
}

/* What both ways of opening have in common after the file key is known. */
static enum tide_err header_open_end(enum tide_err err, const struct age_header *header,
                                     uint8_t file_key[AGE_FILE_KEY_BYTES], size_t *header_len)
{
    if (err == TIDE_OK) err = age_header_check(header, file_key);
    if (err != TIDE_OK) {
        sodium_memzero(file_key, AGE_FILE_KEY_BYTES);
        return err;
    }
    *header_len = header->len;
    return TIDE_OK;
}

enum tide_err age_header_open(struct bytes in, const uint8_t secret[32], uint8_t file_key[AGE_FILE_KEY_BYTES],
                              size_t *header_len)
{
    struct age_header header;
    memset(file_key, 0, AGE_FILE_KEY_BYTES);
    *header_len = 0;
    enum tide_err err = age_header_parse(in, &header);
    if (err == TIDE_OK) err = age_x25519_unwrap(&header, secret, file_key);
    return header_open_end(err, &header, file_key, header_len);
}

enum tide_err age_file_opens_for(struct bytes file, const uint8_t secret[32], const uint8_t recipient[32])
{
    struct age_header header;
    uint8_t file_key[AGE_FILE_KEY_BYTES], stanza[AGE_STANZA_MAX];
    size_t len = 0;
    memset(file_key, 0, sizeof file_key);
    enum tide_err err = age_header_parse(file, &header);
    if (err == TIDE_OK) err = age_x25519_unwrap(&header, secret, file_key);
    if (err == TIDE_OK) err = age_header_check(&header, file_key);
    if (err == TIDE_OK) err = age_x25519_stanza_derived(file_key, recipient, stanza, &len);
    bool first = err == TIDE_OK && header.stanzas.len >= len && memcmp(header.stanzas.data, stanza, len) == 0;
    sodium_memzero(file_key, sizeof file_key);
    return err == TIDE_OK && !first ? TIDE_EAUTH : err;
}

enum tide_err age_header_open_passphrase(struct bytes in, struct bytes passphrase,
                                         uint8_t file_key[AGE_FILE_KEY_BYTES], size_t *header_len)
{
    struct age_header header;
    memset(file_key, 0, AGE_FILE_KEY_BYTES);
    *header_len = 0;
    enum tide_err err = age_header_parse(in, &header);
    if (err == TIDE_OK) err = age_scrypt_unwrap(&header, passphrase, file_key);
    return header_open_end(err, &header, file_key, header_len);
}
