/* Built-in user management: properties in, SQL out. */
#include "invoker/user_sql.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define MD5   "md5153c434b4b77c89e6b94f12c5393af5b"
#define MD5_B "md50c983d1a624280812631c5389e60d48c"
/* One literal: the lists of statements are checked for missing commas. */
#define SET_MD5 "ALTER USER \"u\" PASSWORD 'md5153c434b4b77c89e6b94f12c5393af5b'"
#define DIGEST  "fe95f2bc7c4a111b6f0f7d0b60bfedd1935fb295f8dce1d62708ab8d2f564baf"
#define SALT    "c721bff5d9042cf541ff7b9d48fa8a6e545c19a763e3710151f9513038b0f6c6"
#define SHA256  "sha256|" DIGEST "|" SALT

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct user_properties user;
    struct user_properties old;
    struct user_statements statements;
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(4u << 20)};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    arena_free(fixture->arena);
    return 0;
}

/* ---- Helpers ---- */

static enum status read_user(struct fixture *fixture, const char *text,
                             struct user_properties *user)
{
    struct json root;
    fixture->error = ERROR_NONE;
    if (json_parse(fixture->arena, slice_from_text(text), &root, &fixture->error) != STATUS_OK) {
        fail_msg("%s", fixture->error.text);
    }
    return user_properties_read(fixture->arena, root, user, &fixture->error);
}

static void accept(struct fixture *fixture, const char *text, struct user_properties *user)
{
    if (read_user(fixture, text, user) != STATUS_OK) {
        fail_msg("%s", fixture->error.text);
    }
}

static void assert_refused(struct fixture *fixture, const char *text, const char *expected)
{
    if (read_user(fixture, text, &fixture->user) != STATUS_REJECTED) {
        fail_msg("%s is not refused", text);
    }
    assert_string_equal(fixture->error.text, expected);
}

static void assert_sql(const struct fixture *fixture, const char *const *expected, size_t count)
{
    for (size_t i = 0; i < count && i < fixture->statements.count; i++) {
        if (!slice_equals_text(fixture->statements.sqls[i], expected[i])) {
            fail_msg("%.*s\nis not\n%s", SLICE_PRINT(fixture->statements.sqls[i]), expected[i]);
        }
    }
    assert_int_equal(fixture->statements.count, count);
}

static void assert_created(struct fixture *fixture, const char *properties, const char *sql)
{
    accept(fixture, properties, &fixture->user);
    user_sql_create(fixture->arena, &fixture->user, &fixture->statements);
    assert_sql(fixture, &sql, 1);
}

static enum status update(struct fixture *fixture, const char *old, const char *properties)
{
    accept(fixture, old, &fixture->old);
    accept(fixture, properties, &fixture->user);
    return user_sql_update(fixture->arena, &fixture->old, &fixture->user, &fixture->statements,
                           &fixture->error);
}

#define assert_updated(fixture, old, properties, ...)                                              \
    do {                                                                                           \
        const char *const sqls_[] = {__VA_ARGS__};                                                 \
        assert_int_equal(update(fixture, old, properties), STATUS_OK);                             \
        assert_sql(fixture, sqls_, ARRAY_COUNT(sqls_));                                            \
    } while (0)

/* ---- Success: Create ---- */

static void a_user_without_options_cannot_log_on_by_password(void **context)
{
    assert_created(*context, "{\"username\":\"etl\"}", "CREATE USER \"etl\" PASSWORD DISABLE");
}

