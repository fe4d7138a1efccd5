/*
 * send: a package to the server, as AWS's API takes it: in base64 inside the JSON body, in memory, twice the package
 * and a third.  Larger ones than PACKAGE_BYTES_MAX would need S3, as with AWS.
 */
#pragma once

#include "cli/package.h"
#include "cli/session.h"

struct package_target {
    const char *method;
    str path;
    const char *within; /* the member that ZipFile lies in ("Code", "Content"), or NULL: in the body itself */
    const json_t *rest; /* the body's other members, or NULL */
};

MUST_USE bool package_send(struct session *session, const struct package *package, const struct package_target *target,
                           json_t **ret, struct err *err);
