/*
 * listing show --dcat on made listings: what `sell` cannot make (services, columns, times), words at their limits, and
 * texts that would be IRIs or JSON-LD keywords. Every document is read back by npm's jsonld (tests/e2e/dcat.mjs).
 */
#include "client/cli/dcat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define URL "tidemark://127.0.0.1:7420/example.org/market?log=AAA&market=q7-_Z&wire=BBB"
#define SELF "urn:tidemark:market:q7-_Z:listing:10007"
#define ROW \
    "\"row\":[{\"listing\":10007,\"listed_at\":1751358600250,\"vendor\":\"tide1qqq\",\"vendor_name\":\"ACME\"," \
    "\"state\":\"open\",\"has_ask\":true,\"best_ask\":5,\"terms_hash\":" HASH "}]"
#define HASH "\"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\""

static json_t *document_of(const char *published)
{
    char *text = NULL;

    assert_true(asprintf(&text, "{" ROW ",\"published\":[%s]}", published) > 0);
    json_t *answer = json_loads(text, 0, NULL);
    assert_non_null(answer);
    json_t *document = dcat_document(answer, URL);
    assert_non_null(document);
    json_decref(answer);
    free(text);
    return document;
}

/* Paths into the document, and the values there in dcat.mjs's writing; one run of it for all. */
struct said {
    const char *path, *expected;
};
#define SAYS(document, ...) \
    says(document, (const struct said[]){__VA_ARGS__}, sizeof((const struct said[]){__VA_ARGS__}) / sizeof(struct said))

static void says(json_t *document, const struct said *said, size_t n_said)
{
    char name[] = "/tmp/tidemark-dcat.XXXXXX", command[4096], got[8192], expected[8192];
    size_t at = 0, end = 0;
    int fd = mkstemp(name);

    assert_true(fd >= 0);
    assert_int_equal(json_dumpfd(document, fd, 0), 0);
    close(fd);
    at = (size_t)snprintf(command, sizeof command, "timeout 60 node tests/e2e/dcat.mjs %s", name);
    for (size_t i = 0; i < n_said; i++) {
        at += (size_t)snprintf(command + at, sizeof command - at, " '%s'", said[i].path);
        end += (size_t)snprintf(expected + end, sizeof expected - end, "%s: %s\n", said[i].path, said[i].expected);
        assert_true(at < sizeof command - sizeof " 2>&1" && end < sizeof expected);
    }
    strcpy(command + at, " 2>&1");
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t n = fread(got, 1, sizeof got - 1, pipe);
    got[n] = '\0';
    int status = pclose(pipe);
    unlink(name);
    json_decref(document);
    assert_string_equal(got, expected);
    assert_int_equal(status, 0);
}

static void a_full_dataset(void **state)
{
    json_t *d = document_of("{\"kind\":\"model\",\"title\":\"T\",\"media_type\":\"image/SVG+xml\",\"time_from\":0,"
                            "\"time_to\":1751358600000,\"update_cycle\":\"bimonthly\",\"class\":\"important\","
                            "\"personal_data\":true,\"legal_basis\":\"consent\",\"assessment\":" HASH ",\"columns\":["
                            "{\"name\":\"z\",\"type\":\"number\"},{\"name\":\"a\",\"type\":\"text\"}],"
                            "\"plaintext_len\":9007199254740991,\"n_chunks\":1,\"content_root\":" HASH ","
                            "\"nonce\":\"00112233445566778899aabbccddeeff\",\"jurisdictions\":\" CN  HK CN-31\"}");

    (void)state;
    SAYS(d, {"rdf:type", "dcat:Dataset"}, {"dct:type", "tide:model"}, {"dct:identifier", "\"" SELF "\""},
         {"dct:issued", "\"2025-07-01T08:30:00.250Z\"^^xsd:dateTime"},
         {"dct:temporal dcat:endDate", "\"2025-07-01T08:30:00.000Z\"^^xsd:dateTime"},
         {"dct:temporal dcat:startDate", ""}, {"dct:accrualPeriodicity", ""}, {"tide:updateCycle", "\"bimonthly\""},
         {"tide:columns tide:columnName", "\"z\" | \"a\""}, /* in their order */
         {"tide:personalData", "\"true\"^^xsd:boolean"}, {"tide:assessment", HASH "^^xsd:hexBinary"},
         {"dcat:distribution dcat:byteSize", "\"9007199254740991\"^^xsd:nonNegativeInteger"},
         {"dcat:distribution dcat:mediaType", "media:image/svg+xml"},
         {"odrl:hasPolicy odrl:permission odrl:constraint odrl:operator", "odrl:isAnyOf"},
         {"odrl:hasPolicy odrl:permission odrl:constraint odrl:rightOperand",
          "\"CN\"^^dct:ISO3166 | \"CN-31\" | \"HK\"^^dct:ISO3166"},
         {"odrl:hasPolicy odrl:permission odrl:duty odrl:action odrl:refinement odrl:rightOperand",
          "\"0.05\"^^xsd:decimal"});
}

