/* aws_private: what the door's own files share: finding (match.c), signatures (auth.c), answers (answer.c). */
#pragma once

#include "aws/door.h"

/* match.c */
const struct aws_service *aws_service_named(str name);
/* Does the path fit the pattern?  ret_labels: at most AWS_LABELS_MAX, decoded, in the arena. */
enum { AWS_LABELS_MAX = 8 };
bool aws_path_matches(const char *pattern, str path, str query, struct arena *arena, struct shape_label *ret_labels,
                      int *ret_count);
/* Sets call->operation and labels.  False: no row. */
bool aws_find_operation(struct aws_call *call, const struct aws_service *service);

/* auth.c.  read: when the headers are there: who signs, and for which service; verify: when the body is there. */
bool aws_auth_read(struct aws_call *call);
bool aws_auth_verify(struct aws_call *call);
/* May who signed do this?  True as well while the operation is not known yet. */
bool aws_auth_allows(struct aws_call *call);

/* answer.c */
void aws_answer(struct aws_call *call);
