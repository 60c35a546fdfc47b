#include "completer/reply.h"

#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#define TEXT_MAX_BYTES  512
#define REPLY_MAX_BYTES ((size_t)64 << 10)

/* The text members of an object, none of them long. */
static void copy_texts(struct json_writer *writer, struct json object)
{
    for (size_t i = 0; i < json_count(object); i++) {
        struct slice name = SLICE_NONE;
        struct slice text = SLICE_NONE;
        if (json_text(json_member_at(object, i, &name), &text, NULL) == STATUS_OK &&
            text.size <= TEXT_MAX_BYTES) {
            json_write_name(writer, name);
            json_write_text(writer, NULL, text);
        }
    }
}

static void copy_part(struct json_writer *writer, struct json root, const char *name)
{
    struct json part = json_member(root, name);
    if (!json_exists(part)) {
        return;
    }
    json_begin_object(writer, name);
    json_begin_object(writer, "ringback");
    copy_texts(writer, json_member(part, "ringback"));
    json_end_object(writer);
    json_end_object(writer);
}

struct slice reply_cut(struct arena *arena, struct slice reply, size_t max_bytes)
{
    struct json root;
    struct json_writer writer;
    if (reply.size <= max_bytes || json_parse(arena, reply, &root, NULL) != STATUS_OK) {
        return reply;
    }
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, REPLY_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    copy_texts(&writer, root);
    json_write_bool(&writer, "truncated", true);
    copy_part(&writer, root, "output");
    copy_part(&writer, root, "cause");
    json_end_object(&writer);
    return arena_copy(arena, buffer_slice(&out));
}
