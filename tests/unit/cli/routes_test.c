#include "tests/support/cmocka.h"

#include "infra/cli/routes.h"

/* --- fixture ---------------------------------------------------------------------------------- */

/* None: finding a route is pure. */

/* --- helpers ---------------------------------------------------------------------------------- */

static struct route find(const char *method, const char *path)
{
    return route_find(slice_from_text(method), slice_from_text(path));
}

static void assert_none(const char *method, const char *path, int code)
{
    const struct route route = find(method, path);
    assert_true(route.run == NULL);
    assert_int_equal(code, route.code);
}

/* --- success ---------------------------------------------------------------------------------- */

static void every_resource_has_its_own_handler(void **state)
{
    (void)state;
    const struct route routes[] = {
        find("POST", "/invocations"),          find("GET", "/invocations"),
        find("GET", "/invocations/x"),         find("GET", "/invocations/x/reply"),
        find("POST", "/invocations/x/cancel"),
    };
    for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
        assert_true(routes[i].run != NULL);
        for (size_t k = 0; k < i; k++) {
            assert_true(routes[i].run != routes[k].run);
        }
    }
}

static void the_id_is_what_stands_between(void **state)
{
    (void)state;
    assert_true(slice_equals_text(find("GET", "/invocations/abc").id, "abc"));
    assert_true(slice_equals_text(find("GET", "/invocations/abc/reply").id, "abc"));
}

/* --- failure ---------------------------------------------------------------------------------- */

static void an_unknown_path_is_404(void **state)
{
    (void)state;
    assert_none("GET", "/", 404);
    assert_none("GET", "/invocation", 404);
    assert_none("GET", "/invocationsx", 404);
    assert_none("GET", "/invocations/x/", 404);
    assert_none("GET", "/invocations/x/reply/y", 404);
}

static void a_method_that_does_not_fit_is_405(void **state)
{
    (void)state;
    assert_none("DELETE", "/invocations", 405);
    assert_none("POST", "/invocations/x", 405);
    assert_none("GET", "/invocations/x/cancel", 405);
    assert_none("POST", "/invocations/x/reply", 405);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_resource_has_its_own_handler),
        cmocka_unit_test(the_id_is_what_stands_between),
        cmocka_unit_test(an_unknown_path_is_404),
        cmocka_unit_test(a_method_that_does_not_fit_is_405),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
