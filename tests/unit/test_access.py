"""The page's password, its policy, and the keys for programs: what is kept, and what is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from orchestrator.access import FILE, TOKEN_PREFIX, TOKENS_AT_MOST, Access, Denied
from orchestrator.api import make_app
from orchestrator.client.control import FROM
from tests.unit.orchestra import Orchestra

GOOD, OTHER = "correct horse", "battery staple"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def access(tmp_path: Path, clock: Clock) -> Access:
    return Access(tmp_path, clock)


@contextmanager
def _denied(status: int, what: str = "") -> Iterator[pytest.ExceptionInfo[Denied]]:
    with pytest.raises(Denied) as caught:
        yield caught
    assert caught.value.status == status
    assert what in str(caught.value)


def test_at_first_there_is_no_password_and_everybody_may(access: Access) -> None:
    assert access.summary().items() >= {"password": False, "policy": "everybody"}.items()
    assert access.summary()["damaged"] is False
    with _denied(409, "no password is set"):
        access.log_in(GOOD, "a")


def test_a_password_is_checked_and_a_change_ends_other_visits(access: Access) -> None:
    first = access.set_password(GOOD, "", "a")
    assert access.log_in(GOOD, "a") == first
    with _denied(403, "not the password"):
        access.log_in(OTHER, "a")
    with _denied(403, "old password"):
        access.set_password(OTHER, OTHER, "a")
    second = access.set_password(OTHER, GOOD, "a")
    assert second["generation"] > first["generation"]
    with _denied(403):
        access.log_in(GOOD, "a")


def test_everything_survives_a_restart(access: Access, tmp_path: Path) -> None:
    access.set_password(GOOD, "", "a")
    access.set_policy("own")
    secret = access.make_token("house")["secret"]
    again = Access(tmp_path)
    assert again.summary() == access.summary()
    assert again.page_key() == access.page_key()
    assert again.check_token(secret)["name"] == "house"
    assert again.log_in(GOOD, "b")["policy"] == "own"


def test_nothing_secret_stands_in_the_file(access: Access, tmp_path: Path) -> None:
    access.set_password(GOOD, "", "a")
    secret = access.make_token("house")["secret"]
    text = (tmp_path / FILE).read_text()
    assert GOOD not in text
    assert secret.removeprefix(TOKEN_PREFIX) not in text
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert json.loads(text)["password"].items() >= {"n": 2**14, "r": 8, "p": 1}.items()


@pytest.mark.parametrize("word", ["short", "x" * 129, "with\nline break", "with\x00nothing"])
def test_passwords_that_will_not_do(access: Access, word: str) -> None:
    with _denied(400) as caught:
        access.set_password(word, "", "a")
    assert word not in str(caught.value)
    assert access.summary()["password"] is False


@pytest.mark.parametrize("word", ["größer als der Mond", "🦊" * 8, " " * 8, "x" * 128])
def test_any_printable_password_will_do(access: Access, word: str) -> None:
    access.set_password(word, "", "a")
    assert access.log_in(word, "a")["password"] is True


def test_an_empty_password_removes_it(access: Access) -> None:
    access.set_password(GOOD, "", "a")
    access.set_policy("password")
    with _denied(403):
        access.set_password("", "", "a")
    assert access.set_password("", GOOD, "a")["policy"] == "everybody"


def test_a_policy_needs_a_password(access: Access) -> None:
    with _denied(409, "needs a password"):
        access.set_policy("own")


def test_guessing_is_slowed_down_for_the_old_password_too(access: Access, clock: Clock) -> None:
    access.set_password(GOOD, "", "a")
    for _ in range(3):
        with _denied(403):
            access.log_in(OTHER, "a")
    for _ in range(2):
        with _denied(403):
            access.set_password("", OTHER, "a")
    with _denied(429, "too many tries") as caught:
        access.log_in(GOOD, "a")
    assert (caught.value.wait, caught.value.hint) == (5, "wait 5 seconds, then try again")
    assert access.log_in(GOOD, "b")["password"] is True
    clock.now += 5.0
    assert access.log_in(GOOD, "a")["password"] is True


def test_many_at_once_guess_no_more_often(access: Access) -> None:
    access.set_password(GOOD, "", "a")
    said: list[int] = []

    def guess() -> None:
        try:
            access.log_in(OTHER, "a")
        except Denied as error:
            said.append(error.status)

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 20
    assert said.count(403) <= 5


def test_forgotten_passwords_are_removed_on_the_router(access: Access) -> None:
    before = access.set_password(GOOD, "", "a")["generation"]
    for _ in range(9):
        with pytest.raises(Denied):
            access.log_in(OTHER, "a")
    after = access.remove_password()
    assert (after["password"], after["policy"]) == (False, "everybody")
    assert after["generation"] > before


def test_a_token_works_until_it_is_revoked(access: Access) -> None:
    made = access.make_token(" Home Assistant ")
    assert made["secret"].startswith(TOKEN_PREFIX)
    assert (made["name"], made["used_at"]) == ("Home Assistant", None)
    assert access.check_token(made["secret"])["id"] == made["id"]
    assert [token["used_at"] is None for token in access.tokens()] == [False]
    assert "secret" not in access.tokens()[0]
    access.revoke_token(made["id"])
    assert access.tokens() == []
    with _denied(401):
        access.check_token(made["secret"])
    with _denied(404):
        access.revoke_token(made["id"])


def test_use_is_written_down_once_a_day(access: Access, tmp_path: Path) -> None:
    secret = access.make_token("house")["secret"]
    access.check_token(secret)
    written = (tmp_path / FILE).stat().st_ino
    for _ in range(5):
        access.check_token(secret)
    assert (tmp_path / FILE).stat().st_ino == written


def test_tokens_are_bounded(access: Access) -> None:
    for number in range(TOKENS_AT_MOST):
        access.make_token(str(number))
    with _denied(409):
        access.make_token("one more")
    with _denied(400):
        access.make_token("\n\t")


def test_the_first_password_ends_keys_that_anybody_could_have_made(access: Access) -> None:
    access.make_token("gadget")
    access.set_password(GOOD, "", "a")
    assert access.tokens() == []
    access.make_token("house")
    access.set_password(OTHER, GOOD, "a")
    assert [token["name"] for token in access.tokens()] == ["house"]


@pytest.mark.parametrize("damage", ["garbage", "gone", "both"])
def test_what_can_not_be_read_opens_nothing(access: Access, tmp_path: Path, damage: str) -> None:
    access.set_password(GOOD, "", "a")
    secret = access.make_token("house")["secret"]
    if damage == "gone":
        (tmp_path / FILE).unlink()
    else:
        (tmp_path / FILE).write_text("{")
    if damage == "both":
        (tmp_path / f"{FILE}.previous").write_text("{")
    for _ in range(2):  # at the next start, too
        after = Access(tmp_path)
        assert after.summary()["damaged"] is True
        with _denied(409, "could not be read"):
            after.set_password(OTHER, "", "a")
        with _denied(409):
            after.set_policy("everybody")
        with _denied(409):
            after.make_token("x")
        with _denied(401):
            after.check_token(secret)
    opened = after.remove_password()
    assert (opened["damaged"], opened["password"]) == (False, False)
    assert Access(tmp_path).summary() == opened


@pytest.fixture
def api(tmp_path: Path) -> FlaskClient:
    return make_app(Orchestra(tmp_path).service).test_client()


def test_over_the_api(api: FlaskClient) -> None:
    browser = {FROM: "192.168.77.50:1234"}
    said = api.post("/api/v1/password", json={"password": GOOD}, headers=browser)
    assert said.get_json()["password"] is True
    assert api.post("/api/v1/access", json={"policy": "own"}).get_json()["policy"] == "own"
    for port in range(6):
        headers = {FROM: f"192.168.77.50:{port}"}
        last = api.post("/api/v1/login", json={"password": OTHER}, headers=headers)
    assert (last.status_code, last.headers["Retry-After"]) == (429, "5")
    assert last.get_json()["hint"] == "wait 5 seconds, then try again"
    assert api.post("/api/v1/login", json={"password": GOOD}).status_code == 200
    token = api.post("/api/v1/tokens", json={"name": "house"}).get_json()
    assert api.post("/api/v1/check-token", json={"secret": token["secret"]}).status_code == 200
    assert api.post(f"/api/v1/tokens/{token['id']}/revoke").status_code == 200
    assert api.get("/api/v1/tokens").get_json() == {"tokens": []}
    assert len(api.get("/api/v1/page-key").get_json()["key"]) == 64
    assert api.post("/api/v1/password/remove").get_json()["password"] is False
