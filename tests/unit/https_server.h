/*
 * A real https server (tests/e2e/https_server.py) for the tests of what fetches from vendors' own servers. It serves
 * `test_dir`/served and keeps its authority in `test_dir`/keys.
 */
#ifndef TIDEMARK_TESTS_HTTPS_SERVER_H
#define TIDEMARK_TESTS_HTTPS_SERVER_H

#include "tests/unit/test_storage.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct https_server {
    pid_t pid;
    unsigned port;
};

/* It serves when this returns. */
static UNUSED struct https_server https_server_start(void)
{
    struct https_server s = {0};
    char served[512], keys[512], line[16] = "";
    int out[2];

    snprintf(served, sizeof served, "%s", in_test_dir("served"));
    snprintf(keys, sizeof keys, "%s", in_test_dir("keys"));
    assert_true(mkdir(served, 0700) == 0 || errno == EEXIST);
    assert_int_equal(pipe(out), 0);
    fflush(NULL);
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out[1], 1);
        close(out[0]);
        execlp("python3", "python3", "tests/e2e/https_server.py", served, keys, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    size_t got = 0;
    for (ssize_t n; got < sizeof line - 1 && (n = read(out[0], line + got, 1)) == 1 && line[got] != '\n'; got++) {}
    close(out[0]);
    s.port = (unsigned)strtoul(line, NULL, 10);
    assert_true(s.port > 0);
    return s;
}

static UNUSED void https_server_stop(struct https_server *s)
{
    kill(s->pid, SIGKILL);
    assert_int_equal(waitpid(s->pid, NULL, 0), s->pid);
}

#endif
