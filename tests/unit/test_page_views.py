"""The page's addresses and its guard, over a real unix socket but without a browser."""

from __future__ import annotations

import gzip
import posixpath
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import render_template
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from orchestrator.client import Control
from tests.web.family import crowd
from tests.web.reports import TV, degraded, empty, healthy, unconfigured
from tests.web.standin import Standin, serve
from tests.web.visitor import visitor
from webui.app import create_app
from webui.compression import _file
from webui.guard import normal_host, parse_hosts
from webui.present import devices as present

HOSTS = "192.168.77.1, 192.168.77.253,manyways,manyways.lan,127.0.0.1:8080"
HOST = {"Host": "manyways.lan"}
OURS = {**HOST, "Origin": "http://manyways.lan"}
ASSIGN = f"/devices/{TV}/assign"


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Standin]:
    with serve(Standin(tmp_path / "control.sock", healthy())) as running:
        yield running


@pytest.fixture
def page(standin: Standin) -> FlaskClient:
    return visitor(create_app(Control(str(standin.path)), HOSTS))


def _assign(page: FlaskClient, headers: dict[str, str]) -> TestResponse:
    return page.post(ASSIGN, data={"destination": "de"}, headers=headers)


@pytest.mark.parametrize(
    "host",
    ["192.168.77.1", "192.168.77.1:80", "192.168.77.253", "manyways", "Manyways.LAN.",
     "127.0.0.1:8080"],
)  # fmt: skip
def test_our_own_names(page: FlaskClient, host: str) -> None:
    assert page.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "manyways.lan.evil.example", "192.168.77.1:8080", "127.0.0.1",
     "manyways.lan, evil.example", "manyways.lan@evil.example", "[::1]", "localhost"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/static/style.css", "/nowhere", ASSIGN])
def test_foreign_names_are_turned_away(
    page: FlaskClient, standin: Standin, host: str, path: str
) -> None:
    for method in ("GET", "POST"):
        answer = page.open(path, method=method, headers={"Host": host})
        assert answer.status_code == 421
        assert answer.mimetype == "text/plain"
    assert standin.asked == []


def test_without_names_nobody_is_answered(standin: Standin) -> None:
    page = create_app(Control(str(standin.path)), "").test_client()
    assert page.get("/", headers={"Host": "manyways.lan"}).status_code == 421


def test_hosts_are_read_leniently() -> None:
    assert parse_hosts(" A.lan:80 ,, b. ") == {"a.lan", "b"}
    assert normal_host("X:8080") == "x:8080"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://manyways.lan"},
        {"Origin": "http://manyways.lan:80"},
        {"Origin": "http://manyways.lan", "Sec-Fetch-Site": "same-origin"},
        {"Referer": "http://manyways.lan/?moved=x"},
    ],
)
def test_our_own_forms_are_accepted(page: FlaskClient, headers: dict[str, str]) -> None:
    assert _assign(page, {**HOST, **headers}).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://192.168.77.1"},  # ours, but another origin than the one asked
        {"Origin": "http://manyways.lan.evil.example"},
        {"Origin": "http://user@manyways.lan"},
        {"Origin": "file://manyways.lan"},
        {"Origin": "http://[manyways.lan"},
        {"Origin": "http://manyways.lan", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://manyways.lan", "Sec-Fetch-Site": "same-site"},
        {"Referer": "http://evil.example/http://manyways.lan/"},
        {"Origin": "null", "Referer": "http://manyways.lan/"},
    ],
)
def test_foreign_forms_change_nothing(
    page: FlaskClient, standin: Standin, headers: dict[str, str]
) -> None:
    assert _assign(page, {**HOST, **headers}).status_code == 403
    assert standin.asked == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(page: FlaskClient, method: str) -> None:
    assert page.open("/", method=method, headers=OURS).status_code == 405


@pytest.mark.parametrize("path", ["/", "/static/page.js", "/nowhere"])
def test_every_answer_is_guarded(page: FlaskClient, path: str) -> None:
    with page.get(path, headers=HOST) as answer:
        headers = answer.headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none';")
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    kept = "max-age=31536000" if "static" in path else "no-store"
    assert kept in headers["Cache-Control"]
    assert "Set-Cookie" not in headers


def test_a_switch_shows_its_receipt(page: FlaskClient) -> None:
    answer = page.post(
        ASSIGN, data={"destination": "de"}, headers=OURS, base_url="http://manyways.lan",
        follow_redirects=True,
    )  # fmt: skip
    assert answer.status_code == 200
    assert "tv now uses de: 41 connections cut in 6 ms; now seen from Germany." in answer.text


def test_a_refusal_says_what_would_be_right(page: FlaskClient) -> None:
    answer = page.post(ASSIGN, data={"destination": "ukk"}, headers=OURS)
    assert answer.status_code == 404
    assert "No destination is called &#39;ukk&#39;. There is &#39;uk&#39;." in answer.text


def test_a_refused_name_stays_in_its_field(page: FlaskClient) -> None:
    answer = page.post(f"/devices/{TV}/edit", data={"name": "laptop"}, headers=OURS)
    assert answer.status_code == 409
    assert "&#39;laptop&#39; is taken. Choose another name." in answer.text
    assert '-edit" class="about" open' in answer.text


