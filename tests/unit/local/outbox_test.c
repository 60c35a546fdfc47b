#include "tests/support/cmocka.h"
#include "tests/unit/local/service_fixture.h"

#include "infra/base/encode.h"

#include <stdlib.h>
#include <string.h>

/* --- fixture --- */

struct fixture {
    struct service_fixture base;
    struct local_outbox *outbox;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL) {
        return -1;
    }
    service_fixture_init(&fixture->base);
    fixture->outbox = local_outbox_new(&fixture->base.clock.clock, &fixture->base.random.random);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    local_outbox_free(fixture->outbox);
    service_fixture_clear(&fixture->base);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static int control(struct fixture *fixture, const char *method, const char *path)
{
    struct http_server_request request = fixture_request(&fixture->base, method, path, "", "");
    local_outbox_control(fixture->outbox, &request, FIXTURE_ADDRESS, &fixture->base.response);
    return fixture_answer(&fixture->base);
}

/* Path and query of a new URL. */
static const char *mint(struct fixture *fixture)
{
    const char *origin = "http://" FIXTURE_ADDRESS;
    assert_int_equal(control(fixture, "POST", "/_ringback/responses"), 200);
    const char *url = fixture_text(&fixture->base, fixture->base.reply, "url");
    assert_memory_equal(url, origin, strlen(origin));
    return url + strlen(origin);
}

static int put(struct fixture *fixture, const char *path_and_query, const char *content_type,
               const char *body)
{
    struct slice whole = slice_from_text(path_and_query);
    size_t mark = slice_find_byte(whole, '?');
    const char *path = arena_text(fixture->base.arena, slice_part(whole, 0, mark));
    const char *query = arena_text(fixture->base.arena, slice_part(whole, mark + 1, whole.size));
    struct http_server_request request = fixture_request(&fixture->base, "PUT", path, query, body);
    if (content_type != NULL) {
        request.headers[request.header_count++] = (struct http_server_header){
            .name = SLICE("Content-Type"), .value = slice_from_text(content_type)};
    }
    local_outbox_response_put(fixture->outbox, &request, &fixture->base.response);
    return fixture->base.response.code;
}

static struct json put_at(struct fixture *fixture, size_t url, size_t index)
{
    control(fixture, "GET", "/_ringback/responses");
    struct json entry = json_element(json_member(fixture->base.reply, "responses"), url);
    return json_element(json_member(entry, "puts"), index);
}

static int query(struct fixture *fixture, const char *form)
{
    struct http_server_request request = fixture_request(&fixture->base, "POST", "/", "", form);
    local_outbox_query(fixture->outbox, &request, &fixture->base.response);
    return fixture->base.response.code;
}

static int put_events(struct fixture *fixture, const char *input)
{
    struct local_call call = fixture_call(&fixture->base, "PutEvents", input);
    local_outbox_events(fixture->outbox, &call, &fixture->base.response);
    return fixture_answer(&fixture->base);
}

static struct json published(struct fixture *fixture, size_t index)
{
    control(fixture, "GET", "/_ringback/published");
    return json_element(json_member(fixture->base.reply, "published"), index);
}

static size_t published_count(struct fixture *fixture)
{
    control(fixture, "GET", "/_ringback/published");
    return json_count(json_member(fixture->base.reply, "published"));
}

#define TOPIC   "TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A000000000000%3At"
#define PUBLISH "Action=Publish&Version=2010-03-31&" TOPIC
#define ASSUME                                                                                     \
    "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Fa%2F" \
    "runner&RoleSessionName=me%40home"

/* --- success --- */

static void response_is_kept_as_it_was_sent(void **state)
{
    struct fixture *f = *state;
    const char *first = mint(f);
    const char *second = mint(f);
    assert_string_not_equal(strchr(first, '?'), strchr(second, '?'));
    assert_int_equal(put(f, second, NULL, "{\"Status\":\"SUCCESS\"}"), 200);
    assert_int_equal(f->base.response.body.size, 0);
    assert_int_equal(put(f, second, "text/plain", "again"), 200);
    struct json kept = put_at(f, 1, 0);
    assert_string_equal(fixture_text(&f->base, kept, "body"), "{\"Status\":\"SUCCESS\"}");
    assert_int_equal(json_kind(json_member(kept, "contentType")), JSON_NULL);
    assert_int_equal(fixture_number(kept, "status"), 200);
    assert_string_equal(fixture_text(&f->base, put_at(f, 1, 1), "contentType"), "text/plain");
    assert_false(json_exists(put_at(f, 0, 0)));
}

