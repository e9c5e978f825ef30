/*
 * The identity file: comment lines, then one line with the secret, then lines with older secrets.
 *
 * Always holds: the file is private to its owner before it holds a byte, complete and synced before it has its name,
 * and never takes the place of another. Every buffer that held a secret is wiped, also when something fails.
 */
#include "crypto/age.h"
#include "crypto/file.h"
#include "crypto/identity_private.h"
#include "crypto/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES_MAX 65536u /* a wrapped file with every older seed has some 4 KiB */
#define SCRYPT_LOG2_N 18      /* as age: about a second */
#define WRAPPED_PREFIX "age-encryption.org/"
#define NAME_BYTES_MAX 256

/* --- reading --- */

enum tide_err identity_parse(struct bytes content, struct identity **out)
{
    uint8_t seeds[1 + IDENTITY_OLDER_MAX][32];
    enum tide_err err = TIDE_EMALFORMED;
    struct bytes line;
    size_t n = 0;

    *out = NULL;
    while (content.len > 0) {
        if (!line_take(&content, &line)) { /* the last line may lack its \n */
            line = content;
            content.len = 0;
        }
        if (line.len > 0 && line.data[line.len - 1] == '\r') line.len--;
        if (line.len == 0 || line.data[0] == '#') continue;
        if (n == ARRAY_LEN(seeds) || bech32_decode(SECRET_PREFIX, line, seeds[n]) != TIDE_OK) goto out;
        n++;
    }
    if (n > 0) err = identity_with_older(seeds[0], (const uint8_t(*)[32])(seeds + 1), n - 1, out);
out:
    sodium_memzero(seeds, sizeof seeds);
    return err;
}

/* Opens a secret file; refuses one that others can read. */
static enum tide_err secret_open(const char *path, int *fd)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (*fd < 0) return err_of_errno(errno);
    if (fstat(*fd, &st) != 0) return err_of_errno(errno);
    if (!S_ISREG(st.st_mode)) return TIDE_EMALFORMED;
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) return TIDE_EDENIED;
    return TIDE_OK;
}

static enum tide_err parse_wrapped(struct bytes file, struct bytes passphrase, struct identity **out)
{
    uint8_t *plain;
    size_t plain_len;
    if (passphrase.len == 0) return TIDE_EAUTH;
    enum tide_err err = age_file_open_passphrase(file, passphrase, &plain, &plain_len);
    if (err != TIDE_OK) return err;
    err = identity_parse(BYTES(plain, plain_len), out);
    sodium_memzero(plain, plain_len);
    free(plain);
    return err;
}

enum tide_err identity_load(const char *path, struct bytes passphrase, struct identity **out)
{
    uint8_t *content = NULL;
    size_t len = 0;
    int fd;

    *out = NULL;
    enum tide_err err = secret_open(path, &fd);
    if (err != TIDE_OK) goto out;
    content = sodium_malloc(FILE_BYTES_MAX + 1);
    if (content == NULL) {
        err = TIDE_ENOMEM;
        goto out;
    }
    struct iovec piece = {.iov_base = content, .iov_len = FILE_BYTES_MAX + 1};
    err = file_read_pieces(fd, &piece, 1, NULL, NULL, &len);
    if (err == TIDE_OK && len > FILE_BYTES_MAX) err = TIDE_EMALFORMED;
    if (err != TIDE_OK) goto out;

    struct bytes file = BYTES(content, len), rest = file;
    err = prefix_take(&rest, WRAPPED_PREFIX) ? parse_wrapped(file, passphrase, out) : identity_parse(file, out);
out:
    if (content != NULL) sodium_free(content);
    if (fd >= 0) close(fd);
    return err;
}

