/*
 * The command line taken apart: values, flags in all spellings, the environment's twins, and what is said about typing
 * errors. The real table of commands is held to its own rules too.
 */
#include "client/cli/cli.h"
#include "client/cli/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct args args;
static char why[320];

static bool parse(const char *line)
{
    static char copy[512];
    static char *argv[64];
    int argc = 0;

    strcpy(copy, line);
    argv[argc++] = (char *)"tidemark";
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " ")) argv[argc++] = word;
    return args_parse(argc, argv, all_commands, n_all_commands, &args, why, sizeof why);
}

static void parses(const char *line, const char *noun, const char *verb)
{
    if (!parse(line)) fail_msg("%s: %s", line, why);
    assert_string_equal(args.command->noun, noun);
    if (verb == NULL)
        assert_null(args.command->verb);
    else
        assert_string_equal(args.command->verb, verb);
}

static void refused(const char *line, const char *with)
{
    if (parse(line)) fail_msg("understood: %s", line);
    if (strstr(why, with) == NULL) fail_msg("%s: said \"%s\", not \"%s\"", line, why, with);
}

static void flags_in_every_spelling(void **state)
{
    (void)state;
    parses("buy 10007 -o air.csv --max-price=99.00 --quantity 2", "buy", NULL);
    assert_string_equal(args_value(&args, 0), "10007");
    assert_null(args_value(&args, 1));
    assert_string_equal(args_text(&args, "out"), "air.csv");
    assert_int_equal(args_number(&args, "max-price", 0), 9900);
    assert_int_equal(args_number(&args, "quantity", 1), 2);
    assert_false(args_has(&args, "yes"));
    parses("--json buy --out=x -q 7 --yes --context trial", "buy", NULL);
    assert_true(args_has(&args, "json"));
    assert_true(args_has(&args, "quiet"));
    assert_true(args_has(&args, "yes"));
    assert_string_equal(args_text(&args, "context"), "trial");
    assert_string_equal(args_value(&args, 0), "7");
    assert_int_equal(args_number(&args, "quantity", 1), 1);
    parses("search -- --kind", "search", NULL);
    assert_string_equal(args_value(&args, 0), "--kind");
    parses("buy 7 -o x --yes=0", "buy", NULL);
    assert_false(args_has(&args, "yes"));
}

static void repeated_flags(void **state)
{
    (void)state;
    parses("enrol --name acme --role vendor --role=buyer", "enrol", NULL);
    assert_string_equal(args_each(&args, "role", 0), "vendor");
    assert_string_equal(args_each(&args, "role", 1), "buyer");
    assert_null(args_each(&args, "role", 2));
    refused("enrol --name a --name b --role buyer", "--name is given twice");
}

static void values_are_counted(void **state)
{
    size_t min, max;

    (void)state;
    values_bounds(NULL, &min, &max);
    assert_int_equal(min, 0);
    assert_int_equal(max, 0);
    values_bounds("PARTY AMOUNT", &min, &max);
    assert_int_equal(min, 2);
    assert_int_equal(max, 2);
    values_bounds("[CODE]", &min, &max);
    assert_int_equal(min, 0);
    assert_int_equal(max, 1);
    values_bounds("ORDER...", &min, &max);
    assert_int_equal(min, 1);
    assert_int_equal(max, GIVEN_MAX);
    values_bounds("[WORDS...]", &min, &max);
    assert_int_equal(min, 0);
    assert_int_equal(max, GIVEN_MAX);
    refused("book", "a value is missing");
    refused("book 1 2", "\"2\" is one value too many");
    refused("bank deposit tide1x --reference r", "PARTY AMOUNT");
    parses("search air quality", "search", NULL);
    assert_int_equal(args.n_values, 2);
}

static void flags_have_types(void **state)
{
    (void)state;
    refused("order bid 1 --price 9.999 --quantity 1", "not an amount");
    refused("order bid 1 --price 9.99 --quantity -3", "not a number");
    refused("order bid 1 --price 9.99 --quantity unlimited", "not a number");
    refused("order ask 1 --price 9.99 --quantity 0", "not a quantity");
    parses("order ask 1 --price 9.99 --quantity unlimited", "order", "ask");
    assert_true(args_number(&args, "quantity", 0) == QUANTITY_UNLIMITED);
    parses("order ask 1 --price 9.99 --quantity 5", "order", "ask");
    assert_int_equal(args_number(&args, "quantity", 0), 5);
    refused("enrol --name a --role vender", "there is no \"vender\"");
    refused("enrol --name a --role vendo", "there is no \"vendo\""); /* no prefix of a choice */
    refused("order bid 1 --price 1", "--quantity is missing");
    parses("order bid 1 --quantity 2 --price 1 --expires 2025-11-30T10:00Z", "order", "bid");
    assert_int_equal(args_number(&args, "expires", 0), UINT64_C(1764496800000));
    refused("order bid 1 --quantity 2 --price 1 --expires soon", "not a time");
    parses("money show --from 2025-11-30T00:00Z --to 2025-11-30T00:00Z", "money", "show");
    assert_int_equal(args_number(&args, "from", 0), args_number(&args, "to", 1));
    parses("money show --from 2025-11-30 --to 2025-11-30", "money", "show"); /* one day */
    assert_int_equal(args_number(&args, "to", 0) - args_number(&args, "from", 0), 86400000);
    refused("voucher programme --share 30", "not a share");
    refused("voucher programme --share 140%", "140% is outside the range of 0.01% to 100%");
    refused("voucher programme --share 0%", "outside the range");
    refused("voucher programme --share 30% --kind computer", "there is no \"computer\"");
    refused("buy 1 -o", "-o has no value");
    refused("buy 1 --out", "--out has no value");
    refused("buy 1 -o x --yes=maybe", "neither on nor off");
}

