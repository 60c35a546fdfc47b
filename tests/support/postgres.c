#include "tests/support/postgres.h"

#include "tests/support/cmocka.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs one of PostgreSQL's programs as somebody whom it accepts; its exit status. */
static int run(const char *const *arguments)
{
    const char *all[24] = {"runuser", "-u", "postgres", "--"};
    size_t count = geteuid() == 0 ? 4 : 0;
    for (size_t i = 0; arguments[i]; i++) {
        all[count++] = arguments[i];
    }
    all[count] = NULL;
    /* execvp promises not to write to them, and its prototype predates const. */
    const union {
        const char *const *given;
        char *const *other;
    } arguments_of = {.given = all};
    pid_t child = fork();
    if (child == 0) {
        int silence = open("/dev/null", O_RDWR);
        dup2(silence, STDIN_FILENO);
        dup2(silence, STDOUT_FILENO);
        dup2(silence, STDERR_FILENO);
        setenv("LC_ALL", "C.UTF-8", 1); // NOLINT(concurrency-mt-unsafe): one thread after fork
        /* The folder that the test began in may be closed to that user. */
        if (chdir("/") == 0) {
            execvp(all[0], arguments_of.other);
        }
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The newest version's folder. */
static bool find_programs(struct postgres *postgres)
{
    glob_t found;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the test has one thread when the server starts
    bool any = glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0;
    if (any) {
        (void)snprintf(postgres->bin, sizeof(postgres->bin), "%s",
                       found.gl_pathv[found.gl_pathc - 1]);
    }
    globfree(&found);
    return any;
}

static void run_or_fail(const char *const *arguments)
{
    int code = run(arguments);
    if (code != 0) {
        fail_msg("%s ended with %d", arguments[0], code);
    }
}

bool postgres_start(struct postgres *postgres)
{
    char initdb[320];
    char pg_ctl[320];
    char data[128];
    char log[128];
    char options[256];
    if (!find_programs(postgres)) {
        return false;
    }
    (void)snprintf(postgres->folder, sizeof(postgres->folder), "/tmp/ringback-postgres-XXXXXX");
    assert_non_null(mkdtemp(postgres->folder));
    assert_int_equal(chmod(postgres->folder, 0777), 0);
    (void)snprintf(initdb, sizeof(initdb), "%s/initdb", postgres->bin);
    (void)snprintf(pg_ctl, sizeof(pg_ctl), "%s/pg_ctl", postgres->bin);
    (void)snprintf(data, sizeof(data), "%s/data", postgres->folder);
    (void)snprintf(log, sizeof(log), "%s/log", postgres->folder);
    (void)snprintf(options, sizeof(options),
                   "-c listen_addresses='' -c unix_socket_directories='%s' -c fsync=off"
                   " -c max_connections=60",
                   postgres->folder);
    run_or_fail((const char *const[]){initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E",
                                      "UTF8", "--no-sync", NULL});
    run_or_fail(
        (const char *const[]){pg_ctl, "start", "-w", "-D", data, "-l", log, "-o", options, NULL});
    (void)snprintf(postgres->url, sizeof(postgres->url),
                   "postgresql:///postgres?host=%s&user=postgres", postgres->folder);
    return true;
}

void postgres_stop(struct postgres *postgres)
{
    char pg_ctl[320];
    char data[128];
    (void)snprintf(pg_ctl, sizeof(pg_ctl), "%s/pg_ctl", postgres->bin);
    (void)snprintf(data, sizeof(data), "%s/data", postgres->folder);
    run((const char *const[]){pg_ctl, "stop", "-w", "-m", "immediate", "-D", data, NULL});
    run((const char *const[]){"rm", "-rf", data, NULL});
    run((const char *const[]){"find", postgres->folder, "-mindepth", "1", "-delete", NULL});
    rmdir(postgres->folder);
}
