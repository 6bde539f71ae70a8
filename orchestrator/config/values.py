"""Single values: text in, typed value out, and plain words when it cannot be.

Every parser raises `Bad` with what is wrong and what would be right. They know nothing of
files, lines or other fields.
"""

from __future__ import annotations

import re
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    NetmaskValueError,
    ip_network,
)
from urllib.parse import urlsplit

from orchestrator.model import AddressRange, Kind

PRIVATE = tuple(IPv4Network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
RESERVED_DEVICES = frozenset(("manyways", "router", "localhost"))
RESERVED_DESTINATIONS = frozenset(("router", "dhcp", "webui", "orchestrator", "hostapd"))
LEASE_BOUNDS = (120, 30 * 86400)
LONGEST_TITLE = 40

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,14}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
# The kernel's limit is 15 bytes; Docker and nft want no odd characters.
_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:-]{0,14}")


class Bad(Exception):
    """A value that cannot be used: what is wrong, and what would be right."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def quoted(text: str) -> str:
    """The text, shortened and on one line, for use in a message."""
    shown = text if text.isprintable() else repr(text)[1:-1]
    return f"'{shown[:40]}…'" if len(shown) > 41 else f"'{shown}'"


def name(text: str) -> str:
    """A destination's or uplink's name: it becomes part of container and network names."""
    if not _NAME.fullmatch(text):
        raise Bad(
            f"{quoted(text)} cannot be a name",
            "use at most 15 small letters, digits and '-', with a letter or digit first",
        )
    return text


def destination_name(text: str) -> str:
    if text in RESERVED_DESTINATIONS:
        raise Bad(f"'{text}' is the name of a part of Manyways", "choose another name")
    return name(text)


def title(text: str) -> str:
    """What people call a destination."""
    found = text.strip()
    if len(found) > LONGEST_TITLE or not found.isprintable():
        raise Bad(
            f"{quoted(text)} cannot be a title",
            f"write at most {LONGEST_TITLE} letters, digits and spaces",
        )
    return found


def device_name(text: str) -> str:
    """A DNS label, made small, as DNS does not tell small from capital letters."""
    label = text.lower()
    if not _LABEL.fullmatch(label):
        raise Bad(
            f"{quoted(text)} cannot be a device's name",
            "use at most 63 letters, digits and '-', with a letter or digit first and last",
        )
    if label in RESERVED_DEVICES:
        raise Bad(f"'{label}' is a name of the router itself", "choose another name")
    return label


def interface(text: str) -> str:
    if not _INTERFACE.fullmatch(text):
        raise Bad(f"{quoted(text)} cannot be an interface", "`ip link` lists them; such as eth1")
    return text


def mac(text: str) -> str:
    """A MAC address in any common notation, as lower-case pairs with colons."""
    digits = re.sub(r"[:. -]", "", text).lower()
    groups = re.split(r"[:-]", text.lower())
    if len(groups) == 6 and all(re.fullmatch(r"[0-9a-f]{1,2}", group) for group in groups):
        digits = "".join(group.zfill(2) for group in groups)
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise Bad(f"{quoted(text)} is not a MAC address", "such as 3c:07:54:12:ab:9f")
    pairs = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    if digits == "0" * 12:
        raise Bad("00:00:00:00:00:00 is no device's MAC address", "look at the device's settings")
    if int(digits[:2], 16) & 1:
        raise Bad(
            f"{pairs} is a multicast address, which no device has", "look at the device's settings"
        )
    return pairs


def address(text: str, example: str = "192.168.77.20") -> IPv4Address:
    try:
        return IPv4Address(text.strip())
    except AddressValueError:
        if ":" in text:
            raise Bad(
                f"{quoted(text)} is not an IPv4 address",
                f"IPv6 is not possible here; such as {example}",
            ) from None
        raise Bad(f"{quoted(text)} is not an IPv4 address", f"such as {example}") from None


def server(text: str) -> IPv4Address:
    """A DNS server's address."""
    found = address(text, "9.9.9.9")
    if found.is_unspecified or found.is_multicast or found.is_loopback or found == _BROADCAST:
        raise Bad(f"{found} cannot be a DNS server", "such as 9.9.9.9")
    return found


def probed(text: str) -> IPv4Address:
    """An address on the internet that is asked whether it answers."""
    found = address(text, "193.0.14.129")
    private = any(found in network for network in PRIVATE)
    if private or found.is_unspecified or found.is_multicast or found.is_loopback:
        raise Bad(
            f"{found} is not an address on the internet",
            "such as 193.0.14.129, or [] to ask nobody",
        )
    if found == _BROADCAST:
        raise Bad(f"{found} is nobody's address", "such as 193.0.14.129, or [] to ask nobody")
    return found


_BROADCAST = IPv4Address("255.255.255.255")