static void every_option_has_its_words(void **context)
{
    assert_created(*context, "{\"username\":\"u\",\"password\":\"" MD5 "\"}",
                   "CREATE USER \"u\" PASSWORD '" MD5 "'");
    assert_created(*context, "{\"username\":\"u\",\"password\":\"" SHA256 "\"}",
                   "CREATE USER \"u\" PASSWORD '" SHA256 "'");
    assert_created(*context, "{\"username\":\"u\",\"create_db\":true}",
                   "CREATE USER \"u\" PASSWORD DISABLE CREATEDB");
    assert_created(*context, "{\"username\":\"u\",\"create_user\":true,\"password\":\"" MD5 "\"}",
                   "CREATE USER \"u\" PASSWORD '" MD5 "' CREATEUSER");
    assert_created(*context, "{\"username\":\"u\",\"unrestricted_syslog_access\":true}",
                   "CREATE USER \"u\" PASSWORD DISABLE SYSLOG ACCESS UNRESTRICTED");
    assert_created(*context, "{\"username\":\"u\",\"groups\":[\"a\",\"b\"]}",
                   "CREATE USER \"u\" PASSWORD DISABLE IN GROUP \"a\", \"b\"");
    assert_created(*context, "{\"username\":\"u\",\"valid_until\":\"2025-01-01 12:00:00\"}",
                   "CREATE USER \"u\" PASSWORD DISABLE VALID UNTIL '2025-01-01 12:00:00'");
    assert_created(*context, "{\"username\":\"u\",\"connection_limit\":0}",
                   "CREATE USER \"u\" PASSWORD DISABLE CONNECTION LIMIT 0");
    assert_created(*context, "{\"username\":\"u\",\"connection_limit\":\"UNLIMITED\"}",
                   "CREATE USER \"u\" PASSWORD DISABLE");
    assert_created(*context, "{\"username\":\"u\",\"session_timeout\":60}",
                   "CREATE USER \"u\" PASSWORD DISABLE SESSION TIMEOUT 60");
}

/* The resource of cdk-stepfunctions-redshift's own integration test, as CloudFormation sends it. */
static void the_prior_systems_resource_is_understood(void **context)
{
    assert_created(
        *context,
        "{\"ServiceToken\":\"arn:x\",\"username\":\"cfncreated_user\",\"password\":\"" MD5
        "\",\"create_db\":\"true\",\"create_user\":\"false\","
        "\"unrestricted_syslog_access\":\"true\",\"groups\":[\"group_a\",\"group_b\"],"
        "\"valid_until\":\"2025-01-01 12:00:00\",\"connection_limit\":\"3\","
        "\"session_timeout\":\"1728000\"}",
        "CREATE USER \"cfncreated_user\" PASSWORD '" MD5
        "' CREATEDB SYSLOG ACCESS UNRESTRICTED IN GROUP \"group_a\", \"group_b\" VALID "
        "UNTIL '2025-01-01 12:00:00' CONNECTION LIMIT 3 SESSION TIMEOUT 1728000");
}

/* CloudFormation's "false" once made a superuser. */
static void the_text_false_is_false(void **context)
{
    assert_created(*context,
                   "{\"username\":\"u\",\"create_db\":\"false\",\"create_user\":\"false\","
                   "\"unrestricted_syslog_access\":\"false\"}",
                   "CREATE USER \"u\" PASSWORD DISABLE");
}

static void names_and_texts_are_quoted(void **context)
{
    assert_created(*context,
                   "{\"username\":\"a\\\"b\",\"groups\":[\"g; drop user x\",\"'\\\"\"],"
                   "\"valid_until\":\"1' createuser valid until \\\\'\"}",
                   "CREATE USER \"a\"\"b\" PASSWORD DISABLE IN GROUP \"g; drop user x\", \"'\"\"\" "
                   "VALID UNTIL '1'' createuser valid until \\\\'''");
}

/* A Create that fails because the user is there must not be one that has changed him. */
static void create_takes_over_no_user(void **context)
{
    struct fixture *fixture = *context;
    accept(fixture, "{\"username\":\"u\"}", &fixture->user);
    user_sql_create(fixture->arena, &fixture->user, &fixture->statements);
    assert_int_equal(fixture->statements.count, 1);
    assert_true(slice_starts_with(fixture->statements.sqls[0], SLICE("CREATE USER \"u\" ")));
}

static void null_is_absent(void **context)
{
    assert_created(*context,
                   "{\"username\":\"u\",\"password\":null,\"groups\":null,\"create_db\":null,"
                   "\"valid_until\":null,\"connection_limit\":null,\"session_timeout\":null}",
                   "CREATE USER \"u\" PASSWORD DISABLE");
}

