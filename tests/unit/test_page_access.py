"""Who may do what on the page, with the daemon's real API behind it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from orchestrator.access import FILE
from orchestrator.client import Access, Control, Unreachable
from tests.unit.orchestra import Orchestra
from tests.unit.served import served
from tests.web.reports import LAPTOP, TV, healthy
from tests.web.standin import Standin, serve
from tests.web.visitor import SECRET, visitor
from webui import visit
from webui.app import create_app
from webui.events import STREAMS_EACH
from webui.pages.access import inside
from webui.rules import OPEN, rule, rule_of
from webui.sessions import KeyedSessions

HOST = "manyways.lan"
HEADERS = {"Host": HOST, "Origin": f"http://{HOST}"}
GOOD, OTHER = "correct horse", "battery staple"


@pytest.fixture
def app(orchestra: Orchestra, tmp_path: Path) -> Iterator[Flask]:
    with served(orchestra.service, tmp_path / "control.sock") as path:
        yield create_app(Control(str(path)), HOST)


class Browser:
    """A browser of the family: keeps its cookies and sends the forms that it has seen."""

    def __init__(self, app: Flask) -> None:
        self._client = app.test_client()

    def get(self, path: str) -> TestResponse:
        return self._client.get(path, headers=HEADERS, base_url=f"http://{HOST}")

    def post(self, path: str, *, seen: str = "/settings", **form: str) -> TestResponse:
        """Send a form with the secret of the page at `seen`."""
        if found := re.search(r'name="csrf" value="([^"]+)"', self.get(seen).text):
            form["csrf"] = found[1]
        return self._client.post(path, data=form, headers=HEADERS, base_url=f"http://{HOST}")

    def set_password(self, new: str = GOOD, **form: str) -> TestResponse:
        return self.post("/settings/password", password=new, again=new, **form)

    def log_in(self, password: str = GOOD, **form: str) -> TestResponse:
        return self.post("/login", seen="/login", password=password, **form)


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def other(app: Flask) -> Browser:
    return Browser(app)


def test_the_first_password_is_offered_until_somebody_does_not_want_it(
    app: Flask, browser: Browser
) -> None:
    @rule(OPEN)
    def offered() -> str:
        return str(visit.offers_password())

    app.add_url_rule("/offered", "offered", offered)
    assert browser.get("/offered").text == "True"
    assert browser.post("/offer/dismiss").status_code == 303
    assert browser.get("/offered").text == "False"
    assert Browser(app).get("/offered").text == "True"
    Browser(app).set_password()
    assert Browser(app).get("/offered").text == "False"


def test_who_sets_the_password_stays_and_others_must_log_in(
    browser: Browser, other: Browser
) -> None:
    assert browser.set_password().status_code == 303
    assert browser.post("/settings/policy", policy="password").status_code == 303
    assert browser.get("/").status_code == 200
    turned = other.get("/")
    assert (turned.status_code, turned.location) == (303, "/login?next=/")
    assert other.log_in(OTHER).status_code == 403
    assert other.log_in(next="/settings").location == "/settings"
    assert other.get("/").status_code == 200


def test_a_changed_password_ends_other_visits(browser: Browser, other: Browser) -> None:
    browser.set_password()
    browser.post("/settings/policy", policy="password")
    other.log_in()
    assert other.get("/").status_code == 200
    assert browser.set_password(OTHER, old=GOOD).status_code == 303
    assert browser.get("/").status_code == 200
    assert other.get("/").status_code == 303


def test_a_visit_survives_a_restart_of_the_page_and_of_the_daemon(
    orchestra: Orchestra, tmp_path: Path
) -> None:
    with served(orchestra.service, tmp_path / "control.sock") as path:
        browser = Browser(create_app(Control(str(path)), HOST))
        browser.set_password()
        browser.post("/settings/policy", policy="password")
    orchestra.start()
    with served(orchestra.service, tmp_path / "control.sock") as path:
        again = Browser(create_app(Control(str(path)), HOST))
        again._client = again._client.application.test_client()
        again._client._cookies = browser._client._cookies
        assert again.get("/").status_code == 200


def test_logging_out(browser: Browser) -> None:
    browser.set_password()
    browser.post("/settings/policy", policy="password")
    assert browser.post("/logout").status_code == 303
    assert browser.get("/").status_code == 303


def test_removing_the_password_needs_it(browser: Browser, other: Browser) -> None:
    browser.set_password()
    assert browser.post("/settings/password", remove="1", old=OTHER).status_code == 403
    assert browser.post("/settings/password", remove="1", old=GOOD).status_code == 303
    assert other.set_password(OTHER).status_code == 303


def test_the_cookie_is_for_nobody_else(browser: Browser) -> None:
    cookie = browser.set_password().headers["Set-Cookie"]
    for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Expires="):
        assert word in cookie
    assert "Domain" not in cookie


def test_without_the_password_nobody_says_who_may_do_what(browser: Browser, other: Browser) -> None:
    browser.set_password()  # and the policy is still "everybody"
    for path, form in (
        ("/settings/policy", {"policy": "everybody"}),
        ("/settings/tokens", {"name": "gadget"}),
        ("/settings/tokens/abc/revoke", {}),
        ("/settings/password", {"password": OTHER, "again": OTHER, "old": GOOD}),
    ):
        assert other.post(path, seen="/login", **form).status_code == 403
    assert 'name="again"' not in other.get("/settings").text


def test_guessing_is_answered_with_how_long_to_wait(browser: Browser, other: Browser) -> None:
    browser.set_password()
    for _ in range(5):
        assert other.log_in(OTHER).status_code == 403
    answer = other.log_in()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert "Wait 5 seconds, then try again." in answer.text


def test_a_token_is_shown_once_and_can_be_revoked(browser: Browser) -> None:
    made = browser.post("/settings/tokens", name="<b>Home</b>")
    assert made.status_code == 200
    assert "&lt;b&gt;Home&lt;/b&gt;" in made.text
    found = re.search(r"manyways_[\w-]+", made.text)
    assert found
    text = browser.get("/settings").text
    assert found[0] not in text
    revoke = re.search(r"/settings/tokens/\w+/revoke", text)
    assert revoke
    assert browser.post(revoke[0]).status_code == 303
    assert not re.search(r"/settings/tokens/\w+/revoke", browser.get("/settings").text)


@pytest.mark.parametrize("words", [("short", "short"), (GOOD, OTHER), ("", "")])
def test_passwords_that_will_not_do(browser: Browser, words: tuple[str, str]) -> None:
    answer = browser.post("/settings/password", password=words[0], again=words[1])
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_what_could_not_be_read_is_said_and_changes_nothing(
    orchestra: Orchestra, app: Flask, browser: Browser, tmp_path: Path
) -> None:
    browser.set_password()
    (tmp_path / "state" / FILE).write_text("{")
    (tmp_path / "state" / f"{FILE}.previous").write_text("{")
    orchestra.start()
    orchestra.service.up()
    with served(orchestra.service, tmp_path / "again.sock") as path:
        page = Browser(create_app(Control(str(path)), HOST))
        assert page.get("/").status_code == 200
        assert "orchestrator password --remove" in page.get("/settings").text
        seen = {"seen": "/login"}
        refused = page.post("/devices/02:00:00:00:00:01/assign", destination="direct", **seen)
        assert refused.status_code == 403
        assert "orchestrator password --remove" in refused.text
        orchestra.service.access.remove_password()
        moved = page.post("/devices/02:00:00:00:00:01/assign", destination="direct", **seen)
        assert moved.status_code == 303


# --- who may do what, as a table -------------------------------------------------------------


def _access(password: bool, policy: str, damaged: bool = False) -> Access:
    return {"password": password, "policy": policy, "generation": 1, "damaged": damaged}  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("now", "in_", "may"),
    [
        (_access(False, "everybody"), False, {"look", "own", "change", "keep"}),
        (_access(True, "everybody"), False, {"look", "own", "change"}),
        (_access(True, "everybody"), True, {"look", "own", "change", "keep"}),
        (_access(True, "own"), False, {"look"}),
        (_access(True, "own"), True, {"look", "own", "change", "keep"}),
        (_access(True, "password"), False, set()),
        (_access(True, "password"), True, {"look", "own", "change", "keep"}),
        (_access(False, "everybody", True), False, {"look"}),
        (_access(True, "everybody", True), True, {"look"}),
    ],
)
def test_needs(now: Access, in_: bool, may: set[str]) -> None:
    needs = ("look", "own", "change", "keep", "socket", "", "nonsense")
    assert {need for need in needs if visit.allowed(now, need, logged_in=in_)} == may


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Standin]:
    with serve(Standin(tmp_path / "standin.sock", healthy())) as running:
        yield running


def test_ones_own_device_and_no_other(standin: Standin) -> None:
    standin.access = _access(True, "own")
    standin.me = TV
    page = visitor(create_app(Control(str(standin.path)), HOST))
    form = {"destination": "de"}
    for ref, status in ((TV, 303), (LAPTOP, 403), ("laptop", 403), ("tv", 403)):
        assert page.post(f"/devices/{ref}/assign", data=form, headers=HEADERS).status_code == status
    standin.me = ""
    assert page.post(f"/devices/{TV}/assign", data=form, headers=HEADERS).status_code == 403


def test_who_may_change_its_own_device_only_becomes_no_other(standin: Standin) -> None:
    """A gadget's host name is its own choice, so it can't be its own witness."""
    standin.access = _access(True, "own")
    standin.me = TV
    page = visitor(create_app(Control(str(standin.path)), HOST))
    taken = page.post(f"/devices/{TV}/take-over", data={"old": LAPTOP}, headers=HEADERS)
    assert taken.status_code == 403
    assert page.post(f"/devices/{TV}/forget", headers=HEADERS).status_code == 403
    assert page.post(f"/devices/{TV}/dismiss", headers=HEADERS).status_code == 303


def test_a_device_that_opens_all_streams_of_news_leaves_some_to_others(standin: Standin) -> None:
    """By name all devices come from the router's own address, so that can't tell them apart."""
    page = visitor(create_app(Control(str(standin.path)), f"{HOST},127.0.0.1"))
    with contextlib.ExitStack() as streams:
        for mac, status in [(TV, 200)] * STREAMS_EACH + [(TV, 503), (LAPTOP, 200)]:
            standin.me = mac
            answer = streams.enter_context(page.get("/events", headers=HEADERS, buffered=False))
            assert answer.status_code == status


# --- forms -----------------------------------------------------------------------------------


@pytest.fixture
def page(standin: Standin) -> FlaskClient:
    return visitor(create_app(Control(str(standin.path)), HOST))


def test_a_form_without_its_secret_changes_nothing(page: FlaskClient, standin: Standin) -> None:
    del page.environ_base["HTTP_X_MANYWAYS_CSRF"]
    for secret in (None, "", SECRET[:-1], "ä", "x" * 65):
        form = {"destination": "de", **({} if secret is None else {"csrf": secret})}
        answer = page.post(f"/devices/{TV}/assign", data=form, headers=HEADERS)
        assert answer.status_code in (400, 403)
    assert standin.asked == []
    form = {"destination": "de", "csrf": SECRET}
    assert page.post(f"/devices/{TV}/assign", data=form, headers=HEADERS).status_code == 303


def test_another_visitors_secret_will_not_do(page: FlaskClient, standin: Standin) -> None:
    stranger = page.application.test_client()
    answer = stranger.post(
        f"/devices/{TV}/assign", data={"destination": "de", "csrf": SECRET}, headers=HEADERS
    )
    assert answer.status_code == 403
    assert standin.asked == []


@pytest.mark.parametrize(
    "form",
    [
        {"destination": "de", "more": "1"},
        {"destination": ["de", "uk"]},
        {"destination": "d" * 65},
        {"destination": "d\x00e"},
    ],
)
def test_what_no_view_has_named_is_refused(
    page: FlaskClient, standin: Standin, form: dict[str, object]
) -> None:
    answer = page.post(f"/devices/{TV}/assign", data=form, headers=HEADERS)
    assert (answer.status_code, "That was not done" in answer.text) == (400, True)
    assert standin.asked == []


def test_every_view_that_changes_something_says_what_it_needs(page: FlaskClient) -> None:
    app = page.application
    changing = [
        entry.endpoint for entry in app.url_map.iter_rules() if "POST" in (entry.methods or ())
    ]
    assert len(changing) > 5
    for endpoint in changing:
        found = rule_of(app, endpoint)
        assert found is not None, f"{endpoint} has no rule"
        assert found.need in {OPEN, "itself", "own", "change", "keep"}, endpoint
        assert found.need != "itself" or endpoint == "api.hand_on"
        assert found.need != OPEN or endpoint.startswith("access."), endpoint


def test_a_changing_view_without_a_rule_is_refused(page: FlaskClient) -> None:
    page.application.add_url_rule("/forgot", "forgot", lambda: "done", methods=["GET", "POST"])
    assert page.post("/forgot", headers=HEADERS).status_code == 403
    assert page.get("/forgot", headers=HEADERS).text == "done"


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/settings?said=policy", "/settings?said=policy"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("http://evil.example/", "/"),
        ("settings", "/"),
        ("/\r\nX: y", "/"),
        ("/\t/evil.example", "/"),
        ("https:/evil", "/"),
        ("///evil", "/"),
    ],
)
def test_after_logging_in_one_stays_here(wanted: str, goes: str) -> None:
    assert inside(wanted) == goes


def test_without_the_daemon_there_is_no_key_and_no_visit(tmp_path: Path) -> None:
    app = create_app(Control(str(tmp_path / "nobody.sock")), HOST)
    answer = app.test_client().post("/login", data={"password": GOOD}, headers=HEADERS)
    assert answer.status_code == 503
    sessions = app.session_interface
    assert isinstance(sessions, KeyedSessions)
    assert sessions.get_signing_serializer(app) is None


# --- what a view asks of the daemon --------------------------------------------------------------


class _Counted(Control):
    """The daemon's client, which writes down what it was asked; `hangs` as one that is stuck."""

    def __init__(self, path: Path, *, hangs: bool = False) -> None:
        super().__init__(str(path))
        self.hangs = hangs
        self.asked: list[str] = []

    def on_behalf_of(self, peer: str, token: str = "") -> Control:
        return self

    def call(self, method: str, path: str, *rest: Any) -> dict[str, object]:
        self.asked.append(path)
        if self.hangs:
            raise Unreachable("the Manyways daemon did not answer", "it may be busy")
        return super().call(method, path, *rest)


def test_a_daemon_that_hangs_is_waited_for_once_by_each_request(tmp_path: Path) -> None:
    control = _Counted(tmp_path / "nobody", hangs=True)
    app = create_app(control, HOST)
    assert Browser(app).get("/").status_code == 503
    assert control.asked == ["/page-key", "/access"]


@pytest.mark.parametrize("policy", ["everybody", "own"])
def test_a_view_asks_three_questions_whatever_the_policy_is(
    tmp_path: Path, policy: Literal["everybody", "own"]
) -> None:
    with serve(Standin(tmp_path / "control.sock", healthy())) as daemon:
        daemon.access = {"password": True, "policy": policy, "generation": 1, "damaged": False}
        control = _Counted(daemon.path)
        assert Browser(create_app(control, HOST)).get("/").status_code == 200
    assert sorted(control.asked) == ["/access", "/page-key", "/status", "/whoami"]
