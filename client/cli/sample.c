/*
 * listing sample: what a vendor shows of a listing in clear; and the line about it before a bid.
 */
#include "client/cli/sample.h"

#include "client/cli/commands.h"
#include "client/cli/session.h"
#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>

static const struct column chunk_columns[] = {{"chunk", "Chunk", COLUMN_COUNT, NULL},
                                              {"offset", "Offset", COLUMN_COUNT, NULL},
                                              {"len", "Bytes", COLUMN_COUNT, NULL},
                                              {"hash", "SHA-256", COLUMN_TEXT, NULL},
                                              {NULL, NULL, COLUMN_END, NULL}};

int listing_sample(struct cli *cli)
{
    const char *out = args_text(&cli->args, "out");
    struct tide_doc *doc = NULL;
    uint64_t listing;

    if (!value_number(cli, 0, "listing", &listing)) return cli_fail(cli, "%s", "");
    if (session_open(cli) != 0 || tide_sample_fetch(cli->market, listing, out, &doc, &cli->error) != 0)
        return cli_fail(cli, "cannot show the samples of listing %" PRIu64, listing);
    json_t *report = doc_json(doc);
    tide_doc_free(&doc);
    if (report == NULL) {
        cli_error(cli, CODE_NO_MEMORY, NULL);
        return cli_fail(cli, "cannot show the samples of listing %" PRIu64, listing);
    }
    if (out != NULL) json_object_set_new(report, "file", json_string(out));
    int code = show_table(cli, chunk_columns, get_list(report, "chunks"), report, NULL);
    talk(cli, "Drawn by the log and signed by the vendor: %zu of %" PRIu64 " chunks.",
         json_array_size(get_list(report, "chunks")), get_u64(report, "n_chunks"));
    if (out != NULL) talk(cli, "They are in %s, one behind the other.", out);
    json_decref(report);
    return code;
}

int samples_show(struct cli *cli, const json_t *row)
{
    uint64_t listing = get_u64(row, "listing");

    if (get_u64(row, "samples") == 0) return 0;
    if (session_open(cli) != 0 || tide_sample_check(cli->market, listing, NULL, &cli->error) != 0)
        return cli->error.code;
    talk(cli,
         "Samples   %" PRIu64 " of %" PRIu64
         " chunks, drawn by the log and signed by the vendor; what is delivered must be as they are",
         get_u64(row, "samples"), get_u64(row, "n_chunks"));
    talk(cli, "          (tidemark listing sample %" PRIu64 " -o FILE shows them)", listing);
    return 0;
}
