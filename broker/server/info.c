/*
 * `tidemarkd info` (commands.h): everything is read-only and may be done while the broker runs.
 *
 * Always holds: one list of facts is printed either way; JSON names do not change.
 */
#include "broker/market/market.h"
#include "broker/server/commands.h"
#include "broker/server/config.h"
#include "broker/server/market_dir.h"
#include "broker/server/processes.h"
#include "crypto/identity.h"
#include "storage/journal.h"
#include "storage/market_url.h"
#include "storage/tiles.h"

#include <inttypes.h>

struct info {
    const char *dir;
    struct config config;
    struct row_market market;
    bool has_market;
    struct merkle_tree head;
    uint64_t journal_bytes, state_bytes, applied, counts[TABLE_N];
    struct checkpoint checkpoint; /* size 0: none */
};

static const char *const doors[] = {"lobby", "trade", "tape", "data", "audit"};

static enum tide_err read_journal(struct info *info)
{
    struct journal *journal = NULL;
    enum tide_err err = journal_open(info->dir, JOURNAL_READONLY, &journal);
    if (!err) err = journal_head(journal, &info->head);
    if (!err) info->journal_bytes = journal_file_bytes(journal);
    journal_close(&journal);
    return err;
}

/* The state may be missing: it is built again when the broker starts. */
static enum tide_err read_state(struct info *info)
{
    struct state *state = NULL;
    struct state_view *view = NULL;
    enum tide_err err = state_open_reader(info->dir, &state);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (!err) err = state_read_begin(state, &view);
    if (!err) err = state_applied(view, &info->applied);
    if (!err) err = market_row(view, &info->market);
    info->has_market = err == TIDE_OK;
    if (err == TIDE_ENOTFOUND) err = TIDE_OK;
    for (unsigned t = 0; !err && t < TABLE_N; t++) err = state_count(view, (enum table)t, &info->counts[t]);
    if (!err) info->state_bytes = state_file_bytes(state);
    state_read_end(&view);
    state_close(&state, false);
    return err;
}

/* The text of the note up to the empty line; its signature is the readers' to check. */
static enum tide_err read_checkpoint(struct info *info)
{
    struct tiles *tiles = NULL;
    char text[CHECKPOINT_MAX];
    size_t len = 0;
    enum tide_err err = tiles_open(info->dir, false, &tiles);
    if (!err) err = tiles_read_checkpoint(tiles, text, &len);
    tiles_close(&tiles);
    if (err == TIDE_ENOTFOUND) return TIDE_OK;
    if (err) return err;
    const char *end = memmem(text, len, "\n\n", 2);
    if (!end) return TIDE_EDAMAGED;
    return checkpoint_parse(BYTES(text, (size_t)(end - text) + 1), &info->checkpoint) ? TIDE_EDAMAGED : TIDE_OK;
}

/* The lobby's port is the one in force, or else the one that the configuration gives it. */
static void url_text(const struct info *info, char out[MARKET_URL_MAX])
{
    struct market_url url = {.port = ports_read(info->dir, "lobby")};
    *out = '\0';
    if (!url.port) url.port = info->config.port_base;
    if (!url.port || !info->has_market) return;
    snprintf(url.host, sizeof url.host, "%s", info->config.advertise);
    snprintf(url.origin, sizeof url.origin, "%.*s", (int)sizeof url.origin - 1, info->market.origin);
    memcpy(url.market, info->market.market, 32);
    memcpy(url.log_key, info->market.log_key, 32);
    memcpy(url.wire_key, info->market.wire_key, 32);
    market_url_format(&url, out);
}

struct facts {
    char url[MARKET_URL_MAX], market[65], broker[BECH32_TEXT_MAX], log_key[NOTE_VKEY_MAX];
    char head_root[65], checkpoint_root[65];
};

static void gather_facts(const struct info *info, struct facts *f)
{
    struct note_key key;
    uint8_t root[HASH_BYTES];
    memset(f, 0, sizeof *f);
    url_text(info, f->url);
    merkle_root(&info->head, root);
    text_hex(root, sizeof root, f->head_root);
    text_hex(info->checkpoint.root, HASH_BYTES, f->checkpoint_root);
    if (!info->has_market) return;
    text_hex(info->market.market, 32, f->market);
    bech32_encode(PARTY_PREFIX, info->market.broker, f->broker);
    if (note_key_init(info->market.origin, NOTE_TYPE_ED25519, info->market.log_key, &key) == TIDE_OK)
        note_key_format(&key, f->log_key);
}

