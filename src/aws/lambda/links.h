/*
 * links: Code.Location: an address of our own where GetFunction's caller can fetch the zip, without a signature of
 * theirs: it carries an expiry and an HMAC over package and expiry, by a key that lives as long as the process.
 */
#pragma once

#include "aws/door.h"

str code_link(struct aws_call *call, str package); /* on any thread: the door's key is constant */

extern const struct shape code_link_shape;
void code_link_serve(struct aws_call *call); /* GET /_sculler/code/{sha} */
