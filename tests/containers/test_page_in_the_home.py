"""The page as the family uses it: in a browser on a device, against the living router."""

from __future__ import annotations

import contextlib
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from tests.containers import home
from tests.containers.browser import PAGE, Browsers, browsers
from tests.containers.device import Programs
from tests.containers.router import ORCHESTRATOR, Router

AT_ONCE_MS = 1000  # two browsers see each other's change within a second


@pytest.fixture
def browse(router: Router) -> Iterator[Browsers]:
    with browsers() as running:
        yield running


class Row:
    """One device as the page shows it."""

    def __init__(self, page: Page, device: dict[str, Any]) -> None:
        self.page = page
        self._id = f"#device-{device['mac'].replace(':', '-')}"

    @property
    def row(self) -> Locator:
        return self.page.locator(self._id)

    @property
    def way(self) -> Locator:
        """The control that shows the destination and opens the choice."""
        return self.page.locator(f"{self._id}-way")

    def part(self, name: str) -> Locator:
        return self.page.locator(f"{self._id}-{name}")

    def switch(self, destination: str, span: str = "") -> None:
        """Two taps, or three with a time."""
        self.way.click()
        if span:
            self.part("pick").get_by_label(span).check()
        self.part(f"to-{destination}").click()


def _notice(page: Page) -> Locator:
    return page.locator("#notice")


def _device(router: Router, name: str) -> dict[str, Any]:
    device: dict[str, Any] = router.devices()[name]
    return device


@pytest.mark.parametrize("url", [PAGE, "http://192.168.77.1/", "http://manyways/"])
def test_every_device_reaches_the_page_and_is_shown_first(browse: Browsers, url: str) -> None:
    for device in ("tv", "laptop", "phone"):
        page = browse.open(device, url)
        expect(page.locator("#mine").get_by_role("heading", level=3)).to_have_text(device)


def test_nobody_outside_reaches_it(browse: Browsers, router: Router) -> None:
    """The house's own router is the nearest that the world comes to ours."""
    outside = browse.browser("house").new_page()
    for address in ("192.168.77.1", *(router.uplink_address(d) for d in ("direct", "uk", "de"))):
        with pytest.raises(Error, match=r"ERR_(CONNECTION|ADDRESS)|Timeout"):
            outside.goto(f"http://{address}/", timeout=4000)


def test_a_device_is_switched_while_it_downloads_and_switched_back(
    browse: Browsers, router: Router, programs: Programs
) -> None:
    download = programs.start("tv", "download", "500000")
    download.wait_for(" in ")
    page = browse.open("laptop")
    tv = Row(page, _device(router, "tv"))
    tv.switch("uk")
    assert "reset" in download.wait_for("cut:", 5)
    expect(_notice(page)).to_contain_text(re.compile(r"\d+ connections? cut in .* ms"))
    expect(_notice(page)).to_contain_text("United Kingdom")
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    _notice(page).get_by_role("button", name="Undo").click()
    home.wait_for("tv is back", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["direct"], 5)
    expect(tv.way).to_contain_text("direct")


def test_two_browsers_see_each_others_change_within_a_second(
    browse: Browsers, router: Router
) -> None:
    mine, other = browse.open("laptop"), browse.open("phone")
    here, there = (Row(page, _device(router, "tv")) for page in (mine, other))
    for destination in ("uk", "de", "direct"):
        here.switch(destination)
        expect(there.way).to_contain_text(destination, timeout=AT_ONCE_MS + 500)


def test_a_timed_switch_goes_back_by_itself_also_after_a_new_start(
    browse: Browsers, router: Router
) -> None:
    page = browse.open("laptop")
    tv = Row(page, _device(router, "tv"))
    tv.switch("uk", "30 min")
    expect(tv.row).to_contain_text("then back to")
    assert _device(router, "tv")["until"]
    assert router.command("assign", "tv", "uk", "--for", "1m").returncode == 0
    home.docker("kill", "--signal", "KILL", ORCHESTRATOR)
    home.docker("start", ORCHESTRATOR)
    router.wait_until_healthy()
    assert _device(router, "tv")["back_to"] == "direct"
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"]
    expect(tv.way).to_contain_text("direct", timeout=90_000)
    expect(tv.row).not_to_contain_text("then back to")
    assert home.seen_as("tv") == home.PUBLIC_ADDRESS["direct"]


def test_a_name_in_a_persons_own_words(browse: Browsers, router: Router) -> None:
    page = browse.open("laptop")
    tv = Row(page, _device(router, "tv"))
    tv.part("summary").click()
    tv.part("input").fill("Grandma's TV")
    tv.part("save").click()
    try:
        expect(tv.row.get_by_role("heading")).to_have_text("Grandma's TV")
        assert _device(router, "grandmas-tv")["title"] == "Grandma's TV"
        home.wait_for(
            "its name resolves", lambda: home.run("tv", "dig", "+short", "grandmas-tv.lan")
        )
    finally:
        assert router.command("rename", "Grandma's TV", "tv").returncode == 0


def test_a_paused_destination_and_a_device_that_sees_why(browse: Browsers, router: Router) -> None:
    router.assign("tv", "uk")
    page = browse.open("laptop", f"{PAGE}destinations")
    uk = page.locator("#way-uk")
    uk.get_by_role("button", name=re.compile("^Pause")).click()
    expect(uk).to_contain_text("Paused")
    refused = home.attempt("tv", "curl", "-sS", "--max-time", "5", f"{home.WEB}/ip")
    assert refused.returncode == 7
    # By its name, although nothing else of this device resolves.
    cut_off = browse.open("tv")
    mine = cut_off.locator("#mine")
    expect(mine.get_by_role("heading", level=3)).to_have_text("tv")
    expect(mine).to_contain_text("paused")
    uk.get_by_role("button", name=re.compile("^Resume")).click()
    home.wait_for("tv gets out", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], 10)
    expect(mine).not_to_contain_text("paused", timeout=10_000)


