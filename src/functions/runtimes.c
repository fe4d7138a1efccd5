/* The names of AWS's runtimes, in the order of AWS's own message; a new one is a word here. */
#include "functions/interpreters.h"

#define FIRST_RUNTIME "nodejs20.x"
#define CURRENT_RUNTIMES(X)                                                                                            \
    X("python3.14")                                                                                                    \
    X("provided.al2023")                                                                                               \
    X("python3.12")                                                                                                    \
    X("python3.13") X("nodejs24.x") X("nodejs22.x") X("java25") X("python3.10") X("python3.11") X("java21")            \
        X("ruby3.3") X("ruby3.4") X("ruby3.2") X("python3.8") X("python3.9") X("java17") X("nodejs16.x") X("dotnet10") \
            X("dotnet8") X("java11") X("dotnet6") X("nodejs18.x") X("provided.al2") X("java8.al2")
#define RETIRED_RUNTIMES(X) \
    X("python3.7") X("nodejs12.x") X("nodejs14.x") X("ruby2.7") X("go1.x") X("java8") X("provided") X("dotnetcore3.1")

#define COUNT(name) +1
#define VALUE(name) name,
#define WORD(name) ", " name

enum { CURRENT_COUNT = 1 CURRENT_RUNTIMES(COUNT) };

const char *const runtime_values[] = {FIRST_RUNTIME, CURRENT_RUNTIMES(VALUE) RETIRED_RUNTIMES(VALUE) NULL};

enum runtime_standing runtime_standing(str name)
{
    for (int i = 0; runtime_values[i]; i++)
        if (str_eq(str_of(runtime_values[i]), name))
            return i < CURRENT_COUNT ? RUNTIME_CURRENT : RUNTIME_RETIRED;
    return RUNTIME_UNKNOWN;
}

str runtime_names(void)
{
    return STR("[" FIRST_RUNTIME CURRENT_RUNTIMES(WORD) "]");
}