static void published_message_is_kept(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(query(f, PUBLISH "&Message=a%20%26+b&Subject=s"
                                      "&MessageAttributes.entry.1.Name=outcome"
                                      "&MessageAttributes.entry.1.Value.DataType=String"
                                      "&MessageAttributes.entry.1.Value.StringValue=FINISHED"
                                      "&MessageAttributes.entry.2.Name=id"
                                      "&MessageAttributes.entry.2.Value.DataType=String"
                                      "&MessageAttributes.entry.2.Value.StringValue=x"),
                     200);
    assert_string_equal(f->base.response.content_type, "text/xml");
    assert_int_equal(strlen(fixture_xml(&f->base, "MessageId")), 36);
    struct json kept = published(f, 0);
    assert_string_equal(fixture_text(&f->base, kept, "service"), "sns");
    assert_string_equal(fixture_text(&f->base, kept, "target"),
                        "arn:aws:sns:us-east-1:000000000000:t");
    assert_string_equal(fixture_text(&f->base, kept, "body"), "a & b");
    struct json attributes = json_member(kept, "attributes");
    assert_string_equal(fixture_text(&f->base, attributes, "outcome"), "FINISHED");
    assert_string_equal(fixture_text(&f->base, attributes, "id"), "x");
    assert_string_equal(fixture_text(&f->base, attributes, "Subject"), "s");
}

static void fifo_topic_numbers_its_messages(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(query(f, PUBLISH ".fifo&Message=a&MessageGroupId=g&MessageDeduplicationId=d"),
                     200);
    assert_int_equal(strlen(fixture_xml(&f->base, "SequenceNumber")), 20);
    struct json attributes = json_member(published(f, 0), "attributes");
    assert_string_equal(fixture_text(&f->base, attributes, "MessageGroupId"), "g");
    assert_string_equal(fixture_text(&f->base, attributes, "MessageDeduplicationId"), "d");
}

static void events_are_kept_and_refused_one_by_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        put_events(f, "{\"Entries\":["
                      "{\"Source\":\"ringback\",\"DetailType\":\"t\",\"Detail\":\"{\\\"a\\\":1}\","
                      "\"EventBusName\":\"bus\"},"
                      "{\"Source\":\"aws.redshift-data\",\"DetailType\":\"t\",\"Detail\":\"{}\"},"
                      "{\"Source\":\"ringback\",\"DetailType\":\"t\",\"Detail\":\"[]\"},"
                      "{\"Source\":\"ringback\",\"Detail\":\"{}\"},"
                      "{\"Source\":\"ringback\",\"DetailType\":\"u\",\"Detail\":\"{}\"}]}"),
        200);
    struct json entries = json_member(f->base.reply, "Entries");
    assert_int_equal(fixture_number(f->base.reply, "FailedEntryCount"), 3);
    assert_int_equal(json_count(entries), 5);
    assert_int_equal(strlen(fixture_text(&f->base, json_element(entries, 0), "EventId")), 36);
    assert_string_equal(fixture_text(&f->base, json_element(entries, 1), "ErrorCode"),
                        "NotAuthorizedForSourceException");
    assert_string_equal(fixture_text(&f->base, json_element(entries, 2), "ErrorCode"),
                        "MalformedDetail");
    assert_string_equal(fixture_text(&f->base, json_element(entries, 3), "ErrorCode"),
                        "InvalidArgument");
    assert_int_equal(published_count(f), 2);
    struct json kept = published(f, 0);
    assert_string_equal(fixture_text(&f->base, kept, "service"), "events");
    assert_string_equal(fixture_text(&f->base, kept, "target"), "bus");
    assert_string_equal(fixture_text(&f->base, kept, "body"), "{\"a\":1}");
    assert_string_equal(fixture_text(&f->base, json_member(kept, "attributes"), "source"),
                        "ringback");
    assert_string_equal(fixture_text(&f->base, published(f, 1), "target"), "default");
}

