/* Locks, parked messages, replies. */
#include "tests/contract/tracker_contract.h"

#include <string.h>

#define KEY   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

/* Helpers */

static enum status take(struct contract *contract, unsigned owner, const char *expected,
                        char holder[TRACKER_ID_BYTES + 1])
{
    return tracker_lock_take(contract->tracker, KEY, contract_id(owner).text, expected, holder,
                             &contract->error);
}

static struct tracker_parked parked(unsigned number)
{
    struct tracker_parked message = {
        .first_seen_ms = NOW_MS + number,
        .source = SLICE("queue"),
        .reason = SLICE("malformed"),
        .digest = SLICE("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        .body = SLICE("bo\0dy"),
    };

    memcpy(message.id, contract_id(number).text, sizeof(message.id));
    return message;
}

static void park(struct contract *contract, const struct tracker_parked *message)
{
    CONTRACT_OK(contract, tracker_park(contract->tracker, message, 1, &contract->error));
}

static enum status take_parked(struct contract *contract, unsigned number,
                               struct tracker_parked *message)
{
    contract->error = ERROR_NONE;
    return tracker_parked_take(contract->tracker, contract->arena, contract_id(number).text,
                               message, &contract->error);
}

static struct slice get_reply(struct contract *contract, unsigned number, const char *digest)
{
    struct slice blob = SLICE_NONE;

    CONTRACT_OK(contract,
                tracker_reply_get(contract->tracker, contract->arena, contract_id(number).text,
                                  digest, &blob, &contract->error));
    return blob;
}

static enum status reply_status(struct contract *contract, unsigned number, const char *digest)
{
    struct slice blob = SLICE_NONE;

