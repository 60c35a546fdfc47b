#include "infra/runtime/admin_page.h"

#include "infra/base/encode.h"
#include "infra/base/metrics.h"
#include "infra/base/slice.h"

#include <inttypes.h>

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
    "<meta http-equiv=\"refresh\" content=\"10\"><title>ringback</title><style>"
    ":root{color-scheme:light dark;--line:#8884;--good:#1a7f37;--bad:#c62828}"
    "@media(prefers-color-scheme:dark){:root{--good:#4ac26b;--bad:#ff7b72}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:1.5rem 0 .3rem}"
    ".good{color:var(--good)}.bad{color:var(--bad)}"
    "table{border-collapse:collapse;width:100%}"
    "td,th{border-bottom:1px solid var(--line);padding:.35rem .2rem;text-align:left;"
    "font-weight:400;vertical-align:top;overflow-wrap:anywhere}"
    "td{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding-left:1rem}"
    "small{opacity:.75}</style></head><body>\n";

struct group {
    const char *title;
    enum metric first; /* up to the next group's first */
};

static const struct group groups[] = {
    {"Requests", METRIC_REQUESTS_ACCEPTED},    {"Statements", METRIC_STATEMENTS_SUBMITTED},
    {"Events", METRIC_EVENTS_RECEIVED},        {"Outcomes", METRIC_OUTCOMES_FINISHED},
    {"Callbacks", METRIC_CALLBACKS_DELIVERED}, {"Machinery", METRIC_TRACKER_CONFLICTS},
};

static const char *const help[METRIC_COUNT] = {
#define METRICS_HELP(symbol, name, text) [METRIC_##symbol] = (text),
    METRICS_LIST(METRICS_HELP)
#undef METRICS_HELP
};

static void print_escaped(struct slice text, struct buffer *out)
{
    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '&': buffer_append_text(out, "&amp;"); break;
        case '<': buffer_append_text(out, "&lt;"); break;
        case '>': buffer_append_text(out, "&gt;"); break;
        case '"': buffer_append_text(out, "&quot;"); break;
        default: buffer_append_byte(out, text.data[i]); break;
        }
    }
}

static void print_uptime(int64_t uptime_ms, struct buffer *out)
{
    int64_t minutes = uptime_ms / 60000;
    if (minutes >= 1440) {
        buffer_append_format(out, "%" PRId64 " d ", minutes / 1440);
    }
    if (minutes >= 60) {
        buffer_append_format(out, "%" PRId64 " h ", minutes / 60 % 24);
    }
    buffer_append_format(out, "%" PRId64 " min", minutes % 60);
}

static void print_readiness(const struct admin_page *page, struct buffer *out)
{
    if (page->problem_count == 0) {
        buffer_append_text(out, "<p class=\"good\" role=\"status\">&#9679; ready</p>\n");
        return;
    }
    buffer_append_text(out, "<p class=\"bad\" role=\"status\">&#9650; not ready</p>\n<ul>\n");
    for (size_t i = 0; i < page->problem_count; i++) {
        buffer_append_text(out, "<li><b>");
        print_escaped(slice_from_text(page->problems[i].part), out);
        buffer_append_text(out, "</b>: ");
        print_escaped(slice_from_text(page->problems[i].problem.text), out);
        buffer_append_text(out, "</li>\n");
    }
    buffer_append_text(out, "</ul>\n");
}

static void print_group(size_t index, struct buffer *out)
{
    size_t end = index + 1 < ARRAY_COUNT(groups) ? groups[index + 1].first : METRIC_COUNT;
    buffer_append_format(out, "<h2>%s</h2>\n<table>\n", groups[index].title);
    for (size_t i = groups[index].first; i < end; i++) {
        buffer_append_text(out, "<tr><th scope=\"row\">");
        print_escaped(slice_from_text(help[i]), out);
        buffer_append_format(out, "</th><td>%" PRIu64 "</td></tr>\n",
                             metrics_value((enum metric)i));
    }
    buffer_append_text(out, "</table>\n");
}

void admin_page_print(const struct admin_page *page, struct buffer *out)
{
    char now[TIME_TEXT_BYTES + 1];
    time_format_ms(page->now_ms, now);
    buffer_append_text(out, head);
    buffer_append_text(out, "<h1>ringback</h1>\n<small>");
    print_escaped(slice_from_text(page->version), out);
    buffer_append_text(out, " &middot; up ");
    print_uptime(page->uptime_ms, out);
    buffer_append_format(out, " &middot; %s</small>\n", now);
    print_readiness(page, out);
    for (size_t i = 0; i < ARRAY_COUNT(groups); i++) {
        print_group(i, out);
    }
    buffer_append_text(out, "<p><small>Counts since the start of this process. "
                            "<a href=\"/metrics\">/metrics</a> "
                            "<a href=\"/readyz\">/readyz</a></small></p>\n</body></html>\n");
}
