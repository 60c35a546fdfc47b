#include "invoker/invoker.h"

#include "infra/aws/profile.h"
#include "infra/base/log.h"
#include "infra/cli/commands.h"
#include "infra/cli/lambda_front.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char cmd_lambda_usage[] =
    "lambda [FLAGS]\n"
    "\n"
    "AWS Lambda's custom runtime (provided.al2023): takes requests, CloudFormation's and SNS's\n"
    "events, records of SQS (requests and completion events, with partial batch responses),\n"
    "completion events and EventBridge's \"Scheduled Event\", which is the sweep. It is also what the\n"
    "program does without arguments where AWS_LAMBDA_RUNTIME_API is set, as Lambda does.\n";

/* A file in a sandbox goes with the sandbox. */
static void warn_of_file(const struct service *service)
{
    if (strncmp(service->config.tracker_url, "sqlite:", strlen("sqlite:")) == 0) {
        log_warning("the tracker's file goes with the sandbox; another tracker is needed",
                    LOG_CSTR("setting", "RINGBACK_TRACKER_URL"));
    }
}

/* What can never work is told as the reason why the function does not start; what is only away is
 * not. */
MUST_CHECK static enum status start(struct service *service, struct lambda_front *front, int *count,
                                    char **arguments, struct error *error)
{
    enum status status = service_open(count, arguments, service, error);
    if (status == STATUS_OK && *count > 0) {
        status = error_set(error, STATUS_REJECTED, "%s: unknown argument", arguments[0]);
    }
    if (status != STATUS_OK) {
        return status;
    }
    warn_of_file(service);
    lambda_front_init(front, service);
    status = worker_ready(&front->worker, error);
    if (status != STATUS_OK && status != STATUS_REJECTED) {
        log_warning("starting without it", LOG_CSTR("problem", error->text));
        status = STATUS_OK;
    }
    return status;
}

int cmd_lambda(int count, char **arguments)
{
    const char *api = environment_get(environ, "AWS_LAMBDA_RUNTIME_API");
    struct service service = {0};
    struct lambda_front front = {0};
    struct error error = ERROR_NONE;
    if (api == NULL) {
        (void)fputs("ringback lambda: AWS_LAMBDA_RUNTIME_API: is not set; AWS Lambda sets it\n",
                    stderr);
        return EXIT_USAGE;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    const enum status status = start(&service, &front, &count, arguments, &error);
    int code = EXIT_USAGE;
    if (status == STATUS_OK) {
        const struct lambda_options options = {.api = api,
                                               .handle = lambda_front_handle,
                                               .after = lambda_front_after,
                                               .context = &front};
        code = lambda_run(&options, &error) == STATUS_OK ? EXIT_FINISHED : EXIT_FAILED;
    } else {
        CLEANUP(arena_cleanup) struct arena *arena = arena_new(1u << 20);
        lambda_report_start(api, invoker_error_reply(arena, "ConfigurationError", error.text));
    }
    (void)fprintf(stderr, "ringback lambda: %s\n", error.text);
    if (front.arena != NULL) {
        lambda_front_clear(&front);
    }
    service_close(&service);
    return code;
}
