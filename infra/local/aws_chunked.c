#include "infra/local/aws_chunked.h"

bool aws_chunked_is(const struct http_server_request *request)
{
    const struct slice hash = http_server_header(request, "x-amz-content-sha256");
    const struct slice encoding = http_server_header(request, "content-encoding");
    return slice_starts_with(hash, SLICE("STREAMING-")) ||
           slice_find(encoding, SLICE("aws-chunked")) < encoding.size;
}

/* The number before ';' or the end of the line; false when it is none or over 15 digits. */
static bool read_size(struct slice line, size_t *size)
{
    const struct slice digits = slice_part(line, 0, slice_find_byte(line, ';'));
    *size = 0;
    for (size_t i = 0; i < digits.size; i++) {
        const char c = digits.data[i];
        if (c >= '0' && c <= '9') {
            *size = *size * 16 + (size_t)(c - '0');
        } else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
            *size = *size * 16 + (size_t)((c | 32) - 'a' + 10);
        } else {
            return false;
        }
    }
    return digits.size > 0 && digits.size <= 15;
}

enum status aws_chunked_decode(struct slice body, struct buffer *out, struct error *error)
{
    for (;;) {
        size_t size = 0;
        const size_t line_end = slice_find(body, SLICE("\r\n"));
        if (line_end == body.size || !read_size(slice_part(body, 0, line_end), &size)) {
            return error_set(error, STATUS_REJECTED, "broken aws-chunked body");
        }
        body = slice_part(body, line_end + 2, body.size);
        if (size == 0) {
            return STATUS_OK;
        }
        const struct slice rest = slice_part(body, size, body.size);
        if (size > body.size || !slice_starts_with(rest, SLICE("\r\n"))) {
            return error_set(error, STATUS_REJECTED, "aws-chunked body ends early");
        }
        buffer_append(out, slice_part(body, 0, size));
        body = slice_part(rest, 2, rest.size);
    }
}
