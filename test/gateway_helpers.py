"""APIs in a line, for the tests of the gateway."""

import itertools
import json

from helpers import http

numbers = itertools.count(1)


def lambda_uri(function):
    """Of a function's name or ARN, as an integration wants it."""
    arn = function if function.startswith("arn:") else f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    return f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"


class Api:
    """A REST API; methods are added, then deploy() makes it answer."""

    def __init__(self, client, server, **settings):
        self.client = client
        self.server = server
        made = client.create_rest_api(**{"name": f"api-{next(numbers)}"} | settings)
        self.id = made["id"]
        self.root = made["rootResourceId"]
        self.resources = {"/": self.root}

    def resource(self, path):
        """The id; what is missing on the way is made."""
        if path not in self.resources:
            parent, _, part = path.rpartition("/")
            made = self.client.create_resource(
                restApiId=self.id, parentId=self.resource(parent or "/"), pathPart=part
            )
            self.resources[path] = made["id"]
        return self.resources[path]

    def where(self, verb, path):
        return {"restApiId": self.id, "resourceId": self.resource(path), "httpMethod": verb}

    def method(self, verb, path, integration, responses=None, declare=None, **settings):
        """responses: {status: settings of the integration response}; declare: headers each method response has."""
        where = self.where(verb, path)
        self.client.put_method(**where, **{"authorizationType": "NONE"} | settings)
        self.client.put_integration(**where, **integration)
        for status, response in (responses or {}).items():
            headers = {f"method.response.header.{name}": False for name in declare or []}
            self.client.put_method_response(**where, statusCode=status, responseParameters=headers)
            self.client.put_integration_response(**where, statusCode=status, **response)

    def proxy(self, verb, path, function, **settings):
        self.method(verb, path, {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": lambda_uri(function)} | settings)

    def plain(self, verb, path, function, responses=None, declare=None, **settings):
        integration = {"type": "AWS", "integrationHttpMethod": "POST", "uri": lambda_uri(function)} | settings
        self.method(verb, path, integration, {"200": {}} if responses is None else responses, declare)

    def deploy(self, stage="test", **settings):
        return self.client.create_deployment(restApiId=self.id, stageName=stage, **settings)["id"]

    def url(self, path, stage="test"):
        return f"{self.server.url}/_aws/execute-api/{self.id}/{stage}{path}"

    def call(self, verb, path, body=None, headers=None, stage="test"):
        """(status, headers, decoded body or bytes)"""
        status, answer, body = http(verb, self.url(path, stage), body, headers)
        try:
            return status, answer, json.loads(body)
        except ValueError:
            return status, answer, body
