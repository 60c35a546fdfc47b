/*
 * Where statements end, as PostgreSQL sees it. Each script of tests/vectors/sql says in its first
 * line how many statements it has. PostgreSQL, told to read backslashes as Redshift does, must find
 * as many in the whole script, and must take each piece of ours as exactly one. Scripts named
 * redshift_* are in no other database's words and are only counted.
 */
#include "invoker/sql_script.h"
#include "invoker/user_sql.h"
#include "tests/support/cmocka.h"
#include "tests/support/postgres.h"

#include "infra/base/buffer.h"

#include <glob.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#define SCRIPTS   SOURCE_ROOT "/tests/vectors/sql/*.sql"
#define COUNT_IS  "-- statements: "
#define BOM       "\xEF\xBB\xBF"
#define COUNT_MIN 25 /* of scripts */

/* ---- Fixture: the scripts, one server for all tests ---- */

static struct {
    glob_t paths;
    struct postgres server;
    bool installed;
    PGconn *pg;
    struct arena *arena;
} fixture;

static void run(const char *sql);

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(glob(SCRIPTS, 0, NULL, &fixture.paths), 0);
    fixture.arena = arena_new(64u << 20);
    fixture.installed = postgres_start(&fixture.server);
    if (fixture.installed) {
        fixture.pg = PQconnectdb(fixture.server.url);
        assert_int_equal(PQstatus(fixture.pg), CONNECTION_OK);
        PQsetNoticeReceiver(fixture.pg, ignore_notice, NULL);
        run("SET standard_conforming_strings TO off");
        run("SET escape_string_warning TO off");
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (fixture.installed) {
        PQfinish(fixture.pg);
        postgres_stop(&fixture.server);
    }
    arena_free(fixture.arena);
    globfree(&fixture.paths);
    return 0;
}

/* ---- Helpers ---- */

static void need_server(void)
{
    if (!fixture.installed) {
        print_message("no PostgreSQL is installed\n");
        skip();
    }
}

static const char *name_of(size_t index)
{
    return strrchr(fixture.paths.gl_pathv[index], '/') + 1;
}

static bool is_foreign(size_t index)
{
    return strncmp(name_of(index), "redshift_", strlen("redshift_")) == 0;
}

/* The text of a script; valid as long as the fixture. */
static struct slice script_text(size_t index)
{
    char *text = arena_alloc(fixture.arena, 64u << 10);
    FILE *file = fopen(fixture.paths.gl_pathv[index], "rbe");
    assert_non_null(file);
    const size_t size = fread(text, 1, (64u << 10) - 1, file);
    assert_int_equal(fclose(file), 0);
    return (struct slice){text, size};
}

static size_t expected_count(size_t index, struct slice text)
{
    int64_t count = 0;
    if (slice_starts_with(text, SLICE(BOM))) {
        text = slice_part(text, strlen(BOM), text.size);
    }
    struct slice line = slice_part(text, 0, slice_find_byte(text, '\n'));
    if (!slice_starts_with(line, SLICE(COUNT_IS)) ||
        slice_to_int64(slice_trim(slice_part(line, strlen(COUNT_IS), line.size)), 0, 1000, &count,
                       NULL) != STATUS_OK) {
        fail_msg("%s does not say how many statements it has", name_of(index));
    }
    return (size_t)count;
}

static struct sql_script split(size_t index, struct slice text)
{
    struct sql_script script;
    struct error error = ERROR_NONE;
    if (sql_script_split(fixture.arena, text, &script, &error) != STATUS_OK) {
        fail_msg("%s: %s", name_of(index), error.text);
    }
    return script;
}