DEMO = home.REPOSITORY / ".demo"


@pytest.fixture
def without_nl(router: Router) -> Iterator[None]:
    yield
    router.assign("tv", "direct")
    if any(d["added"] for d in router.status()["destinations"]):
        assert router.command("remove-vpn", "nl").returncode == 0


def test_a_third_vpn_by_its_file(
    browse: Browsers, router: Router, without_nl: None, tmp_path: Path
) -> None:
    user, password = (DEMO / "pki/uk/credentials").read_text().split()
    page = browse.open("laptop", f"{PAGE}destinations")

    def upload(profile: str, secret: str) -> None:
        file = tmp_path / "nl.ovpn"
        file.write_text(profile)
        if not page.locator("#add-file").is_visible():
            page.locator("#add-summary").click()
        page.locator("#add-file").set_input_files(file)
        page.locator("#add-name").fill("nl")
        page.locator("#add-user").fill(user)
        page.locator("#add-password").fill(secret)
        page.locator("#add-submit").click()

    good = (DEMO / "config/profiles/uk.ovpn").read_text()
    upload(f"{good}\nremote-cert-tls nobody\n", password)
    expect(page.locator("#add-problems")).to_contain_text(f"line {good.count(chr(10)) + 2}")
    upload(good, "not the password")
    nl = page.locator("#way-nl")
    expect(nl).to_contain_text("password", timeout=40_000)
    assert router.command("assign", "tv", "nl").returncode != 0
    nl.get_by_role("link", name=re.compile("another password")).click()
    upload(good, password)
    expect(nl.get_by_role("button", name=re.compile("^Pause"))).to_be_visible(timeout=60_000)
    assert password not in page.content()
    home_view = browse.open("laptop")
    Row(home_view, _device(router, "tv")).switch("nl")
    home.wait_for("tv goes by it", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], 10)
    expect(nl).to_contain_text("Let it go another way first", timeout=10_000)
    router.assign("tv", "direct")
    nl.locator("#way-nl-remove-summary").click()
    nl.locator("#way-nl-remove-yes").click()
    expect(nl).to_have_count(0)
    assert "nl" not in {d["name"] for d in router.status()["destinations"]}


@pytest.fixture
def protected(router: Router) -> Iterator[None]:
    yield
    assert router.command("password", "--remove").returncode == 0


def test_with_a_password_others_switch_their_own_device_alone(
    browse: Browsers, router: Router, protected: None
) -> None:
    page = browse.open("laptop", f"{PAGE}settings")
    page.locator("#new").fill("correct horse battery")
    page.locator("#again").fill("correct horse battery")
    page.locator("#set-password").click()
    page.locator("input[value=own]").check()
    page.locator("#set-policy").click()
    expect(_notice(page)).to_contain_text("Saved")
    by_tv = browse.open("tv")
    tv, laptop = (Row(by_tv, _device(router, name)) for name in ("tv", "laptop"))
    expect(laptop.way).to_have_count(0)
    tv.switch("uk")
    home.wait_for("tv goes by uk", lambda: home.seen_as("tv") == home.PUBLIC_ADDRESS["uk"], 10)
    forced = home.attempt(
        *("tv", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST"),
        *("--json", '{"destination": "uk"}', f"{PAGE}api/v1/devices/laptop/assign"),
    )
    assert forced.stdout in ("401", "403")
    by_tv.goto(f"{PAGE}login")
    by_tv.locator("input[type=password]").fill("correct horse battery")
    by_tv.get_by_role("button", name="Log in").click()
    expect(laptop.way).to_be_visible()


@contextlib.contextmanager
def _phone_of_a_guest(mac: str) -> Iterator[str]:
    """A phone that has just made up this address for itself."""
    environment = ("--env", "CLIENT=udhcpc", "--env", f"MAC_LAN={mac}")
    options = ("--mac-address", mac, "--hostname", "pixel", *environment)
    with home.guest("home-lan", *options, command=("/opt/home/device",)) as guest:
        home.wait_for("the phone gets out", lambda: home.seen_as(guest), 30)
        yield guest


def test_a_phone_with_a_new_private_address_is_known_again(
    browse: Browsers, router: Router
) -> None:
    old, new = (f"02:4d:5a:{secrets.token_bytes(3).hex(':')}" for _ in range(2))
    title = f"Kitchen phone {old[-2:]}"
    page = browse.open("laptop")
    with _phone_of_a_guest(old):
        assert router.command("rename", old, title).returncode == 0
        router.assign(title, "uk")
    with _phone_of_a_guest(new) as guest:
        assert home.seen_as(guest) == home.PUBLIC_ADDRESS["direct"]
        phone = Row(page, {"mac": new})
        expect(phone.row).to_contain_text(f"“{title}”", timeout=60_000)
        phone.row.get_by_role("button", name="Yes, it is").click()
        expect(phone.row.get_by_role("heading")).to_have_text(title)
        home.wait_for("it goes by uk", lambda: home.seen_as(guest) == home.PUBLIC_ADDRESS["uk"], 10)
        assert old not in {d["mac"] for d in router.devices().values()}
