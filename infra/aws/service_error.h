/* Reading the error that a service answered, whatever its protocol. */
#ifndef RINGBACK_INFRA_AWS_SERVICE_ERROR_H
#define RINGBACK_INFRA_AWS_SERVICE_ERROR_H

#include "infra/aws/client.h"
#include "infra/aws/http.h"
#include "infra/base/arena.h"

/*
 * Name, normalised, and text of an answer that is no success; "" where it says nothing (a proxy's
 * HTML). "com.amazonaws.sqs#QueueDoesNotExist:http://..." and the older
 * "AWS.SimpleQueueService.NonExistentQueue" are both "QueueDoesNotExist".
 */
void service_error_read(struct arena *arena, const struct http_exchange *exchange,
                        char name[AWS_ERROR_NAME_BYTES], char message[AWS_ERROR_MESSAGE_BYTES]);

#endif
