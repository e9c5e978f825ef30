/*
 * listing publish, listing revise, and what they share with sell: the body of a `publish` statement.
 *
 * Always holds: flags go over JSON, JSON over the older listing. A key is used once, so that content is never taken over
 * from an older listing: a revision of content names its file.
 */
#include "client/cli/publish.h"

#include "client/cli/commands.h"
#include "client/cli/progress.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TERMS_MAX 16384
#define JSON_MAX 131072
#define CHUNK_BYTES 65536u
#define SAMPLES_ONE_IN 20u /* the market's: at most 5 % of the chunks, and at most … */
#define SAMPLES_MAX 64u
#define LOCATION_MAX 512u
#define DETAIL_MAX 1048576u

static const struct column published_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                                  {"revises", "Revises", COLUMN_INDEX, NULL},
                                                  {"record", "Record", COLUMN_INDEX, NULL},
                                                  {"sealed", "Sealed file", COLUMN_TEXT, NULL},
                                                  {"sent_chunks", "Chunks sent", COLUMN_COUNT, "sent_chunks"},
                                                  {NULL, NULL, COLUMN_END, NULL}};

/* ---- from files ---- */
json_t *text_file(struct cli *cli, const char *path, size_t max)
{
    char *text = malloc(max + 2);
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    json_t *out = NULL;

    if (text == NULL || file == NULL) {
        cli_error_file(cli, "read", path);
        free(text);
        return NULL;
    }
    size_t n = fread(text, 1, max + 1, file);
    bool bad = ferror(file) != 0;
    if (file != stdin) fclose(file);
    if (bad)
        cli_error_file(cli, "read", path);
    else if (n > max)
        cli_error(cli, CODE_FILE, "%s is longer than the %zu bytes that it may have", path, max);
    else if ((out = json_stringn(text, n)) == NULL)
        cli_error(cli, CODE_FILE, "%s is not UTF-8 text", path);
    free(text);
    return out;
}

static int set_hash(struct cli *cli, json_t *body, const char *flag, const char *field)
{
    const char *path = args_text(&cli->args, flag);
    uint8_t hash[32];
    char hex[65];

    if (path == NULL) return 0;
    if (tide_file_sha256(path, hash, &cli->error) != 0) return cli->error.code;
    hex_format(hash, sizeof hash, hex);
    set_text(body, field, hex);
    return 0;
}

/* ---- from flags ---- */
static void set_keywords(const struct cli *cli, json_t *body)
{
    json_t *list = json_array();

    for (size_t i = 0; args_each(&cli->args, "keyword", i) != NULL; i++) {
        json_array_append_new(list, json_pack("{s:s}", "word", args_each(&cli->args, "keyword", i)));
    }
    if (json_array_size(list) > 0) json_object_set(body, "keywords", list);
    json_decref(list);
}

int publish_fields(struct cli *cli, json_t *body)
{
    static const char *const texts[][2] = {{"title", "title"},
                                           {"kind", "kind"},
                                           {"summary", "summary"},
                                           {"unit", "unit"},
                                           {"category", "category"},
                                           {"media-type", "media_type"},
                                           {"place", "place"},
                                           {"update-cycle", "update_cycle"},
                                           {"class", "class"},
                                           {"legal-basis", "legal_basis"},
                                           {"jurisdictions", "jurisdictions"},
                                           {"purposes", "purposes"},
                                           {"location", "location"}};
    static const char *const numbers[][2] = {
        {"rows", "rows"}, {"revises", "revises"}, {"sample", "samples"}, {"from", "time_from"}, {"to", "time_to"}};
    static const char *const hashes[][2] = {{"rights", "right_operating"},
                                            {"rights-holding", "right_holding"},
                                            {"rights-processing", "right_processing"},
                                            {"assessment", "assessment"}};

    for (size_t i = 0; i < ARRAY_N(texts); i++) set_text(body, texts[i][1], args_text(&cli->args, texts[i][0]));
    for (size_t i = 0; i < ARRAY_N(numbers); i++) {
        if (args_text(&cli->args, numbers[i][0]) != NULL)
            set_u64(body, numbers[i][1], args_number(&cli->args, numbers[i][0], 0));
    }
    if (args_has(&cli->args, "personal-data")) json_object_set_new(body, "personal_data", json_true());
    set_keywords(cli, body);
    for (size_t i = 0; i < ARRAY_N(hashes); i++) {
        if (set_hash(cli, body, hashes[i][0], hashes[i][1]) != 0) return cli->error.code;
    }
    const char *path = args_text(&cli->args, "terms");
    if (path == NULL) return 0;
    json_t *terms = text_file(cli, path, TERMS_MAX);
    if (terms == NULL) return cli->error.code;
    return json_object_set_new(body, "terms", terms) == 0 ? 0 : cli_error(cli, CODE_NO_MEMORY, NULL);
}

