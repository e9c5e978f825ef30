/*
 * `tidemarkd init` (commands.h). Everything is made in `DIR`/init.unfinished, synced, and moved up one by one; that
 * folder goes last. While it is there nothing serves from `DIR`, and another init may clear what was made.
 *
 * Always holds: a folder that holds a finished market is never touched; keys are files of mode 0600 from the start.
 */
#include "broker/server/clock.h"
#include "broker/server/commands.h"
#include "broker/server/config.h"
#include "broker/server/market_dir.h"
#include "broker/server/own_statement.h"
#include "broker/server/publisher.h"
#include "broker/market/market.h"
#include "storage/journal.h"
#include "storage/market_url.h"
#include "storage/requests.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 1200
#define ARENA_CAP (16u << 20)

/* What a market's folder has, in the order of moving; the configuration last. */
static const char *const parts[] = {BROKER_KEY_FILE, OPERATOR_KEY_FILE, OPERATOR2_KEY_FILE, "journal", "state",
                                    "tiles", "lobby", CONFIG_FILE};

struct init {
    const struct init_options *o;
    char work[PATH_ROOM]; /* DIR/init.unfinished */
    struct identity *broker, *operators[2];
    uint8_t market[32];
    struct arena arena;
    int lock;
    const char *what; /* is being done, for the error */
};

/* ---- folders ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static enum tide_err remove_tree(const char *path)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return TIDE_OK;
    return errno == EACCES ? TIDE_EDENIED : TIDE_EIO;
}

static enum tide_err make_dir(const char *path)
{
    if (mkdir(path, 0700) == 0) return TIDE_OK;
    switch (errno) {
    case EEXIST: return TIDE_EEXIST;
    case EACCES: case EROFS: return TIDE_EDENIED;
    case ENOENT: case ENOTDIR: return TIDE_ENOTFOUND;
    case ENOSPC: case EDQUOT: return TIDE_EFULL;
    default: return TIDE_EIO;
    }
}

static enum tide_err sync_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return TIDE_EIO;
    enum tide_err err = fsync(fd) == 0 ? TIDE_OK : TIDE_EIO;
    close(fd);
    return err;
}

/* Clears what an interrupted init left; TIDE_EEXIST: a market is there. */
static enum tide_err prepare_dir(struct init *in)
{
    char path[PATH_ROOM];
    in->what = "make the folder";
    if (!text_path(in->work, sizeof in->work, in->o->dir, INIT_DIR)) return TIDE_EINVAL;
    enum tide_err err = make_dir(in->o->dir);
    if (err && err != TIDE_EEXIST) return err;
    err = market_dir_lock(in->o->dir, &in->lock);
    if (err) return err;
    bool unfinished = access(in->work, F_OK) == 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!text_path(path, sizeof path, in->o->dir, parts[i])) return TIDE_EINVAL;
        if (access(path, F_OK) != 0) continue;
        if (!unfinished) return TIDE_EEXIST;
        err = remove_tree(path);
        if (err) return err;
    }
    err = unfinished ? remove_tree(in->work) : TIDE_OK;
    return err ? err : make_dir(in->work);
}

static enum tide_err move_up(struct init *in)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    in->what = "move the market into place";
    enum tide_err err = sync_dir(in->work);
    for (size_t i = 0; !err && i < ARRAY_LEN(parts); i++) {
        if (!text_path(from, sizeof from, in->work, parts[i])) return TIDE_EINVAL;
        if (!text_path(to, sizeof to, in->o->dir, parts[i])) return TIDE_EINVAL;
        if (access(from, F_OK) != 0) continue;
        if (rename(from, to) != 0) err = TIDE_EIO;
    }
    if (!err) err = sync_dir(in->o->dir);
    if (!err) err = remove_tree(in->work);
    return err ? err : sync_dir(in->o->dir);
}

/* ---- keys and configuration ---- */

static enum tide_err make_key(struct init *in, const char *file, const char *name, uint64_t now_ms,
                              struct identity **out)
{
    char path[PATH_ROOM];
    if (!text_path(path, sizeof path, in->work, file)) return TIDE_EINVAL;
    enum tide_err err = identity_new(out);
    return err ? err : identity_save(*out, path, name, now_ms, BYTES(NULL, 0));
}

static enum tide_err make_keys(struct init *in, uint64_t now_ms)
{
    in->what = "make the keys";
    enum tide_err err = make_key(in, BROKER_KEY_FILE, "broker", now_ms, &in->broker);
    if (!err) err = make_key(in, OPERATOR_KEY_FILE, "operator", now_ms, &in->operators[0]);
    if (!err) err = make_key(in, OPERATOR2_KEY_FILE, "operator2", now_ms, &in->operators[1]);
    return err;
}