static void typing_errors_are_answered(void **state)
{
    (void)state;
    refused("serach air", "Did you mean tidemark search?");
    refused("bid 23", "Did you mean tidemark order bid?");
    refused("approve 1", "Did you mean tidemark review approve?");
    refused("list", "one of these: ");
    refused("order bdi 1", "Did you mean tidemark order bid?");
    refused("buy 1 -o x --max-prise 3", "Did you mean --max-price?");
    refused("frobnicate", "tidemark help lists them");
    refused("order", "order needs a verb");
    refused("order frobnicate", "tidemark order --help");
    refused("coupon list", "there is no command");
    refused("voucher lsit", "Did you mean tidemark voucher list?");
    refused("rule 5", "a value is missing");
    refused("buy 1 -x", "there is no flag -x");
    refused("buy 1 -oo x", "there is no flag -oo");
    refused("buy 1 --o x", "there is no flag"); /* letters take one dash */
    refused("--max-price 3 buy 1 -o x", "before a command");
    refused("", "no command");
}

static void help_is_never_refused(void **state)
{
    (void)state;
    assert_true(parse("buy --help"));
    assert_true(args.help);
    assert_true(parse("order --help"));
    assert_string_equal(args.word[0], "order");
    assert_true(parse("--help"));
    assert_null(args.word[0]);
    parses("--version", "version", NULL);
}

static void environment_twins(void **state)
{
    (void)state;
    setenv("TIDEMARK_MAX_PRICE", "12.50", 1);
    setenv("TIDEMARK_JSON", "1", 1);
    setenv("TIDEMARK_YES", "1", 1);
    parses("buy 1 -o x", "buy", NULL);
    assert_int_equal(args_number(&args, "max-price", 0), 1250);
    assert_true(args_has(&args, "json"));
    assert_false(args_has(&args, "yes")); /* the one flag without a twin */
    parses("buy 1 -o x --max-price 3", "buy", NULL);
    assert_int_equal(args_number(&args, "max-price", 0), 300);
    setenv("TIDEMARK_MAX_PRICE", "much", 1);
    refused("buy 1 -o x", "TIDEMARK_MAX_PRICE");
    unsetenv("TIDEMARK_MAX_PRICE");
    setenv("TIDEMARK_JSON", "0", 1);
    parses("buy 1 -o x", "buy", NULL);
    assert_false(args_has(&args, "json"));
    unsetenv("TIDEMARK_JSON");
    unsetenv("TIDEMARK_YES");
    setenv("TIDEMARK_OUT", "y", 1);
    parses("buy 1", "buy", NULL); /* a needed flag may come from there */
    assert_string_equal(args_text(&args, "out"), "y");
    unsetenv("TIDEMARK_OUT");
}

static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_all_commands; i++) {
        const struct command *c = &all_commands[i];
        assert_non_null(c->run);
        assert_non_null(c->help);
        for (size_t j = 0; j < i; j++) {
            const struct command *other = &all_commands[j];
            if (strcmp(other->noun, c->noun) != 0) continue;
            assert_non_null(other->verb); /* a one-word command has no verbs beside it */
            assert_non_null(c->verb);
            assert_string_not_equal(other->verb, c->verb);
        }
        for (const struct flag *f = c->flags; f != NULL && f->type != FLAG_END; f++) {
            assert_non_null(f->help);
            assert_true((f->type == FLAG_SWITCH) == (f->value == NULL));
            for (const struct flag *g = global_flags; g->type != FLAG_END; g++) {
                assert_string_not_equal(f->name, g->name);
                assert_true(f->letter == 0 || f->letter != g->letter);
            }
        }
    }
}

static void exit_codes(void **state)
{
    static const struct {
        int code, exit;
    } expected[] = {{0, 0},   {101, 5}, {105, 5}, {201, 1}, {207, 1},   {301, 4}, {303, 4}, {401, 7},
                    {414, 7}, {504, 7}, {601, 2}, {602, 1}, {603, 4},   {604, 4}, {605, 5}, {606, 6},
                    {607, 1}, {608, 5}, {609, 1}, {610, 1}, {611, 130}, {701, 8}, {705, 8}};

    (void)state;
    for (size_t i = 0; i < ARRAY_N(expected); i++) assert_int_equal(exit_of_code(expected[i].code), expected[i].exit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(flags_in_every_spelling),
                                       cmocka_unit_test(repeated_flags),
                                       cmocka_unit_test(values_are_counted),
                                       cmocka_unit_test(flags_have_types),
                                       cmocka_unit_test(typing_errors_are_answered),
                                       cmocka_unit_test(help_is_never_refused),
                                       cmocka_unit_test(environment_twins),
                                       cmocka_unit_test(the_table_is_sound),
                                       cmocka_unit_test(exit_codes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
