/*
 * listing show --dcat: a listing as DCAT 3 and ODRL 2.2, in JSON-LD. What each field becomes; see dcat.h for our own
 * terms.
 *
 * Always holds: a text of somebody else's is a value only, never a key and never an IRI by itself (a media type is
 * checked first, a party and the market's id have alphabets of their own); what is absent in the listing has no
 * property. Not here: asking the market, printing (listing.c, show.c).
 */
#include "client/cli/dcat.h"

#include "client/cli/show.h"
#include "client/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define IRI_MAX 320 /* the longest: a party or a market's id, or a media type with every byte escaped */
#define WORD_MAX 128
#define EU "http://publications.europa.eu/resource/authority/"
#define IANA "https://www.iana.org/assignments/media-types/"

struct pair {
    const char *name, *value;
};

/* What the parts below need: the two halves of the answer and the IRIs they mean. */
struct listing {
    const json_t *row, *published;
    const char *url;
    char market[IRI_MAX], self[IRI_MAX], vendor[IRI_MAX];
};

/* ---- the context ---- */

static const struct pair prefixes[] = {{"dcat", "http://www.w3.org/ns/dcat#"},
                                       {"dct", "http://purl.org/dc/terms/"},
                                       {"foaf", "http://xmlns.com/foaf/0.1/"},
                                       {"odrl", "http://www.w3.org/ns/odrl/2/"},
                                       {"rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"},
                                       {"rdfs", "http://www.w3.org/2000/01/rdf-schema#"},
                                       {"skos", "http://www.w3.org/2004/02/skos/core#"},
                                       {"spdx", "http://spdx.org/rdf/terms#"},
                                       {"tide", "urn:tidemark:ns#"},
                                       {"xsd", "http://www.w3.org/2001/XMLSchema#"}};

/* What a text under these names is; every other text is a plain one. */
static const struct pair value_types[] = {{"dcat:accessURL", "@id"},
                                          {"dcat:mediaType", "@id"},
                                          {"dcat:previousVersion", "@id"},
                                          {"dct:accrualPeriodicity", "@id"},
                                          {"dct:references", "@id"},
                                          {"dct:type", "@id"},
                                          {"odrl:action", "@id"},
                                          {"odrl:assigner", "@id"},
                                          {"odrl:compensatedParty", "@id"},
                                          {"odrl:leftOperand", "@id"},
                                          {"odrl:operator", "@id"},
                                          {"odrl:target", "@id"},
                                          {"odrl:unit", "@id"},
                                          {"rdf:value", "@id"},
                                          {"skos:inScheme", "@id"},
                                          {"spdx:algorithm", "@id"},
                                          {"tide:market", "@id"},
                                          {"dcat:byteSize", "xsd:nonNegativeInteger"},
                                          {"dcat:endDate", "xsd:dateTime"},
                                          {"dcat:startDate", "xsd:dateTime"},
                                          {"dct:issued", "xsd:dateTime"},
                                          {"spdx:checksumValue", "xsd:hexBinary"},
                                          {"tide:assessment", "xsd:hexBinary"},
                                          {"tide:contentRoot", "xsd:hexBinary"},
                                          {"tide:keyCommitment", "xsd:hexBinary"},
                                          {"tide:nonce", "xsd:hexBinary"},
                                          {"tide:rightHolding", "xsd:hexBinary"},
                                          {"tide:rightOperating", "xsd:hexBinary"},
                                          {"tide:rightProcessing", "xsd:hexBinary"}};

static json_t *context(void)
{
    json_t *names = json_object();

    for (size_t i = 0; i < ARRAY_N(prefixes); i++) {
        json_object_set_new(names, prefixes[i].name, json_string(prefixes[i].value));
    }
    for (size_t i = 0; i < ARRAY_N(value_types); i++) {
        json_object_set_new(names, value_types[i].name, json_pack("{s:s}", "@type", value_types[i].value));
    }
    return names;
}

/* ---- values ---- */

/* A text under `name`, if there is one. */
static void put_text(json_t *node, const char *name, const char *text)
{
    if (text[0] != '\0') json_object_set_new(node, name, json_string(text));
}

