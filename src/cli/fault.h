/* fault: how a function failed, for a reader: its type, its message and its trace, from the answer of an invocation. */
#pragma once

#include "base/str.h"

/* On standard error.  `payload` is the answer's body; what is no object with errorType is shown as it is. */
void say_fault(str payload);
/* What the server said in a call's log beside the function: its lines "[sculler] ...". */
void say_notes(str log);
