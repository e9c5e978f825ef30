/*
 * A market's folder (market_dir.h). A lock is flock(2) on `DIR`/lock: it goes with the last process that has it open,
 * however that ends.
 */
#include "broker/server/market_dir.h"

#include "broker/server/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 1200

static bool is_there(const char *dir, const char *name)
{
    char path[PATH_ROOM];
    struct stat st;
    return text_path(path, sizeof path, dir, name) && stat(path, &st) == 0;
}

enum tide_err market_dir_check(const char *dir)
{
    if (is_there(dir, INIT_DIR)) return TIDE_ECANCELED;
    bool all = is_there(dir, CONFIG_FILE) && is_there(dir, BROKER_KEY_FILE) && is_there(dir, "journal");
    return all ? TIDE_OK : TIDE_ENOTFOUND;
}

enum tide_err market_dir_lock(const char *dir, int *fd)
{
    char path[PATH_ROOM];
    *fd = -1;
    if (!text_path(path, sizeof path, dir, "lock")) return TIDE_EINVAL;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return errno == EACCES || errno == EROFS ? TIDE_EDENIED : errno == ENOENT ? TIDE_ENOTFOUND : TIDE_EIO;
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
        enum tide_err err = errno == EWOULDBLOCK ? TIDE_EBUSY : TIDE_EIO;
        close(file);
        return err;
    }
    *fd = file;
    return TIDE_OK;
}

void process_harden(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
#if !defined(__SANITIZE_ADDRESS__) /* its leak checker must be able to look */
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}