static void put_count(json_t *node, const char *name, uint64_t n)
{
    if (n != 0) json_object_set_new(node, name, json_integer((json_int_t)n));
}

static void put_time(json_t *node, const char *name, uint64_t ms)
{
    char text[TEXT_MAX];

    if (ms == 0) return;
    time_iso(ms, text);
    put_text(node, name, text);
}

/* A node {"@type": type, name: text}, if there is a text. */
static void put_labelled(json_t *node, const char *property, const char *type, const char *name, const char *text)
{
    if (text[0] == '\0') return;
    json_object_set_new(node, property, json_pack("{s:s, s:s}", "@type", type, name, text));
}

static const char *find(const struct pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcasecmp(pairs[i].name, name) == 0) return pairs[i].value;
    }
    return NULL;
}

/* The next word of *at, which moves on; false at the end. A list has single or more spaces between. */
static bool next_word(const char **at, char out[WORD_MAX + 1])
{
    *at += strspn(*at, " ");
    size_t n = strcspn(*at, " ");
    if (n == 0 || n > WORD_MAX) return false;
    memcpy(out, *at, n);
    out[n] = '\0';
    *at += n;
    return true;
}

/*
 * The page of a media type at IANA: lower case, '#' and '^' escaped, which an IRI's path cannot hold. False when there
 * can be none: no type/subtype of RFC 6838 §4.2, an unregistered tree (x-, x.), or parameters.
 */
static bool media_iri(const char *type, char out[IRI_MAX])
{
    static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t at = sizeof IANA - 1, n_slashes = 0;

    memcpy(out, IANA, sizeof IANA);
    if (strlen(type) > 96) return false;
    for (const char *c = type; *c != '\0'; c++) {
        bool begins = c == type || c[-1] == '/';
        if (*c == '/' && !begins && n_slashes++ == 0) {
            out[at++] = '/';
        } else if (strchr(alnum, *c) != NULL) {
            if (begins && (*c == 'x' || *c == 'X') && (c[1] == '-' || c[1] == '.')) return false;
            out[at++] = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
        } else if (!begins && strchr("!$&-_.+", *c) != NULL) {
            out[at++] = *c;
        } else if (!begins && (*c == '#' || *c == '^')) {
            at += (size_t)snprintf(out + at, IRI_MAX - at, "%%%02X", (unsigned)*c);
        } else {
            return false;
        }
    }
    out[at] = '\0';
    return n_slashes == 1 && out[at - 1] != '/';
}

/* ---- the dataset's parts ---- */

/*
 * Words whose meaning is plain, in the EU's frequency vocabulary. Not "biweekly", "bimonthly" or "biannual": each has
 * two meanings; they stay words.
 */
static const char *frequency_iri(const char *cycle)
{
    static const struct pair known[] = {{"continuous", EU "frequency/UPDATE_CONT"},
                                        {"continuously", EU "frequency/UPDATE_CONT"},
                                        {"hourly", EU "frequency/HOURLY"},
                                        {"twice a day", EU "frequency/DAILY_2"},
                                        {"daily", EU "frequency/DAILY"},
                                        {"twice a week", EU "frequency/WEEKLY_2"},
                                        {"weekly", EU "frequency/WEEKLY"},
                                        {"fortnightly", EU "frequency/BIWEEKLY"},
                                        {"twice a month", EU "frequency/MONTHLY_2"},
                                        {"monthly", EU "frequency/MONTHLY"},
                                        {"quarterly", EU "frequency/QUARTERLY"},
                                        {"half-yearly", EU "frequency/ANNUAL_2"},
                                        {"twice a year", EU "frequency/ANNUAL_2"},
                                        {"annual", EU "frequency/ANNUAL"},
                                        {"annually", EU "frequency/ANNUAL"},
                                        {"yearly", EU "frequency/ANNUAL"},
                                        {"biennial", EU "frequency/BIENNIAL"},
                                        {"irregular", EU "frequency/IRREG"},
                                        {"never", EU "frequency/NEVER"},
                                        {"每小时", EU "frequency/HOURLY"},
                                        {"每日", EU "frequency/DAILY"},
                                        {"每天", EU "frequency/DAILY"},
                                        {"每周", EU "frequency/WEEKLY"},
                                        {"每月", EU "frequency/MONTHLY"},
                                        {"每季度", EU "frequency/QUARTERLY"},
                                        {"每年", EU "frequency/ANNUAL"},
                                        {"不定期", EU "frequency/IRREG"}};

    return find(known, ARRAY_N(known), cycle);
}

