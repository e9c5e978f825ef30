/*
 * Whole age files under a known key: header, stanzas, payload. What opens must open the same way from memory and
 * through the pipeline.
 */
#include "crypto/age_header.h"
#include "crypto/identity.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The key of the corpus: AGE-SECRET-KEY-1GFPYYSJZ…, 32 times 0x42. */
static uint8_t secret[32];

/* Both ways of opening agree about a payload. */
static void open_streamed(struct bytes payload, const uint8_t file_key[16], enum tide_err expected, size_t expected_len)
{
    struct age_work work = {.n_threads = 1};
    int in = memfd_create("in", 0), out = memfd_create("out", 0);
    ASSERT(in >= 0 && out >= 0);
    ASSERT(write(in, payload.data, payload.len) == (ssize_t)payload.len);
    lseek(in, 0, SEEK_SET);
    enum tide_err err = age_payload_open(in, out, file_key, NULL, &work);
    ASSERT(err == expected);
    if (err == TIDE_OK) ASSERT(lseek(out, 0, SEEK_END) == (off_t)expected_len);
    close(in);
    close(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bytes in = BYTES(data, len);
    struct age_header header;
    uint8_t file_key[16], *plain;
    size_t header_len, plain_len;

    if (crypto_init() != TIDE_OK) return 0;
    memset(secret, 0x42, sizeof secret);
    (void)age_grant_is_well_formed(in);
    if (age_header_parse(in, &header) == TIDE_OK) ASSERT(header.len <= len && header.len <= AGE_HEADER_MAX);
    enum tide_err err = age_file_open(in, secret, &plain, &plain_len);
    ASSERT((err == TIDE_OK) == (plain != NULL));
    free(plain);
    if (age_header_open(in, secret, file_key, &header_len) != TIDE_OK) return 0;
    open_streamed(BYTES(data + header_len, len - header_len), file_key, err, plain_len);
    return 0;
}