static int policy_refuse(struct cli *cli, int code, const char *hint)
{
    cli_error(cli, code, NULL);
    cli_hint(cli, "%s", hint);
    return code;
}

/* ---- which files ---- */
static int name_join(struct cli *cli, const char *base, const char *end, char out[CONTEXT_PATH_MAX])
{
    if (snprintf(out, CONTEXT_PATH_MAX, "%s%s", base, end) < CONTEXT_PATH_MAX) return 0;
    return cli_error(cli, CODE_FILE, "its name is too long");
}

int publish_files(struct cli *cli, const json_t *body, const char *path, struct publication *out)
{
    const char *named = args_text(&cli->args, "out"), *kind = get_text(body, "kind");
    bool none = publish_is_service(body);

    memset(out, 0, sizeof *out);
    out->path = path;
    out->detail = args_text(&cli->args, "detail");
    if (none && (path != NULL || (named != NULL && out->detail == NULL))) {
        cli_error(cli, CODE_USAGE, "%s listings have no content", kind);
        cli_hint(cli, "Leave the file out; tidemark vend --credential FILE gives buyers what they need.");
        return cli->error.code;
    }
    if (!none && path == NULL) {
        cli_error(cli, CODE_USAGE, "FILE is missing");
        cli_hint(cli, "A key is used once, so that content is always sealed anew; only --kind api and compute have none.");
        return cli->error.code;
    }
    if (none && out->detail == NULL) return 0;
    if (none) return name_join(cli, named != NULL ? named : out->detail, named != NULL ? "" : ".tide", out->sealed_detail);
    if (name_join(cli, named != NULL ? named : path, named != NULL ? "" : ".tide", out->sealed) != 0) return cli->error.code;
    return out->detail == NULL ? 0 : name_join(cli, out->sealed, ".detail", out->sealed_detail);
}

/* The length of a file that can be read; UINT64_MAX: cli->error. */
static uint64_t length_of(struct cli *cli, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0) {
        if (S_ISREG(st.st_mode)) return (uint64_t)st.st_size;
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    }
    cli_error_file(cli, "open", path);
    return UINT64_MAX;
}

/* ---- policy ---- */
static int sample_policy(struct cli *cli, const json_t *body, const struct publication *files)
{
    uint64_t samples = get_u64(body, "samples");

    if (samples == 0) return 0;
    if (files->path == NULL)
        return cli_error(cli, CODE_BAD_SAMPLE, "%s listings have no content of which chunks could be shown", get_text(body, "kind"));
    uint64_t len = length_of(cli, files->path);
    if (len == UINT64_MAX) return cli->error.code;
    uint64_t n_chunks = len == 0 ? 1 : len / CHUNK_BYTES + (len % CHUNK_BYTES != 0), most = n_chunks / SAMPLES_ONE_IN;
    if (most > SAMPLES_MAX) most = SAMPLES_MAX;
    if (samples <= most) return 0;
    cli_error(cli, CODE_BAD_SAMPLE, "%s has %" PRIu64 " chunks of 64 KiB, of which at most %" PRIu64 " (5 %%, and never over %u) can be "
              "promised as samples, not %" PRIu64, files->path, n_chunks, most, SAMPLES_MAX, samples);
    cli_hint(cli, most > 0 ? "Give --sample %" PRIu64 " or fewer." : "Leave --sample out: it is too short for any.", most);
    return cli->error.code;
}

