"""Resource policies and tags: stored, and shown as AWS shows them."""

import json

from helpers import make_function
from test_20_lambda_control import CODE, create, fn, refused

GATEWAY = {"StatementId": "gw", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"}


def test_a_statement_comes_back_as_aws_writes_it(server, lam, name):
    create(lam, name)
    source = "arn:aws:execute-api:us-east-1:000000000000:abc/*/GET/x"
    made = lam.add_permission(FunctionName=name, SourceArn=source, SourceAccount="123456789012", **GATEWAY)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    expected = {
        "Sid": "gw",
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": fn(server, name),
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": source},
        },
    }
    assert json.loads(made["Statement"]) == expected
    assert list(json.loads(made["Statement"])) == list(expected)
    policy = lam.get_policy(FunctionName=name)
    assert json.loads(policy["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [expected]}


def test_principals(lam, name):
    create(lam, name)
    cases = {
        "*": "*",
        "123456789012": {"AWS": "arn:aws:iam::123456789012:root"},
        "arn:aws:iam::123456789012:role/r": {"AWS": "arn:aws:iam::123456789012:role/r"},
        "s3.amazonaws.com": {"Service": "s3.amazonaws.com"},
    }
    for number, (given, shown) in enumerate(cases.items()):
        made = lam.add_permission(
            FunctionName=name, StatementId=f"s{number}", Action="lambda:InvokeFunction", Principal=given
        )
        assert json.loads(made["Statement"])["Principal"] == shown
    message = refused(
        "InvalidParameterValueException", 400, lam.add_permission, FunctionName=name, **GATEWAY | {"Principal": "nobody"}
    )
    assert message == "The provided principal was invalid. Please check the principal and try again."


def test_policy_faults(server, lam, name):
    make_function(lam, name, CODE)
    missing = f"{name}-none"
    gone = "The resource you requested does not exist."
    assert refused("ResourceNotFoundException", 404, lam.get_policy, FunctionName=name) == gone
    assert refused("ResourceNotFoundException", 404, lam.get_policy, FunctionName=missing) == gone
    message = refused("ResourceNotFoundException", 404, lam.remove_permission, FunctionName=name, StatementId="x")
    assert message == "No policy is associated with the given resource."
    message = refused("ResourceNotFoundException", 404, lam.remove_permission, FunctionName=missing, StatementId="x")
    assert message == f"No policy found for: {fn(server, missing)}"
    lam.add_permission(FunctionName=name, **GATEWAY)
    assert refused("ResourceConflictException", 409, lam.add_permission, FunctionName=name, **GATEWAY) == (
        "The statement id (gw) provided already exists. Please provide a new statement id, "
        "or remove the existing statement."
    )
    message = refused("ResourceNotFoundException", 404, lam.remove_permission, FunctionName=name, StatementId="x")
    assert message == "Statement x is not found in resource policy."
    message = refused(
        "InvalidParameterValueException", 400, lam.add_permission, FunctionName=name, Qualifier="$LATEST", **GATEWAY
    )
    assert message == "We currently do not support adding policies for $LATEST."
    message = refused("ResourceNotFoundException", 404, lam.add_permission, FunctionName=name, Qualifier="nope", **GATEWAY)
    assert message == f"Cannot find alias arn: {fn(server, name, 'nope')}"
    message = refused("ResourceNotFoundException", 404, lam.add_permission, FunctionName=name, Qualifier="10", **GATEWAY)
    assert message == f"Function not found: {fn(server, name, '10')}"
    message = refused(
        "ValidationException", 400, lam.add_permission, FunctionName=name, **GATEWAY | {"StatementId": "a b"}
    )
    assert "'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)" in message
    message = refused(
        "PreconditionFailedException", 412, lam.remove_permission, FunctionName=name, StatementId="gw", RevisionId="x"
    )
    assert message.endswith("Call the GetPolicy API to retrieve the latest Revision Id")
    lam.remove_permission(FunctionName=name, StatementId="gw")
    assert refused("ResourceNotFoundException", 404, lam.get_policy, FunctionName=name) == gone


def test_each_version_and_alias_has_its_own_policy(server, lam, name):
    make_function(lam, name, CODE)
    lam.publish_version(FunctionName=name)
    lam.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    lam.add_permission(FunctionName=name, Qualifier="prod", **GATEWAY)
    policy = json.loads(lam.get_policy(FunctionName=name, Qualifier="prod")["Policy"])
    assert policy["Statement"][0]["Resource"] == fn(server, name, "prod")
    refused("ResourceNotFoundException", 404, lam.get_policy, FunctionName=name)
    refused("ResourceNotFoundException", 404, lam.get_policy, FunctionName=name, Qualifier="1")


def test_tags(server, lam, name):
    create(lam, name)
    arn = fn(server, name)
    assert lam.list_tags(Resource=arn)["Tags"] == {}
    assert lam.tag_resource(Resource=arn, Tags={"a": "1", "b": "2"})["ResponseMetadata"]["HTTPStatusCode"] == 204
    lam.tag_resource(Resource=arn, Tags={"b": "3"})
    assert lam.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "3"}
    lam.untag_resource(Resource=arn, TagKeys=["a", "unknown"])
    assert lam.list_tags(Resource=arn)["Tags"] == {"b": "3"}


def test_tags_faults(server, lam, name):
    make_function(lam, name, CODE)
    arn = fn(server, name)
    message = refused("InvalidParameterValueException", 400, lam.list_tags, Resource=f"{arn}:$LATEST")
    assert message == "Tags on function aliases and versions are not supported. Please specify a function ARN."
    message = refused("InvalidParameterValueException", 400, lam.tag_resource, Resource=arn, Tags={})
    assert message == "An error occurred and the request cannot be processed."
    message = refused(
        "InvalidParameterValueException", 400, lam.tag_resource, Resource=arn, Tags={str(i): "x" for i in range(51)}
    )
    assert message == "Number of tags exceeds resource tag limit."
    message = refused("ValidationException", 400, lam.untag_resource, Resource=arn, TagKeys=[])
    assert message.startswith("1 validation error detected: Value null at 'tagKeys' failed")
    assert "at 'resource' failed" in refused("ValidationException", 400, lam.list_tags, Resource="nonsense")
    message = refused("ResourceNotFoundException", 404, lam.list_tags, Resource=f"{arn}-none")
    assert message == f"Function not found: {arn}-none"