/* ---- Success: Update and Delete ---- */

static void what_has_not_changed_is_left_alone(void **context)
{
    struct fixture *fixture = *context;
    static const char same[] =
        "{\"username\":\"u\",\"password\":\"" MD5 "\",\"groups\":[\"a\"],\"session_timeout\":60}";
    assert_int_equal(update(fixture, same, same), STATUS_OK);
    assert_int_equal(fixture->statements.count, 0);
}

static void every_option_can_be_changed(void **context)
{
    assert_updated(*context, "{\"username\":\"u\"}",
                   "{\"username\":\"u\",\"password\":\"" MD5
                   "\",\"create_db\":true,\"create_user\":true,\"unrestricted_syslog_access\":true,"
                   "\"valid_until\":\"2030-01-01\",\"connection_limit\":3,\"session_timeout\":60}",
                   "ALTER USER \"u\" CREATEDB", "ALTER USER \"u\" CREATEUSER",
                   "ALTER USER \"u\" SYSLOG ACCESS UNRESTRICTED", SET_MD5,
                   "ALTER USER \"u\" VALID UNTIL '2030-01-01'",
                   "ALTER USER \"u\" CONNECTION LIMIT 3", "ALTER USER \"u\" SESSION TIMEOUT 60");
}

static void what_is_gone_goes_back_to_its_default(void **context)
{
    assert_updated(*context,
                   "{\"username\":\"u\",\"password\":\"" MD5
                   "\",\"create_db\":true,\"create_user\":true,\"unrestricted_syslog_access\":true,"
                   "\"valid_until\":\"2030-01-01\",\"connection_limit\":3,\"session_timeout\":60}",
                   "{\"username\":\"u\"}", "ALTER USER \"u\" NOCREATEDB",
                   "ALTER USER \"u\" NOCREATEUSER", "ALTER USER \"u\" SYSLOG ACCESS RESTRICTED",
                   "ALTER USER \"u\" PASSWORD DISABLE", "ALTER USER \"u\" VALID UNTIL 'infinity'",
                   "ALTER USER \"u\" CONNECTION LIMIT UNLIMITED",
                   "ALTER USER \"u\" RESET SESSION TIMEOUT");
}

static void groups_are_left_and_joined(void **context)
{
    assert_updated(*context, "{\"username\":\"u\",\"groups\":[\"a\",\"b\"]}",
                   "{\"username\":\"u\",\"groups\":[\"b\",\"c d\"]}",
                   "ALTER GROUP \"a\" DROP USER \"u\"", "ALTER GROUP \"c d\" ADD USER \"u\"");
}

static void a_rename_sets_the_password_anew(void **context)
{
    assert_updated(*context, "{\"username\":\"u\",\"password\":\"" MD5 "\",\"groups\":[\"a\"]}",
                   "{\"username\":\"v\",\"password\":\"" MD5_B "\"}",
                   "ALTER USER \"u\" RENAME TO \"v\"", "ALTER USER \"v\" PASSWORD '" MD5_B "'",
                   "ALTER GROUP \"a\" DROP USER \"v\"");
    assert_updated(*context, "{\"username\":\"u\",\"password\":\"" SHA256 "\"}",
                   "{\"username\":\"v\",\"password\":\"" SHA256 "\"}",
                   "ALTER USER \"u\" RENAME TO \"v\"", "ALTER USER \"v\" PASSWORD '" SHA256 "'");
    assert_updated(*context, "{\"username\":\"u\"}", "{\"username\":\"U\"}",
                   "ALTER USER \"u\" RENAME TO \"U\"", "ALTER USER \"U\" PASSWORD DISABLE");
}