static int location_policy(struct cli *cli, const json_t *body)
{
    const char *location = get_text(body, "location");

    if (location[0] == '\0') return 0;
    if (publish_is_service(body)) return cli_error(cli, CODE_BAD_LOCATION, "%s listings have no content", get_text(body, "kind"));
    bool good = strncmp(location, "https://", 8) == 0 && location[8] != '\0' && strlen(location) <= LOCATION_MAX;
    for (const char *c = location; *c != '\0'; c++) good = good && *c > ' ' && *c < 0x7F;
    return good ? 0 : cli_error(cli, CODE_BAD_LOCATION, NULL);
}

static int detail_policy(struct cli *cli, const struct publication *files)
{
    if (files->detail == NULL) return 0;
    uint64_t len = length_of(cli, files->detail);
    if (len == UINT64_MAX) return cli->error.code;
    if (len > 0 && len <= DETAIL_MAX) return 0;
    return cli_error(cli, CODE_FILE, "%s has %" PRIu64 " bytes; a detail part has at least one and at most %u", files->detail, len,
                     DETAIL_MAX);
}

int publish_policy(struct cli *cli, const json_t *body, const struct publication *files)
{
    const char *class = get_text(body, "class");

    if (get_text(body, "title")[0] == '\0') {
        cli_error(cli, CODE_USAGE, "the listing has no title");
        cli_hint(cli, "Give it: --title TEXT.");
        return CODE_USAGE;
    }
    if (strcmp(class, "core") == 0) return cli_error(cli, CODE_CORE_DATA, NULL);
    if (strcmp(class, "important") == 0 && get_text(body, "assessment")[0] == '\0')
        return policy_refuse(cli, CODE_NO_ASSESSMENT, "Name its document: --assessment FILE.");
    if (get_bool(body, "personal_data") && get_text(body, "legal_basis")[0] == '\0')
        return policy_refuse(cli, CODE_NO_LEGAL_BASIS, "Name it: --legal-basis TEXT.");
    if (get_text(body, "right_operating")[0] == '\0')
        return policy_refuse(cli, CODE_NO_RIGHT, "Name its document: --rights FILE.");
    if (sample_policy(cli, body, files) != 0 || location_policy(cli, body) != 0) return cli->error.code;
    return detail_policy(cli, files);
}

bool publish_is_service(const json_t *body)
{
    const char *kind = get_text(body, "kind");
    return strcmp(kind, "api") == 0 || strcmp(kind, "compute") == 0;
}

int publish_content(struct cli *cli, const struct publication *files, json_t *body, uint64_t *listing, struct tide_doc **published)
{
    const struct tide_sale sale = {.path = files->path, .sealed_path = files->sealed, .detail_path = files->detail,
                                   .sealed_detail_path = files->sealed_detail};
    struct tide_doc *doc = NULL;
    struct progress progress;

    int code = session_doc(cli, "publish", body, &doc);
    if (code == 0) code = session_open(cli);
    progress_init(&progress, cli);
    if (code == 0) code = tide_sell_with(cli->market, &sale, doc, progress_step, &progress, listing, &cli->error);
    progress_end(&progress);
    if (published != NULL)
        *published = doc;
    else
        tide_doc_free(&doc);
    return code;
}

void publish_say_next(const struct cli *cli, const struct publication *files, const json_t *body)
{
    const char *location = get_text(body, "location");

    if (location[0] != '\0') {
        char *escaped = text_escape(location);
        talk(cli, "The market fetches the payload from %s, once: all of %s but its first %d bytes. tail -c +%d %s makes it.",
             escaped != NULL ? escaped : "its location", files->sealed, TIDE_HEADER_BYTES, TIDE_HEADER_BYTES + 1, files->sealed);
        free(escaped);
    }
}

