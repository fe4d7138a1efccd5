#include "console/files.h"

const struct console_file *console_file_find(str path)
{
    for (int i = 0; i < console_files_count; i++)
        if (str_eq(path, str_of(console_files[i].path)))
            return &console_files[i];
    return NULL;
}
