/* schema: the tables of APIs in sculler.db.  Number 2 of the list that functions/ begins; the roof puts both in order.
 */
#pragma once

#include "db/db.h"

extern const struct db_migration apis_migrations[];
extern const int apis_migrations_count;
