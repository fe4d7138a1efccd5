/* key_file: lines of `name = "value"`, as the credentials file of a state directory has them; TOML, and no more of it.
 */
#pragma once

#include "base/str.h"

/* A view into `text`; empty: the name is not there, or its line is not of this form. */
str key_file_value(str text, str name);
