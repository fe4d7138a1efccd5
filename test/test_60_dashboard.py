"""The dashboard's door: its files, and who gets in by which token and cookie."""

import gzip
import http.client
import re
import stat

import pytest
from helpers import http as ask


class NoRedirect:
    """Requests on one port, with headers as given, redirects not followed."""

    def __init__(self, server):
        self.server = server

    def __call__(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer, text


@pytest.fixture
def page(server):
    return NoRedirect(server)


def token_of(server):
    return server.credentials["dashboard_token"]


def cookie_of(server):
    answer, _ = NoRedirect(server)("GET", "/?token=" + token_of(server))
    return answer.headers["Set-Cookie"].split(";")[0]


def test_the_address_with_the_token_is_printed_and_found_again(server):
    printed = re.search(r"^Dashboard: (\S+)$", server.log.read_text(errors="replace"), re.M)[1]
    assert printed == f"{server.url}/?token={token_of(server)}"
    assert server.cli("dashboard", "--state", server.state / "state", check=0).stdout.strip() == printed
    assert len(token_of(server)) == 43
    assert stat.S_IMODE((server.state / "state/credentials").stat().st_mode) == 0o600


def test_the_token_stays_over_a_restart(own_server):
    server = own_server()
    before = token_of(server)
    server.restart()
    assert token_of(server) == before


def test_the_token_becomes_a_strict_cookie_and_leaves_the_address(server, page):
    answer, text = page("GET", "/?token=" + token_of(server))
    assert (answer.status, answer.headers["Location"], text) == (303, "/", b"")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and token_of(server) not in cookie
    answer, text = page("GET", "/", Cookie="other=1; " + cookie.split(";")[0])
    assert answer.status == 200 and b"<main" in text


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=" + "A" * 43, "/?x=1"])
def test_without_the_token_it_says_how_to_get_in(page, path):
    answer, text = page("GET", path)
    assert answer.status == 403 and b"sculler dashboard" in text
    assert "Set-Cookie" not in answer.headers


def test_files_are_compressed_named_by_their_bytes_and_strict(page):
    plain, text = page("GET", "/ui/uPlot.iife.min.js")
    assert plain.status == 200 and plain.headers["Content-Type"] == "text/javascript; charset=utf-8"
    packed, small = page("GET", "/ui/uPlot.iife.min.js", Accept_Encoding="br, gzip")
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(small) == text
    assert len(small) < len(text) / 2
    again, nothing = page("GET", "/ui/uPlot.iife.min.js", If_None_Match=plain.headers["ETag"])
    assert again.status == 304 and nothing == b""
    policy = plain.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy and "http" not in policy
    assert plain.headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_no_file_is_told(page):
    assert page("GET", "/ui/none.js")[0].status == 404
    assert page("GET", "/ui/../credentials")[0].status == 404
    answer, _ = page("POST", "/ui/main.js", b"")
    assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD"


def test_a_cookie_is_the_key_to_our_own_service_only(server, page):
    cookie = cookie_of(server)
    assert page("GET", "/v1/status", Cookie=cookie)[0].status == 200
    assert page("GET", "/v1/logs", Cookie=cookie)[0].status == 200
    assert page("GET", "/v1/status")[0].status == 403
    assert page("GET", "/v1/status", Cookie=cookie[:-1] + "0" * (cookie[-1] != "0") + "1" * (cookie[-1] == "0"))[
        0
    ].status == 403
    for path in ["/2015-03-31/functions/", "/restapis"]:
        assert page("GET", path, Cookie=cookie)[0].status == 403
    answer, _ = page("POST", "/", b"Action=GetCallerIdentity", Cookie=cookie, Origin=server.url)
    assert answer.status == 403


def test_a_page_is_told_what_is_not_here(server, page):
    answer, text = page("GET", "/v1/nothing/of/this/kind", Cookie=cookie_of(server))
    assert answer.status == 404 and b"no operation GET /v1/nothing" in text
    assert page("GET", "/v1/nothing/of/this/kind")[0].status == 403


def test_what_changes_something_comes_from_a_page_of_ours(server, page):
    cookie, path = cookie_of(server), "/v1/functions/nobody/import"
    assert page("POST", path, b"", Cookie=cookie, Origin=server.url)[0].status == 404  # it got through: no such function
    assert page("POST", path, b"", Cookie=cookie)[0].status == 403
    for origin in ["http://127.0.0.1:1", "null", "https://evil.example", server.url.replace("http:", "https:")]:
        assert page("POST", path, b"", Cookie=cookie, Origin=origin)[0].status == 403
    host = f"localhost:{server.port}"
    assert page("POST", path, b"", Cookie=cookie, Host=host, Origin=f"http://{host}")[0].status == 404


def test_two_servers_have_two_cookies(server, own_server):
    other = own_server()
    assert cookie_of(server).split("=")[0] != cookie_of(other).split("=")[0]
    assert NoRedirect(other)("GET", "/v1/status", Cookie=cookie_of(server))[0].status == 403


def test_without_auth_it_needs_nothing(own_server):
    server = own_server("--auth", "off")
    assert f"Dashboard: {server.url}/\n" in server.log.read_text(errors="replace")
    status, _, text = ask("GET", server.url + "/")
    assert status == 200 and b"<main" in text
    assert ask("GET", server.url + "/v1/status")[0] == 200


def test_what_query_services_and_stages_have_stays_theirs(server, example_url):
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert ask("GET", server.url + "/?Action=GetCallerIdentity&Version=2011-06-15")[0] == 403
    assert ask("GET", example_url)[0] != 404
