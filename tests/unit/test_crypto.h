/*
 * What the tests of crypto/ share: hex, and a directory of one's own.
 */
#ifndef TIDEMARK_TESTS_TEST_CRYPTO_H
#define TIDEMARK_TESTS_TEST_CRYPTO_H

#include "crypto/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* Reads exactly `len` bytes of hex. */
static inline void from_hex(const char *hex, uint8_t *out, size_t len)
{
    assert_int_equal(strlen(hex), 2 * len);
    for (size_t i = 0; i < len; i++) {
        unsigned byte;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

static inline void assert_hex(const uint8_t *got, size_t len, const char *hex)
{
    char text[2 * 128 + 1];
    assert_true(len <= 128);
    for (size_t i = 0; i < len; i++) sprintf(text + 2 * i, "%02x", got[i]);
    assert_string_equal(text, hex);
}

/* 0, 1, 2, … from `first`. */
static inline void count_up(uint8_t *out, size_t len, unsigned first)
{
    for (size_t i = 0; i < len; i++) out[i] = (uint8_t)(first + i);
}

/* A new directory under TMPDIR; scratch_free removes it with what is in it. */
static inline char *scratch_new(void)
{
    const char *base = getenv("TMPDIR");
    char *path = malloc(4096);
    assert_non_null(path);
    snprintf(path, 4096, "%s/tidemark-test-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void scratch_free(char *path)
{
    char command[4200];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
    free(path);
}

#endif