static void put_subject(json_t *node, const json_t *published)
{
    json_t *keywords = json_array();
    const json_t *keyword;
    const char *category = get_text(published, "category");
    size_t i;

    json_array_foreach(get_list(published, "keywords"), i, keyword)
    {
        json_array_append_new(keywords, json_string(get_text(keyword, "word")));
    }
    if (json_array_size(keywords) > 0) json_object_set(node, "dcat:keyword", keywords);
    json_decref(keywords);
    if (category[0] == '\0') return;
    /* A theme is a skos:Concept; a category is a word of the vendor's, so the concept has no IRI, only a label. */
    json_object_set_new(node, "dcat:theme",
                        json_pack("{s:s, s:s, s:s}", "@type", "skos:Concept", "skos:prefLabel", category,
                                  "skos:inScheme", "tide:categories"));
}

static void put_coverage(json_t *node, const json_t *published, bool is_service)
{
    const char *cycle = get_text(published, "update_cycle");
    const char *frequency = is_service ? NULL : frequency_iri(cycle); /* a property of datasets */
    uint64_t from = get_u64(published, "time_from"), to = get_u64(published, "time_to");

    if (from != 0 || to != 0) {
        json_t *period = json_pack("{s:s}", "@type", "dct:PeriodOfTime");
        put_time(period, "dcat:startDate", from);
        put_time(period, "dcat:endDate", to);
        json_object_set_new(node, "dct:temporal", period);
    }
    put_labelled(node, "dct:spatial", "dct:Location", "rdfs:label", get_text(published, "place"));
    if (frequency != NULL)
        put_text(node, "dct:accrualPeriodicity", frequency);
    else
        put_text(node, "tide:updateCycle", cycle);
}

static void put_columns(json_t *node, const json_t *published)
{
    json_t *columns = json_array();
    const json_t *column;
    size_t i;

    json_array_foreach(get_list(published, "columns"), i, column)
    {
        json_array_append_new(columns, json_pack("{s:s, s:s}", "tide:columnName", get_text(column, "name"),
                                                 "tide:columnType", get_text(column, "type")));
    }
    if (json_array_size(columns) > 0) json_object_set_new(node, "tide:columns", json_pack("{s:O}", "@list", columns));
    json_decref(columns);
}

static void put_media_type(json_t *node, const json_t *published, bool is_service)
{
    const char *type = get_text(published, "media_type");
    char iri[IRI_MAX];

    if (!is_service && media_iri(type, iri)) /* a property of distributions */
        put_text(node, "dcat:mediaType", iri);
    else
        put_text(node, "tide:mediaType", type);
}

/* The file as a buyer opens it; what binds its sealed form is there in our own terms. */
static json_t *distribution(const struct listing *l)
{
    const json_t *p = l->published;
    json_t *node = json_pack("{s:s+, s:s}", "@id", l->self, "#content", "@type", "dcat:Distribution");

    put_text(node, "dct:title", get_text(p, "title"));
    put_text(node, "dcat:accessURL", l->url);
    put_media_type(node, p, false);
    if (get_text(p, "content_root")[0] != '\0') { /* an empty file has a size too */
        json_object_set_new(node, "dcat:byteSize", json_integer((json_int_t)get_u64(p, "plaintext_len")));
    }
    put_count(node, "tide:chunks", get_u64(p, "n_chunks"));
    put_count(node, "tide:sealedBytes", get_u64(p, "payload_len"));
    put_text(node, "tide:nonce", get_text(p, "nonce"));
    put_text(node, "tide:contentRoot", get_text(p, "content_root"));
    put_text(node, "tide:keyCommitment", get_text(p, "key_commitment"));
    return node;
}

