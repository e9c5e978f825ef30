/*
 * `DIR`/ports: which door listens where, one line each ("lobby 7420"), for the processes among themselves and for
 * `tidemarkd info`. Written by several processes: each change is made under a lock on the folder and replaces the file.
 *
 * Always holds: a reader sees a whole file. A port of 0 takes the door's line away.
 */
#include "broker/server/processes.h"
#include "broker/server/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#define PORTS_MAX 16
#define DOOR_NAME_MAX 16

struct port_line {
    char door[DOOR_NAME_MAX];
    unsigned port;
};

static size_t read_lines(const char *path, struct port_line lines[PORTS_MAX])
{
    size_t n = 0;
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    while (n < PORTS_MAX && fscanf(file, "%15s %5u", lines[n].door, &lines[n].port) == 2) n++;
    fclose(file);
    return n;
}

static enum tide_err replace_file(const char *dir, const char *path, const struct port_line *lines, size_t n)
{
    char temporary[1100];
    if (!text_path(temporary, sizeof temporary, dir, "ports.new")) return TIDE_EINVAL;
    FILE *file = fopen(temporary, "we");
    if (!file) return errno == EACCES ? TIDE_EDENIED : TIDE_EIO;
    for (size_t i = 0; i < n; i++) fprintf(file, "%s %u\n", lines[i].door, lines[i].port);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed || rename(temporary, path) != 0) {
        unlink(temporary);
        return TIDE_EIO;
    }
    return TIDE_OK;
}

enum tide_err ports_write(const char *dir, const char *door, uint16_t port)
{
    ASSERT(strlen(door) < DOOR_NAME_MAX);
    char path[1100];
    if (!text_path(path, sizeof path, dir, "ports")) return TIDE_EINVAL;
    int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0) return errno == ENOENT ? TIDE_ENOTFOUND : TIDE_EIO;
    int locked;
    do locked = flock(lock, LOCK_EX);
    while (locked != 0 && errno == EINTR);

    struct port_line lines[PORTS_MAX + 1];
    size_t n = read_lines(path, lines), kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(lines[i].door, door) != 0) lines[kept++] = lines[i];
    }
    if (port != 0) {
        memcpy(lines[kept].door, door, strlen(door) + 1);
        lines[kept++].port = port;
    }
    enum tide_err err = replace_file(dir, path, lines, kept);
    close(lock);
    return err;
}

uint16_t ports_read(const char *dir, const char *door)
{
    char path[1100];
    struct port_line lines[PORTS_MAX];
    if (!text_path(path, sizeof path, dir, "ports")) return 0;
    size_t n = read_lines(path, lines);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(lines[i].door, door) == 0 && lines[i].port <= 65535) return (uint16_t)lines[i].port;
    }
    return 0;
}