static bool succeeded(const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void run(const char *sql)
{
    PGresult *result = PQexec(fixture.pg, sql);
    if (!succeeded(result)) {
        fail_msg("%s: %s", sql, PQerrorMessage(fixture.pg));
    }
    PQclear(result);
}

static void make_room(void)
{
    run("DROP SCHEMA IF EXISTS splitter CASCADE");
    run("CREATE SCHEMA splitter");
    run("SET search_path TO splitter");
}

/* How many statements PostgreSQL itself finds; each has one result. */
static size_t results_of(const char *name, const char *sql)
{
    size_t count = 0;
    assert_int_equal(PQsendQuery(fixture.pg, sql), 1);
    for (PGresult *result = PQgetResult(fixture.pg); result != NULL;
         result = PQgetResult(fixture.pg)) {
        if (!succeeded(result)) {
            fail_msg("%s: %s", name, PQresultErrorMessage(result));
        }
        PQclear(result);
        count++;
    }
    return count;
}

/* The extended protocol refuses more than one statement, and answers differently to none. */
static void assert_one_statement(const char *name, struct slice statement)
{
    PGresult *result = PQexecParams(fixture.pg, arena_text(fixture.arena, statement), 0, NULL, NULL,
                                    NULL, NULL, 0);
    if (!succeeded(result)) {
        fail_msg("%s: %.*s\n%s", name, SLICE_PRINT(statement), PQresultErrorMessage(result));
    }
    PQclear(result);
}

/* ---- Success ---- */

static void every_script_has_its_statements(void **state)
{
    (void)state;
    assert_true(fixture.paths.gl_pathc >= COUNT_MIN);
    for (size_t i = 0; i < fixture.paths.gl_pathc; i++) {
        struct slice text = script_text(i);
        const size_t count = split(i, text).count;
        if (count != expected_count(i, text)) {
            fail_msg("%s is split into %zu statements", name_of(i), count);
        }
    }
}

static void postgres_finds_as_many(void **state)
{
    (void)state;
    need_server();
    for (size_t i = 0; i < fixture.paths.gl_pathc; i++) {
        struct slice text = script_text(i);
        if (is_foreign(i)) {
            continue;
        }
        make_room();
        const char *whole = text.data;
        whole += slice_starts_with(text, SLICE(BOM)) ? strlen(BOM) : 0;
        const size_t count = results_of(name_of(i), whole);
        if (count != expected_count(i, text)) {
            fail_msg("%s has %zu statements for PostgreSQL", name_of(i), count);
        }
    }
}

static void postgres_takes_each_piece_as_one(void **state)
{
    (void)state;
    need_server();
    for (size_t i = 0; i < fixture.paths.gl_pathc; i++) {
        struct sql_script script = split(i, script_text(i));
        if (is_foreign(i)) {
            continue;
        }
        make_room();
        for (size_t k = 0; k < script.count; k++) {
            assert_one_statement(name_of(i), script.statements[k]);
        }
    }
}

/* Only spellings may differ between a statement and its normalised text. */
static void a_normalised_statement_is_still_one(void **state)
{
    (void)state;
    need_server();
    CLEANUP(buffer_clear) struct buffer normal;
    buffer_init(&normal, 64u << 10);
    for (size_t i = 0; i < fixture.paths.gl_pathc; i++) {
        struct sql_script script = split(i, script_text(i));
        if (is_foreign(i)) {
            continue;
        }
        make_room();
        for (size_t k = 0; k < script.count; k++) {
            buffer_reset(&normal);
            sql_normalise(script.statements[k], &normal);
            assert_one_statement(name_of(i), buffer_slice(&normal));
        }
    }
}

/* User management: PostgreSQL takes the names and texts as they were meant. Redshift's own words
 * (PASSWORD DISABLE, SYSLOG ACCESS, SESSION TIMEOUT) are not its. */
static void users_get_the_names_that_were_asked_for(void **state)
{
    (void)state;
    need_server();
    static struct slice groups[] = {{"g; \"1\"", 6}, {"G'\\2", 4}};
    struct user_properties old = {.username = SLICE("o\"; drop table x; --"),
                                  .password = SLICE("md5153c434b4b77c89e6b94f12c5393af5b"),
                                  .groups = groups,
                                  .group_count = 2,
                                  .valid_until = SLICE("2030-01-01 12:00:00"),
                                  .connection_limit = 3};
    struct user_properties new = old;
    struct user_statements statements;
    struct error error = ERROR_NONE;
    new.username = SLICE("N'\\\"");
    new.password = SLICE("md50c983d1a624280812631c5389e60d48c");
    new.groups = &groups[1];
    new.group_count = 1;
    new.create_db = true;
    new.valid_until = SLICE_NONE;
    run("CREATE GROUP \"g; \"\"1\"\"\"");
    run("CREATE GROUP \"G'\\2\"");
    user_sql_create(fixture.arena, &old, &statements);
    assert_one_statement("create", statements.sqls[0]);
    run("SELECT 1 / count(*) FROM pg_user WHERE usename = 'o\"; drop table x; --'");
    assert_int_equal(user_sql_update(fixture.arena, &old, &new, &statements, &error), STATUS_OK);
    for (size_t i = 0; i < statements.count; i++) {
        assert_one_statement("update", statements.sqls[i]);
    }
    run("SELECT 1 / count(*) FROM pg_group g JOIN pg_user u ON u.usesysid = ANY (g.grolist) "
        "WHERE u.usename = 'N\\'\\\\\"' AND u.usecreatedb AND g.groname = 'G\\'\\\\2' "
        "AND u.valuntil = 'infinity'");
    run("SELECT 1 / (1 - count(*)) FROM pg_group WHERE groname LIKE 'g;%' AND grolist <> '{}'");
    user_sql_delete(fixture.arena, &new, &statements);
    assert_one_statement("delete", statements.sqls[0]);
    run("SELECT 1 / (2 - count(*)) FROM pg_user");
}

/* ---- Failure ---- */

static void postgres_would_have_noticed(void **state)
{
    (void)state;
    need_server();
    PGresult *result = PQexecParams(fixture.pg, "select 1; select 2", 0, NULL, NULL, NULL, NULL, 0);
    assert_int_equal(PQresultStatus(result), PGRES_FATAL_ERROR);
    PQclear(result);
    result = PQexecParams(fixture.pg, "-- nothing", 0, NULL, NULL, NULL, NULL, 0);
    assert_int_equal(PQresultStatus(result), PGRES_EMPTY_QUERY);
    PQclear(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_script_has_its_statements),
        cmocka_unit_test(postgres_finds_as_many),
        cmocka_unit_test(postgres_takes_each_piece_as_one),
        cmocka_unit_test(a_normalised_statement_is_still_one),
        cmocka_unit_test(users_get_the_names_that_were_asked_for),
        cmocka_unit_test(postgres_would_have_noticed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