static void assumed_role_has_credentials_until_they_expire(void **state)
{
    struct fixture *f = *state;
    struct slice secret = SLICE_NONE;
    struct slice token = SLICE_NONE;
    assert_int_equal(query(f, ASSUME "&DurationSeconds=900"), 200);
    const char *key = fixture_xml(&f->base, "AccessKeyId");
    assert_int_equal(strlen(key), 20);
    assert_memory_equal(key, "ASIALOCAL", 9);
    assert_int_equal(strlen(fixture_xml(&f->base, "SecretAccessKey")), 40);
    assert_true(strlen(fixture_xml(&f->base, "SessionToken")) > 100);
    assert_string_equal(fixture_xml(&f->base, "Arn"),
                        "arn:aws:sts::111122223333:assumed-role/runner/me@home");
    char expiration[TIME_TEXT_BYTES + 1];
    time_format_ms(FIXTURE_NOW_MS + 900000, expiration);
    assert_string_equal(fixture_xml(&f->base, "Expiration"), expiration);
    assert_true(local_outbox_find_secret(f->outbox, slice_from_text(key), &secret, &token));
    assert_true(slice_equals_text(secret, fixture_xml(&f->base, "SecretAccessKey")));
    assert_true(slice_equals_text(token, fixture_xml(&f->base, "SessionToken")));
    clock_fake_advance(&f->base.clock, 900000);
    assert_false(local_outbox_find_secret(f->outbox, slice_from_text(key), &secret, &token));
}

static void each_assumed_role_has_its_own_credentials(void **state)
{
    struct fixture *f = *state;
    struct slice secret = SLICE_NONE;
    struct slice token = SLICE_NONE;
    query(f, ASSUME);
    const char *first = fixture_xml(&f->base, "AccessKeyId");
    query(f, ASSUME);
    assert_string_not_equal(first, fixture_xml(&f->base, "AccessKeyId"));
    assert_true(local_outbox_find_secret(f->outbox, slice_from_text(first), &secret, &token));
}

static void web_identity_needs_its_token(void **state)
{
    const char *form = "Action=AssumeRoleWithWebIdentity&RoleArn=arn:aws:iam::000000000000:role/r&"
                       "RoleSessionName=session";
    struct fixture *f = *state;
    assert_int_equal(query(f, arena_format(f->base.arena, "%s&WebIdentityToken=abcdef", form)),
                     200);
    assert_true(slice_find(buffer_slice(&f->base.response.body),
                           SLICE("<AssumeRoleWithWebIdentityResult>")) <
                f->base.response.body.size);
    assert_int_equal(query(f, form), 400);
    assert_string_equal(fixture_xml(&f->base, "Code"), "ValidationError");
}

static void caller_identity_is_the_local_account(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(query(f, "Action=GetCallerIdentity&Version=2011-06-15"), 200);
    assert_string_equal(fixture_xml(&f->base, "Account"), "000000000000");
}

/* --- failure --- */

static void changed_signature_is_refused_and_recorded(void **state)
{
    struct fixture *f = *state;
    const char *url = mint(f);
    assert_int_equal(put(f, arena_format(f->base.arena, "%sx", url), NULL, "b"), 403);
    assert_string_equal(fixture_xml(&f->base, "Code"), "SignatureDoesNotMatch");
    assert_int_equal(put(f, "/_response/1", NULL, "b"), 403);
    assert_int_equal(fixture_number(put_at(f, 0, 0), "status"), 403);
    assert_int_equal(put(f, "/_response/2?X-Amz-Signature=0", NULL, "b"), 403);
    assert_int_equal(put(f, "/_response/none?X-Amz-Signature=0", NULL, "b"), 403);
}

