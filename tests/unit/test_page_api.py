"""The API on the home network: what the page hands on, to whom, and how it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import Template
from werkzeug.test import TestResponse

from orchestrator.api.app import ROUTES
from orchestrator.api.route import Need
from orchestrator.client import CSRF, Control
from tests.unit.orchestra import Orchestra
from tests.unit.served import served
from tests.web.visitor import visitor
from webui.app import create_app
from webui.catalogue import Catalogue

HOST = "manyways.lan"
GOOD = "correct horse"
ASSIGN = "/api/v1/devices/tv/assign"


@pytest.fixture
def control(orchestra: Orchestra, tmp_path: Path) -> Iterator[Control]:
    with served(orchestra.service, tmp_path / "control.sock") as path:
        yield Control(str(path))


@pytest.fixture
def app(control: Control) -> Flask:
    return create_app(control, HOST)


class Program:
    """A program on the home network, such as a home automation."""

    def __init__(self, app: Flask, secret: str = "") -> None:
        self._client = app.test_client()
        self._headers = {"Host": HOST}
        if secret:
            self._headers["Authorization"] = f"Bearer {secret}"

    def get(self, path: str) -> TestResponse:
        return self._client.get(path, headers=self._headers)

    def post(self, path: str, body: object = None, **headers: str) -> TestResponse:
        return self._client.post(path, json=body or {}, headers={**self._headers, **headers})


@pytest.fixture
def program(app: Flask, control: Control) -> Program:
    return Program(app, control.make_token("house")["secret"])


def test_a_token_switches_a_device(program: Program) -> None:
    receipt = program.post(ASSIGN, {"destination": "direct"})
    assert (receipt.status_code, receipt.get_json()["new"]) == (200, "direct")
    assert receipt.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in receipt.headers


def test_the_answers_are_the_daemons_own(program: Program, control: Control) -> None:
    assert program.get("/api/v1/status").get_json() == control.status()
    assert program.get("/api/v1/devices").get_json() == {"devices": control.devices()}
    refused = program.post(ASSIGN, {"destination": "wrk"})
    assert refused.status_code == 404
    assert refused.get_json()["hint"] == "did you mean 'work'?"


def test_exactly_what_is_for_the_network_is_handed_on(
    app: Flask, control: Control, program: Program
) -> None:
    catalogue = Catalogue()
    for route in ROUTES:
        path = route.path.replace("{", "").replace("}", "").strip("/")
        found = catalogue.find(path, control)
        if route.need is Need.SOCKET:
            assert found is None or route.method not in found.needs
            asked = program.get if route.method == "GET" else program.post
            assert asked(f"/api/v1/{path}").status_code in (404, 405), route.path
        else:
            assert found is not None, route.path
            assert found.needs[route.method] == route.need.value


@pytest.mark.parametrize("policy", ["everybody", "own", "password"])
def test_without_a_token_nothing_is_changed(app: Flask, control: Control, policy: str) -> None:
    control.set_password(GOOD)
    control.set_policy(policy)
    stranger = Program(app)
    origin = {"Origin": f"http://{HOST}"}
    for path in (ASSIGN, "/api/v1/access", "/api/v1/tokens", "/api/v1/password"):
        assert stranger.post(path).status_code == 403  # no browser of ours, no token
        refused = stranger.post(path, **origin)
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert stranger.get("/api/v1/status").status_code == (401 if policy == "password" else 200)
    assert stranger.get("/api/v1/tokens").status_code == 401


@pytest.mark.parametrize(
    "value", ["Bearer", "Bearer ", "Bearer x", "Basic eDp5", "x", "Bearer " + "x" * 500, "ä"]
)
def test_what_is_no_token(app: Flask, value: str) -> None:
    stranger = Program(app)
    stranger._headers["Authorization"] = value
    for answer in (stranger.get("/api/v1/status"), stranger.post(ASSIGN)):
        assert answer.status_code == 401
        assert answer.get_json()["error"]


def test_a_revoked_token_is_none(program: Program, control: Control) -> None:
    control.revoke_token(control.tokens()[0]["id"])
    assert program.get("/api/v1/status").status_code == 401


def test_a_token_makes_no_tokens_and_opens_no_doors(program: Program) -> None:
    for path in ("/api/v1/tokens", "/api/v1/access", "/api/v1/password"):
        assert program.post(path).status_code == 403
    assert program.get("/api/v1/tokens").status_code == 403


def test_a_token_is_good_under_every_policy(app: Flask, control: Control) -> None:
    control.set_password(GOOD)
    control.set_policy("password")
    program = Program(app, control.make_token("house")["secret"])
    assert program.get("/api/v1/status").status_code == 200
    assert program.post(ASSIGN, {"destination": "direct"}).status_code == 200


def test_the_daemon_hears_which_token_asks(program: Program, control: Control) -> None:
    forged = {"X-Manyways-Token": "forged", "X-Manyways-From": "192.168.77.9:9"}
    program.post(ASSIGN, {"destination": "direct"}, **forged)
    switched = next(e for e in control.activity()["events"] if e["kind"] == "switched")
    assert switched["by"] == "the program house"


@pytest.fixture
def page(app: Flask) -> FlaskClient:
    return visitor(app)


def test_a_browsers_visit_will_do_with_the_secret_of_its_forms(page: FlaskClient) -> None:
    headers = {"Host": HOST, "Origin": f"http://{HOST}"}
    assert page.post(ASSIGN, json={"destination": "direct"}, headers=headers).status_code == 200
    headers[CSRF] = "wrong"
    assert page.post(ASSIGN, json={"destination": "direct"}, headers=headers).status_code == 401


def test_another_site_can_not_use_a_browsers_visit(page: FlaskClient) -> None:
    for origin in ("http://evil.example", "null", ""):
        headers = {"Host": HOST, "Origin": origin}
        assert page.post(ASSIGN, json={"destination": "direct"}, headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "no JSON object"),
        (b"[]", "no JSON object"),
        (b'"x"', "no JSON object"),
        (b"\xff", "UTF-8"),
        (b'{"destination": "work", "destination": "direct"}', "twice"),
        (b'{"destination": NaN}', "NaN"),
        (b'{"destination": -Infinity}', "Infinity"),
        (b'{"destination": 1e999}', "too large"),
        (b'{"destination": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"destination": ' + b"[" * 100 + b"]" * 100 + b"}", "too deeply"),
        (b'{"destination": ' + b"[" * 90_000 + b"]" * 90_000 + b"}", "no JSON object"),
        (b'{"destination": "\\ud800"}', "surrogate"),
        (b'{"destination": 1}', "destination"),
        (b'{"destination": "work", "now": true}', "now"),
        (b'{"a' + b"b" * 5000 + b'": 1}', "nothing here is called"),
        (b'{"destination": "' + b"x" * 100_000 + b'"}', "destination"),
    ],
)
def test_json_that_two_readers_may_read_differently(
    program: Program, app: Flask, orchestra: Orchestra, raw: bytes, said: str
) -> None:
    from orchestrator.api import make_app

    for client, headers in (
        (app.test_client(), program._headers),
        (make_app(orchestra.service).test_client(), {}),
    ):
        kind = "application/json"
        answer = client.post(ASSIGN, data=raw, content_type=kind, headers=headers)
        assert answer.status_code == 400
        assert said in answer.get_json()["error"]
        assert len(answer.data) < 1000


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "x/json"])
def test_another_type_of_content(program: Program, app: Flask, kind: str) -> None:
    answer = app.test_client().post(
        ASSIGN, data=b'{"destination": "direct"}', content_type=kind, headers=program._headers
    )
    assert answer.status_code == 415
    assert "application/json" in answer.get_json()["error"]


def test_too_large_a_body(program: Program) -> None:
    answer = program.post(ASSIGN, {"destination": "x" * 600_000})
    assert answer.status_code == 413
    assert answer.get_json()["error"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/status?x=1", 400),
        ("/api/v1/status/", 404),
        ("/api/v1//status", 404),
        ("/api/v1/devices/tv/assign", 405),
        ("/api/v1/devices/" + "x" * 65 + "/assign", 404),
        ("/api/v2/status", 404),
    ],
)
def test_addresses_that_lead_nowhere(program: Program, path: str, status: int) -> None:
    answer = program.get(path)
    assert answer.status_code == status
    if path.startswith("/api/v1"):
        assert answer.get_json()["error"]


def test_without_the_daemon(tmp_path: Path) -> None:
    app = create_app(Control(str(tmp_path / "nobody.sock")), HOST)
    for answer in (Program(app).get("/api/v1/status"), Program(app, "x").post(ASSIGN)):
        assert answer.status_code == 503
        assert answer.get_json()["error"]


class _Yaml(yaml.SafeLoader):
    """Home Assistant's YAML: a secret stands in another file."""


def _secret(loader: _Yaml, node: yaml.ScalarNode) -> str:
    return f"<{loader.construct_scalar(node)}>"


_Yaml.add_constructor("!secret", _secret)


def test_the_example_for_home_assistant_works(program: Program) -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    (block,) = re.findall(r"```yaml\n(rest_command:.*?)```", text, re.S)
    example = yaml.load(block, _Yaml)  # noqa: S506 - a SafeLoader with one tag more
    command = example["rest_command"]["manyways_switch"]
    said = {"device": "tv", "destination": "direct"}
    url = Template(command["url"]).render(said).removeprefix("http://192.168.77.1")
    answer = program._client.post(
        url,
        data=Template(command["payload"]).render(said),
        content_type=command["content_type"],
        headers=program._headers,
    )
    assert answer.status_code == 200
    (rest,) = example["rest"]
    devices = program.get(rest["resource"].removeprefix("http://192.168.77.1")).get_json()
    value = rest["sensor"][0]["value_template"]
    assert Template(value).render(value_json=devices).strip() == "direct"
    assert Template(value).render(value_json={"devices": []}).strip() == "unknown"
    (select,) = example["template"][0]["select"]
    assert select["select_option"][0]["action"] == "rest_command.manyways_switch"
