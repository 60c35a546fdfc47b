#include "infra/base/encode.h"

#include <string.h>
#include <time.h>

/* Writes the last `width` digits of value. */
static char *write_digits(char *out, int64_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + (char)(value % 10));
        value /= 10;
    }
    return out + width;
}

void time_format_ms(int64_t time_ms, char out[TIME_TEXT_BYTES + 1])
{
    /* The format has four digits for the year: 0001-01-01 to 9999-12-31. */
    static const int64_t least_ms = INT64_C(-62135596800000);
    static const int64_t most_ms = INT64_C(253402300799999);
    struct tm parts = {0};
    time_t seconds = 0;
    int64_t milliseconds = 0;

    time_ms = time_ms < least_ms ? least_ms : time_ms > most_ms ? most_ms : time_ms;
    milliseconds = (time_ms % 1000 + 1000) % 1000;
    seconds = (time_t)((time_ms - milliseconds) / 1000);
    (void)gmtime_r(&seconds, &parts);
    out = write_digits(out, parts.tm_year + 1900, 4);
    *out++ = '-';
    out = write_digits(out, parts.tm_mon + 1, 2);
    *out++ = '-';
    out = write_digits(out, parts.tm_mday, 2);
    *out++ = 'T';
    out = write_digits(out, parts.tm_hour, 2);
    *out++ = ':';
    out = write_digits(out, parts.tm_min, 2);
    *out++ = ':';
    out = write_digits(out, parts.tm_sec, 2);
    *out++ = '.';
    out = write_digits(out, milliseconds, 3);
    *out++ = 'Z';
    *out = '\0';
}

/* A text of which one piece after the other is taken; good turns false at the first misfit. */
struct scan {
    struct slice rest;
    bool good;
};

static void take(struct scan *scan, struct slice literal)
{
    scan->good = scan->good && slice_starts_with(scan->rest, literal);
    scan->rest = slice_part(scan->rest, literal.size, scan->rest.size);
}

static int take_number(struct scan *scan, size_t width, int minimum, int maximum)
{
    int number = 0;

    if (scan->rest.size < width) {
        scan->good = false;
        return minimum;
    }
    for (size_t i = 0; i < width; i++) {
        char digit = scan->rest.data[i];

        scan->good = scan->good && digit >= '0' && digit <= '9';
        number = number * 10 + (digit - '0');
    }
    scan->rest = slice_part(scan->rest, width, scan->rest.size);
    scan->good = scan->good && number >= minimum && number <= maximum;
    return number;
}

static void take_time_of_day(struct scan *scan, struct tm *parts)
{
    parts->tm_hour = take_number(scan, 2, 0, 23);
    take(scan, SLICE(":"));
    parts->tm_min = take_number(scan, 2, 0, 59);
    take(scan, SLICE(":"));
    parts->tm_sec = take_number(scan, 2, 0, 60); /* 60: a leap second */
}

/* Digits behind the point, cut to milliseconds; without a point nothing is taken. */
static int64_t take_fraction_ms(struct scan *scan)
{
    int64_t milliseconds = 0;
    int64_t weight = 100;
    size_t count = 0;

    if (!slice_starts_with(scan->rest, SLICE("."))) {
        return 0;
    }
    take(scan, SLICE("."));
    while (count < scan->rest.size && scan->rest.data[count] >= '0' &&
           scan->rest.data[count] <= '9') {
        milliseconds += (scan->rest.data[count] - '0') * weight;
        weight /= 10;
        count++;
    }
    scan->good = scan->good && count > 0;
    scan->rest = slice_part(scan->rest, count, scan->rest.size);
    return milliseconds;
}

static int64_t take_offset_ms(struct scan *scan)
{
    bool west = slice_starts_with(scan->rest, SLICE("-"));
    int64_t minutes = 0;

    if (slice_starts_with(scan->rest, SLICE("Z"))) {
        take(scan, SLICE("Z"));
        return 0;
    }
    take(scan, west ? SLICE("-") : SLICE("+"));
    minutes = (int64_t)take_number(scan, 2, 0, 23) * 60;
    take(scan, SLICE(":"));
    minutes += take_number(scan, 2, 0, 59);
    return (west ? -minutes : minutes) * 60000;
}

/* False when the month has no such day. */
static bool to_ms(struct tm parts, int64_t *time_ms)
{
    int day = parts.tm_mday;
    int month = parts.tm_mon;
    int second = parts.tm_sec;

    parts.tm_sec = 0; /* a leap second must not carry into the day that is checked */
    *time_ms = ((int64_t)timegm(&parts) + second) * 1000;
    return parts.tm_mday == day && parts.tm_mon == month;
}

enum status time_parse_iso(struct slice text, int64_t *time_ms, struct error *error)
{
    struct scan scan = {text, true};
    struct tm parts = {0};
    int64_t fraction_ms = 0;
    int64_t offset_ms = 0;
    int64_t result = 0;

    parts.tm_year = take_number(&scan, 4, 1, 9999) - 1900;
    take(&scan, SLICE("-"));
    parts.tm_mon = take_number(&scan, 2, 1, 12) - 1;
    take(&scan, SLICE("-"));
    parts.tm_mday = take_number(&scan, 2, 1, 31);
    take(&scan, SLICE("T"));
    take_time_of_day(&scan, &parts);
    fraction_ms = take_fraction_ms(&scan);
    offset_ms = take_offset_ms(&scan);
    if (!scan.good || scan.rest.size > 0 || !to_ms(parts, &result)) {
        return error_set(error, STATUS_REJECTED,
                         "must be a time such as 2026-01-31T12:00:00Z or ...+01:00");
    }
    *time_ms = result + fraction_ms - offset_ms;
    return STATUS_OK;
}

/* One of the three-letter names in a row; its index. */
static int take_name(struct scan *scan, struct slice names)
{
    struct slice name = slice_part(scan->rest, 0, 3);
    size_t offset = 0;

    while (offset < names.size && !slice_equals(slice_part(names, offset, 3), name)) {
        offset += 3;
    }
    scan->good = scan->good && offset < names.size;
    scan->rest = slice_part(scan->rest, 3, scan->rest.size);
    return (int)(offset / 3);
}

enum status time_parse_http(struct slice text, int64_t *time_ms, struct error *error)
{
    struct scan scan = {text, true};
    struct tm parts = {0};
    int64_t result = 0;

    (void)take_name(&scan, SLICE("SunMonTueWedThuFriSat"));
    take(&scan, SLICE(", "));
    parts.tm_mday = take_number(&scan, 2, 1, 31);
    take(&scan, SLICE(" "));
    parts.tm_mon = take_name(&scan, SLICE("JanFebMarAprMayJunJulAugSepOctNovDec"));
    take(&scan, SLICE(" "));
    parts.tm_year = take_number(&scan, 4, 1, 9999) - 1900;
    take(&scan, SLICE(" "));
    take_time_of_day(&scan, &parts);
    take(&scan, SLICE(" GMT"));
    if (!scan.good || scan.rest.size > 0 || !to_ms(parts, &result)) {
        return error_set(error, STATUS_REJECTED, "not an HTTP date");
    }
    *time_ms = result;
    return STATUS_OK;
}
