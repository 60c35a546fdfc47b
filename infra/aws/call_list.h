/* A growing array of calls, as the client keeps them. */
#ifndef RINGBACK_INFRA_AWS_CALL_LIST_H
#define RINGBACK_INFRA_AWS_CALL_LIST_H

#include "infra/aws/client.h"

struct call_list {
    struct aws_call **calls;
    size_t count;
    size_t capacity;
};

void call_list_push(struct call_list *list, struct aws_call *call);
void call_list_drop_first(struct call_list *list, size_t count);
void call_list_clear(struct call_list *list);

#endif