static void put_compliance(json_t *node, const json_t *published)
{
    put_text(node, "tide:class", get_text(published, "class"));
    json_object_set_new(node, "tide:personalData", json_boolean(get_bool(published, "personal_data")));
    put_text(node, "tide:legalBasis", get_text(published, "legal_basis"));
    put_text(node, "tide:assessment", get_text(published, "assessment"));
    put_text(node, "tide:rightHolding", get_text(published, "right_holding"));
    put_text(node, "tide:rightProcessing", get_text(published, "right_processing"));
    put_text(node, "tide:rightOperating", get_text(published, "right_operating"));
}

/* The terms as text, with the hash by which a bid accepts them: a plain SHA-256 of these bytes. */
static json_t *rights(const struct listing *l)
{
    const char *hash = get_text(l->row, "terms_hash");
    json_t *node = json_pack("{s:s+, s:s, s:s}", "@id", l->self, "#terms", "@type", "dct:RightsStatement",
                             "dct:description", get_text(l->published, "terms"));

    if (hash[0] == '\0') return node;
    json_object_set_new(node, "spdx:checksum",
                        json_pack("{s:s, s:s, s:s}", "@type", "spdx:Checksum", "spdx:algorithm",
                                  "spdx:checksumAlgorithm_sha256", "spdx:checksumValue", hash));
    return node;
}

/* ---- the policy ---- */

/* One word of a list; a country's code has the datatype that DCMI has for it. */
static json_t *operand(const char *word, bool is_country)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    if (is_country && strlen(word) == 2 && strspn(word, upper) == 2)
        return json_pack("{s:s, s:s}", "@value", word, "@type", "dct:ISO3166");
    return json_string(word);
}

/* "left is one of these words", if there are any. */
static void add_constraint(json_t *constraints, const char *left, const char *words, bool is_country)
{
    json_t *operands = json_array();
    char word[WORD_MAX + 1];

    while (next_word(&words, word)) json_array_append_new(operands, operand(word, is_country));
    size_t n = json_array_size(operands);
    if (n > 0) {
        json_array_append_new(constraints,
                              json_pack("{s:s, s:s, s:s, s:O}", "@type", "odrl:Constraint", "odrl:leftOperand", left,
                                        "odrl:operator", n == 1 ? "odrl:eq" : "odrl:isAnyOf", "odrl:rightOperand",
                                        n == 1 ? json_array_get(operands, 0) : operands));
    }
    json_decref(operands);
}

/* To pay the vendor: the best ask, or, while nothing is asked, what the market will find. It is never free. */
static json_t *payment(const struct listing *l)
{
    json_t *action = json_pack("{s:s}", "rdf:value", "odrl:compensate");
    char yuan[TEXT_MAX];

    if (get_bool(l->row, "has_ask")) {
        yuan_format(get_u64(l->row, "best_ask"), yuan);
        json_object_set_new(action, "odrl:refinement",
                            json_pack("{s:s, s:s, s:s, s:{s:s, s:s}, s:s}", "@type", "odrl:Constraint",
                                      "odrl:leftOperand", "odrl:payAmount", "odrl:operator", "odrl:eq",
                                      "odrl:rightOperand", "@value", yuan, "@type", "xsd:decimal", "odrl:unit",
                                      EU "currency/CNY"));
    }
    return json_pack("{s:s, s:o, s:s}", "@type", "odrl:Duty", "odrl:action", action, "odrl:compensatedParty",
                     l->vendor);
}

