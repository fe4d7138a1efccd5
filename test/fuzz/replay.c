/*
 * replay: stands in for libFuzzer where it is not built, and runs every file of a corpus folder through the target
 * once, so that what a fuzzer found stays found.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { INPUT_BYTES_MAX = 1024 * 1024 };

static int replay_file(const char *folder, const char *name)
{
    static uint8_t space[INPUT_BYTES_MAX];
    char path[4096];
    uint8_t *exact;
    size_t len;
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    if (!file)
        return 0;
    len = fread(space, 1, sizeof space, file);
    fclose(file);
    exact = malloc(len ? len : 1); /* of its own size: ASan sees a read past the end */
    if (!exact)
        abort();
    for (size_t i = 0; i < len; i++)
        exact[i] = space[i];
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 1;
}

int main(int argc, char **argv)
{
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    int count = 0;

    if (!folder) {
        fprintf(stderr, "no corpus: %s\n", argc > 1 ? argv[1] : "name its folder");
        return 1;
    }
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            count += replay_file(argv[1], entry->d_name);
    closedir(folder);
    printf("%d inputs\n", count);
    return count == 0;
}
