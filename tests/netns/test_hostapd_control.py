"""The access point's questions to a real hostapd, which has a wire in place of a radio."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from accesspoint import control, words
from tests.netns.world import Space, until

_HOSTAPD = shutil.which("hostapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(_HOSTAPD is None, reason="no hostapd on this machine")


@pytest.fixture
def hostapd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    sockets = tmp_path / "hostapd"
    monkeypatch.setattr(control, "DIRECTORY", sockets)
    monkeypatch.setattr(control, "OWN_DIRECTORY", tmp_path)
    settings = tmp_path / "hostapd.conf"
    settings.write_text(
        f"interface=wlan0\ndriver=none\nctrl_interface={sockets}\nssid2={'Café'.encode().hex()}\n"
    )
    space = Space("hostapd")
    try:
        space.run("ip link add wlan0 type veth peer name other")
        command = ["ip", "netns", "exec", space.name, str(_HOSTAPD), str(settings)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            until(lambda: (sockets / "wlan0").exists(), "hostapd's control socket")
            yield
            process.terminate()
    finally:
        space.close()


@pytest.mark.usefixtures("hostapd")
def test_its_networks_and_stations() -> None:
    status = words.parse_fields(control.ask("wlan0", "STATUS")[0])
    assert status["state"] == "ENABLED"
    assert words.networks(status) == [("wlan0", "Café")]
    assert list(control.stations("wlan0")) == []


@pytest.mark.usefixtures("hostapd")
def test_its_events_come_without_a_wait_and_so_does_their_end() -> None:
    listener = control.Control("wlan0")
    assert listener.ask("ATTACH") == "OK\n"
    assert list(listener.events()) == []
    control.ask("wlan0", "DISABLE")
    assert select.select([listener], [], [], 10)[0]
    events = list(listener.events())
    listener.close()
    assert words.is_news(events), events


@pytest.mark.usefixtures("hostapd")
def test_an_interface_that_it_does_not_have() -> None:
    with pytest.raises(control.ControlFailed, match="wlan9"):
        control.Control("wlan9")
