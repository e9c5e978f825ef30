/*
 * `DIR`/tidemark.conf: one table of keys drives reading, bounds and the nearest name of a mistyped one.
 *
 * Always holds: what comes out is complete and within bounds; the first error found is the one that is told.
 */
#include "broker/server/config.h"

#include "broker/server/log.h"
#include "broker/server/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>

struct key {
    const char *name; /* "section.key" */
    bool (*set)(struct config *c, const char *value);
    const char *expects;
};

static bool set_text(char *out, size_t room, const char *value)
{
    if (*value == '\0' || strlen(value) >= room || strpbrk(value, " /?#\"\t")) return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool set_unsigned(unsigned *out, const char *value, uint64_t min, uint64_t max)
{
    uint64_t number;
    if (!text_number(value, max, &number) || number < min) return false;
    *out = (unsigned)number;
    return true;
}

static bool set_listen(struct config *c, const char *value)
{
    uint8_t address[16];
    if (inet_pton(AF_INET, value, address) != 1 && inet_pton(AF_INET6, value, address) != 1) return false;
    return set_text(c->listen, sizeof c->listen, value);
}

static bool set_port_base(struct config *c, const char *value)
{
    uint64_t number;
    if (!text_number(value, 65000, &number)) return false;
    c->port_base = (uint16_t)number;
    return true;
}

static bool set_advertise(struct config *c, const char *value)
{
    return set_text(c->advertise, sizeof c->advertise, value);
}

static bool set_level(struct config *c, const char *value)
{
    static const struct { const char *name; unsigned level; } levels[] = {
        {"error", LOG_LEVEL_ERROR}, {"warning", LOG_LEVEL_WARNING}, {"info", LOG_LEVEL_INFO},
        {"debug", LOG_LEVEL_DEBUG}, {"3", 3}, {"4", 4}, {"5", 5}, {"6", 6}, {"7", 7},
    };
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(value, levels[i].name) != 0) continue;
        c->log_level = levels[i].level;
        return true;
    }
    return false;
}

static bool set_interval(struct config *c, const char *value)
{
    return set_unsigned(&c->publish_interval_ms, value, 10, 3600 * 1000);
}

static bool set_verifiers(struct config *c, const char *value)
{
    return set_unsigned(&c->n_verifiers, value, 0, 256);
}

static bool set_queue(struct config *c, const char *value)
{
    return set_unsigned(&c->queue_length, value, 16, 1 << 20);
}

static bool set_lobby_memory(struct config *c, const char *value)
{
    unsigned mib;
    if (!set_unsigned(&mib, value, 64, 1 << 20)) return false;
    c->lobby_memory_bytes = (uint64_t)mib << 20;
    return true;
}

static bool set_keep_days(struct config *c, const char *value)
{
    return set_unsigned(&c->keep_days, value, 0, 36500);
}

static bool set_location_ca(struct config *c, const char *value)
{
    if (value[0] != '/' || strlen(value) >= sizeof c->location_ca) return false;
    memcpy(c->location_ca, value, strlen(value) + 1);
    return true;
}

static bool set_location_local(struct config *c, const char *value)
{
    c->location_local = strcmp(value, "yes") == 0;
    return c->location_local || strcmp(value, "no") == 0;
}

static const struct key keys[] = {
    {"doors.listen", set_listen, "an IPv4 or IPv6 address"},
    {"doors.port_base", set_port_base, "a port up to 65000, or 0 for free ones"},
    {"doors.advertise", set_advertise, "a host name or address"},
    {"log.level", set_level, "error, warning, info or debug"},
    {"publish.interval_ms", set_interval, "10 to 3600000"},
    {"limits.verifiers", set_verifiers, "0 (one a core) to 256"},
    {"limits.queue", set_queue, "16 to 1048576"},
    {"limits.lobby_memory_mib", set_lobby_memory, "64 to 1048576"},
    {"content.keep_days", set_keep_days, "0 to 36500"},
    {"content.location_ca", set_location_ca, "the path of a file, from / on"},
    {"content.location_local", set_location_local, "yes or no"},
};

const char *config_set(struct config *c, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(key, keys[i].name) == 0) return keys[i].set(c, value) ? NULL : keys[i].expects;
    }
    return "a known key";
}

struct reading {
    struct config *config;
    char *why;
    size_t why_len;
    bool failed;
};

static int refuse_unknown(struct reading *r, const char *full)
{
    const char *names[ARRAY_LEN(keys)];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) names[i] = keys[i].name;
    const char *nearest = text_nearest(full, names, ARRAY_LEN(keys));
    const char *dot = nearest ? strchr(nearest, '.') : NULL;
    int section_len = dot ? (int)(dot - nearest) : 0;
    if (!dot) snprintf(r->why, r->why_len, "unknown key %s", full);
    else snprintf(r->why, r->why_len, "unknown key %s; the nearest is [%.*s] %s", full, section_len, nearest, dot + 1);
    r->failed = true;
    return 0;
}

/* inih's callback, once a key; 0 tells it that the line is wrong. */
static int take_key(void *ctx, const char *section, const char *name, const char *value)
{
    struct reading *r = ctx;
    if (r->failed) return 1; /* only the first error is told */
    char full[128];
    snprintf(full, sizeof full, "%s.%s", *section ? section : "(no section)", name);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strcmp(full, keys[i].name) != 0) continue;
        if (keys[i].set(r->config, value)) return 1;
        snprintf(r->why, r->why_len, "[%s] %s = %.64s: expected %s", section, name, value, keys[i].expects);
        r->failed = true;
        return 0;
    }
    return refuse_unknown(r, full);
}

static void config_defaults(const char *dir, struct config *out)
{
    *out = (struct config){.port_base = 7420, .log_level = LOG_LEVEL_INFO, .publish_interval_ms = 1000,
                           .queue_length = 8192, .lobby_memory_bytes = UINT64_C(512) << 20, .keep_days = 30};
    snprintf(out->dir, sizeof out->dir, "%s", dir);
    snprintf(out->listen, sizeof out->listen, "127.0.0.1");
    snprintf(out->advertise, sizeof out->advertise, "127.0.0.1");
}

enum tide_err config_load(const char *dir, struct config *out, char *why, size_t why_len)
{
    memset(out, 0, sizeof *out);
    snprintf(why, why_len, "the path of the folder is too long");
    char path[sizeof out->dir + 16];
    if (strlen(dir) >= sizeof out->dir || !text_path(path, sizeof path, dir, "tidemark.conf")) return TIDE_EINVAL;
    config_defaults(dir, out);

    FILE *file = fopen(path, "re");
    if (!file) {
        int error = errno;
        snprintf(why, why_len, "%s: %s", path, strerror(error));
        return error == ENOENT || error == ENOTDIR ? TIDE_ENOTFOUND : error == EACCES ? TIDE_EDENIED : TIDE_EIO;
    }
    char first_why[192] = "the line is neither [section] nor key = value";
    struct reading reading = {out, first_why, sizeof first_why, false};
    int line = ini_parse_file(file, take_key, &reading);
    bool unreadable = ferror(file) != 0;
    fclose(file);
    if (unreadable || line < 0) {
        snprintf(why, why_len, "%s: cannot be read", path);
        return TIDE_EIO;
    }
    if (line == 0) {
        *why = '\0';
        return TIDE_OK;
    }
    snprintf(why, why_len, "%s, line %d: %s", path, line, first_why);
    memset(out, 0, sizeof *out);
    return TIDE_EMALFORMED;
}
