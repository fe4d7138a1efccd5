/* stop_vfs: the VFS that databases are opened with.  A sync that fails, wherever SQLite asks for it, stops the process.
 */
#pragma once

const char *stop_vfs(void); /* its name, for sqlite3_open_v2(); registered at the first call */
