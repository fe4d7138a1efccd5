/* services: who is behind the door.  A service is a folder and a row here. */
#include "aws/apigateway/apigateway.h"
#include "aws/door.h"
#include "aws/lambda/lambda.h"
#include "aws/sculler/sculler.h"
#include "aws/sts/sts.h"

const struct aws_service *const aws_services[] = {
    &aws_lambda,
    &aws_apigateway,
    &aws_sts,
    &aws_sculler,
};
const int aws_services_count = sizeof aws_services / sizeof *aws_services;