static void the_largest_update_is_one_batch(void **context)
{
    struct fixture *fixture = *context;
    struct buffer texts[2];
    for (size_t i = 0; i < 2; i++) {
        buffer_init(&texts[i], 10000);
        buffer_append_format(&texts[i], "{\"username\":\"u%zu\",\"groups\":[", i);
        for (int k = 0; k < USER_GROUPS_MAX; k++) {
            buffer_append_format(&texts[i], "%s\"g%zu.%d\"", k > 0 ? "," : "", i, k);
        }
    }
    buffer_append_text(&texts[0], "]}");
    buffer_append_text(&texts[1], "],\"create_db\":true,\"create_user\":true,\"password\":\"" MD5
                                  "\",\"unrestricted_syslog_access\":true,\"valid_until\":\"x\","
                                  "\"connection_limit\":1,\"session_timeout\":60}");
    assert_int_equal(update(fixture, texts[0].data, texts[1].data), STATUS_OK);
    assert_int_equal(fixture->statements.count, 40);
    buffer_clear(&texts[0]);
    buffer_clear(&texts[1]);
}

static void delete_drops_the_user(void **context)
{
    struct fixture *fixture = *context;
    static const char *const sql = "DROP USER IF EXISTS \"a\"\"b\"";
    accept(fixture, "{\"username\":\"a\\\"b\"}", &fixture->user);
    user_sql_delete(fixture->arena, &fixture->user, &fixture->statements);
    assert_sql(fixture, &sql, 1);
}

static void only_a_username_asks_for_it(void **context)
{
    struct fixture *fixture = *context;
    struct json root;
    assert_int_equal(json_parse(fixture->arena, SLICE("{\"username\":\"u\"}"), &root, NULL),
                     STATUS_OK);
    assert_true(user_properties_given(root));
    assert_int_equal(json_parse(fixture->arena, SLICE("{\"create_sql\":\"u\"}"), &root, NULL),
                     STATUS_OK);
    assert_false(user_properties_given(root));
}

/* ---- Failure ---- */

static void booleans_are_strict(void **context)
{
    static const char *const values[] = {"\"False\"", "\"TRUE\"", "\"yes\"", "\"\"",
                                         "0",         "1",        "[]"};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        char text[100];
        (void)snprintf(text, sizeof(text), "{\"username\":\"u\",\"create_user\":%s}", values[i]);
        assert_refused(*context, text, "create_user: must be true or false");
    }
}

static void numbers_have_limits(void **context)
{
    assert_refused(*context, "{\"username\":\"u\",\"session_timeout\":\"59\"}",
                   "session_timeout: must be a whole number between 60 and 1728000");
    assert_refused(*context, "{\"username\":\"u\",\"session_timeout\":\"60 createuser\"}",
                   "session_timeout: must be a whole number between 60 and 1728000");
    assert_refused(*context, "{\"username\":\"u\",\"connection_limit\":\"-1\"}",
                   "connection_limit: must be a whole number between 0 and 2147483647");
    assert_int_equal(read_user(*context, "{\"username\":\"u\",\"session_timeout\":1728001}",
                               &((struct fixture *)*context)->user),
                     STATUS_REJECTED);
    assert_int_equal(read_user(*context, "{\"username\":\"u\",\"connection_limit\":1.5}",
                               &((struct fixture *)*context)->user),
                     STATUS_REJECTED);
}

static void a_password_must_be_a_digest(void **context)
{
    static const char *const passwords[] = {
        "Secret123",
        "",
        "md5",
        MD5 "0",
        "md5153c434b4b77c89e6b94f12c5393af5",
        "md5153c434b4b77c89e6b94f12c5393af5x",
        "MD5153c434b4b77c89e6b94f12c5393af5b",
        "sha256|Mypassword1",
        "sha256|" DIGEST,
        "sha256|" DIGEST "|",
        "sha256|" DIGEST "|" SALT "|",
        MD5 "' CREATEUSER --",
    };
    for (size_t i = 0; i < ARRAY_COUNT(passwords); i++) {
        char text[300];
        (void)snprintf(text, sizeof(text), "{\"username\":\"u\",\"password\":\"%s\"}",
                       passwords[i]);
        assert_refused(*context, text,
                       "password: must be a digest: md5 and the 32 hex digits of MD5(password + "
                       "username), or sha256|digest|salt with 64 hex digits each");
    }
}

