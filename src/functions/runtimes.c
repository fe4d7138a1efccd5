/* The names of AWS's runtimes, from runtimes.def. */
#include "functions/interpreters.h"

#define RUNTIME(standing, name) name,
const char *const runtime_values[] = {
#include "functions/runtimes.def"
    NULL};
#undef RUNTIME

#define STANDING_FIRST RUNTIME_CURRENT
#define STANDING_CURRENT RUNTIME_CURRENT
#define STANDING_RETIRED RUNTIME_RETIRED
#define RUNTIME(standing, name) STANDING_##standing,
static const enum runtime_standing standings[] = {
#include "functions/runtimes.def"
};
#undef RUNTIME

#define TEXT_FIRST(name) name
#define TEXT_CURRENT(name) ", " name
#define TEXT_RETIRED(name) ""
#define RUNTIME(standing, name) TEXT_##standing(name)
static const char current_names[] = "["
#include "functions/runtimes.def"
                                    "]";
#undef RUNTIME

enum runtime_standing runtime_standing(str name)
{
    for (int i = 0; runtime_values[i]; i++)
        if (str_eq(str_of(runtime_values[i]), name))
            return standings[i];
    return RUNTIME_UNKNOWN;
}

str runtime_names(void)
{
    return str_of(current_names);
}
