/*
 * From the lists of fields in records.h and protocol.h to tables of `struct field`; private to storage/.
 *
 *     FIELDS_ORDER(FIELD_ENTRY(body_order))
 *
 * gives the entries of struct body_order. A list hands its macro one field and no name of the struct it is in, so that
 * an entry is made in two halves: FIELD_IN opens it with the struct, FIELD_REST ends it with the field.
 */
#ifndef TIDEMARK_STORAGE_FIELD_ENTRIES_H
#define TIDEMARK_STORAGE_FIELD_ENTRIES_H

#include "storage/fields.h"

#define FIELD_ENTRY(tag) FIELD_IN(tag) FIELD_REST
#define FIELD_IN(tag) {.offset = __builtin_offsetof(struct tag,
#define FIELD_REST(field_type, member, least, most, ref, text) \
    member), .name = #member, .type = FIELD_##field_type, .min = least, .max = most, REF_##field_type(ref) .doc = text},

/* What the list's reference is for each type. */
#define REF_U64(ref)
#define REF_I64(ref)
#define REF_BOOL(ref)
#define REF_MONEY(ref)
#define REF_TIME(ref)
#define REF_INDEX(ref)
#define REF_ENUM(ref) .names = ref,
#define REF_FLAGS(ref) .names = ref,
#define REF_TEXT(ref)
#define REF_BIN(ref)
#define REF_PARTY(ref)
#define REF_RECIPIENT(ref)
#define REF_HASH(ref)
#define REF_ID16(ref)
#define REF_SIG(ref)
#define REF_LIST(ref) .sub = &ref,

/* A table and its schema: `tag` is the struct, `LIST` the part of FIELDS_<LIST>. */
#define SCHEMA_DEFINE(LIST, tag, member, number, text) \
    static const struct field fields_##member[] = {FIELDS_##LIST(FIELD_ENTRY(tag))}; \
    const struct schema schema_##member = {.kind = (number), .version = 1, .name = #member, \
                                           .size = sizeof(struct tag), .fields = fields_##member, \
                                           .n_fields = ARRAY_LEN(fields_##member), .doc = text};

#endif
