/*
 * Runs a fuzz target over every file of a corpus, without libFuzzer: what `make check` does with gcc and its sanitizers.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) return -1;
    uint8_t *data = malloc(1 << 20);
    if (!data) {
        fclose(file);
        return -1;
    }
    size_t len = fread(data, 1, 1 << 20, file);
    fclose(file);
    uint8_t *exact = malloc(len ? len : 1); /* an exact block, so that reading past the end is seen */
    if (exact) {
        for (size_t i = 0; i < len; i++) exact[i] = data[i];
        LLVMFuzzerTestOneInput(exact, len);
    }
    free(exact);
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned n = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        struct dirent *entry;
        while (dir && (entry = readdir(dir))) {
            char path[4096];
            if (entry->d_name[0] == '.') continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (run_file(path)) return 1;
            printf("ok %u - %s\n", ++n, entry->d_name);
        }
        if (dir) closedir(dir);
    }
    return n > 0 ? 0 : 1; /* an empty corpus is a mistake */
}
