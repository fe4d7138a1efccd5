/* sts: query protocol, XML out.  There is one account; whoever has its key is its root, a function is its role. */
#include "aws/sts/sts.h"

static void get_caller_identity(struct aws_call *call)
{
    const struct aws_door *door = call->door;
    const struct session *session = call->session;

    if (session) {
        str arn = session_arn(session, call->arena);
        buf_printf(&call->buf,
                   "<Arn>" STR_FMT "</Arn><UserId>AROA" STR_FMT ":" STR_FMT "</UserId><Account>" STR_FMT "</Account>",
                   STR_ARG(arn), STR_ARG(str_from(call->access_key, strlen("ASIA"))), STR_ARG(session->function),
                   STR_ARG(session->account));
        aws_call_finish(call);
        return;
    }
    buf_printf(&call->buf,
               "<Arn>arn:aws:iam::" STR_FMT ":root</Arn><UserId>" STR_FMT "</UserId><Account>" STR_FMT "</Account>",
               STR_ARG(door->account), STR_ARG(door->account), STR_ARG(door->account));
    aws_call_finish(call);
}

static const struct aws_operation operations[] = {
    {.name = "GetCallerIdentity",
     .method = "POST",
     .path = "/",
     .status = 200,
     .kind = AWS_LOOP,
     .loop = get_caller_identity,
     .raw_body = true},
};

const struct aws_service aws_sts = {
    .name = "sts",
    .protocol = AWS_QUERY,
    .operations = operations,
    .operations_count = sizeof operations / sizeof *operations,
    .xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
};
