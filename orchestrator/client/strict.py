"""JSON as it is accepted from a network: the daemon and the page read it alike.

Python's reader is generous: it takes the last of two equal names, NaN, and numbers of any
length. What two programs may read differently, an attacker can use; so that is refused.
"""

from __future__ import annotations

import json
import math

DEEPEST = 20
LONGEST_NUMBER = 40  # characters


class NotStrict(ValueError):
    """Why a text is not accepted, as a sentence for a person."""


def read_object(raw: bytes) -> dict[str, object]:
    """Return the JSON object in `raw`. Raises NotStrict."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrict("the request's body is no text in UTF-8") from None
    try:
        found = json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_integer,
            parse_float=_real,
            parse_constant=_constant,
        )
    except NotStrict:
        raise
    except (ValueError, RecursionError):
        raise NotStrict("the request's body is no JSON object") from None
    if not isinstance(found, dict):
        raise NotStrict("the request's body is no JSON object")
    _inspect(found, DEEPEST)
    return found


def _inspect(value: object, levels: int) -> None:
    """Refuse what is nested deeper than `levels`, and text that no encoding can hold."""
    if isinstance(value, str):
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            raise NotStrict("the request's body holds half a letter (a lone surrogate)")
    elif isinstance(value, (dict, list)):
        if levels == 0:
            raise NotStrict("the request's body is nested too deeply")
        for part in (*value.keys(), *value.values()) if isinstance(value, dict) else value:
            _inspect(part, levels - 1)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise NotStrict("a name stands twice in the request's body")
        found[name] = value
    return found


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise NotStrict("a number in the request's body is too long")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if len(digits) > LONGEST_NUMBER or not math.isfinite(value):
        raise NotStrict("a number in the request's body is too large")
    return value


def _constant(word: str) -> float:
    raise NotStrict(f"{word} is no JSON")
