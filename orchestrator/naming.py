"""What devices are called: a label for the home's DNS, and a title for people.

A title is what somebody typed ("Grandma's iPad", "Küche", "电视"), or else what is known of the
device; the label is made from it. What a device says of itself is a stranger's text, so it is
cleaned and shortened before anybody sees it.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator

from orchestrator.model import Config
from orchestrator.refusal import Refused
from orchestrator.store import KnownDevice, State

# The last two: Windows takes orders from whoever has these names.
RESERVED_NAMES = frozenset(("manyways", "router", "localhost", "wpad", "isatap"))
LONGEST_TITLE = 40
_JOINERS = "\u200c\u200d"  # inside of Persian words, and of emoji that are several people
_APOSTROPHES = re.compile(r"['`´‘’ʼ]")
_INVISIBLE = ("M", "Z", "C")  # marks, spaces, and what controls

Maker = Callable[[str], str]  # of a MAC address; "" when unknown


def as_label(text: str) -> str:
    """Turn what a device calls itself into a DNS label (RFC 1123), or "" when nothing is left."""
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")[:63].strip("-")


def title_label(title: str) -> str:
    """Turn a person's name for a device into a DNS label, or "" when nothing is left."""
    plain = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", title).casefold())  # ß → ss
    return as_label("".join(c for c in plain if not unicodedata.combining(c)))


def names(config: Config, state: State) -> dict[str, str]:
    """Return {MAC: label}, unique and fit for DNS.

    A person's word comes before router.yaml's, that before the device's own; the numbers make
    two devices of one name `tv` and `tv-2`, always in the same order.
    """
    configured = {d.mac: d.name for d in config.devices}
    # Python sorts stably: among equals the order stays that in which they became known.
    ranked = sorted(state.devices, key=lambda d: (not d.name, d.mac not in configured))
    taken = set(RESERVED_NAMES)
    result = {}
    for device in ranked:
        name = _unused(_own_label(device, configured.get(device.mac)), taken)
        taken.add(name)
        result[device.mac] = name
    return {device.mac: result[device.mac] for device in state.devices}


def _own_label(device: KnownDevice, configured: str | None) -> str:
    said = title_label(device.name) if device.name else configured or as_label(device.hostname)
    return said or "device-" + device.mac.replace(":", "")[-6:]


def _unused(base: str, taken: set[str]) -> str:
    candidates = (f"{base[: 63 - len(suffix)]}{suffix}" for suffix in _suffixes())
    return next(name for name in candidates if name not in taken)


def _suffixes() -> Iterator[str]:
    yield ""
    for number in itertools.count(2):
        yield f"-{number}"


def titles(config: Config, state: State, maker: Maker) -> dict[str, str]:
    """Return {MAC: what people call it}; not always unique."""
    configured = {d.mac: d.name for d in config.devices}
    return {
        d.mac: d.name or configured.get(d.mac) or shown(d.hostname) or _described(d.mac, maker)
        for d in state.devices
    }


def _described(mac: str, maker: Maker) -> str:
    made_by = "" if is_private(mac) else maker(mac)
    return f"{made_by} device" if made_by else f"Device {mac[-5:]}"


def is_private(mac: str) -> bool:
    """Say whether a MAC address is made up (IEEE 802: locally administered), as phones do."""
    return bool(int(mac[:2], 16) & 2)


def shown(text: str) -> str:
    """Return what a device says of itself as one short line that nothing obeys."""
    visible = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", text))
    line = " ".join(visible.split())
    return line if len(line) <= LONGEST_TITLE else f"{line[: LONGEST_TITLE - 1].rstrip()}…"


def checked_title(text: str) -> str:
    """Return a person's name for a device in its one spelling. Raises Refused."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in text)
    title = re.sub(" +", " ", unicodedata.normalize("NFC", spaced).strip(" "))
    if not all(c.isprintable() or c in _JOINERS for c in title):
        raise Refused(
            "a name can't hold line breaks or other invisible signs", "type it again by hand"
        )
    if all(unicodedata.category(c).startswith(_INVISIBLE) for c in title):
        raise Refused("a name needs at least one letter or sign", "such as: Kitchen TV")
    if len(title) > LONGEST_TITLE:
        message = f"a name can have {LONGEST_TITLE} letters at most; this one has {len(title)}"
        raise Refused(message, "choose a shorter one")
    return title


def check_free(config: Config, state: State, maker: Maker, mac: str, title: str) -> None:
    """See to it that nothing else goes by `title`. Raises Refused."""
    others = (names(config, state), titles(config, state, maker))
    taken = {_key(name) for given in others for m, name in given.items() if m != mac}
    label = title_label(title)
    if {_key(title), label} & (taken | RESERVED_NAMES):
        raise Refused(f"the name '{title}' is taken", "choose another one")


def by_title(config: Config, state: State, maker: Maker, wanted: str) -> list[KnownDevice]:
    """Return whose title that is. What a person typed comes before what devices say themselves."""
    key, known = _key(wanted), titles(config, state, maker)
    typed = [d for d in state.devices if d.name and _key(d.name) == key]
    return typed or [d for d in state.devices if _key(known[d.mac]) == key]


def _key(title: str) -> str:
    """Return what two titles have in common that look alike."""
    plain = unicodedata.normalize("NFKC", title).casefold()
    return " ".join("".join(c for c in plain if c not in _JOINERS).split())