bool identity_is_wrapped(const char *path)
{
    char start[sizeof WRAPPED_PREFIX - 1];
    size_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return false;
    struct iovec piece = {.iov_base = start, .iov_len = sizeof start};
    enum tide_err err = file_read_pieces(fd, &piece, 1, NULL, NULL, &got);
    close(fd);
    return err == TIDE_OK && got == sizeof start && memcmp(start, WRAPPED_PREFIX, got) == 0;
}

/* --- writing --- */

static bool name_is_good(const char *name)
{
    if (strlen(name) > NAME_BYTES_MAX) return false;
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) return false;
    }
    return true;
}

/* The plain content; `content` has room for FILE_BYTES_MAX. */
static size_t content_format(const struct identity *id, const char *name, uint64_t created_ms, char *content)
{
    char text[BECH32_TEXT_MAX], created[64] = "";
    time_t created_s = (time_t)(created_ms / 1000);
    struct tm utc;

    if (gmtime_r(&created_s, &utc) != NULL) strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc);
    bech32_encode(PARTY_PREFIX, id->party, text);
    char *at = content;
    at += sprintf(at, "# name: %s\n# party: %s\n# created: %s\n", name, text, created);
    bech32_encode(SECRET_PREFIX, id->seed, text);
    at += sprintf(at, "%s\n", text);
    if (id->n_older > 0) at += sprintf(at, "# older secrets, kept to open what was sealed to them\n");
    for (size_t i = 0; i < id->n_older; i++) {
        bech32_encode(SECRET_PREFIX, id->older[i]->seed, text);
        at += sprintf(at, "%s\n", text);
    }
    sodium_memzero(text, sizeof text);
    return (size_t)(at - content);
}

static enum tide_err directory_sync(const char *path)
{
    char copy[PATH_MAX];
    if (strlen(path) >= sizeof copy) return TIDE_EINVAL;
    strcpy(copy, path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return err_of_errno(errno);
    enum tide_err err = fsync(fd) == 0 ? TIDE_OK : err_of_errno(errno);
    close(fd);
    return err;
}

/* Under a name of its own first: whoever finds `path` finds it whole. link() will not replace what is there. */
static enum tide_err secret_write(const char *path, struct bytes data)
{
    char draft[PATH_MAX];
    int len = snprintf(draft, sizeof draft, "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof draft) return TIDE_EINVAL;
    int fd = mkostemp(draft, O_CLOEXEC); /* makes it 0600 */
    if (fd < 0) return err_of_errno(errno);

    enum tide_err err = fchmod(fd, S_IRUSR | S_IWUSR) == 0 ? TIDE_OK : err_of_errno(errno);
    if (err == TIDE_OK) err = file_write(fd, data);
    if (err == TIDE_OK && fsync(fd) != 0) err = err_of_errno(errno);
    if (close(fd) != 0 && err == TIDE_OK) err = err_of_errno(errno);
    if (err == TIDE_OK && link(draft, path) != 0) err = err_of_errno(errno);
    unlink(draft);
    return err == TIDE_OK ? directory_sync(path) : err;
}

enum tide_err identity_save(const struct identity *id, const char *path, const char *name, uint64_t created_ms,
                            struct bytes passphrase)
{
    struct stat st;
    uint8_t *wrapped = NULL;
    size_t wrapped_len = 0;

    if (!name_is_good(name)) return TIDE_EINVAL;
    if (lstat(path, &st) == 0) return TIDE_EEXIST; /* before a second of scrypt; link() is what decides */
    char *content = sodium_malloc(FILE_BYTES_MAX);
    if (content == NULL) return TIDE_ENOMEM;
    struct bytes data = BYTES(content, content_format(id, name, created_ms, content));
    enum tide_err err = TIDE_OK;
    if (passphrase.len > 0) {
        err = age_file_seal_passphrase(data, passphrase, SCRYPT_LOG2_N, &wrapped, &wrapped_len);
        data = BYTES(wrapped, wrapped_len);
    }
    if (err == TIDE_OK) err = secret_write(path, data);
    free(wrapped);
    sodium_free(content);
    return err;
}
