/*
 * The calendar is computed (Hinnant's days_from_civil and its inverse), not asked of libc: gmtime and strftime look at
 * the locale, and timegm accepts the 31st of February.
 */
#include "codec/time_format.h"

enum { MONTHS = 12 };

struct moment {
    int year, month, day, hour, minute, second, weekday; /* month and day from 1, weekday from Sunday = 0 */
};

static const char month_names[MONTHS][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static const int64_t first_second = -62135596800; /* 0001-01-01T00:00:00Z */
static const int64_t last_second = 253402300799;  /* 9999-12-31T23:59:59Z */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static struct moment split(int64_t s)
{
    int64_t days, era, day_of_era, year_of_era, day_of_year, second_of_day, march_month;
    struct moment m;

    s = s < first_second ? first_second : s > last_second ? last_second : s;
    days = floor_div(s, 86400);
    second_of_day = s - days * 86400;
    m.weekday = (int)(((days + 4) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
    days += 719468;                              /* since 0000-03-01 */
    era = floor_div(days, 146097);
    day_of_era = days - era * 146097;
    year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    march_month = (5 * day_of_year + 2) / 153;
    m.day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1);
    m.month = (int)(march_month < 10 ? march_month + 3 : march_month - 9);
    m.year = (int)(year_of_era + era * 400 + (m.month <= 2));
    m.hour = (int)(second_of_day / 3600);
    m.minute = (int)(second_of_day / 60 % 60);
    m.second = (int)(second_of_day % 60);
    return m;
}

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* False for the 31st of February and 25 o'clock.  Second 60, a leap second, is the next minute's first, as in POSIX. */
static bool join(const struct moment *m, int64_t *ret)
{
    static const int month_days[MONTHS] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, era, year_of_era, day_of_year, days;

    if (m->year < 1 || m->month < 1 || m->month > MONTHS || m->day < 1 || m->hour > 23 || m->minute > 59 ||
        m->second > 60)
        return false;
    if (m->day > month_days[m->month - 1] + (m->month == 2 && is_leap(m->year)))
        return false;
    year = m->year - (m->month <= 2);
    era = floor_div(year, 400);
    year_of_era = year - era * 400;
    day_of_year = (153 * (m->month > 2 ? m->month - 3 : m->month + 9) + 2) / 5 + m->day - 1;
    days = era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
    *ret = days * 86400 + m->hour * 3600 + m->minute * 60 + m->second;
    return true;
}

/* Formats */

static char *put(char *at, int number, int digits)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + digits;
}

static char *put_name(char *at, const char name[4])
{
    memcpy(at, name, 3);
    return at + 3;
}

/* A '%' and a letter stand for a part of the moment; all else is copied. */
static void format(const char *pattern, const struct moment *m, int ms, char ret[TIME_TEXT_MAX])
{
    const struct {
        char letter;
        int digits, number;
    } parts[] = {{'Y', 4, m->year},   {'M', 2, m->month},  {'D', 2, m->day}, {'h', 2, m->hour},
                 {'m', 2, m->minute}, {'s', 2, m->second}, {'u', 3, ms}};
    char *at = ret;

    for (; *pattern; pattern++) {
        if (*pattern != '%') {
            *at++ = *pattern;
            continue;
        }
        pattern++;
        if (*pattern == 'N')
            at = put_name(at, month_names[m->month - 1]);
        else if (*pattern == 'W')
            at = put_name(at, day_names[m->weekday]);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            if (parts[i].letter == *pattern)
                at = put(at, parts[i].number, parts[i].digits);
    }
    *at = '\0';
}

static void format_ms(const char *pattern, int64_t ms, char ret[TIME_TEXT_MAX])
{
    int64_t s = floor_div(ms, 1000);
    struct moment m = split(s);

    format(pattern, &m, (int)((ms % 1000 + 1000) % 1000), ret);
}

static void format_s(const char *pattern, int64_t s, char ret[TIME_TEXT_MAX])
{
    struct moment m = split(s);

    format(pattern, &m, 0, ret);
}

void time_format_iso(int64_t ms, char ret[TIME_TEXT_MAX])
{
    format_ms("%Y-%M-%DT%h:%m:%s.%u+0000", ms, ret);
}

void time_format_zulu(int64_t ms, char ret[TIME_TEXT_MAX])
{
    format_ms("%Y-%M-%DT%h:%m:%s.%uZ", ms, ret);
}

void time_format_http(int64_t s, char ret[TIME_TEXT_MAX])
{
    format_s("%W, %D %N %Y %h:%m:%s GMT", s, ret);
}

void time_format_compact(int64_t s, char ret[TIME_TEXT_MAX])
{
    format_s("%Y%M%DT%h%m%sZ", s, ret);
}

void time_format_clf(int64_t s, char ret[TIME_TEXT_MAX])
{
    format_s("%D/%N/%Y:%h:%m:%s +0000", s, ret);
}

void time_format_log_day(int64_t s, char ret[TIME_TEXT_MAX])
{
    format_s("%Y/%M/%D", s, ret);
}

/* Parsing: each take_ removes what it read from the front of `rest`, or answers false. */

static bool take_char(str *rest, char c)
{
    if (rest->len == 0 || rest->at[0] != c)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

static bool take_number(str *rest, size_t digits, int *ret)
{
    int value = 0;

    if (rest->len < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (rest->at[i] < '0' || rest->at[i] > '9')
            return false;
        value = value * 10 + (rest->at[i] - '0');
    }
    *rest = str_from(*rest, digits);
    *ret = value;
    return true;
}

static bool take_name(str *rest, const char (*names)[4], int count, int *ret)
{
    for (int i = 0; i < count; i++) {
        if (str_starts(*rest, str_of(names[i]))) {
            *rest = str_from(*rest, 3);
            *ret = i;
            return true;
        }
    }
    return false;
}

bool time_parse_compact(str text, int64_t *ret_s)
{
    struct moment m = {0};

    return take_number(&text, 4, &m.year) && take_number(&text, 2, &m.month) && take_number(&text, 2, &m.day) &&
           take_char(&text, 'T') && take_number(&text, 2, &m.hour) && take_number(&text, 2, &m.minute) &&
           take_number(&text, 2, &m.second) && take_char(&text, 'Z') && text.len == 0 && join(&m, ret_s);
}

/* ".1" is 100 ms; what is finer than a millisecond is read and dropped. */
static bool take_fraction(str *rest, int *ret_ms)
{
    int weight = 100, digit;

    *ret_ms = 0;
    if (!take_char(rest, '.'))
        return true;
    if (!take_number(rest, 1, &digit))
        return false;
    do {
        *ret_ms += digit * weight;
        weight /= 10;
    } while (take_number(rest, 1, &digit));
    return true;
}

static bool take_zone(str *rest, int *ret_minutes)
{
    int sign = 1, hours, minutes;

    *ret_minutes = 0;
    if (rest->len == 0 || take_char(rest, 'Z'))
        return true;
    if (take_char(rest, '-'))
        sign = -1;
    else if (!take_char(rest, '+'))
        return false;
    if (!take_number(rest, 2, &hours))
        return false;
    (void)take_char(rest, ':');
    if (!take_number(rest, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static bool take_clock(str *rest, struct moment *m, int *ret_ms)
{
    *ret_ms = 0;
    if (!take_number(rest, 2, &m->hour) || !take_char(rest, ':') || !take_number(rest, 2, &m->minute))
        return false;
    return !take_char(rest, ':') || (take_number(rest, 2, &m->second) && take_fraction(rest, ret_ms));
}

bool time_parse_iso(str text, int64_t *ret_ms)
{
    struct moment m = {0};
    int ms = 0, zone_minutes = 0;
    int64_t s;

    if (!take_number(&text, 4, &m.year) || !take_char(&text, '-') || !take_number(&text, 2, &m.month) ||
        !take_char(&text, '-') || !take_number(&text, 2, &m.day))
        return false;
    if ((take_char(&text, 'T') || take_char(&text, ' ')) &&
        (!take_clock(&text, &m, &ms) || !take_zone(&text, &zone_minutes)))
        return false;
    if (text.len > 0 || !join(&m, &s))
        return false;
    *ret_ms = (s - zone_minutes * 60) * 1000 + ms;
    return true;
}

bool time_parse_http(str text, int64_t *ret_s)
{
    struct moment m = {0};

    if (!take_name(&text, day_names, 7, &m.weekday) || !take_char(&text, ',') || !take_char(&text, ' ') ||
        !take_number(&text, 2, &m.day) || !take_char(&text, ' ') || !take_name(&text, month_names, MONTHS, &m.month) ||
        !take_char(&text, ' ') || !take_number(&text, 4, &m.year) || !take_char(&text, ' '))
        return false;
    m.month++;
    return take_number(&text, 2, &m.hour) && take_char(&text, ':') && take_number(&text, 2, &m.minute) &&
           take_char(&text, ':') && take_number(&text, 2, &m.second) && str_eq(text, STR(" GMT")) && join(&m, ret_s);
}