def test_a_time_is_handed_on_as_it_was_chosen(page: FlaskClient, standin: Standin) -> None:
    for chosen in ("", "30", "midnight", "2030-01-01T00:00:00Z", "9" * 32):
        page.post(ASSIGN, data={"destination": "de", "for": chosen}, headers=OURS)
    bodies = [body for method, _, body in standin.asked if method == "POST"]
    assert bodies == [
        {"destination": "de"},
        {"destination": "de", "minutes": 30},
        {"destination": "de", "until": "midnight"},
        {"destination": "de", "until": "2030-01-01T00:00:00Z"},
        {"destination": "de", "until": "9" * 32},  # for the daemon to refuse
    ]


def test_a_whole_home_is_moved_by_one_form(page: FlaskClient, standin: Standin) -> None:
    standin.report = crowd(250)
    macs = [device["mac"] for device in standin.report["devices"]]
    sent = page.post("/assign", data={"device": macs, "destination": "de"}, headers=OURS)
    assert sent.status_code == 303
    assert len(sent.headers["Location"]) < 4000
    answer = page.get(sent.headers["Location"], headers=HOST)
    assert "250 devices now use Germany" in answer.text


def test_a_crowded_house_costs_the_router_little(standin: Standin) -> None:
    """In seconds of the processor's, whatever else it has to do."""
    standin.report = crowd(250)
    app = create_app(Control(str(standin.path)), HOSTS)
    view = present.home(standin.report, datetime.now(UTC))
    values = {"page": view, "notice": None, "several": False, "kinds": present.KINDS}
    with app.test_request_context("/"):
        render_template("home.html", **values, draft_ref="", draft_name="")  # it is compiled once
        started = time.process_time()
        render_template("home.html", **values, draft_ref="", draft_name="")
        assert time.process_time() - started < 0.5


@pytest.mark.parametrize("path", ["x/../page.js", "flags/../page.js", "./page.js", "flags//de.svg"])
def test_a_file_in_an_odd_spelling_costs_nothing(page: FlaskClient, path: str) -> None:
    headers = {**HOST, "Accept-Encoding": "gzip"}
    with page.get(f"/static/{posixpath.normpath(path)}", headers=headers) as plain:
        kept = _file.cache_info().currsize
        with page.get(f"/static/{path}", headers=headers) as odd:
            assert (odd.status_code, odd.data) == (200, plain.data)
    assert _file.cache_info().currsize == kept


def test_files_are_named_by_their_content_and_go_out_small(page: FlaskClient) -> None:
    text = page.get("/", headers=HOST).text
    (style,) = re.findall(r'href="(/static/style.css[?]v=[0-9a-f]{10})"', text)
    with page.get(style, headers={**HOST, "Accept-Encoding": "gzip"}) as small:
        assert small.headers["Content-Encoding"] == "gzip"
        assert small.headers["Vary"] == "Accept-Encoding"
        content = gzip.decompress(small.data)
    with page.get(style, headers=HOST) as plain:
        assert "Content-Encoding" not in plain.headers
        assert plain.data == content


def test_the_page_itself_goes_out_small(page: FlaskClient) -> None:
    small = page.get("/", headers={**HOST, "Accept-Encoding": "br, gzip"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(small.data).startswith(b"<!doctype html>")


def test_names_from_the_network_are_only_text(page: FlaskClient, standin: Standin) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
    standin.report = degraded()
    for device in standin.report["devices"]:
        device["name"] = device["title"] = device["message"] = device["maker"] = evil
        device["mac"] = evil
    for way in standin.report["destinations"]:
        way["name"] = way["title"] = way["message"] = way["country"] = evil
    text = page.get("/", headers=HOST).text
    assert "<script>" not in text
    assert "<img src=x" not in text
    assert "&lt;script&gt;" in text


def test_what_the_address_says_is_never_shown(page: FlaskClient) -> None:
    assert (
        "hello"
        not in page.get(
            "/?moved=hello&renamed=hello&undone=hello&forgotten=hello&x=hello", headers=HOST
        ).text
    )


def test_no_device_yet(page: FlaskClient, standin: Standin) -> None:
    standin.report = empty()
    assert "No device yet" in page.get("/", headers=HOST).text


def test_no_configuration_yet(page: FlaskClient, standin: Standin) -> None:
    standin.report = unconfigured()
    text = page.get("/", headers=HOST).text
    assert "There is no way out yet" in text
    assert "router.yaml: there is no such file" in text


def test_too_much_is_refused(page: FlaskClient, standin: Standin) -> None:
    answer = page.post(f"/devices/{TV}/edit", data={"name": "x" * 20_000}, headers=OURS)
    assert answer.status_code == 413
    assert "That was too much" in answer.text
    assert standin.asked == []


def test_nothing_here(page: FlaskClient) -> None:
    answer = page.get("/nowhere", headers=HOST)
    assert (answer.status_code, "There is nothing here" in answer.text) == (404, True)


def test_without_the_daemon(tmp_path: Path) -> None:
    page = create_app(Control(str(tmp_path / "nobody.sock")), HOSTS).test_client()
    for answer in (page.get("/", headers=HOST), _assign(page, OURS)):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert 'http-equiv="refresh"' in answer.text
        assert "One moment, please" in answer.text


def test_what_the_router_chose_by_itself_stands_on_the_page(
    page: FlaskClient, standin: Standin
) -> None:
    assert 'id="chosen"' not in page.get("/", headers=HOST).text
    standin.report["config"]["chosen"] = "there is no router.yaml, so <this> was chosen"
    assert (
        "<p>There is no router.yaml, so &lt;this&gt; was chosen.</p>"
        in page.get("/", headers=HOST).text
    )
