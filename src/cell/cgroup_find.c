/*
 * cgroup_find: which cgroup file systems are mounted, and where our own group is in each.
 *
 * /proc/self/mountinfo tells mount points and which part of the hierarchy each shows (in a container without a cgroup
 * namespace not all of it); /proc/self/cgroup tells our path from the hierarchy's root.  The one minus the other is our
 * directory.  Where it cannot be seen through a mount, the mount's top stands for it.
 */
#include "cell/cgroup_private.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned bit;
} controllers[] = {
    {"memory", CONTROLS_MEMORY},
    {"cpu", CONTROLS_CPU},
    {"cpuacct", CONTROLS_CPUACCT},
    {"pids", CONTROLS_PIDS},
};

unsigned cgroup_parse_controls(const char *list, const char *separators)
{
    unsigned bits = 0;

    for (size_t len; list += strspn(list, separators), (len = strcspn(list, separators)) > 0; list += len) {
        for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
            if (strlen(controllers[i].name) == len && strncmp(list, controllers[i].name, len) == 0)
                bits |= controllers[i].bit;
        }
    }
    return bits;
}

static int octal(const char *digits)
{
    int value = 0;

    for (int i = 0; i < 3; i++) {
        if (digits[i] < '0' || digits[i] > '7')
            return -1;
        value = value * 8 + digits[i] - '0';
    }
    return value <= 0xff ? value : -1;
}

/* mountinfo writes blank, tab, newline and backslash as \ooo.  In place: it only gets shorter. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        int value = *from == '\\' ? octal(from + 1) : -1;
        *to = value < 0 ? *from : (char)value;
        from += value < 0 ? 1 : 4;
    }
    *to = '\0';
}

struct mount {
    char *part, *point; /* which part of the hierarchy is mounted; where */
    unsigned controls;
};

/* id parent major:minor PART POINT options optional... - TYPE source CONTROLLERS-AND-OTHERS */
static bool parse_mount(char *line, struct mount *ret)
{
    char *fields[5], *save = NULL, *word = strtok_r(line, " \n", &save), *type, *options = NULL;

    for (size_t i = 0; i < 5; i++, word = strtok_r(NULL, " \n", &save)) {
        if (!word)
            return false;
        fields[i] = word;
    }
    while (word && strcmp(word, "-") != 0)
        word = strtok_r(NULL, " \n", &save);
    type = word ? strtok_r(NULL, " \n", &save) : NULL;
    if (type && strtok_r(NULL, " \n", &save))
        options = strtok_r(NULL, " \n", &save);
    if (!type || !options)
        return false;
    unescape(fields[3]);
    unescape(fields[4]);
    *ret = (struct mount){fields[3], fields[4], 0};
    if (strcmp(type, "cgroup2") == 0)
        ret->controls = CONTROLS_UNIFIED;
    else if (strcmp(type, "cgroup") == 0)
        ret->controls = cgroup_parse_controls(options, ",");
    return ret->controls != 0;
}

/* Our path in the hierarchy of these controllers: a line like "4:memory:/a/b", "0::/a/b". */
static bool find_own(FILE *self, unsigned controls, char *ret)
{
    char line[CGROUP_PATH_MAX];

    rewind(self);
    while (fgets(line, sizeof line, self)) {
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path || !strchr(path, '\n'))
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (controls == CONTROLS_UNIFIED ? strcmp(line, "0:") == 0 && !list[1]
                                         : (cgroup_parse_controls(list + 1, ",") & controls) != 0) {
            (void)snprintf(ret, CGROUP_PATH_MAX, "%s", path);
            return true;
        }
    }
    return false;
}

/* What is left of `own` below `part`; "" when it is not below it. */
static const char *below(const char *own, const char *part)
{
    size_t len = strcmp(part, "/") == 0 ? 0 : strlen(part);

    if (strncmp(own, part, len) != 0 || (own[len] != '/' && own[len] != '\0') || strstr(own, "/.."))
        return "";
    return strcmp(own + len, "/") == 0 ? "" : own + len;
}

static bool add_place(const struct mount *mount, FILE *self, struct cgroup_place *ret)
{
    char own[CGROUP_PATH_MAX];
    int len;

    if (!find_own(self, mount->controls, own))
        return false;
    *ret = (struct cgroup_place){.controls = mount->controls, .is_all = strcmp(mount->part, "/") == 0};
    len = snprintf(ret->top, sizeof ret->top, "%s", mount->point);
    if (len >= (int)sizeof ret->top)
        return false;
    len = snprintf(ret->path, sizeof ret->path, "%s%s", mount->point, below(own, mount->part));
    return len < (int)sizeof ret->path;
}

static void close_file(FILE **file)
{
    if (*file)
        (void)fclose(*file);
}

static void free_text(char **text)
{
    free(*text);
}

size_t cgroup_find_places(const struct cgroup_sources *sources, struct cgroup_place *ret, size_t places_max)
{
    CLEANUP(close_file) FILE *mounts = fopen(sources->mountinfo, "re");
    CLEANUP(close_file) FILE *self = fopen(sources->self, "re");
    CLEANUP(free_text) char *line = NULL;
    struct mount mount;
    size_t size = 0, count = 0;

    if (!mounts || !self)
        return 0;
    while (count < places_max && getline(&line, &size, mounts) > 0) {
        if (parse_mount(line, &mount) && add_place(&mount, self, &ret[count]))
            count++;
    }
    return count;
}
