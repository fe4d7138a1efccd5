/*
 * select: does a text match a selectionPattern?  A Java regular expression in AWS, over the whole text; here PCRE2,
 * with limits on its work, since both pattern and text come from users.
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"

enum select_answer { SELECT_NO, SELECT_YES, SELECT_BAD_PATTERN, SELECT_TOO_HARD };

enum select_answer select_matches(str pattern, str text);
