#include "infra/base/encode.h"
#include "infra/base/memory.h"
#include "infra/local/local_outbox.h"
#include "infra/local/xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAMESPACE       "https://sts.amazonaws.com/doc/2011-06-15/"
#define TOKEN_RAW_BYTES (LOCAL_SESSION_TOKEN_BYTES / 4 * 3) /* base64 makes 4 of 3 */
#define KEY_RAW_BYTES   8 /* 13 characters of base32, of which 11 are used */
#define ACCOUNT         "000000000000"

static bool is_session_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr("_+=,.@-", c) != NULL))) {
            return false;
        }
    }
    return name.size >= 2 && name.size <= 64;
}

/* NULL when the request is good. */
static const char *check_request(const struct http_server_request *request, const char *action,
                                 int64_t *duration_seconds)
{
    struct slice duration = local_form_field(request, "DurationSeconds");
    struct slice arn = local_form_field(request, "RoleArn");
    if (arn.size < 20 || !slice_starts_with(arn, SLICE("arn:")) ||
        slice_find(arn, SLICE(":role/")) == arn.size) {
        return "RoleArn is invalid";
    }
    if (!is_session_name(local_form_field(request, "RoleSessionName"))) {
        return "Value at 'roleSessionName' failed to satisfy constraint: Member must satisfy "
               "regular expression pattern: [\\w+=,.@-]*, 2 to 64 characters";
    }
    if (duration.data != NULL &&
        slice_to_int64(duration, 900, 43200, duration_seconds, NULL) != STATUS_OK) {
        return "Value at 'durationSeconds' failed to satisfy constraint: Member must be between "
               "900 and 43200";
    }
    size_t token_size = local_form_field(request, "WebIdentityToken").size;
    if (strcmp(action, "AssumeRoleWithWebIdentity") == 0 &&
        (token_size < 4 || token_size > 20000)) {
        return "Value at 'webIdentityToken' failed to satisfy constraint: Member must have "
               "length between 4 and 20000";
    }
    return NULL;
}

/* Makes a credential and keeps it. */
static const struct local_credential *make_credential(struct local_outbox *outbox,
                                                      int64_t duration_seconds)
{
    struct local_credential *credential = memory_new(sizeof(*credential));
    CLEANUP(buffer_clear) struct buffer token;
    unsigned char raw[TOKEN_RAW_BYTES];
    char letters[KEY_RAW_BYTES * 2];
    CLEANUP(buffer_clear) struct buffer secret;
    buffer_init(&secret, sizeof(credential->secret));
    buffer_init(&token, sizeof(credential->session_token));
    pthread_mutex_lock(&outbox->mutex);
    random_fill(outbox->random, raw, KEY_RAW_BYTES);
    encode_base32(raw, KEY_RAW_BYTES, letters);
    for (char *letter = letters; *letter != '\0'; letter++) {
        *letter = (char)(*letter >= 'a' && *letter <= 'z' ? *letter - 'a' + 'A' : *letter);
    }
    (void)snprintf(credential->access_key_id, sizeof(credential->access_key_id), "ASIALOCAL%.11s",
                   letters);
    random_fill(outbox->random, raw, 30);
    encode_base64(raw, 30, &secret);
    memcpy(credential->secret, secret.data, secret.size);
    random_fill(outbox->random, raw, sizeof(raw));
    encode_base64(raw, sizeof(raw), &token);
    memcpy(credential->session_token, token.data, token.size);
    credential->expires_at_ms = clock_now_ms(outbox->clock) + duration_seconds * 1000;
    local_table_put(&outbox->credentials, slice_from_text(credential->access_key_id), credential);
    pthread_mutex_unlock(&outbox->mutex);
    buffer_wipe(&secret);
    buffer_wipe(&token);
    return credential;
}