static enum tide_err write_config(struct init *in)
{
    char path[PATH_ROOM];
    in->what = "write " CONFIG_FILE;
    if (!text_path(path, sizeof path, in->work, CONFIG_FILE)) return TIDE_EINVAL;
    FILE *file = fopen(path, "wxe");
    if (!file) return errno == ENOSPC ? TIDE_EFULL : TIDE_EIO;
    fprintf(file,
            "# Tidemark market \"%s\". Read when tidemarkd starts.\n\n"
            "[doors]\n"
            "# Address to listen on; 0.0.0.0 for every IPv4 network.\n"
            "listen = %s\n"
            "# The lobby's port; trade is 1, data 3, audit 4 above it. 0: free ports, written to the file `ports`.\n"
            "port_base = %u\n"
            "# The host that parties find in the market's URL.\n"
            "advertise = %s\n\n"
            "[log]\n"
            "# error, warning, info or debug\n"
            "level = info\n\n"
            "[publish]\n"
            "# A checkpoint is signed at most this often.\n"
            "interval_ms = 1000\n\n"
            "[limits]\n"
            "# Threads that check signatures and answer queries; 0: one a core.\n"
            "verifiers = 0\n"
            "# Messages inside the broker at once; more are answered `busy`. One party has at most half of them.\n"
            "queue = 8192\n"
            "# Memory of the lobby, where strangers knock.\n"
            "lobby_memory_mib = 512\n\n"
            "[content]\n"
            "# Days for which contents and samples are kept once no listing and no open trade needs them.\n"
            "keep_days = 30\n"
            "# Vendors' own servers: authorities believed (a PEM file) instead of the system's; addresses in private networks.\n"
            "# location_ca = /etc/ssl/certs/ca-certificates.crt\n"
            "location_local = no\n",
            in->o->name, in->o->listen, in->o->port_base, in->o->advertise);
    bool failed = ferror(file) != 0 || fflush(file) != 0 || fsync(fileno(file)) != 0;
    if (fclose(file) != 0 || failed) return TIDE_EFULL;
    struct config config;
    char why[256];
    return config_load(in->work, &config, why, sizeof why); /* what was written can be read */
}

/* ---- the genesis ---- */

static void fill_operator(struct operator_entry *entry, const struct identity *id, const char *name)
{
    memcpy(entry->party, identity_party(id), 32);
    memcpy(entry->seal_key, identity_seal_public(id), 32);
    memcpy(entry->wire_key, identity_wire_public(id), 32);
    entry->name = BYTES_TEXT(name);
}

static enum tide_err execute_genesis(struct init *in, struct state_view *view, uint64_t now_ms, struct execution *x)
{
    uint8_t random[10];
    struct own_statement own;
    struct operator_entry operators[2] = {0};
    struct body_genesis body = {.name = BYTES_TEXT(in->o->name), .origin = BYTES_TEXT(in->o->origin), .rules = 1,
                                .operators = {operators, 2}};
    memcpy(body.log_key, identity_log_public(in->broker), 32);
    memcpy(body.wire_key, identity_wire_public(in->broker), 32);
    memcpy(body.seal_key, identity_seal_public(in->broker), 32);
    fill_operator(&operators[0], in->operators[0], "operator");
    fill_operator(&operators[1], in->operators[1], "operator2");

    random_bytes(random, sizeof random);
    enum tide_err err = own_statement_make(in->broker, NULL, KIND_GENESIS, &body, now_ms, random, &in->arena, &own);
    if (err) return err;
    sha256(own.bytes, in->market);
    return market_execute(view, own.envelope, &own.statement, own.bytes, now_ms, 0, &in->arena, x);
}

/* Journal first, then the state: as the sequencer does. */
static enum tide_err write_genesis(struct init *in, struct journal *journal, struct state *state, uint64_t now_ms)
{
    struct state_view *view;
    struct execution *x = arena_alloc(&in->arena, sizeof *x);
    enum tide_err err = x ? state_write(state, &view) : TIDE_ENOMEM;
    if (!err) err = execute_genesis(in, view, now_ms, x);
    if (!err && x->outcome != OUTCOME_OK) err = TIDE_EINVAL;
    if (!err) err = journal_append(journal, x->records, x->n_records);
    return err ? err : state_commit(state);
}

static enum tide_err publish_first(struct init *in, struct journal *journal)
{
    struct tiles *tiles = NULL;
    struct publisher *publisher = NULL;
    char why[160];
    enum tide_err err = tiles_open(in->work, true, &tiles);
    struct publisher_options po = {
        .journal = journal, .tiles = tiles, .origin = in->o->origin, .log_public = identity_log_public(in->broker),
        .log_secret = identity_log_secret(in->broker), .interval_ms = 1000,
    };
    if (!err) err = publisher_open(&po, &publisher, why, sizeof why);
    publisher_close(&publisher);
    tiles_close(&tiles);
    return err;
}

static enum tide_err make_journal(struct init *in, uint64_t now_ms)
{
    struct journal *journal = NULL;
    struct state *state = NULL;
    struct requests *requests = NULL;
    bool rebuilt;
    in->what = "write the journal";
    enum tide_err err = journal_open(in->work, JOURNAL_CREATE, &journal);
    if (!err) err = state_open_writer(in->work, &state, &rebuilt);
    if (!err) err = write_genesis(in, journal, state, now_ms);
    if (!err) err = publish_first(in, journal);
    if (!err) err = requests_open(in->work, true, &requests);
    requests_close(&requests);
    state_close(&state, err == TIDE_OK);
    journal_close(&journal);
    return err;
}

