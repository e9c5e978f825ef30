/*
 * What a listing says, shared by `sell`, `listing publish` and `listing revise`: from the same flags, or from JSON.
 */
#ifndef TIDEMARK_CLI_PUBLISH_H
#define TIDEMARK_CLI_PUBLISH_H

#include "client/cli/cli.h"

/* Puts what the flags say into a `publish` body, over what it has. 0 or the code in cli->error. */
int publish_fields(struct cli *cli, json_t *body);
/* What the market could only refuse; found before gigabytes are sealed. 0 or the code in cli->error. */
int publish_policy(struct cli *cli, const json_t *body);
/* Seals, publishes and uploads; `body` is taken over. */
int publish_content(struct cli *cli, const char *path, const char *sealed, json_t *body, uint64_t *listing);
/* True for kinds of which each trade brings a credential instead of content. */
bool publish_is_service(const json_t *body);
/* A text file of at most `max` bytes as a JSON string ("-": stdin); NULL: cli->error. */
json_t *text_file(struct cli *cli, const char *path, size_t max);

#endif
