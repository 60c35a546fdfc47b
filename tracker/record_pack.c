#include "tracker/record_pack.h"

#include "infra/base/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
/* For ZSTD_customMem, the same in all of 1.x: what zstd frees has held secrets and is wiped. */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#define DICTIONARY  '\1'
#define LEVEL       1
#define MATCH_BYTES 7
#define STEP_BYTES  3
#define MAGIC_BYTES 4 /* a frame's first, always the same: not kept */

/* A zstd dictionary (RFC 8878, section 5): first the tables of how often letters and lengths occur,
 * as ZDICT_finalizeDictionary of 1.5.4 made them of tests/bench/records.h, open plans counted four
 * times; then the words of tracker/plan_json.c and tracker/state_json.c, the likeliest last. What
 * was packed with it is in the stores: it never changes, and a better one gets another number. */
static const char dictionary[] =
    "\067\244\060\354\001\200\000\000\062\020\260\012\052\017\060\014\303\060\014\303"
    "\060\014\303\060\100\222\044\111\222\044\111\222\044\114\051\020\040\261\155\333"
    "\266\155\333\266\145\050\330\241\250\311\224\264\105\133\270\031\202\140\361\243"
    "\000\230\000\044\024\223\303\346\270\176\000\000\004\000\100\032\230\237\005\215"
    "\211\210\023\320\041\342\050\054\000\000\120\020\245\050\224\002\000\160\000\340"
    "\000\060\032\015\300\140\000\000\000\024\320\145\201\201\100\000\212\003\000\002"
    "\000\211\002\144\011\000\000\207\005\000\004\110\000\000\001\000\000\000\004\000"
    "\000\000\010\000\000\000"
    "\"session\":\"\"parameters\":[[\"\",\"result\":{\"mode\":1,\"format\":1,\"maxRows\":1000,\"uri\":"
    "\"s3://\"resource\":{\"type\":\"Create\",\"stack\":\"arn:aws:cloudformation:\"request\":\""
    "\"logical\":\"\"physical\":\"\"current\":\"\"data\":[[\"\"item\":\"\"attach\":\"\"lock\":\""
    "\"onConflict\":1,\"heartbeat\":\"keepAlive\":\"wait\":30,\"answerBy\":\"minRows\":"
    "\"holder\":\"\"cancelCause\":3,\"cancellingSince\":\"heartbeatAt\":\"pause\":\"tries\":"
    "\"noWait\":true,\"refused\":true,\"seen\":1,\"doubtSince\":17\"gatherUntil\":17"
    "\"failureInstead\":true\"elsewhere\":true\"stepFailed\":true\"skipped\":true"
    "\"statementUnknown\":true,\"errorType\":\"FAILED\",\"errorText\":\"ERROR: \"event\":\"{\\\"id\\\":\\\""
    "\\\",\\\"outcome\\\":\\\"FINISHED\\\",\\\"output\\\":{\\\"version\\\":\\\"0\\\",\\\"source\\\":"
    "\\\"aws.redshift-data\\\",\\\"detail-type\\\":\\\"Redshift Data Statement Status Change\\\","
    "\\\"detail\\\":{\\\"statementName\\\":\\\"ringback/\\\",\\\"statementId\\\":\\\"\\\",\\\"state\\\":"
    "\\\"FINISHED\\\",\\\"rows\\\":0},\\\"ringback\\\":{\\\"invocationId\\\":\\\"\\\",\\\"outcome\\\":"
    "\\\"FINISHED\\\",\\\"learnedFrom\\\":\\\"event\\\",\\\"steps\\\":[{\\\"step\\\":1,\\\"attempt\\\":1,"
    "\\\"statementName\\\":\\\"ringback//1.1\\\",\\\"Id\\\":\\\"\\\",\\\"Status\\\":\\\"FINISHED\\\","
    "\\\"ResultRows\\\":0}]}}}\","
    "\"results\":[{\"step\":1,\"attempt\":1,\"ending\":1,\"id\":\"\",\"rows\":0,\"ms\":1}],"
    "\"reply\":\"{\\\"invocationId\\\":\\\"\"outcome\":1,\"witness\":1,\"endedAt\":17"
    "\"replyDigest\":\"\"settledAt\":17\"tombstone\":true}"
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

/* Costs more to make than to use. It keeps remains of secrets, and is never freed. */
struct packer {
    ZSTD_CCtx *compressor;
    ZSTD_DCtx *decompressor;
    struct packer *next;
};

static ZSTD_CDict *packing_dictionary;
static ZSTD_DDict *unpacking_dictionary;
static pthread_mutex_t idle_lock = PTHREAD_MUTEX_INITIALIZER;
static struct packer *idle; /* as many as have ever been at work at once */

static void *allocate(void *opaque, size_t bytes)
{
    (void)opaque;
    return memory_new(bytes);
}

static void release(void *opaque, void *address)
{
    (void)opaque;
    explicit_bzero(address, malloc_usable_size(address));
    free(address);
}

/* Looks for longer matches only, and at every third place where none was: a third less time than
 * the level's own for 1 % more of an open record. */
