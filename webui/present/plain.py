"""The daemon's sentences in the words of a home.

The command line speaks to whoever looks after the router and may say "endpoint"; the page speaks
to the family. Nothing is lost: only words of the trade are exchanged.
"""

from __future__ import annotations

import re

from webui.present.common import as_sentence

_PLAIN = (
    (r"endpoint's machine", "VPN company's machine"),
    (r"endpoints", "VPN company's servers"),
    (r"endpoint", "VPN company's server"),
    (r"waits for the uplink", "waits for the house's network"),
    (r"waits for the egress", "waits for its own part of the router"),
    (r"the uplink's", "the house's network's"),
    (r"uplink", "house's network"),
    (r"waits for the tunnel", "waits for the VPN connection"),
    (r"tunnel", "VPN connection"),
    (r"its container is starting", "it is starting"),
    (r"its container is not there", "it has not been started"),
    (r"its container does not run", "it has stopped"),
    (r"egress", "part of the router"),
    (r"upstream resolver|resolver", "DNS server"),
    (r"this machine", "the router"),
    (r"the credentials file", "user name and password"),
    (r"a credentials file", "user name and password"),
    (r"credentials", "user name and password"),
)
_ADVISING = frozenset({"ask", "check", "choose", "get", "give", "load", "put", "set", "take"})
_COMPILED = tuple((re.compile(rf"(?<![\w.])(?:{word})\b"), plain) for word, plain in _PLAIN)


def plain(text: str) -> str:
    """`text` without words of the trade."""
    for pattern, said in _COMPILED:
        text = pattern.sub(said, text)
    return text


def reason_and_remedy(text: str) -> tuple[str, str]:
    """What is wrong and what to do, as sentences; the daemon parts them by a semicolon."""
    said = plain(text)
    reason, _, remedy = said.partition("; ")
    if remedy.partition(" ")[0] not in _ADVISING:
        return as_sentence(said), ""
    return as_sentence(reason), as_sentence(remedy)
