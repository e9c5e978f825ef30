/*
 * Documents inside the library: a schema, a struct of its size, and the memory both live in. Jobs read the struct
 * itself (doc->value), programs read it by name.
 */
#ifndef TIDEMARK_CLIENT_DOC_H
#define TIDEMARK_CLIENT_DOC_H

#include "client/lib/error.h"
#include "storage/fields.h"

#define DOC_BYTES_MAX (16u << 20) /* of one document, everything asked of it included */

/* The documents of one list field. */
struct doc_list {
    struct tide_doc **items;
    size_t room; /* for structs and documents alike */
};

struct tide_doc {
    const struct schema *schema;
    void *value;            /* schema->size bytes */
    struct arena *arena;    /* shared by the whole tree */
    const char **texts;     /* a field each, made when first asked for */
    struct doc_list *lists; /* a field each */
    bool is_root;           /* tide_doc_free frees roots only */
};

/* A cleared document of a schema. NULL: no memory. */
struct tide_doc *doc_new(const struct schema *schema);

/* Takes `value`, which lies in doc->arena, as the document's struct and makes documents of its lists' items. */
MUST_USE enum tide_err doc_adopt(struct tide_doc *doc, void *value);

/* Makes a root document into the first item of one of its lists: the row instead of the answer it came in. */
MUST_USE enum tide_err doc_narrow(struct tide_doc *doc, const char *list);

/* A reply's frame to a document: *code and *text (in the document's memory) are the reply's; value empty unless 0. */
MUST_USE enum tide_err doc_from_reply(struct bytes frame, const struct schema *schema, struct tide_doc **out,
                                      uint64_t *code, struct bytes *text);

/* The library's own shapes (schemas.c). */
struct body_report;
struct body_outbox_entry;
struct body_sale;
extern const struct schema schema_report, schema_outbox_entry, schema_sale, schema_mirror, schema_checked;

#endif