/* ---- the commands ---- */
static int published_show(struct cli *cli, const json_t *body, uint64_t listing, uint64_t record, const char *sealed)
{
    uint64_t sent = cli->market != NULL ? tide_market_sent_chunks(cli->market) : 0;
    json_t *row = json_pack("{s:I,s:I,s:I,s:s,s:I}", "listing", (json_int_t)listing, "revises",
                            (json_int_t)get_u64(body, "revises"), "record", (json_int_t)record, "sealed", sealed, "sent_chunks",
                            (json_int_t)sent);
    int code = show_card(cli, published_columns, row, NULL);

    json_decref(row);
    return code;
}

static int service_publish(struct cli *cli, json_t *body)
{
    json_t *answer, *said = json_deep_copy(body);
    int code;

    if (session_state_or_fail(cli, "publish", body, &answer, &code, "cannot publish the listing")) {
        talk(cli, "Published; a reviewer decides. Then: tidemark order ask %" PRIu64 " --price … --quantity …",
             answer_name(answer));
        code = published_show(cli, said, answer_name(answer), get_u64(answer, "first_index"), "");
        json_decref(answer);
    }
    json_decref(said);
    return code;
}

static int content_publish(struct cli *cli, json_t *body, const struct publication *files)
{
    uint64_t listing = 0;
    int code;

    if (dry_run(cli, "publish", body, &code)) return code;
    json_t *said = json_deep_copy(body);
    if (publish_content(cli, files, body, &listing, NULL) != 0) {
        code = cli_fail(cli, "cannot publish %s", files->path != NULL ? files->path : files->detail);
    } else {
        publish_say_next(cli, files, said);
        if (get_u64(said, "samples") > 0)
            talk(cli, "Once a reviewer has approved it the log draws its samples; tidemark vend answers.");
        talk(cli, "Published%s; a reviewer decides. Then: tidemark order ask %" PRIu64 " --price … --quantity …",
             get_text(said, "location")[0] != '\0' ? "" : " and uploaded", listing);
        code = published_show(cli, said, listing, 0, files->sealed);
    }
    json_decref(said);
    return code;
}

/* `body` is taken over; `path` NULL: none was named. */
static int publish_go(struct cli *cli, json_t *body, const char *path)
{
    struct publication files;

    if (publish_fields(cli, body) == 0 && publish_files(cli, body, path, &files) == 0) publish_policy(cli, body, &files);
    if (cli->error.code != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot publish the listing");
    }
    return path == NULL && files.detail == NULL ? service_publish(cli, body) : content_publish(cli, body, &files);
}

/* --from-json into `body`; 0 or cli->error. */
static int body_read(struct cli *cli, json_t *body)
{
    const char *path = args_text(&cli->args, "from-json");
    json_error_t where;

    if (path == NULL) return 0;
    json_t *text = text_file(cli, path, JSON_MAX);
    if (text == NULL) return cli->error.code;
    json_t *read = json_loads(json_string_value(text), JSON_REJECT_DUPLICATES, &where);
    json_decref(text);
    if (!json_is_object(read)) {
        json_decref(read);
        return cli_error(cli, CODE_FILE, "%s is not a JSON object (line %d: %s)", path, where.line, where.text);
    }
    json_object_update(body, read);
    json_decref(read);
    return 0;
}

int listing_publish(struct cli *cli)
{
    json_t *body = json_object();

    if (body_read(cli, body) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot publish the listing");
    }
    return publish_go(cli, body, args_value(&cli->args, 0));
}

int listing_revise(struct cli *cli)
{
    static const char *const own[] = {"plaintext_len", "n_chunks",   "payload_len",  "nonce",       "content_root",
                                      "key_commitment", "detail_len", "detail_nonce", "detail_root", "detail_commitment",
                                      "location"};
    uint64_t listing;
    json_t *answer;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (session_ask(cli, "listing", json_pack("{s:I}", "listing", (json_int_t)listing), &answer) != 0)
        return cli_fail(cli, "cannot revise listing %" PRIu64, listing);
    json_t *body = json_deep_copy(get_first(answer, "published"));
    json_decref(answer);
    for (size_t i = 0; i < ARRAY_N(own); i++) json_object_del(body, own[i]);
    if (body_read(cli, body) != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot revise listing %" PRIu64, listing);
    }
    set_u64(body, "revises", listing);
    return publish_go(cli, body, args_value(&cli->args, 1));
}