/* Properties whose domain is a dataset or a distribution are not a service's. */
static void services(void **state)
{
    static const char *const kinds[] = {"api", "compute"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char published[256], type[32];
        snprintf(published, sizeof published,
                 "{\"kind\":\"%s\",\"title\":\"T\",\"media_type\":\"text/csv\",\"update_cycle\":\"daily\",\"unit\":\"h\"}", kinds[i]);
        snprintf(type, sizeof type, "tide:%s", kinds[i]);
        json_t *d = document_of(published);
        SAYS(d, {"rdf:type", "dcat:DataService"}, {"dct:type", type}, {"dcat:distribution", ""},
             {"dct:accrualPeriodicity", ""}, {"tide:updateCycle", "\"daily\""}, {"tide:mediaType", "\"text/csv\""},
             {"tide:unit", "\"h\""}, {"odrl:hasPolicy rdf:type", "odrl:Offer"});
    }
}

/* Somebody else's texts stay texts. */
static void texts_are_values_only(void **state)
{
    json_t *d = document_of("{\"kind\":\"dataset\",\"title\":\"@id\",\"summary\":\"dct:title\","
                            "\"category\":\"http://example.org/x\",\"keywords\":[{\"word\":\"@type\"},{\"word\":"
                            "\"\\\"},{\"}],\"purposes\":\"@id odrl:use\",\"terms\":\"@context\"}");

    (void)state;
    SAYS(d, {"dct:title", "\"@id\""}, {"dct:description", "\"dct:title\""},
         {"dcat:theme skos:prefLabel", "\"http://example.org/x\""}, {"dcat:keyword", "\"@type\" | \"\\\"},{\""},
         {"odrl:hasPolicy odrl:permission odrl:constraint odrl:rightOperand", "\"@id\" | \"odrl:use\""},
         {"dct:rights dct:description", "\"@context\""}, {"dct:rights", "<" SELF "#terms>"},
         {"odrl:hasPolicy dct:references", "<" SELF "#terms>"});
}

static void media_types(void **state)
{
    static const struct {
        const char *type, *iri, *word;
    } some[] = {{"application/vnd.a#b^c", "media:application/vnd.a%23b%5Ec", ""},
                {"text/csv; charset=utf-8", "", "\"text/csv; charset=utf-8\""},
                {"application/x-sqlite3", "", "\"application/x-sqlite3\""},
                {"x.y/csv", "", "\"x.y/csv\""},
                {"model/xt", "media:model/xt", ""},
                {"text/x", "media:text/x", ""},
                {"text/", "", "\"text/\""},
                {"/csv", "", "\"/csv\""},
                {"csv", "", "\"csv\""},
                {"text/csv/../x", "", "\"text/csv/../x\""},
                {"text/../csv", "", "\"text/../csv\""},
                {"text/<csv>", "", "\"text/<csv>\""},
                {"", "", ""}};

    (void)state;
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        char published[256];
        snprintf(published, sizeof published, "{\"kind\":\"report\",\"title\":\"T\",\"media_type\":\"%s\"}",
                 some[i].type);
        json_t *d = document_of(published);
        SAYS(d, {"dcat:distribution dcat:mediaType", some[i].iri}, {"dcat:distribution tide:mediaType", some[i].word});
    }
}

static void a_url_without_a_market_has_no_document(void **state)
{
    static const char *const urls[] = {"", "tidemark://h:1/o", "tidemark://h:1/o?log=A",
                                       "tidemark://h:1/o?market=", "tidemark://h:1/o?notmarket=A"};
    json_t *answer = json_loads("{" ROW ",\"published\":[{\"kind\":\"dataset\",\"title\":\"T\"}]}", 0, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) assert_null(dcat_document(answer, urls[i]));
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_dataset),
        cmocka_unit_test(services),
        cmocka_unit_test(texts_are_values_only),
        cmocka_unit_test(media_types),
        cmocka_unit_test(a_url_without_a_market_has_no_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