/* ---- telling ---- */

static void print_result(struct init *in)
{
    struct market_url url = {.port = in->o->port_base};
    struct note_key key;
    char text[MARKET_URL_MAX] = "", hex[65], vkey[NOTE_VKEY_MAX] = "";
    snprintf(url.host, sizeof url.host, "%s", in->o->advertise);
    snprintf(url.origin, sizeof url.origin, "%s", in->o->origin);
    memcpy(url.market, in->market, 32);
    memcpy(url.log_key, identity_log_public(in->broker), 32);
    memcpy(url.wire_key, identity_wire_public(in->broker), 32);
    if (in->o->port_base) market_url_format(&url, text);
    if (note_key_init(in->o->origin, NOTE_TYPE_ED25519, url.log_key, &key) == TIDE_OK) note_key_format(&key, vkey);
    text_hex(in->market, 32, hex);
    if (in->o->json) {
        printf("{\"dir\": "), text_json(stdout, in->o->dir);
        printf(", \"name\": "), text_json(stdout, in->o->name);
        printf(", \"origin\": "), text_json(stdout, in->o->origin);
        printf(", \"market\": \"%s\", \"log_key\": ", hex), text_json(stdout, vkey);
        printf(", \"url\": "), text_json(stdout, text);
        printf("}\n");
        return;
    }
    fprintf(stderr, "Market \"%s\" is in %s. Its operators' keys are %s and %s: take them off this machine.\n",
            in->o->name, in->o->dir, OPERATOR_KEY_FILE, OPERATOR2_KEY_FILE);
    if (*text) printf("tidemark connect '%s'\n", text);
    else fprintf(stderr, "With free ports its URL is known when it runs: tidemarkd info %s\n", in->o->dir);
}

static enum exit_status complain_failed(struct init *in, enum tide_err err)
{
    char what[PATH_ROOM + 64];
    snprintf(what, sizeof what, "cannot make a market in %s", in->o->dir);
    if (err == TIDE_EEXIST)
        return complain(EXIT_FAILED, OUTCOME_C_FILE, what, "one is there already",
                        "Choose another folder; a market is never made anew.");
    if (err == TIDE_EBUSY)
        return complain(EXIT_FAILED, OUTCOME_C_FILE, what, "another tidemarkd holds the folder",
                        "Choose another folder, or stop that one.");
    char why[128];
    snprintf(why, sizeof why, "could not %s (%s)", in->what, tide_err_text(err));
    return complain(EXIT_FAILED, OUTCOME_C_FILE, what, why,
                    "Check the folder, its permissions and the disk, then run the same command again.");
}

static bool name_is_good(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= LIMIT_NAME_BYTES && !strpbrk(name, "\n\r\t\"") && utf8_is_valid(BYTES_TEXT(name));
}

static bool origin_is_good(const char *origin)
{
    static const uint8_t any[32];
    struct note_key key;
    if (strlen(origin) > LIMIT_ORIGIN_BYTES || strpbrk(origin, "?#%\"")) return false;
    return note_key_init(origin, NOTE_TYPE_ED25519, any, &key) == TIDE_OK;
}

/* What would fail late fails here, before anything is made. */
static enum exit_status check_texts(const struct init_options *o)
{
    struct config config = {0};
    if (config_set(&config, "doors.advertise", o->advertise) || config_set(&config, "doors.listen", o->listen))
        return complain(EXIT_USAGE, OUTCOME_C_USAGE, "the host cannot be used", "it is not a host name or address",
                        "Give another --advertise or --listen.");
    if (!name_is_good(o->name))
        return complain(EXIT_USAGE, OUTCOME_C_USAGE, "the name cannot be used",
                        "it is empty, longer than 160 bytes, or has quotes or control characters",
                        "Give another --name.");
    if (!origin_is_good(o->origin))
        return complain(EXIT_USAGE, OUTCOME_C_USAGE, "the origin cannot be used",
                        "it is empty, too long, or has spaces or one of + ? # %",
                        "Give one like --origin data.example.org.");
    return EXIT_OK;
}

enum exit_status init_command(const struct init_options *options)
{
    struct init_options o = *options;
    if (!o.advertise) o.advertise = "127.0.0.1";
    if (!o.listen) o.listen = "127.0.0.1";
    enum exit_status status = check_texts(&o);
    if (status != EXIT_OK) return status;

    struct init in = {.o = &o, .what = "begin", .lock = -1};
    uint64_t now_ms = clock_wall_ms();
    arena_init(&in.arena, ARENA_CAP);
    enum tide_err err = crypto_init();
    if (!err) err = prepare_dir(&in);
    if (!err) err = make_keys(&in, now_ms);
    if (!err) err = make_journal(&in, now_ms);
    if (!err) err = write_config(&in);
    if (!err) err = move_up(&in);
    if (err) status = complain_failed(&in, err);
    else print_result(&in);
    identity_free(&in.broker);
    identity_free(&in.operators[0]);
    identity_free(&in.operators[1]);
    arena_deinit(&in.arena);
    if (in.lock >= 0) close(in.lock);
    return status;
}
