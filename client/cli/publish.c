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

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TERMS_MAX 16384
#define JSON_MAX 131072

static const struct column published_columns[] = {{"listing", "Listing", COLUMN_INDEX, NULL},
                                                  {"revises", "Revises", COLUMN_INDEX, NULL},
                                                  {"record", "Record", COLUMN_INDEX, NULL},
                                                  {"sealed", "Sealed file", COLUMN_TEXT, NULL},
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
                                           {"purposes", "purposes"}};
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

int publish_policy(struct cli *cli, const json_t *body)
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
    return 0;
}

bool publish_is_service(const json_t *body)
{
    const char *kind = get_text(body, "kind");
    return strcmp(kind, "api") == 0 || strcmp(kind, "compute") == 0;
}

int publish_content(struct cli *cli, const char *path, const char *sealed, json_t *body, uint64_t *listing)
{
    struct tide_doc *doc = NULL;
    struct progress progress;

    int code = session_doc(cli, "publish", body, &doc);
    if (code == 0) code = session_open(cli);
    progress_init(&progress, cli);
    if (code == 0) code = tide_sell(cli->market, path, sealed, doc, progress_step, &progress, listing, &cli->error);
    progress_end(&progress);
    tide_doc_free(&doc);
    return code;
}

/* ---- the commands ---- */
static int published_show(struct cli *cli, const json_t *body, uint64_t listing, uint64_t record, const char *sealed)
{
    json_t *row = json_pack("{s:I,s:I,s:I,s:s}", "listing", (json_int_t)listing, "revises",
                            (json_int_t)get_u64(body, "revises"), "record", (json_int_t)record, "sealed", sealed);
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

static int content_publish(struct cli *cli, json_t *body, const char *path)
{
    char sealed[CONTEXT_PATH_MAX];
    const char *out = args_text(&cli->args, "out");
    uint64_t listing = 0;
    int code;

    if (dry_run(cli, "publish", body, &code)) return code;
    json_t *said = json_deep_copy(body);
    if (snprintf(sealed, sizeof sealed, "%s%s", out != NULL ? out : path, out != NULL ? "" : ".tide") >= CONTEXT_PATH_MAX) {
        json_decref(body);
        cli_error(cli, CODE_FILE, "its name is too long");
        code = cli_fail(cli, "cannot publish %s", path);
    } else if (publish_content(cli, path, sealed, body, &listing) != 0) {
        code = cli_fail(cli, "cannot publish %s", path);
    } else {
        talk(cli, "Published and uploaded; a reviewer decides. Then: tidemark order ask %" PRIu64 " --price … --quantity …",
             listing);
        code = published_show(cli, said, listing, 0, sealed);
    }
    json_decref(said);
    return code;
}

/* `body` is taken over; `path` NULL: none was named. */
static int publish_go(struct cli *cli, json_t *body, const char *path)
{
    bool service = publish_is_service(body);

    if (publish_fields(cli, body) == 0) {
        service = publish_is_service(body);
        if (service && path != NULL)
            cli_error(cli, CODE_USAGE, "%s listings have no content: leave the file out", get_text(body, "kind"));
        else if (!service && path == NULL) {
            cli_error(cli, CODE_USAGE, "FILE is missing");
            cli_hint(cli, "A key is used once, so that content is always sealed anew; only api and compute have none.");
        } else
            publish_policy(cli, body);
    }
    if (cli->error.code != 0) {
        json_decref(body);
        return cli_fail(cli, "cannot publish the listing");
    }
    return service ? service_publish(cli, body) : content_publish(cli, body, path);
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
                                      "key_commitment", "detail_len", "detail_nonce", "detail_root", "detail_commitment"};
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
