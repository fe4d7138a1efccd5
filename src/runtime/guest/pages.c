/*
 * Private pages that are mapped by this process alone are those it has written to since the fork; pages of files are
 * not mapped at all after a fork until they are read.  The kernel tells in /proc/self/pagemap (bits 61, 56 and 63, see
 * the kernel's Documentation/admin-guide/mm/pagemap.rst).  All forks of a template have one layout, so the addresses
 * hold in each.  A record that a bad worker made can waste its siblings' memory up to RANGES_MAX ranges, as its own
 * calls could, and nothing else.
 */
#include "runtime/guest/pages.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

enum { RANGES_MAX = 4096, ENTRIES_A_READ = 512, NONE = 0, BEING_MADE = 1, MADE = 2 };

struct ranges {
    int count;
    struct {
        uintptr_t at;
        size_t bytes;
    } all[RANGES_MAX];
};

struct pages {
    atomic_int state;
    struct ranges written, seen;
};

static struct pages *pages; /* shared by all workers of a template */

static const uint64_t present = 1ULL << 63, shared_or_file = 1ULL << 61, exclusive = 1ULL << 56;

static bool is_own(uint64_t entry)
{
    return (entry & present) && (entry & exclusive) && !(entry & shared_or_file);
}

static bool is_of_file(uint64_t entry)
{
    return (entry & present) && (entry & shared_or_file);
}

static void add_page(struct ranges *ranges, uintptr_t at, size_t page)
{
    int last = ranges->count - 1;

    if (last >= 0 && ranges->all[last].at + ranges->all[last].bytes == at) {
        ranges->all[last].bytes += page;
    } else if (ranges->count < RANGES_MAX) {
        ranges->all[ranges->count].at = at;
        ranges->all[ranges->count++].bytes = page;
    }
}

static void record_mapping(int pagemap, uintptr_t from, uintptr_t to, struct ranges *ranges, bool (*counts)(uint64_t))
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t entries[ENTRIES_A_READ];

    while (from < to) {
        size_t wanted = (to - from) / page < ENTRIES_A_READ ? (to - from) / page : ENTRIES_A_READ;
        ssize_t got = pread(pagemap, entries, wanted * sizeof *entries, (off_t)(from / page * sizeof *entries));
        if (got <= 0)
            return;
        for (size_t i = 0; i < (size_t)got / sizeof *entries; i++, from += page) {
            if (counts(entries[i]))
                add_page(ranges, from, page);
        }
    }
}

void pages_share(void)
{
    pages = mmap(NULL, sizeof *pages, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        pages = NULL;
}

void pages_record(void)
{
    int none = NONE, pagemap;
    unsigned long from, to;
    char line[512];
    FILE *maps;

    if (!pages || !atomic_compare_exchange_strong(&pages->state, &none, BEING_MADE))
        return;
    maps = fopen("/proc/self/maps", "re");
    pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    while (maps && pagemap >= 0 && fgets(line, sizeof line, maps)) {
        char mode[5];
        if (sscanf(line, "%lx-%lx %4s", &from, &to, mode) != 3 || mode[3] != 'p')
            continue;
        if (mode[1] == 'w')
            record_mapping(pagemap, from, to, &pages->written, is_own);
        else if (mode[0] == 'r')
            record_mapping(pagemap, from, to, &pages->seen, is_of_file);
    }
    if (maps)
        (void)fclose(maps);
    if (pagemap >= 0)
        close(pagemap);
    atomic_store(&pages->state, MADE);
}

static void touch(const struct ranges *ranges, int how)
{
    for (int i = 0; i < ranges->count && i < RANGES_MAX; i++)
        (void)madvise((void *)ranges->all[i].at, ranges->all[i].bytes, how);
}

void pages_touch(void)
{
    if (!pages || atomic_load(&pages->state) != MADE)
        return;
    touch(&pages->seen, MADV_POPULATE_READ);
    touch(&pages->written, MADV_POPULATE_WRITE);
}
