#include "infra/local/engine_sqlite_dates.h"

#include "infra/base/slice.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum part {
    PART_SECOND,
    PART_MINUTE,
    PART_HOUR,
    PART_DAY,
    PART_WEEK,
    PART_MONTH,
    PART_QUARTER,
    PART_YEAR,
    PART_UNKNOWN,
};

static enum part part_of(sqlite3_value *value)
{
    static const struct {
        const char *name;
        enum part part;
    } names[] = {
        {"s", PART_SECOND},       {"sec", PART_SECOND},    {"second", PART_SECOND},
        {"seconds", PART_SECOND}, {"mi", PART_MINUTE},     {"min", PART_MINUTE},
        {"m", PART_MINUTE},       {"minute", PART_MINUTE}, {"minutes", PART_MINUTE},
        {"h", PART_HOUR},         {"hr", PART_HOUR},       {"hour", PART_HOUR},
        {"hours", PART_HOUR},     {"d", PART_DAY},         {"day", PART_DAY},
        {"days", PART_DAY},       {"w", PART_WEEK},        {"week", PART_WEEK},
        {"weeks", PART_WEEK},     {"mon", PART_MONTH},     {"month", PART_MONTH},
        {"months", PART_MONTH},   {"qtr", PART_QUARTER},   {"quarter", PART_QUARTER},
        {"y", PART_YEAR},         {"yr", PART_YEAR},       {"year", PART_YEAR},
        {"years", PART_YEAR},
    };
    const char *text = (const char *)sqlite3_value_text(value);
    for (size_t i = 0; text && i < ARRAY_COUNT(names); i++) {
        if (sqlite3_stricmp(text, names[i].name) == 0) {
            return names[i].part;
        }
    }
    return PART_UNKNOWN;
}

/* Seconds since 1970, as if UTC. */
static bool parse(sqlite3_value *value, struct tm *tm)
{
    const char *text = (const char *)sqlite3_value_text(value);
    struct tm parsed = {.tm_mday = 1};
    const char *rest = text ? strptime(text, "%Y-%m-%d", &parsed) : NULL;
    if (!rest) {
        return false;
    }
    if (*rest == ' ' || *rest == 'T') {
        rest = strptime(rest + 1, "%H:%M", &parsed);
        if (rest && *rest == ':') {
            rest = strptime(rest + 1, "%S", &parsed);
        }
    }
    *tm = parsed;
    return rest != NULL;
}

static void result_time(sqlite3_context *context, time_t seconds)
{
    char text[64];
    struct tm tm;
    gmtime_r(&seconds, &tm);
    (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

void sqlite_getdate(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    (void)values;
    result_time(context, time(NULL));
}

/* What every function begins with; false: the result is set. */
static bool begin(sqlite3_context *context, sqlite3_value *part_value, sqlite3_value *date,
                  enum part *part, struct tm *tm)
{
    if (sqlite3_value_type(date) == SQLITE_NULL) {
        return false;
    }
    *part = part_of(part_value);
    if (*part == PART_UNKNOWN) {
        sqlite3_result_error(context, "timestamp units not recognized", -1);
        return false;
    }
    if (!parse(date, tm)) {
        sqlite3_result_error(context, "invalid input syntax for type timestamp", -1);
        return false;
    }
    return true;
}

/* Length of a part that always has the same; 0 for months and longer. */
static int64_t seconds_of(enum part part)
{
    switch (part) {
    case PART_SECOND: return 1;
    case PART_MINUTE: return 60;
    case PART_HOUR: return 3600;
    case PART_DAY: return 86400;
    case PART_WEEK: return 7L * 86400;
    case PART_MONTH:
    case PART_QUARTER:
    case PART_YEAR:
    case PART_UNKNOWN: break;
    }
    return 0;
}

static int64_t months_of(enum part part)
{
    return part == PART_YEAR ? 12 : part == PART_QUARTER ? 3 : 1;
}

static int days_in_month(int64_t month_number)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year = month_number / 12;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month_number % 12] + (leap && month_number % 12 == 1);
}

static int64_t month_number(const struct tm *tm)
{
    return ((int64_t)tm->tm_year + 1900) * 12 + tm->tm_mon;
}

void sqlite_dateadd(sqlite3_context *context, int count, sqlite3_value **values)
{
    enum part part = PART_UNKNOWN;
    struct tm tm = {0};
    if (!begin(context, values[0], values[count - 1], &part, &tm) ||
        sqlite3_value_type(values[1]) == SQLITE_NULL) {
        return;
    }
    int64_t number = sqlite3_value_int64(values[1]);
    if (number > 1000000000 || number < -1000000000) {
        sqlite3_result_error(context, "interval out of range", -1);
        return;
    }
    if (seconds_of(part) == 0) {
        int64_t month = month_number(&tm) + number * months_of(part);
        if (month < 0 || month >= 12L * 10000) {
            sqlite3_result_error(context, "timestamp out of range", -1);
            return;
        }
        tm.tm_year = (int)(month / 12 - 1900);
        tm.tm_mon = (int)(month % 12);
        tm.tm_mday = tm.tm_mday < days_in_month(month) ? tm.tm_mday : days_in_month(month);
    }
    result_time(context, timegm(&tm) + number * seconds_of(part));
}

/* Number of the part the time lies in, counted from some fixed one. Weeks begin on Monday. */
static int64_t index_of(enum part part, struct tm *tm)
{
    int64_t seconds = timegm(tm);
    if (part == PART_WEEK) {
        seconds += 3L * 86400;
    }
    int64_t length = seconds_of(part);
    if (length == 0) {
        return month_number(tm) / months_of(part);
    }
    return seconds >= 0 ? seconds / length : (seconds - length + 1) / length;
}

void sqlite_datediff(sqlite3_context *context, int count, sqlite3_value **values)
{
    enum part part = PART_UNKNOWN;
    struct tm from = {0};
    struct tm to = {0};
    (void)count;
    if (begin(context, values[0], values[1], &part, &from) &&
        begin(context, values[0], values[2], &part, &to)) {
        sqlite3_result_int64(context, index_of(part, &to) - index_of(part, &from));
    }
}

void sqlite_date_trunc(sqlite3_context *context, int count, sqlite3_value **values)
{
    enum part part = PART_UNKNOWN;
    struct tm tm = {0};
    (void)count;
    if (!begin(context, values[0], values[1], &part, &tm)) {
        return;
    }
    int64_t length = seconds_of(part);
    if (length > 0) {
        int64_t start = index_of(part, &tm) * length;
        result_time(context, part == PART_WEEK ? start - 3L * 86400 : start);
        return;
    }
    int64_t month = month_number(&tm) / months_of(part) * months_of(part);
    struct tm start = {
        .tm_year = (int)(month / 12 - 1900), .tm_mon = (int)(month % 12), .tm_mday = 1};
    result_time(context, timegm(&start));
}
