/*
 * The mark: whether the state on disk may be believed. State is committed without waiting for the disk, so that after
 * a power cut its file may be anything; the page cache, and with it every commit, survives the death of a process.
 *
 * Always holds: while a mark is there, the file it names holds whole commits as long as this boot lasts; with `clean`
 * in it, also after it. The mark is on disk before the first commit that relies on it.
 * Not here: what to do when it does not vouch (state.c starts from nothing).
 */
#include "storage/state_internal.h"

#include "storage/checksum.h"
#include "storage/files.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN 36
#define MARK_MAX 512

/* Rows are structs in native order: another layout makes the file another file. */
static uint64_t layout_of_tables(void)
{
#define TABLE_LAYOUT(NAME, name, key_bytes, row, doc) #name " " #key_bytes " " #row ";"
#define TABLE_ROW_SIZE(NAME, name, key_bytes, row, doc) sizeof(struct row),
    static const char names[] = TABLES(TABLE_LAYOUT);
    static const uint64_t sizes[] = {TABLES(TABLE_ROW_SIZE)};
    return checksum_of(STATE_FORMAT, BYTES(names, sizeof names), BYTES(sizes, sizeof sizes));
}

/* The mark's text for the data file as it is now. */
static enum tide_err mark_text(const char *dir, bool clean, char out[MARK_MAX])
{
    char path[FILES_PATH_MAX], boot[64];
    struct stat st;
    size_t boot_len;

    enum tide_err err = files_read(BOOT_ID_PATH, boot, sizeof boot, &boot_len);
    if (err == TIDE_OK && boot_len < BOOT_ID_LEN) err = TIDE_EIO;
    if (err == TIDE_OK) err = files_join(path, dir, "data.mdb");
    if (err == TIDE_OK && stat(path, &st) != 0) err = files_err(errno);
    if (err != TIDE_OK) return err;
    snprintf(out, MARK_MAX, "tidemark/state-mark/v1\nlayout %016llx\nboot %.*s\ndevice %llu\ninode %llu\n%s",
             (unsigned long long)layout_of_tables(), BOOT_ID_LEN, boot, (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino, clean ? "clean\n" : "");
    return TIDE_OK;
}

/* Drops the boot line: a clean stop outlives the boot it happened in. */
static void without_boot(char *text)
{
    char *line = strstr(text, "\nboot ");
    if (line == NULL) return;
    char *end = strchr(line + 1, '\n');
    if (end != NULL) memmove(line, end, strlen(end) + 1);
}

bool state_mark_vouches(const char *dir)
{
    char path[FILES_PATH_MAX], mark[MARK_MAX], now[MARK_MAX];
    size_t len;

    if (files_join(path, dir, "mark") != TIDE_OK) return false;
    if (files_read(path, mark, sizeof mark - 1, &len) != TIDE_OK || memchr(mark, '\0', len) != NULL) return false;
    mark[len] = '\0';
    if (mark_text(dir, false, now) != TIDE_OK) return false;
    if (strcmp(mark, now) == 0) return true; /* same boot, same file */

    if (mark_text(dir, true, now) != TIDE_OK) return false;
    without_boot(mark);
    without_boot(now);
    return strcmp(mark, now) == 0;
}

enum tide_err state_mark_write(const char *dir, bool clean)
{
    char path[FILES_PATH_MAX], text[MARK_MAX];
    enum tide_err err = files_join(path, dir, "mark");
    if (err == TIDE_OK) err = mark_text(dir, clean, text);
    if (err == TIDE_OK) err = files_replace(path, BYTES_TEXT(text));
    return err == TIDE_OK ? files_sync_dir(dir) : err;
}

enum tide_err state_mark_remove(const char *dir)
{
    char path[FILES_PATH_MAX];
    enum tide_err err = files_join(path, dir, "mark");
    if (err == TIDE_OK) err = files_remove(path);
    return err == TIDE_OK ? files_sync_dir(dir) : err;
}
