#include "infra/base/buffer.h"
#include "infra/base/log.h"
#include "infra/base/random.h"
#include "infra/cli/commands.h"
#include "infra/cli/flags.h"
#include "infra/local/local.h"
#include "infra/runtime/shutdown.h"

#include <stdio.h>
#include <unistd.h>

const char cmd_local_usage[] =
    "local [FLAGS]\n"
    "\n"
    "A local stand-in for AWS: Redshift Data on a SQL engine, SQS, Step Functions' task\n"
    "callbacks, SNS, EventBridge, S3 and STS on one port. Prints, once it answers, the export\n"
    "lines that point any AWS client and ringback at it; runs until SIGTERM.\n"
    "\n"
    "  --listen HOST:PORT       where it serves; port 0: any free one (127.0.0.1:4566)\n"
    "  --engine ENGINE          sqlite::memory:, sqlite:PATH or postgresql://... (sqlite::memory:)\n"
    "  --s3 FOLDER              one folder per bucket (a temporary folder)\n"
    "  --queues NAME,NAME       made at start, each with a dead-letter queue NAME-dead\n"
    "                           (" LOCAL_EVENT_QUEUE "," LOCAL_REQUEST_QUEUE ")\n"
    "  --event-queue-url URL    where completion events go; any SQS endpoint\n"
    "                           (its own " LOCAL_EVENT_QUEUE ")\n"
    "  --credentials ID:SECRET  accepted key; every signature is verified\n"
    "                           (AKIDLOCAL:local-secret)\n"
    "  --faults NAME=VALUE,...  seed=N; rates from 0 to 1: throttle, 5xx, reset, drop-events,\n"
    "                           duplicate-events; milliseconds N or N-N: delay-ms,\n"
    "                           delay-events-ms; throttle, 5xx, reset and delay-ms also for one\n"
    "                           operation: throttle.ExecuteStatement=0.5; and AWS's limits:\n"
    "                           tps.ExecuteStatement=30, calls of one operation in any second;\n"
    "                           active-statements=5, at once at a cluster or workgroup (none)\n";

static int run_until_signal(const struct local_options *options)
{
    CLEANUP(buffer_clear) struct buffer exports;
    struct error error = ERROR_NONE;
    struct local *local = NULL;
    buffer_init(&exports, 65536);
    const enum status status = local_start(options, &local, &error);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "ringback local: %s\n", error.text);
        return status == STATUS_REJECTED ? EXIT_USAGE : EXIT_FAILED;
    }
    local_print_exports(local, &exports);
    (void)fputs(exports.data, stdout);
    (void)fflush(stdout);
    shutdown_wait(-1);
    local_stop(local);
    return EXIT_FINISHED;
}

int cmd_local(int count, char **arguments)
{
    struct error error = ERROR_NONE;
    struct local_options options = {
        .listen = "127.0.0.1:4566",
        .engine = "sqlite::memory:",
        .queues = LOCAL_EVENT_QUEUE "," LOCAL_REQUEST_QUEUE,
        .credentials = "AKIDLOCAL:local-secret",
        .faults = "",
        .environment = environ,
        .clock = clock_system(),
        .random = random_system(),
    };
    const struct flag flags[] = {
        {.name = "listen", .value = &options.listen},
        {.name = "engine", .value = &options.engine},
        {.name = "s3", .value = &options.s3_folder},
        {.name = "queues", .value = &options.queues},
        {.name = "event-queue-url", .value = &options.event_queue_url},
        {.name = "credentials", .value = &options.credentials},
        {.name = "faults", .value = &options.faults},
    };
    if (flags_parse(flags, ARRAY_COUNT(flags), &count, arguments, &error) != STATUS_OK) {
        (void)fprintf(stderr, "ringback local: %s\n", error.text);
        return EXIT_USAGE;
    }
    if (count > 0) {
        (void)fprintf(stderr, "ringback local: %s: unexpected\n", arguments[0]);
        return EXIT_USAGE;
    }
    shutdown_init();
    log_init(LOG_INFO, STDERR_FILENO);
    return run_until_signal(&options);
}