static json_t *policy(const struct listing *l)
{
    bool is_open = strcmp(get_text(l->row, "state"), "open") == 0;
    json_t *constraints = json_array();
    json_t *permission = json_pack("{s:s, s:s, s:s, s:s}", "@type", "odrl:Permission", "odrl:target", l->self,
                                   "odrl:assigner", l->vendor, "odrl:action", "odrl:use");
    json_t *node = json_pack("{s:s+, s:s}", "@id", l->self, "#offer", "@type", is_open ? "odrl:Offer" : "odrl:Set");

    add_constraint(constraints, "odrl:purpose", get_text(l->published, "purposes"), false);
    add_constraint(constraints, "odrl:spatial", get_text(l->published, "jurisdictions"), true);
    if (json_array_size(constraints) > 0) json_object_set(permission, "odrl:constraint", constraints);
    json_decref(constraints);
    json_object_set_new(permission, "odrl:duty", payment(l));
    json_object_set_new(node, "odrl:permission", permission);
    if (get_text(l->published, "terms")[0] != '\0') {
        json_object_set_new(node, "dct:references", json_pack("s+", l->self, "#terms"));
    }
    return node;
}

/* ---- the document ---- */

/* The IRIs; false when the URL has no market's id. */
static bool listing_names(struct listing *l)
{
    static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *query = strchr(l->url, '?');
    const char *id = query != NULL ? strstr(query, "market=") : NULL;

    if (id == NULL || (id[-1] != '?' && id[-1] != '&')) return false;
    id += strlen("market=");
    size_t n = strspn(id, base64url);
    if (n == 0 || n > 64) return false;
    snprintf(l->market, sizeof l->market, "urn:tidemark:market:%.*s", (int)n, id);
    snprintf(l->self, sizeof l->self, "urn:tidemark:market:%.*s:listing:%" PRIu64, (int)n, id,
             get_u64(l->row, "listing"));
    snprintf(l->vendor, sizeof l->vendor, "urn:tidemark:party:%.100s", get_text(l->row, "vendor"));
    return true;
}

static void put_names(json_t *node, const struct listing *l, const char *kind)
{
    const json_t *p = l->published;
    uint64_t revises = get_u64(p, "revises");
    json_t *vendor = json_pack("{s:s, s:s}", "@id", l->vendor, "@type", "foaf:Agent");

    json_object_set_new(node, "dct:type", json_pack("s+", "tide:", kind));
    put_text(node, "dct:identifier", l->self);
    put_text(node, "dct:title", get_text(p, "title"));
    put_text(node, "dct:description", get_text(p, "summary"));
    put_time(node, "dct:issued", get_u64(l->row, "listed_at"));
    put_text(vendor, "foaf:name", get_text(l->row, "vendor_name"));
    json_object_set_new(node, "dct:publisher", vendor);
    if (revises != 0) { /* the earlier one stays on sale: a previous version, not a replaced one, nor one of a series */
        char iri[IRI_MAX + 32];
        snprintf(iri, sizeof iri, "%s:listing:%" PRIu64, l->market, revises);
        put_text(node, "dcat:previousVersion", iri);
    }
    put_text(node, "tide:market", l->market);
    put_count(node, "tide:listing", get_u64(l->row, "listing"));
    put_text(node, "tide:state", get_text(l->row, "state"));
}

json_t *dcat_document(const json_t *answer, const char *market_url)
{
    struct listing l = {
        .row = get_first(answer, "row"), .published = get_first(answer, "published"), .url = market_url};
    const char *kind = get_text(l.published, "kind");
    bool is_service = strcmp(kind, "api") == 0 || strcmp(kind, "compute") == 0;

    if (!listing_names(&l)) return NULL;
    json_t *node = json_pack("{s:o, s:s, s:s}", "@context", context(), "@id", l.self, "@type",
                             is_service ? "dcat:DataService" : "dcat:Dataset");
    put_names(node, &l, kind);
    put_subject(node, l.published);
    put_coverage(node, l.published, is_service);
    put_text(node, "tide:unit", get_text(l.published, "unit"));
    put_count(node, "tide:rows", get_u64(l.published, "rows"));
    put_columns(node, l.published);
    put_compliance(node, l.published);
    if (get_text(l.published, "terms")[0] != '\0') json_object_set_new(node, "dct:rights", rights(&l));
    json_object_set_new(node, "odrl:hasPolicy", policy(&l));
    if (is_service)
        put_media_type(node, l.published, true);
    else
        json_object_set_new(node, "dcat:distribution", distribution(&l));
    return node;
}
