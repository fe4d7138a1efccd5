#include "cli/fault.h"

#include <string.h>

#include "cli/output.h"
#include "codec/json_read.h"

#define NOTE_MARK "[sculler] "

enum { TRACE_LINES_MAX = 40, RAW_CHARS_MAX = 2000 };

/* A trace entry may be several lines: the place, and the code there. */
static void say_lines(str text, int *lines)
{
    str line;

    while (text.len > 0 && *lines < TRACE_LINES_MAX) {
        (void)str_cut(text, '\n', &line, &text);
        say("      " STR_FMT, STR_ARG(line));
        ++*lines;
    }
}

static void say_trace(const json_t *trace)
{
    int lines = 0;
    size_t i;
    json_t *entry;

    json_array_foreach (trace, i, entry)
        say_lines(json_text(entry), &lines);
    if (lines == TRACE_LINES_MAX)
        say("      ...");
}

void say_fault(str payload)
{
    json_auto_t *fault = json_loadb(payload.at, payload.len, 0, NULL);
    str type = json_text(json_object_get(fault, "errorType")), text = json_text(json_object_get(fault, "errorMessage"));

    if (!type.len && !text.len) {
        str shown = {payload.at, payload.len < RAW_CHARS_MAX ? payload.len : RAW_CHARS_MAX};

        say("    " STR_FMT, STR_ARG(shown));
        return;
    }
    say("    " STR_FMT "%s" STR_FMT, STR_ARG(type), type.len && text.len ? ": " : "", STR_ARG(text));
    say_trace(json_object_get(fault, "stackTrace"));
}

void say_notes(str log)
{
    str line;

    while (log.len > 0) {
        (void)str_cut(log, '\n', &line, &log);
        if (str_starts(line, STR(NOTE_MARK)))
            say("    " STR_FMT, STR_ARG(str_from(line, strlen(NOTE_MARK))));
    }
}
