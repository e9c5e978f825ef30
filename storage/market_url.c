/*
 * The market's URL, written and read.
 *
 * Always holds: one market has one text; what parses is, formatted again, the same text. It comes from a mail or a
 * web page, so that it is bounded and read strictly.
 * Not here: whether anybody listens there.
 */
#include "storage/market_url.h"

#include "crypto/note.h"

#include <stdio.h>

#define SCHEME "tidemark://"
#define KEY_TEXT_LEN 43 /* 32 bytes in unpadded base64url */

/* ---- base64url over crypto's base64 ---- */

static void key_format(const uint8_t key[32], char out[KEY_TEXT_LEN + 2])
{
    base64_encode(BYTES(key, 32), out);
    for (size_t i = 0; i < KEY_TEXT_LEN; i++) {
        if (out[i] == '+') out[i] = '-';
        if (out[i] == '/') out[i] = '_';
    }
    out[KEY_TEXT_LEN] = '\0';
}

static bool key_parse(const char *text, uint8_t key[32])
{
    char standard[KEY_TEXT_LEN + 1];
    size_t len;

    for (size_t i = 0; i < KEY_TEXT_LEN; i++) {
        if (text[i] == '\0' || text[i] == '+' || text[i] == '/') return false;
        standard[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
    }
    standard[KEY_TEXT_LEN] = '=';
    return base64_decode(BYTES(standard, sizeof standard), key, 32, &len) == TIDE_OK && len == 32;
}

/* ---- the parts ---- */

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Characters of an origin that a URL's path shows as they are; the others are percent-encoded. */
static bool is_path_char(char c)
{
    return is_alnum(c) || (c != '\0' && strchr("-._~/:@!$&'()*,;=", c) != NULL);
}

/* A name, an IPv4 address, or an IPv6 address (known by its colons). */
static bool host_is_good(const char *host)
{
    if (host[0] == '\0') return false;
    bool v6 = strchr(host, ':') != NULL;
    for (const char *c = host; *c != '\0'; c++) {
        if (v6 ? !is_alnum(*c) && *c != ':' && *c != '.' && *c != '%' : !is_alnum(*c) && *c != '-' && *c != '.' && *c != '_') {
            return false;
        }
    }
    return true;
}

void market_url_format(const struct market_url *url, char out[MARKET_URL_MAX])
{
    char origin[3 * LIMIT_ORIGIN_BYTES + 1], market[KEY_TEXT_LEN + 2], log[KEY_TEXT_LEN + 2], wire[KEY_TEXT_LEN + 2];
    char *to = origin;

    for (const char *c = url->origin; *c != '\0'; c++) {
        if (is_path_char(*c)) *to++ = *c;
        else to += sprintf(to, "%%%02X", (unsigned char)*c);
    }
    *to = '\0';
    key_format(url->market, market);
    key_format(url->log_key, log);
    key_format(url->wire_key, wire);
    bool v6 = strchr(url->host, ':') != NULL;
    snprintf(out, MARKET_URL_MAX, SCHEME "%s%s%s:%u/%s?market=%s&log=%s&wire=%s", v6 ? "[" : "", url->host, v6 ? "]" : "",
             (unsigned)url->port, origin, market, log, wire);
}

/* Each takes its part off the front of *text. */
static bool take(const char **text, const char *expected)
{
    size_t len = strlen(expected);
    if (strncmp(*text, expected, len) != 0) return false;
    *text += len;
    return true;
}

static bool take_host(const char **text, char host[256])
{
    bool v6 = take(text, "[");
    size_t len = strcspn(*text, v6 ? "]" : ":/?#");
    if (len == 0 || len > 255) return false;
    memcpy(host, *text, len);
    host[len] = '\0';
    *text += len;
    if (!host_is_good(host) || v6 != (strchr(host, ':') != NULL)) return false;
    return v6 ? take(text, "]:") : take(text, ":");
}

static bool take_port(const char **text, uint16_t *port)
{
    uint32_t value = 0;
    size_t n = 0;
    for (; n < 5 && **text >= '0' && **text <= '9'; n++) value = value * 10 + (uint32_t)(*(*text)++ - '0');
    if (n == 0 || value == 0 || value > 65535) return false;
    *port = (uint16_t)value;
    return take(text, "/");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool take_origin(const char **text, char origin[LIMIT_ORIGIN_BYTES + 1])
{
    size_t n = 0;
    while (**text != '?') {
        char c = **text;
        if (n == LIMIT_ORIGIN_BYTES) return false;
        if (c == '%') {
            int high = hex_digit((*text)[1]), low = high < 0 ? -1 : hex_digit((*text)[2]);
            if (low < 0) return false;
            int value = high << 4 | low;
            if (value <= ' ' || value == 0x7f || value == '+') return false; /* no name of a log's key */
            c = (char)value;
            *text += 3;
        } else {
            if (!is_path_char(c)) return false;
            (*text)++;
        }
        origin[n++] = c;
    }
    origin[n] = '\0';
    return n > 0 && take(text, "?");
}

static bool take_key(const char **text, const char *name, uint8_t key[32])
{
    if (!take(text, name) || !key_parse(*text, key)) return false;
    *text += KEY_TEXT_LEN;
    return true;
}

static bool parse(const char *text, struct market_url *out)
{
    return take(&text, SCHEME) && take_host(&text, out->host) && take_port(&text, &out->port) &&
           take_origin(&text, out->origin) && take_key(&text, "market=", out->market) &&
           take_key(&text, "&log=", out->log_key) && take_key(&text, "&wire=", out->wire_key) && *text == '\0';
}

enum tide_err market_url_parse(const char *text, struct market_url *out)
{
    char again[MARKET_URL_MAX];

    memset(out, 0, sizeof *out);
    if (strnlen(text, MARKET_URL_MAX) < MARKET_URL_MAX && parse(text, out)) {
        market_url_format(out, again);
        if (strcmp(text, again) == 0) return TIDE_OK; /* leading zeros, needless escapes: refused */
    }
    memset(out, 0, sizeof *out);
    return TIDE_EMALFORMED;
}
