/*
 * Ranges of one https resource, over libcurl's multi interface: one transfer at a time, on a connection that is kept.
 *
 * Always holds: certificates are verified; nothing but https is spoken, no redirect followed, no proxy asked; an address is
 * judged when it is connected to, so that a name that resolves anew is judged anew; no more is written than was asked for.
 * Not here: what the bytes are (the caller holds them against a manifest).
 */
#include "storage/https.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS 10000L
#define SLOW_BYTES_PER_S 1024L /* slower than this … */
#define SLOW_S 30L             /* … for so long is given up */
#define WAIT_MS 500

struct https {
    CURL *easy;
    CURLM *multi;
    bool allow_local;
    /* of the range under way */
    uint8_t *out;
    size_t len, got;
    bool denied, no_range;
    char why_curl[CURL_ERROR_SIZE];
};

/* ---- addresses ---- */

static bool is_public_v4(uint32_t a)
{
    static const struct { uint32_t net; unsigned bits; } others[] = {
        {0x00000000, 8},  /* this network */
        {0x0a000000, 8},  /* private */
        {0x64400000, 10}, /* of carriers */
        {0x7f000000, 8},  /* loopback */
        {0xa9fe0000, 16}, /* link */
        {0xac100000, 12}, /* private */
        {0xc0000000, 24}, /* protocol assignments */
        {0xc0000200, 24}, /* documentation */
        {0xc0a80000, 16}, /* private */
        {0xc6120000, 15}, /* benchmarks */
        {0xc6336400, 24}, /* documentation */
        {0xcb007100, 24}, /* documentation */
        {0xe0000000, 4},  /* multicast */
        {0xf0000000, 4},  /* reserved, broadcast */
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if ((a ^ others[i].net) >> (32 - others[i].bits) == 0) return false;
    }
    return true;
}

