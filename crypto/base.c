/*
 * The few functions behind base.h: names of errors, and the end of a process whose own invariant is broken.
 *
 * Always holds: nothing here allocates, and nothing depends on any other file of Tidemark.
 * Not here: reaching an assertion with bytes from outside; every decoder answers with an error instead.
 */
#include "crypto/base.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const err_texts[] = {
    [TIDE_OK] = "ok",
    [TIDE_EINVAL] = "invalid argument",
    [TIDE_EMALFORMED] = "malformed",
    [TIDE_EAUTH] = "not authentic",
    [TIDE_ENOTFOUND] = "not found",
    [TIDE_EEXIST] = "exists already",
    [TIDE_EDENIED] = "access denied",
    [TIDE_EBUSY] = "busy",
    [TIDE_EFULL] = "full",
    [TIDE_ELIMIT] = "over a limit",
    [TIDE_EIO] = "input/output error",
    [TIDE_EDAMAGED] = "damaged",
    [TIDE_ENOMEM] = "out of memory",
    [TIDE_ETIMEOUT] = "timed out",
    [TIDE_ECANCELED] = "canceled",
};

const char *tide_err_text(enum tide_err err)
{
    size_t index = (size_t)err;
    if (index >= ARRAY_LEN(err_texts) || err_texts[index] == NULL) return "unknown error";
    return err_texts[index];
}

void assert_failed(const char *cond, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, cond);
    abort();
}
