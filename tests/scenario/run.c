/*
 * The scenario runner: `scenario FILE.market…`. Each file is one market from its beginning; the language is in
 * README.md beside it. Prints a TAP line a file ("ok 1 - …"), where and why one failed, and at the end the counts.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/scenario/world.h"

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
    int n_failed = 0;
    if (crypto_init() != TIDE_OK) return 1;
    for (int i = 1; i < argc; i++) {
        bool ok = run_file(argv[i]);
        const char *name = strrchr(argv[i], '/');
        printf("%sok %d - %s\n", ok ? "" : "not ", i, name ? name + 1 : argv[i]);
        fflush(stdout);
        n_failed += !ok;
    }
    printf("%d passed, %d failed\n", argc - 1 - n_failed, n_failed);
    return n_failed > 0 || argc < 2;
}