static uint32_t be32_get(const uint8_t in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* Of IPv6 only what is handed out as global unicast (2000::/3), and of that no tunnel that hides a v4 address. */
static bool is_public_v6(const uint8_t a[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    if (memcmp(a, mapped, sizeof mapped) == 0 || memcmp(a, nat64, sizeof nat64) == 0) return is_public_v4(be32_get(a + 12));
    if (a[0] >> 5 != 1) return false;
    if (a[0] == 0x20 && a[1] == 0x02) return is_public_v4(be32_get(a + 2)); /* 6to4 */
    bool teredo = a[0] == 0x20 && a[1] == 0x01 && a[2] == 0 && a[3] == 0;
    bool documentation = a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8;
    return !teredo && !documentation;
}

bool https_address_is_public(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        return is_public_v4(ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    }
    return address->sa_family == AF_INET6 &&
           is_public_v6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct https *h = ctx;
    (void)purpose;
    if (!h->allow_local && !https_address_is_public(&address->addr)) {
        h->denied = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* ---- opening ---- */

static void init_once(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* Anything but 206 is no range: nothing of it is read. */
static size_t take_bytes(char *data, size_t size, size_t n, void *ctx)
{
    struct https *h = ctx;
    long status = 0;

    (void)size; /* always 1 */
    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 206 || n > h->len - h->got) {
        h->no_range = true;
        return 0;
    }
    memcpy(h->out + h->got, data, n);
    h->got += n;
    return n;
}

#define SET(option, value) (curl_easy_setopt(h->easy, option, value) == CURLE_OK)

static bool set_options(struct https *h, const char *url, const struct https_options *o)
{
    return SET(CURLOPT_URL, url) && SET(CURLOPT_PROTOCOLS_STR, "https") && SET(CURLOPT_FOLLOWLOCATION, 0L) &&
           SET(CURLOPT_PROXY, "") && SET(CURLOPT_SSL_VERIFYPEER, 1L) && SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
           SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
           (o->ca_file == NULL || (SET(CURLOPT_CAINFO, o->ca_file) && SET(CURLOPT_CAPATH, NULL))) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS) &&
           SET(CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES_PER_S) && SET(CURLOPT_LOW_SPEED_TIME, SLOW_S) &&
           SET(CURLOPT_OPENSOCKETFUNCTION, open_socket) && SET(CURLOPT_OPENSOCKETDATA, h) &&
           SET(CURLOPT_WRITEFUNCTION, take_bytes) && SET(CURLOPT_WRITEDATA, h) && SET(CURLOPT_TCP_KEEPALIVE, 1L) &&
           SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) && SET(CURLOPT_ERRORBUFFER, h->why_curl) &&
           SET(CURLOPT_USERAGENT, "tidemark");
}

enum tide_err https_open(const char *url, const struct https_options *options, struct https **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    *out = NULL;
    if (strncmp(url, "https://", 8) != 0 || url[8] == '\0') return TIDE_EINVAL;
    pthread_once(&once, init_once);
    struct https *h = calloc(1, sizeof *h);
    if (h == NULL) return TIDE_ENOMEM;
    h->allow_local = options->allow_local;
    h->easy = curl_easy_init();
    h->multi = curl_multi_init();
    if (h->easy == NULL || h->multi == NULL || !set_options(h, url, options)) {
        https_close(&h);
        return TIDE_ENOMEM;
    }
    *out = h;
    return TIDE_OK;
}

void https_close(struct https **h)
{
    if (*h == NULL) return;
    if ((*h)->easy != NULL) curl_easy_cleanup((*h)->easy);
    if ((*h)->multi != NULL) curl_multi_cleanup((*h)->multi);
    free(*h);
    *h = NULL;
}

/* ---- reading ---- */

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Drives the transfer to its end. */
static enum tide_err drive(struct https *h, https_wait wait, void *wait_ctx, CURLcode *result)
{
    uint64_t asked_ms = now_ms();
    int running = 1, left;

    while (running > 0) {
        if (curl_multi_perform(h->multi, &running) != CURLM_OK) return TIDE_EIO;
        if (running > 0 && curl_multi_poll(h->multi, NULL, 0, WAIT_MS, NULL) != CURLM_OK) return TIDE_EIO;
        if (wait == NULL || now_ms() - asked_ms < WAIT_MS) continue;
        asked_ms = now_ms();
        if (!wait(wait_ctx)) return TIDE_ECANCELED;
    }
    CURLMsg *message = curl_multi_info_read(h->multi, &left);
    if (message == NULL || message->msg != CURLMSG_DONE) return TIDE_EIO;
    *result = message->data.result;
    return TIDE_OK;
}

static enum tide_err because(char why[HTTPS_WHY_MAX], enum tide_err err, const char *words)
{
    snprintf(why, HTTPS_WHY_MAX, "%s", words);
    return err;
}

/* What a transfer that has ended came to. */
static enum tide_err judge_end(struct https *h, CURLcode result, char why[HTTPS_WHY_MAX])
{
    long status = 0;

    curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
    if (h->denied && status == 0) {
        return because(why, TIDE_EDENIED, "its address is in a private or local network, which is not allowed");
    }
    if (status != 0 && status != 200 && status != 206) {
        snprintf(why, HTTPS_WHY_MAX, "the server answers with status %ld", status);
        return status == 416 ? TIDE_EMALFORMED : TIDE_EIO;
    }
    if (status == 200 || h->no_range) {
        return because(why, TIDE_EMALFORMED, "the server does not serve the range of bytes that was asked for");
    }
    bool distrusted = result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CACERT_BADFILE;
    if (distrusted) return because(why, TIDE_EDENIED, curl_easy_strerror(result)); /* the same again would not help */
    if (result != CURLE_OK) return because(why, TIDE_EIO, curl_easy_strerror(result));
    if (h->got < h->len) return because(why, TIDE_EMALFORMED, "the server has fewer bytes than the listing says");
    return TIDE_OK;
}

/* A server may send another range than was asked for, and says so. */
static bool range_is_right(struct https *h, uint64_t offset)
{
    struct curl_header *header;
    char expected[64];

    if (curl_easy_header(h->easy, "Content-Range", 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return false;
    snprintf(expected, sizeof expected, "bytes %" PRIu64 "-", offset);
    return strncmp(header->value, expected, strlen(expected)) == 0;
}

enum tide_err https_read(struct https *h, uint64_t offset, size_t len, uint8_t *out, https_wait wait, void *wait_ctx,
                         char why[HTTPS_WHY_MAX])
{
    char range[64];
    CURLcode result = CURLE_OK;

    why[0] = '\0';
    if (len == 0) return TIDE_OK;
    h->out = out;
    h->len = len;
    h->got = 0;
    h->denied = h->no_range = false;
    snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, offset, offset + len - 1);
    if (!SET(CURLOPT_RANGE, range) || curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) {
        return because(why, TIDE_ENOMEM, "no memory");
    }
    enum tide_err err = drive(h, wait, wait_ctx, &result);
    /* A name server that does not answer would hold up who wants to stop: its thread ends by itself. */
    (void)SET(CURLOPT_QUICK_EXIT, err == TIDE_ECANCELED ? 1L : 0L);
    curl_multi_remove_handle(h->multi, h->easy);
    h->out = NULL;
    if (err == TIDE_ECANCELED) return because(why, err, "stopped");
    if (err != TIDE_OK) return because(why, err, "the transfer could not be driven");
    err = judge_end(h, result, why);
    if (err == TIDE_OK && !range_is_right(h, offset)) {
        err = because(why, TIDE_EMALFORMED, "the server sent another range of bytes than was asked for");
    }
    return err;
}
