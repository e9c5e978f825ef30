/*
 * A market: opened, closed, turned (dispatched), waited for, interrupted; and the public faces of calls.
 *
 * Always holds: one epoll descriptor stands for all of the market's sockets, and a turn drains them all, so that no news
 * is left behind that no descriptor tells of; while a blocking function waits, every call goes on.
 * Not here: what a call is (call.c).
 */
#include "client/lib/market.h"
#include "client/lib/outbox_share.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 64 /* of one turn, so that a flood of replies does not hold it for ever */

int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int64_t market_until(int timeout_ms)
{
    return timeout_ms < 0 ? -1 : clock_ms() + timeout_ms;
}

/* ---- opening ---- */

/* Makes a folder and those above it. */
static bool make_dirs(const char *path)
{
    char part[4096];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(part, path, len + 1);
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/') continue;
        *p = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) return false;
        *p = '/';
    }
    return mkdir(part, 0700) == 0 || errno == EEXIST;
}

/* $XDG_STATE_HOME/tidemark, or ~/.local/state/tidemark. */
static char *default_state_dir(void)
{
    char *out = NULL;
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state != NULL && state[0] == '/') return asprintf(&out, "%s/tidemark", state) < 0 ? NULL : out;
    if (home == NULL || home[0] == '\0') return NULL;
    return asprintf(&out, "%s/.local/state/tidemark", home) < 0 ? NULL : out;
}

static int outbox_start(struct tide_market *m, const char *state_dir, struct tide_error *error)
{
    char *dir = NULL;
    m->state_dir = state_dir != NULL ? strdup(state_dir) : default_state_dir();
    if (m->state_dir == NULL) {
        return error_set(error, OUTCOME_C_FILE, "No place for the outbox: neither XDG_STATE_HOME nor HOME is set.");
    }
    if (asprintf(&dir, "%s/outbox", m->state_dir) < 0) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    int code = 0;
    if (!make_dirs(dir)) code = error_file(error, "make", dir);
    if (code == 0) {
        enum tide_err err = outbox_take(dir, &m->outbox);
        if (err != TIDE_OK) code = error_set(error, OUTCOME_C_FILE, "The outbox %s: %s.", dir, tide_err_text(err));
    }
    free(dir);
    return code;
}

static int watch_start(struct tide_market *m, struct tide_error *error)
{
    struct epoll_event event = {.events = EPOLLIN};
    m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->epoll_fd < 0 || m->wake_fd < 0 || epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->wake_fd, &event) != 0) {
        return error_set(error, OUTCOME_C_INTERNAL, "epoll: %s.", strerror(errno));
    }
    return 0;
}

int tide_market_open(const struct tide_options *options, struct tide_market **out, struct tide_error *error)
{
    error_clear(error);
    *out = NULL;
    if (crypto_init() != TIDE_OK) return error_set(error, OUTCOME_C_INTERNAL, "No source of randomness.");
    struct tide_market *m = calloc(1, sizeof *m);
    if (m == NULL) return error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    m->epoll_fd = m->wake_fd = -1;
    m->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : 10000;
    m->next_due_ms = INT64_MAX;
    arena_init(&m->scratch, 1u << 20);

    int code = 0;
    if (options->url == NULL || market_url_parse(options->url, &m->url) != TIDE_OK) {
        code = error_set(error, OUTCOME_C_USAGE, "That is not a market's URL (tidemark://HOST:PORT/ORIGIN?market=…).");
    }
    m->location_local = options->location_local;
    if (code == 0 && options->location_ca != NULL && (m->location_ca = strdup(options->location_ca)) == NULL) {
        code = error_set(error, OUTCOME_C_NO_MEMORY, NULL);
    }
    if (code == 0 && options->identity == NULL) {
        code = error_of(error, identity_new(&m->stranger), "Cannot make a key");
        m->identity = m->stranger;
    } else if (code == 0) {
        m->identity = options->identity->id;
        code = outbox_start(m, options->state_dir, error);
    }
    if (code == 0) code = watch_start(m, error);
    if (code == 0) code = wires_init(m, error);
    if (code != 0) tide_market_close(&m);
    *out = m;
    return code;
}

void tide_market_close(struct tide_market **market)
{
    if (market == NULL || *market == NULL) return;
    struct tide_market *m = *market;
    *market = NULL;
    calls_close(m);
    wires_deinit(m);
    outbox_give(&m->outbox);
    identity_free(&m->stranger);
    if (m->epoll_fd >= 0) close(m->epoll_fd);
    if (m->wake_fd >= 0) close(m->wake_fd);
    arena_deinit(&m->scratch);
    free(m->state_dir);
    free(m->location_ca);
    free(m);
}

int need_identity(const struct tide_market *m, struct tide_error *error)
{
    if (m->outbox != NULL) return 0;
    return error_set(error, OUTCOME_C_NO_IDENTITY, "The market was opened without an identity: it can only be asked.");
}

/* ---- turning ---- */
int tide_market_fd(const struct tide_market *market)
{
    return market->epoll_fd;
}

int tide_market_timeout_ms(const struct tide_market *market)
{
    if (market->stir) return 0;
    if (market->calls == NULL || market->next_due_ms == INT64_MAX) return -1;
    int64_t left = market->next_due_ms - clock_ms();
    if (left <= 0) return 0;
    return left > 60000 ? 60000 : (int)left + 1;
}

int tide_market_dispatch(struct tide_market *market, struct tide_error *error)
{
    uint64_t wakes;
    error_clear(error);
    unsigned round = 0;
    do {
        market->stir = false;
        while (read(market->wake_fd, &wakes, sizeof wakes) > 0) continue;
        wires_drain(market);
        calls_expire(market);
        calls_flush(market);
    } while (market->stir && ++round < ROUNDS_MAX);
    return 0;
}

