/*
 * Telling the outcome to an address. One handler for the action; one file per address kind builds
 * the message and reads the answer.
 */
#ifndef RINGBACK_COMPLETER_CALLBACK_H
#define RINGBACK_COMPLETER_CALLBACK_H

#include "invoker/dispatch.h"

/* What a message is made of. */
struct callback_message {
    const struct plan *plan;
    const struct state *state;
    size_t address;       /* index of the address: 0 is the caller's */
    struct slice target;  /* token, queue URL, ... */
    struct slice reply;   /* rendered reply; byte-identical at every attempt */
    bool failure_instead; /* the service refused the output as invalid */
};

extern const struct action_handler callback_handler;
extern const struct action_handler heartbeat_handler;

/* completer/callback_task_token.c */
void callback_task_token_build(struct arena *arena, const struct callback_message *message,
                               struct aws_call *call);
void callback_task_token_read(const struct aws_call *call, struct stimulus *stimulus);
/* completer/callback_queue.c */
void callback_queue_build(struct arena *arena, const struct callback_message *message,
                          struct aws_call *call);
void callback_queue_read(const struct aws_call *call, struct stimulus *stimulus);
/* completer/callback_response_url.c */
void callback_response_url_build(struct arena *arena, const struct callback_message *message,
                                 struct aws_call *call);
void callback_response_url_read(const struct aws_call *call, struct stimulus *stimulus);
/* completer/callback_topic.c */
void callback_topic_build(struct arena *arena, const struct callback_message *message,
                          struct aws_call *call);
void callback_topic_read(const struct aws_call *call, struct stimulus *stimulus);
/* completer/callback_bus.c */
void callback_bus_build(struct arena *arena, const struct callback_message *message,
                        struct aws_call *call);
void callback_bus_read(const struct aws_call *call, struct stimulus *stimulus);

/* completer/callback_answer.c: of the services that take messages. What a person can mend (a
 * permission, a key) is tried again; what will never be taken is undeliverable. */
void callback_answer_read(const struct aws_call *call, struct stimulus *stimulus);

#endif
