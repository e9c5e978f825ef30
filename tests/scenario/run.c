/*
 * The scenario runner: `scenario [--docs PAGE] FILE.market…`. Each file is one market from its beginning; the language is
 * in README.md beside it. Prints a TAP line a file ("ok 1 - …"), where and why one failed, and at the end the counts.
 * With --docs it also holds the tables in PAGE against what the files have shown, or, with TIDEMARK_WRITE_DOCS set,
 * writes them there.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/scenario/coverage.h"

static bool run_file(const char *path)
{
    struct world *w = calloc(1, sizeof *w);
    volatile bool ok = false;
    if (!w) abort();
    world_init(w, path);
    if (setjmp(w->failed) == 0) {
        script_run(w, path);
        world_decide_again(w);
        ok = true;
    }
    world_deinit(w);
    free(w);
    return ok;
}

int main(int argc, char **argv)
{
    int n_failed = 0, n = 0, i = 1;
    const char *page = NULL;
    if (crypto_init() != TIDE_OK) return 1;
    if (argc > 2 && strcmp(argv[1], "--docs") == 0) {
        page = argv[2];
        i = 3;
    }
    for (; i < argc; i++) {
        bool ok = run_file(argv[i]);
        const char *name = strrchr(argv[i], '/');
        printf("%sok %d - %s\n", ok ? "" : "not ", ++n, name ? name + 1 : argv[i]);
        fflush(stdout);
        n_failed += !ok;
    }
    if (page) {
        n_failed += coverage_report(page, getenv("TIDEMARK_WRITE_DOCS") != NULL, n + 1);
        n += 2;
    }
    printf("%d passed, %d failed\n", n - n_failed, n_failed);
    return n_failed > 0 || n == 0;
}