def lan_address(text: str) -> IPv4Interface:
    """The router's own address with the LAN's prefix length."""
    example = "write the router's own address with the prefix length, such as 192.168.77.1/24"
    try:
        found = IPv4Interface(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise Bad(f"{quoted(text)} is not an address with a prefix length", example) from None
    network = found.network
    if "/" not in text:
        raise Bad(f"{found.ip} lacks the prefix length", f"write {found.ip}/24")
    if not any(network.subnet_of(private) for private in PRIVATE):
        raise Bad(
            f"{network} is not a private network (RFC 1918)",
            "use a part of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16, such as 192.168.77.1/24",
        )
    if not 16 <= network.prefixlen <= 28:
        raise Bad(f"a /{network.prefixlen} is not possible", "use a prefix length from /16 to /28")
    if found.ip == network.network_address:
        raise Bad(
            f"{found.ip} is the network, not an address in it",
            f"write {network.network_address + 1}/{network.prefixlen}",
        )
    if found.ip >= network.broadcast_address - 3:
        raise Bad(
            f"{found.ip} is not possible: the last addresses of {network} are used by Manyways",
            f"write {network.network_address + 1}/{network.prefixlen}",
        )
    return found


def address_range(text: str) -> AddressRange:
    first_text, dash, last_text = text.partition("-")
    if not dash:
        raise Bad(f"{quoted(text)} is not a range", "such as 192.168.77.100-192.168.77.199")
    first, last = address(first_text), address(last_text)
    if last < first:
        raise Bad(f"{first}-{last} ends before it begins", "write the lower address first")
    return AddressRange(first, last)


def duration(text: str) -> int:
    """Seconds from 12h, 30m, 1d or a plain number of seconds."""
    match = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text.strip().lower())
    if not match:
        raise Bad(f"{quoted(text)} is not a time", "such as 30m, 12h, 1d or a number of seconds")
    seconds = int(match[1]) * _UNITS[match[2]]
    if not LEASE_BOUNDS[0] <= seconds <= LEASE_BOUNDS[1]:
        raise Bad(
            f"{text} is too {'short' if seconds < LEASE_BOUNDS[0] else 'long'}",
            "write a time from 2m to 30d",
        )
    return seconds


def domain(text: str) -> str:
    found = text.lower().strip(".")
    if len(found) > 200 or not all(_LABEL.fullmatch(label) for label in found.split(".")):
        raise Bad(f"{quoted(text)} is not a domain", "such as lan or home.arpa")
    if found == "local" or found.endswith(".local"):
        raise Bad(
            "'local' belongs to multicast DNS, and devices would not ask the router",
            "such as lan or home.arpa",
        )
    return found


def transit(text: str) -> IPv4Network:
    example = "such as 10.213.0.0/16"
    try:
        network = ip_network(text, strict=False)
    except ValueError:
        raise Bad(f"{quoted(text)} is not a network", example) from None
    if not isinstance(network, IPv4Network) or network.prefixlen != 16:
        raise Bad(f"{network} is not an IPv4 network of size /16", example)
    if not any(network.subnet_of(private) for private in PRIVATE):
        raise Bad(f"{network} is not a private network (RFC 1918)", example)
    return network


def web_address(text: str) -> str:
    """An http or https URL without a user in it."""
    example = "such as http://ip.example.net/"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise Bad(f"{quoted(text)} is not a web address", example) from None
    # First, and without repeating it: it may hold a password.
    if "@" in text or re.search(r"\s", text):
        raise Bad("a web address holds neither a user name nor spaces here", example)
    labels = all(_LABEL.fullmatch(label) for label in host.lower().split("."))
    if parts.scheme not in ("http", "https") or not labels or port == 0 or not text.isascii():
        raise Bad(f"{quoted(text)} is not a web address", example)
    return text


def allowed(text: str) -> bool:
    """Whether something is allowed."""
    return _either(text, "allow", "refuse")


def refuses_new(text: str) -> bool:
    """Whether devices that nobody chose for are refused."""
    return _either(text, "refuse", "default")


def _either(text: str, true: str, false: str) -> bool:
    if text not in (true, false):
        raise Bad(f"{quoted(text)} is neither {true} nor {false}", f"write {true} or {false}")
    return text == true


def kind(text: str) -> Kind:
    try:
        return Kind(text.lower())
    except ValueError:
        raise Bad(
            f"{quoted(text)} is not a type of destination", "write direct or openvpn"
        ) from None


def static_range(text: str) -> tuple[AddressRange, int]:
    """Addresses on an uplink without DHCP: A-B/PREFIX or A/PREFIX."""
    hint = "write dhcp, or a range such as 192.168.1.240-192.168.1.245/24"
    addresses, slash, prefix = text.replace(" ", "").partition("/")
    if not slash or not re.fullmatch(r"[0-9]{1,2}", prefix) or not 8 <= int(prefix) <= 30:
        raise Bad(f"{quoted(text)} is not a range with a prefix length from /8 to /30", hint)
    found = address_range(addresses if "-" in addresses else f"{addresses}-{addresses}")
    network = IPv4Interface((found.first, int(prefix))).network
    if found.last not in network:
        raise Bad(f"{found} does not lie in one /{prefix} network", hint)
    if found.first == network.network_address or found.last == network.broadcast_address:
        raise Bad(f"{found} holds the network's first or last address", hint)
    return found, int(prefix)


def file_name(text: str) -> str:
    """A file below the configuration directory. The text is not repeated: it may be a secret."""
    parts = text.split("/")
    if text.startswith("/") or ".." in parts or not re.fullmatch(r"[\w][\w .@+/-]{0,200}", text):
        raise Bad(
            "this is not the name of a file in the configuration directory",
            "write the name of a file, such as profiles/uk.txt",
        )
    return text


def profile_name(text: str) -> str:
    found = text.removeprefix("./").removeprefix("profiles/")
    if "/" in found or found.startswith(".") or not found.isprintable():
        raise Bad("this is not the name of a file in profiles/", "such as uk.ovpn")
    return found