int market_turn(struct tide_market *m, int64_t until_ms, struct tide_error *error)
{
    struct epoll_event events[8];
    if (market_was_interrupted(m, error)) return OUTCOME_C_INTERRUPTED;
    int timeout = tide_market_timeout_ms(m);
    if (until_ms >= 0) {
        int64_t left = until_ms - clock_ms();
        if (left < 0) left = 0;
        if (timeout < 0 || left < timeout) timeout = left > 60000 ? 60000 : (int)left;
    }
    if (epoll_wait(m->epoll_fd, events, (int)ARRAY_LEN(events), timeout) < 0 && errno != EINTR) {
        return error_set(error, OUTCOME_C_INTERNAL, "epoll: %s.", strerror(errno));
    }
    int code = tide_market_dispatch(m, error);
    if (code == 0 && market_was_interrupted(m, error)) code = OUTCOME_C_INTERRUPTED;
    return code;
}

int market_sleep(struct tide_market *m, int ms, struct tide_error *error)
{
    int64_t until = clock_ms() + ms;
    int code = 0;
    while (code == 0 && !is_over(until)) code = market_turn(m, until, error);
    return code;
}

/* ---- interrupting ---- */
void tide_market_interrupt(struct tide_market *market)
{
    int saved = errno; /* this may be a signal handler */
    uint64_t one = 1;
    atomic_store(&market->interrupted, true);
    if (write(market->wake_fd, &one, sizeof one) < 0) errno = saved; /* full: it is awake already */
    errno = saved;
}

bool market_was_interrupted(struct tide_market *m, struct tide_error *error)
{
    if (!atomic_exchange(&m->interrupted, false)) return false;
    error_set(error, OUTCOME_C_INTERRUPTED, NULL);
    return true;
}

/* ---- calls in public ---- */
bool tide_call_done(const struct tide_call *call)
{
    return call->stage == CALL_DONE;
}

const char *tide_call_id(const struct tide_call *call)
{
    return call->id_text;
}

int tide_call_wait(struct tide_call *call, int timeout_ms, struct tide_error *error)
{
    int64_t until = market_until(timeout_ms);
    int code = 0;
    error_clear(error);
    while (code == 0 && call->stage != CALL_DONE) {
        if (is_over(until)) return error_set(error, OUTCOME_C_TIMEOUT, "No answer to %s yet.", call->verb->name);
        code = market_turn(call->market, until, error);
    }
    return code;
}

int tide_call_finish(struct tide_call **call, struct tide_doc **out, struct tide_error *error)
{
    struct tide_call *ended = *call;
    error_clear(error);
    if (out != NULL) *out = NULL;
    *call = NULL;
    int code = tide_call_wait(ended, -1, error);
    if (code == 0 && ended->code != 0) {
        code = error_copy(error, &ended->error);
    } else if (code == 0 && out != NULL) {
        *out = ended->doc;
        ended->doc = NULL;
    } else if (code == OUTCOME_C_INTERRUPTED && ended->was_sent && ended->statement != NULL) {
        error_set(error, code, "Interrupted before the answer came: statement %s may have been accepted.",
                  ended->id_text);
    }
    call_free(&ended);
    return code;
}

/* "verb" or "verb@index" */
static const struct verb_info *verb_parse(const char *text, uint64_t *after)
{
    const char *at = strchr(text, '@');
    char *end;
    *after = 0;
    if (at == NULL) return verb_by_name(BYTES_TEXT(text));
    errno = 0;
    *after = strtoull(at + 1, &end, 10);
    if (end == at + 1 || *end != '\0' || errno != 0) return NULL;
    return verb_by_name(BYTES(text, (size_t)(at - text)));
}

int tide_query_start(struct tide_market *market, const char *verb, const struct tide_doc *body, struct tide_call **out,
                     struct tide_error *error)
{
    const char *names[64];
    uint64_t after;
    error_clear(error);
    *out = NULL;
    const struct verb_info *info = verb_parse(verb, &after);
    if (info == NULL) {
        size_t n = 0;
        for (; n < n_all_verbs && n < ARRAY_LEN(names); n++) names[n] = all_verbs[n].name;
        const char *near = nearest_name(verb, names, n);
        return error_set(error, OUTCOME_C_USAGE, "There is no verb \"%.40s\"%s%s%s.", verb,
                         near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    if (info->verb == VERB_SUBMIT || info->verb == VERB_ENROL) {
        return error_set(error, OUTCOME_C_USAGE, "%s is stated, not asked: tide_state.", info->name);
    }
    if (body != NULL && body->schema != info->request) {
        return error_set(error, OUTCOME_C_USAGE, "The body of %s is a \"%s\", not a \"%s\".", info->name,
                         info->request->name, body->schema->name);
    }
    return call_start(market, info->verb, body == NULL ? NULL : body->value, after, out, error);
}

int tide_query(struct tide_market *market, const char *verb, const struct tide_doc *body, struct tide_doc **out,
               struct tide_error *error)
{
    struct tide_call *call;
    if (out != NULL) *out = NULL;
    int code = tide_query_start(market, verb, body, &call, error);
    return code != 0 ? code : tide_call_finish(&call, out, error);
}

int market_query(struct tide_market *m, enum verb verb, const void *body, struct tide_doc **out,
                 struct tide_error *error)
{
    struct tide_call *call;
    *out = NULL;
    int code = call_start(m, verb, body, 0, &call, error);
    return code != 0 ? code : tide_call_finish(&call, out, error);
}
