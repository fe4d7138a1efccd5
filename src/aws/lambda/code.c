/*
 * code: a package on its way in.
 *
 *   headers      code_on_route      the body goes to a sink
 *   pieces       on_piece           zip_spool takes the base64 out; what it decodes goes to packages' upload
 *   body there   code_on_body       the JSON without the package is what the door parses
 *   lane         code_prepare       upload_finish: checked, durable under its hash
 *   lane         the operation's job, one transaction
 *   loop         code_on_end        upload_done: from here on a runnable of the catalog holds it, or nobody
 *
 * So a package of two gigabytes costs some kilobytes of memory, and no other job waits for its fsync but those
 * behind it on the lane.
 */
#include "aws/lambda/lambda_private.h"
#include "base/limits.h"
#include "base/log.h"
#include "codec/zip_spool.h"

enum { AWS_REQUEST_BYTES_MAX = 70167211 };

struct code_upload {
    struct aws_call *call;
    struct zip_spool spool;
    struct buf json;
    struct upload *upload; /* begun with the first bytes */
    struct err err;        /* of the upload; the spool says only that it stopped */
    struct package package;
    bool has_package;
};

/* -- the body ---------------------------------------------------------------------------------------------------- */

static bool on_bytes(void *ctx, str bytes)
{
    struct code_upload *code = ctx;

    if (!code->upload && !upload_begin(code->call->door->packages, &code->upload, &code->err))
        return false;
    return upload_feed(code->upload, bytes, &code->err);
}

static bool fail_upload(struct code_upload *code)
{
    struct aws_call *call = code->call;

    switch (code->err.code) {
    case ERR_LIMIT:
        if (!call->door->aws_limits)
            return aws_fail(call, AWS_ERROR_ENTITY_TOO_LARGE, "%s", code->err.text);
        return aws_fail(call, AWS_ERROR_ENTITY_TOO_LARGE, "Zipped size must be smaller than %d bytes",
                        AWS_ZIP_BYTES_MAX);
    case ERR_NONE: /* the spool's own: not base64 */
        return aws_fail(call, AWS_ERROR_SERIALIZATION, "Failed to deserialize blob: ZipFile is not valid base64");
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_CONFLICT:
    case ERR_TIMEOUT:
    case ERR_FULL:
    case ERR_SYSTEM:
        break;
    }
    return aws_fail_err(call, &code->err);
}

static bool on_piece(void *ctx, struct http_exchange *exchange, str piece)
{
    struct code_upload *code = ctx;
    struct err err = {0};

    (void)exchange;
    if (zip_spool_feed(&code->spool, piece, &err))
        return true;
    (void)fail_upload(code);
    aws_call_finish(code->call);
    return false;
}

bool code_on_route(struct aws_call *call)
{
    struct code_upload *code = arena_new(call->arena, struct code_upload, 1);

    code->call = call;
    buf_init(&code->json, CONTROL_JSON_BYTES_MAX);
    zip_spool_init(&code->spool, &code->json, on_bytes, code);
    call->user = code;
    call->exchange->body_max = call->door->aws_limits
                                   ? AWS_REQUEST_BYTES_MAX
                                   : (size_t)(ZIP_BYTES_MAX_DEFAULT / 3 * 4) + CONTROL_JSON_BYTES_MAX;
    call->exchange->sink = (struct http_body_sink){on_piece, code};
    return true;
}

bool code_on_body(struct aws_call *call)
{
    struct code_upload *code = call->user;
    struct err err = {0};

    if (!zip_spool_end(&code->spool, &err))
        return aws_fail(call, AWS_ERROR_SERIALIZATION, "Could not parse request body into json: %s", err.text);
    if (code->spool.zips_count > 1)
        return aws_fail(call, AWS_ERROR_SERIALIZATION, "Could not parse request body into json: more than one ZipFile");
    if (!buf_ok(&code->json))
        return aws_fail(call, AWS_ERROR_ENTITY_TOO_LARGE,
                        "Request must be smaller than %d bytes (its package not counted)", CONTROL_JSON_BYTES_MAX);
    call->json_text = buf_str(&code->json);
    return true;
}

/* -- the package ----------------------------------------------------------------------------------------------------
 */

/* It runs here and would not on AWS: said at every deploy, with the numbers. */
static void tell_if_too_large_for_aws(struct aws_call *call, const struct package *package)
{
    const double mb = 1024 * 1024;
    str notice;

    if (package->bytes <= AWS_ZIP_BYTES_MAX && package->unzipped_bytes <= AWS_UNZIPPED_BYTES_MAX)
        return;
    notice = arena_printf(call->arena,
                          "This package would not fit AWS Lambda: %.1f MB zipped (AWS takes %.0f), %.1f MB unzipped "
                          "(AWS takes %.0f)",
                          (double)package->bytes / mb, AWS_ZIP_BYTES_MAX / mb, (double)package->unzipped_bytes / mb,
                          AWS_UNZIPPED_BYTES_MAX / mb);
    aws_header(call, "x-sculler-notice", notice);
    log_info("a package that would not fit AWS Lambda", F_CSTR("sha256", package->hex),
             F_INT("zipped_bytes", package->bytes), F_INT("unzipped_bytes", package->unzipped_bytes));
}

bool code_prepare(struct aws_call *call)
{
    struct code_upload *code = call->user;
    struct err err = {0};

    if (!code->upload)
        return true;
    if (upload_finish(code->upload, &code->package, &err)) {
        code->has_package = true;
        tell_if_too_large_for_aws(call, &code->package);
        return true;
    }
    if (err.code == ERR_INVALID)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Could not unzip uploaded file. Please check your file, then try to upload again.");
    if (err.code == ERR_LIMIT && call->door->aws_limits)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Unzipped size must be smaller than %d bytes",
                        AWS_UNZIPPED_BYTES_MAX);
    if (err.code == ERR_LIMIT)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "%s", err.text);
    return aws_fail_err(call, &err);
}

const struct package *code_package(struct aws_call *call)
{
    const struct code_upload *code = call->user;

    return code->has_package ? &code->package : NULL;
}

bool code_check_source(struct aws_call *call, const struct code_input *source)
{
    if (source->s3_bucket.at || source->s3_key.at)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER,
                        "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified "
                        "bucket does not exist (this server has no S3 yet: send the package as ZipFile)");
    if (!source->zip_file.at)
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Please provide a source for function code.");
    if (!code_package(call))
        return aws_fail(call, AWS_ERROR_INVALID_PARAMETER, "Uploaded file must be a non-empty zip");
    return true;
}

/* On the loop, after commit or refusal: until now no package was removed. */
void code_on_end(struct aws_call *call)
{
    struct code_upload *code = call->user;

    upload_done(code->upload);
    buf_free(&code->json);
    call->user = NULL;
}
