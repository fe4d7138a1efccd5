"""WSGI with nothing on top, for uWSGI."""

from handlers import answer


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    out = answer(environ["PATH_INFO"].strip("/"), body)
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(out)))])
    return [out]
