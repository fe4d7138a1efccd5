/* The names of AWS's runtimes, in the order of AWS's own message; a new one is a word here. */
#include "functions/interpreters.h"

#define CURRENT_RUNTIMES                                                                                            \
    "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, " \
    "python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, "  \
    "java11, dotnet6, nodejs18.x, provided.al2, java8.al2"
#define RETIRED_RUNTIMES "python3.7, nodejs12.x, nodejs14.x, ruby2.7, go1.x, java8, provided, dotnetcore3.1"

/* Is it one of the words of `list`? */
static bool is_word_of(str list, str name)
{
    str word, rest = list;
    bool more = true;

    while (more) {
        more = str_cut(rest, ',', &word, &rest);
        if (str_eq(word, name))
            return true;
        rest = str_from(rest, 1); /* the space */
    }
    return false;
}

enum runtime_standing runtime_standing(str name)
{
    if (is_word_of(STR(CURRENT_RUNTIMES), name))
        return RUNTIME_CURRENT;
    return is_word_of(STR(RETIRED_RUNTIMES), name) ? RUNTIME_RETIRED : RUNTIME_UNKNOWN;
}

str runtime_names(void)
{
    return STR("[" CURRENT_RUNTIMES "]");
}
