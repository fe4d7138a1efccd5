"""Sends a life to a running server: its calls and its labels, six hours at a time as they came.

`python simulate_post.py life` sends what `simulate.py --out life` wrote to the server of
`eval "$(sculler env)"`. The requests are signed here (AWS Signature Version 4), so that the example
needs no SDK; botocore.auth.SigV4Auth(credentials, "sculler", region) would do the same.
"""

import argparse
import csv
import hashlib
import hmac
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

SERVICE = "sculler"
HOURS = 6
"""Of a day, in one request: some hundred calls, a megabyte. Each is on disk when it is answered."""

TIMEOUT_SECONDS = 60
TRIES, TRY_AGAIN = 5, (429, 500, 503)
SHOWN_ERRORS = 3


def main():
    """Reads the command line and sends that folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="what simulate.py wrote")
    parser.add_argument(
        "--calls-only", action="store_true", help="leave truth.csv to `sculler label`"
    )
    options = parser.parse_args()
    post_folder(Server.of_environment(), options.folder, options.calls_only)


def post_folder(server, folder, calls_only=False):
    """Posts calls.ndjson and truth.csv as they came; says after each day how far it is."""
    calls, calls_count, labels_count = read_calls(folder / "calls.ndjson"), 0, 0
    labels = [] if calls_only else read_labels(folder / "truth.csv", calls[0]["function"])
    for day, parts in groupby(by_part(calls, labels), lambda part: part[0][0]):
        for _, part_calls, part_labels in parts:
            if part_calls:
                server.post("/v1/invocations", part_calls)
            if part_labels:
                server.post("/v1/labels", part_labels)
            calls_count += len(part_calls)
            labels_count += len(part_labels)
        known = "" if calls_only else f", {labels_count:,} of {len(labels):,} labels"
        print(f"{day}: {calls_count:,} of {len(calls):,} calls{known}", flush=True)


def read_calls(path):
    """The calls, as POST /v1/invocations takes them."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def read_labels(path, function):
    """The truth, as POST /v1/labels takes it."""
    with open(path, encoding="utf-8", newline="") as file:
        return [label_of(row, function) for row in csv.DictReader(file)]


def label_of(row, function):
    """A row of truth.csv as a label."""
    items = {name: row[name] for name in ("budget_id", "itemization_id")}
    rest = {name: row[name] for name in ("time", "source", "note")}
    return {"function": function, "items": items, "label": int(row["label"]), **rest}


def by_part(calls, labels):
    """((day, part of it), its calls, its labels), for each part in which something was."""
    parts = {}
    for at, rows in enumerate((calls, labels)):
        for row in rows:
            part = row["time"][:10], int(row["time"][11:13]) // HOURS
            parts.setdefault(part, ([], []))[at].append(row)
    return [(part, *parts[part]) for part in sorted(parts)]


@dataclass
class Server:
    """A server and the key pair to speak to it."""

    url: str
    key: str
    secret: str = field(repr=False)
    region: str
    certificates: str | None

    @classmethod
    def of_environment(cls):
        """The server that the shell knows."""
        try:
            return cls(
                os.environ["AWS_ENDPOINT_URL"].rstrip("/"),
                os.environ["AWS_ACCESS_KEY_ID"],
                os.environ["AWS_SECRET_ACCESS_KEY"],
                os.environ.get("AWS_REGION", "us-east-1"),
                os.environ.get("AWS_CA_BUNDLE"),
            )
        except KeyError as missing:
            sys.exit(f'{missing} is not set; with a server running, say: eval "$(sculler env)"')

    @cached_property
    def tls(self):
        """Whom to trust, read once; None where nothing is encrypted."""
        if not self.url.startswith("https:"):
            return None
        return ssl.create_default_context(cafile=self.certificates)

    def post(self, path, rows):
        """Posts the rows as NDJSON; returns the answer. Ends the program when it is refused."""
        body = "".join(json.dumps(row) + "\n" for row in rows).encode()
        for left in range(TRIES - 1, -1, -1):
            try:
                return self.send(path, body)
            except urllib.error.HTTPError as error:
                if error.code not in TRY_AGAIN or not left:
                    sys.exit(f"POST {path}: {error.code} {error.read().decode(errors='replace')}")
                time.sleep(float(error.headers.get("Retry-After") or 1))
            except OSError as error:
                sys.exit(f"POST {self.url}{path}: {error}")

    def send(self, path, body):
        """One request and its answer."""
        headers = {"Content-Type": "application/x-ndjson", **self.signed("POST", path, body)}
        request = urllib.request.Request(self.url + path, body, headers)
        with urllib.request.urlopen(
            request, timeout=TIMEOUT_SECONDS, context=self.tls
        ) as answer:
            answer = json.load(answer)
        if answer.get("refused"):
            why = answer["errors"][:SHOWN_ERRORS]
            print(f"POST {path}: {answer['refused']} rows refused: {why}", file=sys.stderr)
        return answer

    def signed(self, method, path, body):
        """The headers that sign a request; see "AWS Signature Version 4" in AWS's documentation."""
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/{self.region}/{SERVICE}/aws4_request"
        headers = {"host": urlsplit(self.url).netloc, "x-amz-date": now}
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        canonical = "\n".join([method, path, "", lines, names, hashlib.sha256(body).hexdigest()])
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = b"AWS4" + self.secret.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}"
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        return {
            "X-Amz-Date": now,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}",
        }


if __name__ == "__main__":
    main()
