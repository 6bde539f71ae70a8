"""Who made a device and what it is: by lists that others keep, and by what it says of itself."""

from __future__ import annotations

import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator import kinds
from orchestrator.runtime.makers import Makers

SCRIPT = Path(__file__).parents[2] / "images/orchestrator/make-makers"
HEADER = "Registry,Assignment,Organization Name,Organization Address\n"
LISTS = {
    "oui.csv": (
        'MA-L,F01898,"Apple, Inc.",1 Infinite Loop\n'
        "MA-L,B827EB,Raspberry Pi Foundation,Mitchell Wood House\n"
        'MA-L,70B3D5,IEEE Registration Authority,"445 Hoes Lane"\n'
        "MA-L,0050C2,Private,\n"
        'MA-L,00001F,"TELCO\u202e SYSTEMS, INC. ",x\n'
    ),
    "mam.csv": "MA-M,7C477C1,IEEE MA-M holder Ltd.,x\n",
    "oui36.csv": 'MA-S,70B3D5001,"SOREDI touch systems GmbH",x\n',
}


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("make_makers", str(SCRIPT))
    spec = spec_from_loader("make_makers", loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def made(tmp_path: Path) -> Path:
    for name, rows in LISTS.items():
        (tmp_path / name).write_text(HEADER + rows)
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path], capture_output=True, timeout=20, check=True
    )
    path = tmp_path / "makers"
    path.write_bytes(done.stdout)
    return path


@pytest.mark.parametrize(
    ("mac", "maker"),
    [
        ("f0:18:98:00:00:00", "Apple"),
        ("b8:27:eb:ff:ff:ff", "Raspberry Pi Foundation"),
        ("70:b3:d5:00:1a:bc", "Soredi touch"),
        ("70:b3:d5:00:2a:bc", ""),
        ("7c:47:7c:1f:ff:ff", "IEEE MA-M holder"),
        ("7c:47:7c:2f:ff:ff", ""),
        ("00:50:c2:00:00:00", ""),
        ("00:00:1f:00:00:00", "Telco"),
        ("00:00:00:00:00:00", ""),
        ("ff:ff:ff:ff:ff:ff", ""),
    ],
)
def test_the_longest_prefix_that_is_given_away_says_who_made_it(
    made: Path, mac: str, maker: str
) -> None:
    makers = Makers(made)
    assert makers.of(mac) == maker == makers.of(mac)


def test_without_the_list_nobody_is_known(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name in ("absent", "empty"):
        assert Makers(tmp_path / name).of("f0:18:98:00:00:00") == ""


@given(
    st.dictionaries(st.text("0123456789ABCDEF", min_size=6, max_size=6), st.text("abc", min_size=1))
)
def test_every_line_is_found_and_no_other(
    tmp_path_factory: pytest.TempPathFactory, entries: dict[str, str]
) -> None:
    path = tmp_path_factory.getbasetemp() / "makers-any"
    path.write_text("".join(f"{prefix}\t{name}\n" for prefix, name in sorted(entries.items())))
    makers = Makers(path)
    for prefix in (*entries, "000000", "7FFFFF", "FFFFFF"):
        mac = ":".join(prefix[i : i + 2] for i in (0, 2, 4)) + ":00:00:00"
        assert makers.of(mac.lower()) == entries.get(prefix, "")


@pytest.mark.parametrize(
    ("formal", "spoken"),
    [
        ("Apple, Inc.", "Apple"),
        ("Samsung Electronics Co.,Ltd", "Samsung"),
        ("HUAWEI TECHNOLOGIES CO.,LTD", "Huawei"),
        ("Espressif Inc.", "Espressif"),
        ("LG Electronics (Mobile Communications)", "LG"),
        ("GUANGDONG OPPO MOBILE TELECOMMUNICATIONS CORP.,LTD", "OPPO"),
        ("Beijing Xiaomi Electronics Co., Ltd.", "Xiaomi"),
        ("Indra Sistemas S.A.", "Indra Sistemas"),
        ("Motorola Mobility LLC, a Lenovo Company", "Motorola Mobility"),
        ("Systems", "Systems"),
        ("X" * 40, "X" + "x" * 23),
    ],
)
def test_a_makers_name_as_people_say_it(script: ModuleType, formal: str, spoken: str) -> None:
    assert script.short_name(formal) == spoken


@pytest.mark.parametrize(
    ("names", "maker", "kind"),
    [
        (("", "Annas-iPhone"), "", "phone"),
        (("", "Pixel-8"), "", "phone"),
        (("", "Galaxy-S23"), "", "phone"),
        (("Kitchen phone", "x"), "", "phone"),
        (("Grandma's iPad", "iPhone"), "", "tablet"),
        (("", "Galaxy-Tab-A8"), "", "tablet"),
        (("", "MacBook-Pro-von-Jan"), "Apple", "computer"),
        (("", "DESKTOP-4F7K2"), "", "computer"),
        (("", "thinkpad-t14"), "", "computer"),
        (("", "Apple-TV"), "Apple", "tv"),
        (("", "LG_webOS_TV"), "", "tv"),
        (("", "BRAVIA-4K"), "", "tv"),
        (("", "Chromecast"), "", "tv"),
        (("", "SonosZP"), "", "speaker"),
        (("", "HomePod"), "", "speaker"),
        (("", "PS5-123"), "", "console"),
        (("", "Apple-Watch"), "", "watch"),
        (("", "Galaxy-Watch4"), "", "watch"),
        (("", "doorbell"), "", "camera"),
        (("", "HP-LaserJet"), "", "printer"),
        (("", "ESP_12AB34"), "Espressif", "thing"),
        (("", ""), "Espressif", "thing"),
        (("", ""), "Nintendo", "console"),
        (("", ""), "Sonos", "speaker"),
        (("", ""), "Brother", "printer"),
        (("", "laptop"), "Nintendo", "computer"),
        (("", "table"), "", "unknown"),
        (("", ""), "", "unknown"),
    ],
)
def test_what_a_device_probably_is(names: tuple[str, ...], maker: str, kind: str) -> None:
    assert kinds.guess(names, maker) == kind
