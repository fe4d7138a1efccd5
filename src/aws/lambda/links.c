#include "aws/lambda/links.h"

#include "base/clock.h"
#include "base/fd.h"
#include "codec/hash.h"
#include "codec/hex.h"
#include "functions/packages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { LINK_SECONDS = 600 /* AWS's: ten minutes */, HMAC_HEX_CHARS = 2 * SHA256_BYTES + 1 };

static void sign(const struct aws_door *door, struct arena *arena, str package, int64_t expires,
                 char ret[HMAC_HEX_CHARS])
{
    unsigned char mac[SHA256_BYTES];
    str text = arena_printf(arena, STR_FMT " %lld", STR_ARG(package), (long long)expires);

    hmac_sha256((str){(const char *)door->link_key, sizeof door->link_key}, text, mac);
    hex_encode(mac, sizeof mac, ret);
}

str code_link(struct aws_call *call, str package)
{
    int64_t expires = clock_wall_ms() / 1000 + LINK_SECONDS;
    char mac[HMAC_HEX_CHARS];

    sign(call->door, call->arena, package, expires, mac);
    return arena_printf(call->arena, STR_FMT "/_sculler/code/" STR_FMT "?expires=%lld&signature=%s",
                        STR_ARG(call->door->base_url), STR_ARG(package), (long long)expires, mac);
}

struct code_link_input {
    str sha256, signature;
    struct shape_int expires;
};

static const struct shape_field code_link_fields[] = {
    {"sha256", SHAPE_IN_PATH, SHAPE_STR, offsetof(struct code_link_input, sha256), SHAPE_REQUIRED,
     .check = {LENGTH(64, 64)}},
    {"expires", SHAPE_IN_QUERY, SHAPE_INT, offsetof(struct code_link_input, expires), SHAPE_REQUIRED},
    {"signature", SHAPE_IN_QUERY, SHAPE_STR, offsetof(struct code_link_input, signature), SHAPE_REQUIRED},
};
const struct shape code_link_shape = SHAPE_OF(struct code_link_input, code_link_fields);

static bool check(struct aws_call *call, const struct code_link_input *input)
{
    char mac[HMAC_HEX_CHARS];

    sign(call->door, call->arena, input->sha256, input->expires.value, mac);
    if (!equal_in_constant_time(input->signature, str_of(mac)))
        return aws_fail(call, AWS_ERROR_INVALID_SIGNATURE, "This link was not made by this server since it started.");
    if (input->expires.value < clock_wall_ms() / 1000)
        return aws_fail(call, AWS_ERROR_INVALID_SIGNATURE, "This link has expired: call GetFunction again.");
    return true;
}

static bool map_zip(struct aws_call *call, str package, void **ret, size_t *ret_len)
{
    char path[4096];
    struct stat status;
    FD_AUTO fd = -1;

    packages_zip_path(call->door->packages, package, path, sizeof path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size == 0)
        return aws_fail(call, AWS_ERROR_RESOURCE_NOT_FOUND, "The resource you requested does not exist.");
    *ret = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    *ret_len = (size_t)status.st_size;
    return *ret != MAP_FAILED || aws_fail(call, AWS_ERROR_SERVICE, "The package cannot be read");
}

/* The mapping is only needed until http_answer returns.  A package is immutable while it is there. */
void code_link_serve(struct aws_call *call)
{
    const struct code_link_input *input = call->input;
    void *zip = NULL;
    size_t len = 0;

    if (check(call, input) && map_zip(call, input->sha256, &zip, &len)) {
        call->raw_answer = (str){zip, len};
        call->content_type = "application/zip";
    }
    aws_call_finish(call);
    if (zip && zip != MAP_FAILED)
        munmap(zip, len);
}