static void write_credential(struct buffer *out, const struct local_credential *credential)
{
    char expiration[TIME_TEXT_BYTES + 1];
    time_format_ms(credential->expires_at_ms, expiration);
    buffer_append_text(out, "<Credentials>");
    xml_append_element(out, "AccessKeyId", slice_from_text(credential->access_key_id));
    xml_append_element(out, "SecretAccessKey", slice_from_text(credential->secret));
    xml_append_element(out, "SessionToken", slice_from_text(credential->session_token));
    xml_append_element(out, "Expiration", slice_from_text(expiration));
    buffer_append_text(out, "</Credentials>");
}

/* arn:aws:iam::1:role/path/name becomes arn:aws:sts::1:assumed-role/name/session. */
static const char *assumed_arn(struct arena *arena, struct slice role_arn, struct slice session)
{
    size_t place = slice_find(role_arn, SLICE(":role/"));
    struct slice account = slice_part(role_arn, 0, place);
    struct slice name = slice_part(role_arn, place + 6, role_arn.size);
    for (size_t i = account.size; i > 0; i--) {
        if (account.data[i - 1] == ':') {
            account = slice_part(account, i, account.size);
            break;
        }
    }
    for (size_t slash = slice_find_byte(name, '/'); slash < name.size;
         slash = slice_find_byte(name, '/')) {
        name = slice_part(name, slash + 1, name.size);
    }
    return arena_format(arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", SLICE_PRINT(account),
                        SLICE_PRINT(name), SLICE_PRINT(session));
}

static void write_metadata(struct local_outbox *outbox, const struct http_server_request *request,
                           struct buffer *out)
{
    buffer_append_text(out, "<ResponseMetadata>");
    xml_append_element(out, "RequestId",
                       slice_from_text(local_outbox_uuid(outbox, request->arena)));
    buffer_append_text(out, "</ResponseMetadata>");
}

void local_sts_assume_role(struct local_outbox *outbox, const struct http_server_request *request,
                           const char *action, struct http_server_response *response)
{
    int64_t duration_seconds = 3600;
    struct buffer *out = &response->body;
    const char *wrong = check_request(request, action, &duration_seconds);
    if (wrong != NULL) {
        local_xml_error(outbox, request, response, 400, "ValidationError", wrong);
        return;
    }
    struct slice role_arn = local_form_field(request, "RoleArn");
    struct slice session = local_form_field(request, "RoleSessionName");
    const struct local_credential *credential = make_credential(outbox, duration_seconds);
    buffer_append_format(out, "<%sResponse xmlns=\"" NAMESPACE "\"><%sResult>", action, action);
    buffer_append_text(out, "<AssumedRoleUser>");
    xml_append_element(
        out, "AssumedRoleId",
        slice_from_text(arena_format(request->arena, "AROALOCAL:%.*s", SLICE_PRINT(session))));
    xml_append_element(out, "Arn", slice_from_text(assumed_arn(request->arena, role_arn, session)));
    buffer_append_text(out, "</AssumedRoleUser>");
    write_credential(out, credential);
    buffer_append_format(out, "</%sResult>", action);
    write_metadata(outbox, request, out);
    buffer_append_format(out, "</%sResponse>", action);
    local_xml_reply(response, SLICE(""));
}

void local_sts_identity(struct local_outbox *outbox, const struct http_server_request *request,
                        struct http_server_response *response)
{
    struct buffer *out = &response->body;
    buffer_append_text(out, "<GetCallerIdentityResponse xmlns=\"" NAMESPACE "\">"
                            "<GetCallerIdentityResult>");
    xml_append_element(out, "Arn", SLICE("arn:aws:iam::" ACCOUNT ":user/local"));
    xml_append_element(out, "UserId", SLICE("AIDALOCAL"));
    xml_append_element(out, "Account", SLICE(ACCOUNT));
    buffer_append_text(out, "</GetCallerIdentityResult>");
    write_metadata(outbox, request, out);
    buffer_append_text(out, "</GetCallerIdentityResponse>");
    local_xml_reply(response, SLICE(""));
}
