/*
 * `tidemarkd run`: the parent of the three processes. It opens nothing but the market's lock, starts the broker, waits
 * until that serves (its state may have to be brought up to the journal first), starts auditor and lobby, says when all
 * doors are up, and from then on waits for a signal or for a child to end.
 *
 * Always holds: no child outlives the parent. The broker's end takes the others down; an auditor or a lobby that ends
 * is started again on its port while the broker serves on, so that whatever an unknown peer does to the lobby, the market
 * does not notice (it sets its own memory limit).
 */
#include "broker/server/clock.h"
#include "broker/server/log.h"
#include "broker/server/processes.h"
#include "broker/server/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 20        /* how often doors are looked for while starting */
#define DRAIN_MS 60000    /* children get this long to end in order */
#define RESTART_MS 1000   /* before a reader that ended is started again */

struct child {
    const char *name;
    int (*process)(const struct config *config);
    const char *doors[2]; /* that must be up before it counts as serving */
    pid_t pid;            /* 0: not running */
    uint64_t restart_at_ms; /* steady clock; 0: it is not to be started again */
};

struct run {
    const struct config *config;
    struct child children[3]; /* in the order of starting */
    sigset_t signals;
    bool serving, stopping, failed;
};

/* ---- telling the service manager ---- */

/* sd_notify(3) by hand: one datagram to the socket that systemd names, if it does. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path || strlen(path) < 2 || strlen(path) >= sizeof address.sun_path) return;
    size_t len = strlen(path);
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') address.sun_path[0] = '\0'; /* the abstract namespace */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, address_len) < 0)
        log_event(LOG_LEVEL_WARNING, "not_notified", "why=%s", log_value(strerror(errno)).text);
    close(fd);
}

/* ---- children ---- */

static _Noreturn void be_child(struct run *r, const struct child *child, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(EXIT_FAILED); /* it died before we could ask to be told */
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    exit(child->process(r->config));
}

static void start_child(struct run *r, struct child *child)
{
    pid_t parent = getpid();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) be_child(r, child, parent);
    if (pid < 0) {
        log_event(LOG_LEVEL_ERROR, "not_started", "process=%s why=%s", child->name, log_value(strerror(errno)).text);
        r->failed = true;
        return;
    }
    child->pid = pid;
}

static void stop_children(struct run *r, int signal_number)
{
    for (size_t i = 0; i < ARRAY_LEN(r->children); i++) {
        if (r->children[i].pid > 0) kill(r->children[i].pid, signal_number);
    }
}

static size_t n_running(const struct run *r)
{
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(r->children); i++) n += r->children[i].pid > 0;
    return n;
}

static void child_ended(struct run *r, struct child *child, int status)
{
    child->pid = 0;
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_OK;
    if (well && r->stopping) return;
    if (r->serving && child != &r->children[0]) child->restart_at_ms = clock_steady_ms() + RESTART_MS;
    else r->failed = true;
    log_event(LOG_LEVEL_ERROR, "process_ended", "process=%s %s=%d hint=%s", child->name,
              WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
              log_value("its last lines above say why").text);
}

static void reap(struct run *r)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        for (size_t i = 0; i < ARRAY_LEN(r->children); i++) {
            if (r->children[i].pid == pid) child_ended(r, &r->children[i], status);
        }
    }
}

/* ---- waiting ---- */

/* Waits for a signal, at most `ms` (-1: for ever), and notes what it means. */
static void wait_signal(struct run *r, int ms)
{
    struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    int number = ms < 0 ? sigwaitinfo(&r->signals, NULL) : sigtimedwait(&r->signals, NULL, &timeout);
    if (number == SIGTERM || number == SIGINT) r->stopping = true;
    reap(r);
}

static bool doors_are_up(const struct run *r, const struct child *child)
{
    for (size_t i = 0; i < ARRAY_LEN(child->doors); i++) {
        if (child->doors[i] && ports_read(r->config->dir, child->doors[i]) == 0) return false;
    }
    return true;
}

static bool go_on(const struct run *r)
{
    return !r->stopping && !r->failed;
}

static void wait_for_doors(struct run *r, const struct child *child)
{
    while (go_on(r) && !doors_are_up(r, child)) wait_signal(r, LOOK_MS);
}

static void tell_serving(struct run *r)
{
    r->serving = true;
    const char *dir = r->config->dir;
    log_event(LOG_LEVEL_INFO, "serving", "market=%s lobby=%u trade=%u tape=%u data=%u audit=%u", log_value(dir).text,
              ports_read(dir, "lobby"), ports_read(dir, "trade"), ports_read(dir, "tape"), ports_read(dir, "data"),
              ports_read(dir, "audit"));
    notify("READY=1");
}

/* Starts again what is due; gives how long to wait for the next, -1 when nothing waits. */
static int restart_children(struct run *r)
{
    uint64_t now_ms = clock_steady_ms();
    int wait_ms = -1;
    for (size_t i = 1; i < ARRAY_LEN(r->children); i++) {
        struct child *child = &r->children[i];
        if (child->restart_at_ms == 0) continue;
        if (child->restart_at_ms > now_ms) {
            int left_ms = (int)(child->restart_at_ms - now_ms);
            if (wait_ms < 0 || left_ms < wait_ms) wait_ms = left_ms;
            continue;
        }
        child->restart_at_ms = 0;
        log_event(LOG_LEVEL_WARNING, "process_restarted", "process=%s", child->name);
        start_child(r, child);
    }
    return wait_ms;
}

/* Ends what runs; who does not end in time is killed, which loses nothing that was acknowledged. */
static void end_children(struct run *r)
{
    notify("STOPPING=1");
    r->stopping = true;
    uint64_t until_ms = clock_steady_ms() + DRAIN_MS;
    stop_children(r, SIGTERM);
    while (n_running(r) > 0) {
        uint64_t now_ms = clock_steady_ms();
        if (now_ms >= until_ms) {
            log_event(LOG_LEVEL_ERROR, "killing", "why=%s", log_value("not ended in time").text);
            stop_children(r, SIGKILL);
            until_ms = now_ms + DRAIN_MS;
        }
        wait_signal(r, (int)(until_ms - now_ms > 1000 ? 1000 : 20));
    }
}

int run_processes(const struct config *config)
{
    struct run r = {.config = config, .children = {
        {"broker", broker_process, {"trade", "data"}, 0, 0},
        {"auditor", auditor_process, {"audit", NULL}, 0, 0},
        {"lobby", lobby_process, {"lobby", NULL}, 0, 0},
    }};
    sigemptyset(&r.signals);
    sigaddset(&r.signals, SIGTERM);
    sigaddset(&r.signals, SIGINT);
    sigaddset(&r.signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &r.signals, NULL);

    char path[1200];
    if (text_path(path, sizeof path, config->dir, "ports")) unlink(path); /* of a run that was killed */
    start_child(&r, &r.children[0]);
    wait_for_doors(&r, &r.children[0]);
    for (size_t i = 1; go_on(&r) && i < ARRAY_LEN(r.children); i++) start_child(&r, &r.children[i]);
    for (size_t i = 1; i < ARRAY_LEN(r.children); i++) wait_for_doors(&r, &r.children[i]);
    if (go_on(&r)) tell_serving(&r);
    while (go_on(&r)) wait_signal(&r, restart_children(&r));
    end_children(&r);
    log_event(LOG_LEVEL_INFO, "stopped", "market=%s clean=%s", log_value(config->dir).text, r.failed ? "no" : "yes");
    return r.failed ? EXIT_FAILED : EXIT_OK;
}