    contract->error = ERROR_NONE;
    return tracker_reply_get(contract->tracker, contract->arena, contract_id(number).text, digest,
                             &blob, &contract->error);
}

static void put_reply(struct contract *contract, unsigned number, const char *digest,
                      struct slice blob, int64_t expires_at_ms)
{
    CONTRACT_OK(contract, tracker_reply_put(contract->tracker, contract_id(number).text, digest,
                                            blob, expires_at_ms, &contract->error));
}

/* Success */

static void a_free_lock_is_taken_and_held(void **state)
{
    struct contract *contract = *state;
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(take(contract, 1, NULL, holder), STATUS_OK);
    assert_int_equal(take(contract, 2, NULL, holder), STATUS_CONFLICT);
    assert_string_equal(holder, contract_id(1).text);
    assert_int_equal(take(contract, 1, NULL, holder), STATUS_OK);
}

static void a_lock_is_taken_over_from_the_expected_owner_only(void **state)
{
    struct contract *contract = *state;
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(take(contract, 1, NULL, holder), STATUS_OK);
    assert_int_equal(take(contract, 3, contract_id(2).text, holder), STATUS_CONFLICT);
    assert_string_equal(holder, contract_id(1).text);
    assert_int_equal(take(contract, 2, contract_id(1).text, holder), STATUS_OK);
    /* Of two that saw the same owner gone, one wins. */
    assert_int_equal(take(contract, 3, contract_id(1).text, holder), STATUS_CONFLICT);
    assert_string_equal(holder, contract_id(2).text);
}

static void the_holder_is_told(void **state)
{
    struct contract *contract = *state;
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(tracker_lock_holder(contract->tracker, KEY, holder, &contract->error),
                     STATUS_NOT_FOUND);
    assert_int_equal(take(contract, 1, NULL, holder), STATUS_OK);
    CONTRACT_OK(contract, tracker_lock_holder(contract->tracker, KEY, holder, &contract->error));
    assert_string_equal(holder, contract_id(1).text);
    CONTRACT_OK(contract, tracker_lock_release(contract->tracker, KEY, contract_id(1).text,
                                               &contract->error));
    assert_int_equal(tracker_lock_holder(contract->tracker, KEY, holder, &contract->error),
                     STATUS_NOT_FOUND);
}

static void an_expected_owner_may_have_released(void **state)
{
    struct contract *contract = *state;
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(take(contract, 2, contract_id(1).text, holder), STATUS_OK);
}

static void release_is_conditional_on_the_owner(void **state)
{
    struct contract *contract = *state;
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(take(contract, 1, NULL, holder), STATUS_OK);
    CONTRACT_OK(contract, tracker_lock_release(contract->tracker, KEY, contract_id(2).text,
                                               &contract->error));
    assert_int_equal(take(contract, 2, NULL, holder), STATUS_CONFLICT);
    CONTRACT_OK(contract, tracker_lock_release(contract->tracker, KEY, contract_id(1).text,
                                               &contract->error));
    CONTRACT_OK(contract, tracker_lock_release(contract->tracker, KEY, contract_id(1).text,
                                               &contract->error));
    assert_int_equal(take(contract, 2, NULL, holder), STATUS_OK);
}

static void locks_of_other_keys_are_others(void **state)
{
    struct contract *contract = *state;
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(take(contract, 1, NULL, holder), STATUS_OK);
    CONTRACT_OK(contract, tracker_lock_take(contract->tracker, OTHER, contract_id(2).text, NULL,
                                            holder, &contract->error));
}

static void waiters_stand_in_the_order_of_their_coming(void **state)
{
    struct contract *contract = *state;
    const unsigned order[] = {3, 1, 2}; /* by time; 1 and 2 came in one millisecond */
    const int64_t since_ms[] = {NOW_MS, NOW_MS + 1, NOW_MS + 1};
    char id[TRACKER_ID_BYTES + 1];

    for (size_t i = ARRAY_COUNT(order); i-- > 0;) {
        CONTRACT_OK(contract, tracker_lock_wait(contract->tracker, KEY, contract_id(order[i]).text,
                                                since_ms[i], &contract->error));
    }
    /* Who waits already keeps the place. */
    CONTRACT_OK(contract, tracker_lock_wait(contract->tracker, KEY, contract_id(3).text,
                                            NOW_MS + 100, &contract->error));
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        CONTRACT_OK(contract, tracker_lock_first(contract->tracker, KEY, id, &contract->error));
        assert_string_equal(id, contract_id(order[i]).text);
        CONTRACT_OK(contract, tracker_lock_leave(contract->tracker, KEY, id, &contract->error));
        CONTRACT_OK(contract, tracker_lock_leave(contract->tracker, KEY, id, &contract->error));
    }
    assert_int_equal(tracker_lock_first(contract->tracker, KEY, id, &contract->error),
                     STATUS_NOT_FOUND);
}

static void parking_twice_changes_nothing(void **state)
{
    struct contract *contract = *state;
    struct tracker_parked message = parked(1);
    struct tracker_parked taken;

    park(contract, &message);
    message.reason = SLICE("another reason");
    message.first_seen_ms += 5;
    park(contract, &message);
    assert_int_equal(contract_counts(contract).parked, 1);
    assert_int_equal(take_parked(contract, 1, &taken), STATUS_OK);
    assert_string_equal(taken.id, message.id);
    assert_int_equal(taken.first_seen_ms, NOW_MS + 1);
    contract_assert_slice(taken.source, SLICE("queue"));
    contract_assert_slice(taken.reason, SLICE("malformed"));
    contract_assert_slice(taken.digest, message.digest);
    contract_assert_slice(taken.body, SLICE("bo\0dy"));
    assert_int_equal(contract_counts(contract).parked, 0);
}

/* What came twice at once was parked by two processes, neither of which knew of the other. */
static void what_is_parked_twice_is_listed_once(void **state)
{
    struct contract *contract = *state;
    const struct tracker_parked another = parked(2);
    struct tracker_parked message = parked(1);
    struct slice token = SLICE_NONE;
    size_t total = 0;

    park(contract, &message);
    park(contract, &another);
    message.first_seen_ms += 5;
    park(contract, &message);
    do {
        struct tracker_parked *page = NULL;
        size_t count = 0;
        CONTRACT_OK(contract, tracker_parked_list(contract->tracker, contract->arena, 1, token,
                                                  &page, &count, &token, &contract->error));
        total += count;
    } while (token.data);
    assert_int_equal(total, 2);
}