static ZSTD_CDict *quick_dictionary(void)
{
    ZSTD_CCtx_params *how = ZSTD_createCCtxParams();

    if (!how || ZSTD_isError(ZSTD_CCtxParams_init(how, LEVEL)) ||
        ZSTD_isError(ZSTD_CCtxParams_setParameter(how, ZSTD_c_minMatch, MATCH_BYTES)) ||
        ZSTD_isError(ZSTD_CCtxParams_setParameter(how, ZSTD_c_targetLength, STEP_BYTES))) {
        memory_abort("zstd: the level is not taken");
    }
    ZSTD_CDict *made =
        ZSTD_createCDict_advanced2(dictionary, sizeof(dictionary) - 1, ZSTD_dlm_byRef,
                                   ZSTD_dct_fullDict, how, ZSTD_defaultCMem);
    (void)ZSTD_freeCCtxParams(how);
    return made;
}

static void digest_dictionary(void)
{
    packing_dictionary = quick_dictionary();
    unpacking_dictionary = ZSTD_createDDict(dictionary, sizeof(dictionary) - 1);
    if (!packing_dictionary || !unpacking_dictionary) {
        memory_abort("zstd: the dictionary is not taken");
    }
}

static struct packer *packer_new(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const ZSTD_customMem memory = {allocate, release, NULL};
    struct packer *packer = memory_new(sizeof(*packer));

    (void)pthread_once(&once, digest_dictionary);
    packer->compressor = ZSTD_createCCtx_advanced(memory);
    packer->decompressor = ZSTD_createDCtx_advanced(memory);
    if (ZSTD_isError(ZSTD_CCtx_refCDict(packer->compressor, packing_dictionary)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(packer->compressor, ZSTD_c_dictIDFlag, 0)) ||
        /* Tokens are letters without matches; zstd would leave them as they are where it steps. */
        ZSTD_isError(ZSTD_CCtx_setParameter(packer->compressor, ZSTD_c_literalCompressionMode,
                                            ZSTD_ps_enable)) ||
        ZSTD_isError(ZSTD_DCtx_refDDict(packer->decompressor, unpacking_dictionary))) {
        memory_abort("zstd: no contexts");
    }
    return packer;
}

static struct packer *packer_take(void)
{
    (void)pthread_mutex_lock(&idle_lock);
    struct packer *packer = idle;
    if (packer) {
        idle = packer->next;
    }
    (void)pthread_mutex_unlock(&idle_lock);
    return packer ? packer : packer_new();
}

static void packer_give_back(struct packer *packer)
{
    (void)pthread_mutex_lock(&idle_lock);
    packer->next = idle;
    idle = packer;
    (void)pthread_mutex_unlock(&idle_lock);
}

void record_pack(struct slice plain, struct buffer *out)
{
    const size_t bound = ZSTD_compressBound(plain.size);
    char *frame = NULL;

    buffer_append_byte(out, DICTIONARY);
    frame = buffer_reserve(out, bound);
    if (!frame) {
        memory_abort("no room to pack a record");
    }
    struct packer *packer = packer_take();
    const size_t size = ZSTD_compress2(packer->compressor, frame, bound, plain.data, plain.size);
    packer_give_back(packer);
    if (ZSTD_isError(size)) {
        memory_abort("zstd: cannot compress");
    }
    memmove(frame, frame + MAGIC_BYTES, size - MAGIC_BYTES);
    explicit_bzero(frame + size - MAGIC_BYTES, MAGIC_BYTES);
    buffer_commit(out, size - MAGIC_BYTES);
}

bool record_is_packed(struct slice text)
{
    return text.size > 0 && text.data[0] == DICTIONARY;
}

/* One frame that says how large its content is: nothing else that it says makes zstd allocate. */
static bool unpack_frame(struct slice frame, struct buffer *out)
{
    const unsigned long long size = ZSTD_getFrameContentSize(frame.data, frame.size);

    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ||
        size > out->max_bytes ||
        ZSTD_findFrameCompressedSize(frame.data, frame.size) != frame.size) {
        return false;
    }
    char *plain = buffer_reserve(out, (size_t)size);
    if (!plain) {
        return false;
    }
    struct packer *packer = packer_take();
    const size_t unpacked =
        ZSTD_decompressDCtx(packer->decompressor, plain, (size_t)size, frame.data, frame.size);
    packer_give_back(packer);
    if (unpacked != size) {
        return false;
    }
    buffer_commit(out, unpacked);
    return true;
}

enum status record_unpack(struct slice packed, struct buffer *out, struct error *error)
{
    static const char magic[MAGIC_BYTES] = {'\x28', '\xb5', '\x2f', '\xfd'};
    CLEANUP(buffer_clear) struct buffer frame;

    buffer_init(&frame, MAGIC_BYTES + packed.size);
    buffer_append(&frame, (struct slice){magic, sizeof(magic)});
    buffer_append(&frame, slice_part(packed, 1, packed.size));
    const bool unpacked = unpack_frame(buffer_slice(&frame), out);
    buffer_wipe(&frame);
    return unpacked ? STATUS_OK : error_set(error, STATUS_REJECTED, "cannot be unpacked");
}
