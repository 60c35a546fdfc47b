#include "infra/aws/call_list.h"

#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>

void call_list_push(struct call_list *list, struct aws_call *call)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        list->calls = memory_resize(list->calls, list->capacity * sizeof(struct aws_call *));
    }
    list->calls[list->count++] = call;
}

void call_list_drop_first(struct call_list *list, size_t count)
{
    list->count -= count;
    if (list->count > 0) {
        memmove(list->calls, list->calls + count, list->count * sizeof(struct aws_call *));
    }
}

void call_list_clear(struct call_list *list)
{
    free(list->calls);
    *list = (struct call_list){0};
}