static void print_json(const struct info *info, const struct facts *f)
{
    const struct { const char *name, *text; } texts[] = {
        {"url", f->url}, {"name", info->market.name}, {"origin", info->market.origin}, {"market", f->market},
        {"broker", f->broker}, {"log_key", f->log_key}, {"head_root", f->head_root},
        {"checkpoint_root", f->checkpoint_root},
    };
    const struct { const char *name; uint64_t number; } numbers[] = {
        {"records", info->head.size}, {"journal_bytes", info->journal_bytes},
        {"checkpoint_size", info->checkpoint.size}, {"state_applied", info->applied}, {"state_bytes", info->state_bytes}, {"rules", info->market.rules},
        {"last_time_ms", info->market.last_time_ms},
    };
    printf("{\"dir\": "), text_json(stdout, info->dir);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        printf(", \"%s\": ", texts[i].name);
        text_json(stdout, texts[i].text);
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) printf(", \"%s\": %" PRIu64, numbers[i].name, numbers[i].number);
    printf(", \"ports\": {");
    for (size_t i = 0; i < ARRAY_LEN(doors); i++)
        printf("%s\"%s\": %u", i ? ", " : "", doors[i], ports_read(info->dir, doors[i]));
    printf("}, \"tables\": {");
    for (unsigned t = 0; t < TABLE_N; t++)
        printf("%s\"%s\": %" PRIu64, t ? ", " : "", state_table_name((enum table)t), info->counts[t]);
    printf("}}\n");
}

static void print_text(const struct info *info, const struct facts *f)
{
    printf("market\t%s\norigin\t%s\n", info->market.name, info->market.origin);
    printf("broker\t%s\nlog key\t%s\n", f->broker, f->log_key);
    printf("records\t%" PRIu64 "\njournal\t%" PRIu64 " bytes\nhead\t%s\n", info->head.size, info->journal_bytes,
           f->head_root);
    printf("checkpoint\t%" PRIu64 " records\n", info->checkpoint.size);
    printf("state\t%" PRIu64 " records applied, %" PRIu64 " bytes\n", info->applied, info->state_bytes);
    for (size_t i = 0; i < ARRAY_LEN(doors); i++) {
        uint16_t port = ports_read(info->dir, doors[i]);
        if (port) printf("%s door\tport %u\n", doors[i], port);
        else printf("%s door\tclosed\n", doors[i]);
    }
    for (unsigned t = 0; t < TABLE_N; t++)
        if (info->counts[t]) printf("%s rows\t%" PRIu64 "\n", state_table_name((enum table)t), info->counts[t]);
    if (*f->url) printf("tidemark connect '%s'\n", f->url);
}

enum exit_status complain_no_market(const char *dir, enum tide_err err)
{
    char what[1200];
    snprintf(what, sizeof what, "there is no market in %s", dir);
    if (err == TIDE_ENOTFOUND)
        return complain(EXIT_FAILED, OUTCOME_C_FILE, what, "its keys, its configuration or its journal are not there",
                        "Make one with tidemarkd init, or name another folder.");
    if (err == TIDE_ECANCELED)
        return complain(EXIT_FAILED, OUTCOME_C_FILE, what, "an init was interrupted before it was done",
                        "Run the same tidemarkd init again.");
    const char *todo = "Check the folder, its permissions and the disk.";
    if (err == TIDE_EDAMAGED) todo = "Run tidemarkd verify; if only state/ is damaged remove it: it is built again.";
    snprintf(what, sizeof what, "the market in %s cannot be used", dir);
    return complain(EXIT_FAILED, OUTCOME_C_FILE, what, tide_err_text(err), todo);
}

enum exit_status info_command(const char *dir, bool json)
{
    struct info info = {.dir = dir};
    struct facts facts;
    char why[512];
    enum tide_err err = market_dir_check(dir);
    if (!err) err = crypto_init();
    if (err) return complain_no_market(dir, err);
    if (config_load(dir, &info.config, why, sizeof why) != TIDE_OK)
        return complain(EXIT_USAGE, OUTCOME_C_FILE, "the configuration cannot be used", why, "Correct it.");
    err = read_journal(&info);
    if (!err) err = read_state(&info);
    if (!err) err = read_checkpoint(&info);
    if (err) return complain_no_market(dir, err);
    gather_facts(&info, &facts);
    if (json) print_json(&info, &facts);
    else print_text(&info, &facts);
    return EXIT_OK;
}