static void names_have_rules(void **context)
{
    struct fixture *fixture = *context;
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 1000);
    assert_int_equal(read_user(fixture, "{}", &fixture->user), STATUS_REJECTED);
    assert_int_equal(read_user(fixture, "{\"username\":7}", &fixture->user), STATUS_REJECTED);
    assert_refused(fixture, "{\"username\":\"\"}", "username: must be 1 to 127 bytes");
    assert_refused(fixture, "{\"username\":\"Public\"}", "username: must not be PUBLIC");
    assert_refused(fixture, "{\"username\":\"a\\nb\"}",
                   "username: must not hold control characters");
    assert_refused(fixture, "{\"username\":\"u\",\"groups\":[\"a\",\"\"]}",
                   "groups[1]: must be 1 to 127 bytes");
    buffer_append_format(&text, "{\"username\":\"%0128d\"}", 1);
    assert_refused(fixture, text.data, "username: must be 1 to 127 bytes");
}

static void groups_are_capped_and_distinct(void **context)
{
    assert_refused(*context, "{\"username\":\"u\",\"groups\":[\"a\",\"b\",\"a\"]}",
                   "groups[2]: must not be there twice");
    assert_refused(*context,
                   "{\"username\":\"u\",\"groups\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
                   "groups: must be at most 16, got 17");
    assert_int_equal(read_user(*context, "{\"username\":\"u\",\"groups\":\"a,b\"}",
                               &((struct fixture *)*context)->user),
                     STATUS_REJECTED);
}

static void a_time_is_printable_text(void **context)
{
    static const char rule[] = "valid_until: must be a time such as 2030-01-31 12:00:00";
    assert_refused(*context, "{\"username\":\"u\",\"valid_until\":\"\"}", rule);
    assert_refused(*context, "{\"username\":\"u\",\"valid_until\":\"\\u00e4\"}", rule);
    assert_refused(*context, "{\"username\":\"u\",\"valid_until\":\"a\\tb\"}", rule);
}

static void a_superuser_needs_a_password(void **context)
{
    assert_refused(*context, "{\"username\":\"u\",\"create_user\":\"true\"}",
                   "create_user: needs a password, since a superuser's cannot be disabled");
}

static void a_rename_with_the_old_md5_password_is_refused(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(update(fixture, "{\"username\":\"u\",\"password\":\"" MD5 "\"}",
                            "{\"username\":\"v\",\"password\":\"" MD5 "\"}"),
                     STATUS_REJECTED);
    assert_string_equal(fixture->error.text, "password: must change with the username, which is "
                                             "the salt of an md5 password");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_user_without_options_cannot_log_on_by_password),
        cmocka_unit_test(every_option_has_its_words),
        cmocka_unit_test(the_prior_systems_resource_is_understood),
        cmocka_unit_test(the_text_false_is_false),
        cmocka_unit_test(names_and_texts_are_quoted),
        cmocka_unit_test(create_takes_over_no_user),
        cmocka_unit_test(null_is_absent),
        cmocka_unit_test(what_has_not_changed_is_left_alone),
        cmocka_unit_test(every_option_can_be_changed),
        cmocka_unit_test(what_is_gone_goes_back_to_its_default),
        cmocka_unit_test(groups_are_left_and_joined),
        cmocka_unit_test(a_rename_sets_the_password_anew),
        cmocka_unit_test(the_largest_update_is_one_batch),
        cmocka_unit_test(delete_drops_the_user),
        cmocka_unit_test(only_a_username_asks_for_it),
        cmocka_unit_test(booleans_are_strict),
        cmocka_unit_test(numbers_have_limits),
        cmocka_unit_test(a_password_must_be_a_digest),
        cmocka_unit_test(names_have_rules),
        cmocka_unit_test(groups_are_capped_and_distinct),
        cmocka_unit_test(a_time_is_printable_text),
        cmocka_unit_test(a_superuser_needs_a_password),
        cmocka_unit_test(a_rename_with_the_old_md5_password_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
