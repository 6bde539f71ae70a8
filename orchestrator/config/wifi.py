"""The `wifi` section: the access point of this machine's own radio. No message holds a secret."""

from __future__ import annotations

from orchestrator.config import countries, values
from orchestrator.config.errors import nearest
from orchestrator.config.reader import Section
from orchestrator.config.values import Bad
from orchestrator.config.wifi_limits import check_radio
from orchestrator.model import Band, HostFacts, Security, Wifi, WifiNetwork
from orchestrator.wifi import CHANNELS

KEYS = ("country", "radio", "band", "channel", "networks")
NETWORK_KEYS = ("ssid", "passphrase", "security", "hidden", "isolation", "destination")
AUTO = 0  # the channel, while None means that it is wrong


def read_wifi(root: Section, destinations: list[str], host: HostFacts | None) -> Wifi | None:
    """The access point; None when there is none, or when something in it is wrong."""
    if root.said("wifi") is None:
        return None
    before = len(root.findings.errors)
    section = root.section("wifi", KEYS)
    if not root.is_block("wifi"):
        return None
    country = section.needed("country", countries.country, "GB")
    radio = section.value("radio", values.interface)
    band = section.value("band", _band, Band.AUTO)
    channel = section.value("channel", _channel, AUTO)
    if channel and band and band is not Band.AUTO and channel not in CHANNELS[band]:
        section.error(
            "channel",
            f"{channel} is no channel of {band} GHz",
            f"write auto, or one of {_listed(CHANNELS[band])}",
        )
    networks = _networks(section, destinations)
    if len(root.findings.errors) > before or country is None or band is None:
        return None
    wifi = Wifi(country, tuple(network for _, network in networks), radio, band, channel or None)
    check_radio(section, [block for block, _ in networks], wifi, host)
    return wifi


def _networks(section: Section, destinations: list[str]) -> list[tuple[Section, WifiNetwork]]:
    example = "ssid: Home"
    if section.said("networks") is None:
        section.error("networks", "is missing", f"begin its first entry with `- {example}`")
        return []
    before = len(section.findings.errors)
    blocks = section.sections("networks", NETWORK_KEYS, example)
    if not blocks and len(section.findings.errors) == before:
        section.error("networks", "is an empty list", f"begin its first entry with `- {example}`")
    seen: dict[str, str] = {}
    networks = [(block, _network(block, destinations, seen)) for block in blocks]
    return [(block, network) for block, network in networks if network]


def _network(section: Section, destinations: list[str], seen: dict[str, str]) -> WifiNetwork | None:
    ssid = section.needed("ssid", _ssid, "Home")
    passphrase = section.needed("passphrase", _passphrase, "…` with 8 to 63 characters, not `…")
    security = section.value("security", _security, Security.AUTO)
    hidden = section.value("hidden", _yes, False)
    isolation = section.value("isolation", _yes, False)
    destination = section.value("destination", str)
    if destination is not None and destination not in destinations:
        section.error(
            "destination",
            f"there is no destination '{destination}'",
            nearest(destination, destinations),
        )
    if ssid is None or passphrase is None or security is None:
        return None
    if ssid in seen:
        section.error(
            "ssid", f"'{ssid}' is already given in {seen[ssid]}", "give each network its own name"
        )
    seen.setdefault(ssid, f"{section.where} (line {section.line('ssid')})")
    return WifiNetwork(ssid, passphrase, security, bool(hidden), bool(isolation), destination)


def _ssid(text: str) -> str:
    """A network's name: 1 to 32 bytes of UTF-8."""
    if not text or not text.isprintable():
        raise Bad("this cannot be a network's name", "use letters, digits and spaces, such as Home")
    size = len(text.encode("utf-8", "replace"))
    if size > 32:
        raise Bad(
            f"the name has {size} bytes, and at most 32 are possible",
            "write a shorter one; a letter that is not English counts twice or more",
        )
    return text


def _passphrase(text: str) -> str:
    """8 to 63 printable ASCII characters. The text is not repeated."""
    if not all(" " <= char <= "~" for char in text):
        raise Bad(
            "the passphrase holds a character that not every device can type",
            "use English letters, digits, spaces and the signs of an American keyboard",
        )
    if len(text) < 8:
        raise Bad("the passphrase is too short", "use at least 8 characters, better 12 or more")
    if len(text) > 63:
        raise Bad("the passphrase is too long", "use at most 63 characters")
    return text


def _band(text: str) -> Band:
    try:
        return Band(text.strip().lower().removesuffix("ghz").strip())
    except ValueError:
        raise Bad(f"{values.quoted(text)} is no band", "write auto, 2.4 or 5") from None


def _channel(text: str) -> int:
    if text.strip().lower() == "auto":
        return AUTO
    every = [channel for channels in CHANNELS.values() for channel in channels]
    if not text.isascii() or not text.isdigit() or len(text) > 3 or int(text) not in every:
        hint = f"write auto, or one of {_listed(every)}"
        raise Bad(f"{values.quoted(text)} is no channel", hint)
    return int(text)


def _security(text: str) -> Security:
    try:
        return Security(text.replace(" ", "").lower())
    except ValueError:
        hint = "write auto, wpa2, wpa2+wpa3 or wpa3"
        raise Bad(f"{values.quoted(text)} is no security of a network", hint) from None


def _yes(text: str) -> bool:
    words = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}
    try:
        return words[text.strip().lower()]
    except KeyError:
        raise Bad(f"{values.quoted(text)} is neither yes nor no", "write yes or no") from None


def _listed(channels: list[int] | tuple[int, ...]) -> str:
    return ", ".join(map(str, channels))