static void of_two_takers_one_gets_a_parked_message(void **state)
{
    struct contract *contract = *state;
    struct tracker_parked message = parked(1);

    park(contract, &message);
    assert_int_equal(take_parked(contract, 1, &message), STATUS_OK);
    assert_int_equal(take_parked(contract, 1, &message), STATUS_NOT_FOUND);
    assert_string_equal(contract->error.text, "");
}

static void parked_messages_are_listed_oldest_first(void **state)
{
    struct contract *contract = *state;
    struct tracker_parked messages[130];
    struct slice token = SLICE_NONE;
    size_t total = 0;
    size_t pages = 0;

    for (unsigned i = 0; i < 130; i++) {
        messages[i] = parked(i);
    }
    CONTRACT_OK(contract, tracker_park(contract->tracker, messages, 130, &contract->error));
    do {
        struct tracker_parked *page = NULL;
        size_t count = 0;
        CONTRACT_OK(contract, tracker_parked_list(contract->tracker, contract->arena, 40, token,
                                                  &page, &count, &token, &contract->error));
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(page[i].first_seen_ms, NOW_MS + (int64_t)total);
            contract_assert_slice(page[i].body, SLICE("bo\0dy"));
            total++;
        }
        assert_true(++pages < 100);
    } while (token.data);
    assert_int_equal(total, 130);
}

static void parked_messages_expire(void **state)
{
    struct contract *contract = *state;
    struct tracker_parked soon = parked(1);
    struct tracker_parked never = parked(2);

    soon.expires_at_ms = NOW_MS;
    park(contract, &soon);
    park(contract, &never);
    contract_expire(contract, NOW_MS - 1, 0);
    contract_expire(contract, NOW_MS, 1);
    assert_int_equal(contract_counts(contract).parked, contract_backend.expires_by_itself ? 2 : 1);
    assert_int_equal(take_parked(contract, 1, &soon), STATUS_NOT_FOUND);
    assert_int_equal(take_parked(contract, 2, &never), STATUS_OK);
}

static void the_largest_parked_body_comes_back(void **state)
{
    struct contract *contract = *state;
    struct tracker_parked message = parked(1);
    struct tracker_parked taken;

    message.body = (struct slice){arena_alloc(contract->arena, TRACKER_PARKED_MAX_BYTES),
                                  TRACKER_PARKED_MAX_BYTES};
    message.source = SLICE_NONE;
    message.reason = SLICE("");
    park(contract, &message);
    assert_int_equal(take_parked(contract, 1, &taken), STATUS_OK);
    contract_assert_slice(taken.body, message.body);
    contract_assert_slice(taken.source, SLICE_NONE);
    contract_assert_slice(taken.reason, SLICE(""));
}

static void a_reply_never_changes_under_its_digest(void **state)
{
    struct contract *contract = *state;

    put_reply(contract, 1, "aa", SLICE("re\0ply"), NOW_MS);
    put_reply(contract, 1, "aa", SLICE("other"), NOW_MS);
    put_reply(contract, 1, "bb", SLICE("second"), NOW_MS);
    contract_assert_slice(get_reply(contract, 1, "aa"), SLICE("re\0ply"));
    contract_assert_slice(get_reply(contract, 1, "bb"), SLICE("second"));
    assert_int_equal(reply_status(contract, 2, "aa"), STATUS_NOT_FOUND);
    assert_string_equal(contract->error.text, "");
}

static void the_largest_reply_comes_back(void **state)
{
    struct contract *contract = *state;
    struct slice blob = {arena_alloc(contract->arena, TRACKER_REPLY_MAX_BYTES),
                         TRACKER_REPLY_MAX_BYTES};

    put_reply(contract, 1, "aa", blob, NOW_MS);
    contract_assert_slice(get_reply(contract, 1, "aa"), blob);
    put_reply(contract, 1, "bb", SLICE(""), NOW_MS);
    contract_assert_slice(get_reply(contract, 1, "bb"), SLICE(""));
}

