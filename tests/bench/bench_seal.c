/*
 * S6: sealing and opening 1 GiB on a memory disk, commitment included, against Debian's `age` on the same file, and
 * opening as `tidemark open` does, where there is no listing whose commitment could be checked; S7: the peak memory of
 * doing it. Every output is a new file, for both: freeing an old one is on nobody's clock.
 *
 *     bench_seal [DIR=/dev/shm] [MIB=1024] [RUNS=5]
 */
#include "crypto/age.h"
#include "crypto/identity.h"
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { RUNS_MAX = 32 };

static char plain[512], sealed[512], opened[512], by_age[512], key_file[512], recipient[BECH32_TEXT_MAX];
static const uint8_t file_key[16] = {1, 2, 3}, nonce[16] = {4, 5, 6};

static int create(const char *path)
{
    unlink(path);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) bench_fail("cannot write %s", path);
    return fd;
}

static void make_files(size_t mib)
{
    static uint8_t block[1 << 20];
    struct identity *id = NULL;
    char secret[BECH32_TEXT_MAX];
    int fd = create(plain);
    for (size_t i = 0; i < mib; i++) {
        random_bytes(block, sizeof block);
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block) bench_fail("disk full");
    }
    close(fd);
    if (identity_new(&id)) bench_fail("identity_new");
    bech32_encode(RECIPIENT_PREFIX, identity_seal_public(id), recipient);
    bech32_encode(AGE_SECRET_PREFIX, identity_seal_secret(id), secret);
    FILE *key = fopen(key_file, "w");
    if (!key) bench_fail("key file");
    fprintf(key, "%s\n", secret);
    fclose(key);
    identity_free(&id);
}

/* The median of how many times as long `other` took, pair by pair: a machine that drifts drifts for both of a pair. */
static double times_as_fast(const double *ours, const double *other, size_t runs)
{
    double ratios[RUNS_MAX];
    for (size_t i = 0; i < runs; i++) ratios[i] = other[i] / ours[i];
    return bench_median(ratios, runs);
}

/* `makes`: a file that it writes anew, or NULL. */
static double run_command(const char *makes, const char *format, const char *a, const char *b, const char *c)
{
    char command[2048];
    if (makes != NULL) unlink(makes);
    snprintf(command, sizeof command, format, a, b, c);
    double start = bench_seconds();
    if (system(command)) bench_fail("%s", command);
    return bench_seconds() - start;
}

static double seal_once(struct age_commitment *commitment)
{
    int in = open(plain, O_RDONLY), out = create(sealed);
    double start = bench_seconds();
    if (age_payload_seal(in, out, -1, file_key, nonce, &(struct age_work){0}, commitment)) bench_fail("seal");
    double seconds = bench_seconds() - start;
    close(in);
    close(out);
    return seconds;
}

/* `commitment` may be NULL. */
static double open_once(const struct age_commitment *commitment)
{
    int in = open(sealed, O_RDONLY), out = create(opened);
    double start = bench_seconds();
    if (age_payload_open(in, out, file_key, commitment, &(struct age_work){0})) bench_fail("open");
    double seconds = bench_seconds() - start;
    close(in);
    close(out);
    return seconds;
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : "/dev/shm";
    size_t mib = argc > 2 ? strtoul(argv[2], NULL, 10) : 1024;
    size_t runs = argc > 3 ? strtoul(argv[3], NULL, 10) : 5;
    double seal[RUNS_MAX], open_[RUNS_MAX], open_file[RUNS_MAX], age_seal[RUNS_MAX], age_open[RUNS_MAX];
    char folder[256];
    struct age_commitment commitment;
    if (crypto_init() || runs < 1 || runs > RUNS_MAX) return 2;
    snprintf(folder, sizeof folder, "%s/tidemark-bench.XXXXXX", dir);
    if (!mkdtemp(folder)) bench_fail("mkdtemp");
    snprintf(plain, sizeof plain, "%s/plain", folder);
    snprintf(sealed, sizeof sealed, "%s/sealed", folder);
    snprintf(opened, sizeof opened, "%s/opened", folder);
    snprintf(by_age, sizeof by_age, "%s/age", folder);
    snprintf(key_file, sizeof key_file, "%s/key", folder);
    make_files(mib);
    for (size_t i = 0; i < runs; i++) {
        seal[i] = seal_once(&commitment);
        age_seal[i] = run_command(by_age, "age -r '%s' -o '%s' '%s'", recipient, by_age, plain);
        open_[i] = open_once(&commitment);
        open_file[i] = open_once(NULL);
        age_open[i] = run_command(opened, "age -d -i '%s' '%s' > '%s'", key_file, by_age, opened);
    }
    if (open_once(&commitment) <= 0) return 1;
    run_command(NULL, "cmp '%s' '%s'%s", plain, opened, "");
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    /* Before the medians, which sort. */
    double seal_ratio = times_as_fast(seal, age_seal, runs), open_ratio = times_as_fast(open_, age_open, runs),
           file_ratio = times_as_fast(open_file, age_open, runs);
    double s = bench_median(seal, runs), o = bench_median(open_, runs), f = bench_median(open_file, runs);
    double as = bench_median(age_seal, runs), ao = bench_median(age_open, runs);
    double size = (double)mib;
    bench_line("S6-seal", "seal with commitment", size / s, "MiB/s", "age -r", size / as, seal_ratio, 1.3, 1.8);
    bench_line("S6-open", "open, commitment checked", size / o, "MiB/s", "age -d", size / ao, open_ratio, 2, 3);
    bench_line("S6-open-file", "open, no commitment to check", size / f, "MiB/s", "age -d", size / ao, file_ratio, 2, 3);
    bench_line("S7", "peak memory of both", (double)usage.ru_maxrss / 1024, "MiB", "limit", 64, (double)usage.ru_maxrss / 1024 / 64, 1, 0.5);
    return run_command(NULL, "rm -rf '%s'%s%s", folder, "", "") < 0;
}
