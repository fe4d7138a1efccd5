/* schema: the tables of functions in sculler.db.  The numbers are shared with apis/ (1 is here, 2 is there; the next
 * change takes the next free one, in either room); the roof puts both lists in order. */
#pragma once

#include "db/db.h"

extern const struct db_migration functions_migrations[];
extern const int functions_migrations_count;