static void response_over_four_kilobytes_fails(void **state)
{
    struct fixture *f = *state;
    char body[4098];
    const char *url = mint(f);
    memset(body, 'x', sizeof(body));
    body[4096] = '\0';
    assert_int_equal(put(f, url, NULL, body), 200);
    body[4096] = 'x';
    body[4097] = '\0';
    assert_int_equal(put(f, url, NULL, body), 400);
    assert_int_equal(fixture_number(put_at(f, 0, 1), "status"), 400);
}

static void bad_publishes_are_refused(void **state)
{
    static const char *const FORMS[] = {
        "Action=Publish&Message=a",
        PUBLISH,
        PUBLISH "&Message=",
        PUBLISH "&PhoneNumber=%2B1&Message=a",
        PUBLISH "&Message=a&Subject=a%0Ab",
        PUBLISH ".fifo&Message=a",
        "Action=Publish&TopicArn=t&Message=a",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(FORMS); i++) {
        assert_int_equal(query(f, FORMS[i]), 400);
        assert_string_equal(fixture_xml(&f->base, "Code"), "InvalidParameter");
    }
    assert_int_equal(query(f, PUBLISH "&Message=a&MessageAttributes.entry.1.Name=n"), 400);
    assert_string_equal(fixture_xml(&f->base, "Code"), "ParameterValueInvalid");
    assert_int_equal(published_count(f), 0);
}

static void long_messages_are_refused(void **state)
{
    struct fixture *f = *state;
    char *text = arena_alloc(f->base.arena, 262145 + 1);
    memset(text, 'x', 262145);
    assert_int_equal(query(f, arena_format(f->base.arena, "%s%s", PUBLISH "&Message=", text)), 400);
    text[262144] = '\0';
    assert_int_equal(query(f, arena_format(f->base.arena, "%s%s", PUBLISH "&Message=", text)), 200);
}

static void event_requests_have_one_to_ten_entries(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(put_events(f, "{\"Entries\":[]}"), 400);
    assert_string_equal(fixture_text(&f->base, f->base.reply, "__type"), "ValidationException");
    assert_int_equal(put_events(f, "{\"Entries\":[{},{},{},{},{},{},{},{},{},{},{}]}"), 400);
    assert_int_equal(put_events(f, "{}"), 400);
}

static void bad_roles_are_refused(void **state)
{
    static const char *const FORMS[] = {
        "Action=AssumeRole&RoleArn=r&RoleSessionName=session",
        "Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/r",
        "Action=AssumeRole&RoleArn=arn:aws:iam::000000000000:role/r&RoleSessionName=a%20b",
        ASSUME "&DurationSeconds=60",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(FORMS); i++) {
        assert_int_equal(query(f, FORMS[i]), 400);
        assert_string_equal(fixture_xml(&f->base, "Code"), "ValidationError");
    }
}

static void unknown_actions_are_refused(void **state)
{
    struct fixture *f = *state;
    struct slice secret = SLICE_NONE;
    struct slice token = SLICE_NONE;
    assert_int_equal(query(f, "Action=Subscribe"), 400);
    assert_string_equal(fixture_xml(&f->base, "Code"), "InvalidAction");
    assert_int_equal(query(f, ""), 400);
    assert_int_equal(control(f, "DELETE", "/_ringback/responses"), 405);
    assert_false(local_outbox_find_secret(f->outbox, SLICE("AKIDLOCAL"), &secret, &token));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(response_is_kept_as_it_was_sent),
        CASE(published_message_is_kept),
        CASE(fifo_topic_numbers_its_messages),
        CASE(events_are_kept_and_refused_one_by_one),
        CASE(assumed_role_has_credentials_until_they_expire),
        CASE(each_assumed_role_has_its_own_credentials),
        CASE(web_identity_needs_its_token),
        CASE(caller_identity_is_the_local_account),
        CASE(changed_signature_is_refused_and_recorded),
        CASE(response_over_four_kilobytes_fails),
        CASE(bad_publishes_are_refused),
        CASE(long_messages_are_refused),
        CASE(event_requests_have_one_to_ten_entries),
        CASE(bad_roles_are_refused),
        CASE(unknown_actions_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
