#include "tracker/record_pack.h"

#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* next_in points to const */
#include <zlib.h>

#define DICTIONARY '\1'
/* Negative: raw, without header and checksum, since the seal has a tag. 8 KB, and 64 KB at work. */
#define WINDOW_BITS  (-13)
#define MEMORY_LEVEL 6
#define LEVEL        6
#define CHUNK_BYTES  4096
#define HEADER_BYTES 16 /* before each block of zlib's: its size; keeps the alignment */

/* The words of tracker/plan_json.c and tracker/state_json.c, the likeliest last. What was packed
 * with it is in the stores: it never changes, and a better one gets another number. */
static const char dictionary[] =
    "\"session\":\"\"parameters\":[[\"\",\"result\":{\"mode\":1,\"format\":1,\"maxRows\":1000,\"uri\":"
    "\"s3://\"resource\":{\"type\":\"Create\",\"stack\":\"arn:aws:cloudformation:\"request\":\""
    "\"logical\":\"\"physical\":\"\"current\":\"\"data\":[[\"\"item\":\"\"attach\":\"\"lock\":\""
    "\"onConflict\":1,\"heartbeat\":\"keepAlive\":\"wait\":30,\"answerBy\":\"minRows\":"
    "\"holder\":\"\"cancelCause\":3,\"cancellingSince\":\"heartbeatAt\":\"pause\":\"tries\":"
    "\"noWait\":true,\"refused\":true,\"seen\":1,\"doubtSince\":17\"gatherUntil\":17"
    "\"failureInstead\":true\"elsewhere\":true\"stepFailed\":true\"skipped\":true"
    "\"statementUnknown\":true,\"errorType\":\"FAILED\",\"errorText\":\"ERROR: \"event\":\"{\\\"id\\\":\\\""
    "\"results\":[{\"step\":1,\"attempt\":1,\"ending\":1,\"id\":\"\",\"rows\":0,\"ms\":1}],"
    "\"reply\":\"{\\\"invocationId\\\":\\\"\"replyDigest\":\"\"outcome\":1,\"witness\":1,"
    "\"endedAt\":17\"settledAt\":17\"tombstone\":true}"
    "create table insert into select * from where and group by order by join on as count(sum("
    "update set delete from values copy unload call analyze vacuum with distinct left "
    "https://sqs.eu-west-1.amazonaws.com/arn:aws:secretsmanager:us-east-1:"
    "{\"statement\":3,\"step\":1,\"attempt\":1,\"id\":\"\",\"lastSend\":17,\"sends\":1,"
    "\"statementAt\":17,\"callbacks\":[{\"kind\":1,\"state\":2,\"digest\":\"\",\"attempts\":1,"
    "\"nextAt\":17}],\"updatedAt\":17}"
    "{\"id\":\"\",\"digest\":\"\",\"createdAt\":17,\"prefix\":\"ringback/\",\"group\":"
    "\"arn:aws:states:us-east-1:eu-west-1:execution:\",\"steps\":[{\"sql\":[\"select \"],\"batch\":"
    "true,\"autoCommit\":true,\"retriable\":true}],\"target\":{\"cluster\":\"\"workgroup\":\"\","
    "\"database\":\"dev\",\"user\":\"awsuser\",\"secret\":\"\"},\"addresses\":[{\"kind\":1,"
    "\"target\":\"\",\"digest\":\"\"}],\"deadline\":17,\"keepRunning\":true,\"keyed\":true,"
    "\"output\":1,\"retry\":{\"attempts\":3,\"match\":\"\"\"base\":1000,\"max\":30000}}";

static void *allocate(void *opaque, unsigned count, unsigned size)
{
    const size_t bytes = (size_t)count * size;
    char *block = memory_new(bytes + HEADER_BYTES);

    (void)opaque;
    memcpy(block, &bytes, sizeof(bytes));
    return block + HEADER_BYTES;
}

/* zlib's windows have held secrets. */
static void release(void *opaque, void *address)
{
    char *block = (char *)address - HEADER_BYTES;
    size_t bytes = 0;

    (void)opaque;
    memcpy(&bytes, block, sizeof(bytes));
    explicit_bzero(block, bytes + HEADER_BYTES);
    free(block);
}

static z_stream stream_of(struct slice in)
{
    return (z_stream){.zalloc = allocate,
                      .zfree = release,
                      .next_in = (const Bytef *)in.data,
                      .avail_in = (uInt)in.size};
}

void record_pack(struct slice plain, struct buffer *out)
{
    z_stream stream = stream_of(plain);

    if (deflateInit2(&stream, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) !=
            Z_OK ||
        deflateSetDictionary(&stream, (const Bytef *)dictionary, sizeof(dictionary) - 1) != Z_OK) {
        memory_abort("zlib: cannot deflate");
    }
    const uLong bound = deflateBound(&stream, (uLong)plain.size);
    buffer_append_byte(out, DICTIONARY);
    stream.next_out = (Bytef *)buffer_reserve(out, bound);
    stream.avail_out = (uInt)bound;
    if (!stream.next_out || deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        memory_abort("no room to pack a record");
    }
    buffer_commit(out, stream.total_out);
    (void)deflateEnd(&stream);
}

bool record_is_packed(struct slice text)
{
    return text.size > 0 && text.data[0] == DICTIONARY;
}

enum status record_unpack(struct slice packed, struct buffer *out, struct error *error)
{
    z_stream stream = stream_of(slice_part(packed, 1, packed.size - 1));
    int code = Z_OK;

    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK ||
        inflateSetDictionary(&stream, (const Bytef *)dictionary, sizeof(dictionary) - 1) != Z_OK) {
        memory_abort("zlib: cannot inflate");
    }
    while (code == Z_OK) {
        stream.next_out = (Bytef *)buffer_reserve(out, CHUNK_BYTES);
        stream.avail_out = CHUNK_BYTES;
        code = stream.next_out ? inflate(&stream, Z_NO_FLUSH) : Z_BUF_ERROR;
        if (stream.next_out) {
            buffer_commit(out, CHUNK_BYTES - stream.avail_out);
        }
    }
    (void)inflateEnd(&stream);
    return code == Z_STREAM_END && !out->overflowed
               ? STATUS_OK
               : error_set(error, STATUS_REJECTED, "cannot be unpacked");
}
