"""A client of /v1: signed as any client of AWS signs, JSON in and out."""

import json
import urllib.error
import urllib.parse
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Client:
    def __init__(self, server):
        self.server = server
        self.keys = server.credentials
        self.credentials = botocore.credentials.Credentials(
            self.keys["access_key_id"], self.keys["secret_access_key"]
        )

    def call(self, method, path, body=None, timeout=120):
        """The answer's bytes; Refused with the status and text of what is no success."""
        url = self.server.url + path
        request = botocore.awsrequest.AWSRequest(method=method, url=url, data=body)
        botocore.auth.SigV4Auth(self.credentials, "sculler", self.keys["region"]).add_auth(request)
        plain = urllib.request.Request(url, data=body, method=method, headers=dict(request.headers.items()))
        try:
            with urllib.request.urlopen(plain, timeout=timeout) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.read().decode(errors="replace")) from None

    def get(self, path, **query):
        query = {key: value for key, value in query.items() if value is not None}
        return json.loads(self.call("GET", path + ("?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote) if query else "")))

    def put(self, path, value):
        return json.loads(self.call("PUT", path, json.dumps(value).encode()))

    def post(self, path, value):
        return json.loads(self.call("POST", path, json.dumps(value).encode()))

    def post_rows(self, path, rows):
        """As lines of JSON."""
        return json.loads(self.call("POST", path, "".join(json.dumps(row) + "\n" for row in rows).encode()))
