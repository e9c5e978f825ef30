/*
 * What a listing says, shared by `sell`, `listing publish` and `listing revise`: from the same flags, or from JSON.
 */
#ifndef TIDEMARK_CLI_PUBLISH_H
#define TIDEMARK_CLI_PUBLISH_H

#include "client/cli/cli.h"

/* The files of a publication, and where their sealed forms lie; "" or NULL: there is none. */
struct publication {
    const char *path, *detail;
    char sealed[CONTEXT_PATH_MAX], sealed_detail[CONTEXT_PATH_MAX];
};

/* Puts what the flags say into a `publish` body, over what it has. 0 or the code in cli->error. */
int publish_fields(struct cli *cli, json_t *body);
/* Chooses the files: content for kinds that have some, and --detail. 0 or the code in cli->error. */
int publish_files(struct cli *cli, const json_t *body, const char *path, struct publication *out);
/* What the market could only refuse; found before gigabytes are sealed. 0 or the code in cli->error. */
int publish_policy(struct cli *cli, const json_t *body, const struct publication *files);
/* Seals, publishes and uploads; `body` is taken over. *published (if not NULL) is what was, for the caller to free. */
int publish_content(struct cli *cli, const struct publication *files, json_t *body, uint64_t *listing, struct tide_doc **published);
/* What is still to be done by hand: a payload with a location of its own has to be put there. */
void publish_say_next(const struct cli *cli, const struct publication *files, const json_t *body);
/* True for kinds of which each trade brings a credential instead of content. */
bool publish_is_service(const json_t *body);
/* A text file of at most `max` bytes as a JSON string ("-": stdin); NULL: cli->error. */
json_t *text_file(struct cli *cli, const char *path, size_t max);

#endif