static void the_later_expiry_of_a_reply_holds(void **state)
{
    struct contract *contract = *state;

    put_reply(contract, 1, "aa", SLICE("reply"), NOW_MS);
    put_reply(contract, 1, "aa", SLICE("reply"), NOW_MS + 10);
    put_reply(contract, 1, "aa", SLICE("reply"), NOW_MS + 5);
    put_reply(contract, 1, "bb", SLICE("reply"), NOW_MS);
    put_reply(contract, 1, "bb", SLICE("reply"), 0);
    contract_expire(contract, NOW_MS + 9, 0);
    assert_int_equal(reply_status(contract, 1, "aa"), STATUS_OK);
    contract_expire(contract, NOW_MS + 10, 1);
    assert_int_equal(reply_status(contract, 1, "aa"), STATUS_NOT_FOUND);
    assert_int_equal(reply_status(contract, 1, "bb"), STATUS_OK);
}

/* Failure */

static void malformed_keys_and_owners_are_rejected(void **state)
{
    struct contract *contract = *state;
    char holder[TRACKER_ID_BYTES + 1];

    assert_int_equal(tracker_lock_take(contract->tracker, "key", contract_id(1).text, NULL, holder,
                                       &contract->error),
                     STATUS_REJECTED);
    assert_int_equal(tracker_lock_take(contract->tracker, KEY, "", NULL, holder, &contract->error),
                     STATUS_REJECTED);
    assert_int_equal(
        tracker_lock_wait(contract->tracker, KEY "a", contract_id(1).text, 0, &contract->error),
        STATUS_REJECTED);
    assert_int_equal(reply_status(contract, 1, "a:b"), STATUS_REJECTED);
    assert_int_equal(reply_status(contract, 1, ""), STATUS_REJECTED);
}

static void too_large_replies_and_messages_are_rejected(void **state)
{
    struct contract *contract = *state;
    struct tracker_parked message = parked(1);
    struct slice blob = {arena_alloc(contract->arena, TRACKER_REPLY_MAX_BYTES + 1),
                         TRACKER_REPLY_MAX_BYTES + 1};

    message.body = blob;
    assert_int_equal(tracker_reply_put(contract->tracker, contract_id(1).text, "aa", blob, NOW_MS,
                                       &contract->error),
                     STATUS_REJECTED);
    assert_int_equal(tracker_park(contract->tracker, &message, 1, &contract->error),
                     STATUS_REJECTED);
}

int contract_run_side(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(a_free_lock_is_taken_and_held),
        CONTRACT_TEST(a_lock_is_taken_over_from_the_expected_owner_only),
        CONTRACT_TEST(the_holder_is_told),
        CONTRACT_TEST(an_expected_owner_may_have_released),
        CONTRACT_TEST(release_is_conditional_on_the_owner),
        CONTRACT_TEST(locks_of_other_keys_are_others),
        CONTRACT_TEST(waiters_stand_in_the_order_of_their_coming),
        CONTRACT_TEST(parking_twice_changes_nothing),
        CONTRACT_TEST(what_is_parked_twice_is_listed_once),
        CONTRACT_TEST(of_two_takers_one_gets_a_parked_message),
        CONTRACT_TEST(parked_messages_are_listed_oldest_first),
        CONTRACT_TEST(parked_messages_expire),
        CONTRACT_TEST(the_largest_parked_body_comes_back),
        CONTRACT_TEST(a_reply_never_changes_under_its_digest),
        CONTRACT_TEST(the_largest_reply_comes_back),
        CONTRACT_TEST(the_later_expiry_of_a_reply_holds),
        CONTRACT_TEST(malformed_keys_and_owners_are_rejected),
        CONTRACT_TEST(too_large_replies_and_messages_are_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
