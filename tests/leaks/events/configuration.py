"""Events of router.yaml: destinations that come, go and are renamed while in use; mistakes."""

from __future__ import annotations

import contextlib
import threading
import time

from orchestrator.client import ControlError
from tests.leaks import breakage
from tests.leaks.breakage import ORCHESTRATOR, Breakage
from tests.leaks.ground import CONFIG, Ground
from tests.leaks.world import Watched

EXTRAS = ("", "spare", "extra")  # from "spare" to "extra" is a destination renamed
_EXTRA = "  {}: {{type: direct, uplink: home}}\n  uk:\n"


def change(ground: Ground, extra: str) -> str | None:
    """Have a further destination, another in its place, or none; its devices go nowhere."""
    old = ground.extra
    if extra == old:
        return None
    ground.damage("configuration", frozenset({old}) if old else frozenset())
    gone = ground.leave(old)
    ground.extra = extra
    _write(ground)
    with contextlib.suppress(ControlError):
        ground.world.control.up()
        for switch in gone:
            switch.receipt_at = time.time()
    return f"destination {old or 'none'} becomes {extra or 'none'}"


def load_mistakes(ground: Ground) -> str:
    """Offer a configuration with a mistake; nothing may change."""
    CONFIG.write_text(ground.good.replace("default_destination: direct", "default_destination: d"))
    try:
        ground.world.control.up()
    except ControlError as error:
        if error.status not in (409, 503):
            raise
    else:
        raise Watched("a configuration with a mistake was taken in")
    finally:
        _write(ground)
    ground.broken.setdefault("configuration", Breakage("configuration"))
    return "a configuration with a mistake"


def kill_in_an_apply(ground: Ground, extra: str, after: float) -> str | None:
    """SIGKILL the orchestrator `after` seconds from the beginning of an apply on."""
    if extra == ground.extra:
        return None
    killer = threading.Timer(after, breakage.crash, [ORCHESTRATOR])
    killer.start()
    said = change(ground, extra)
    killer.join()
    return f"SIGKILL the orchestrator while {said}"


def _write(ground: Ground) -> None:
    text = ground.good
    if ground.extra:
        text = text.replace("  uk:\n", _EXTRA.format(ground.extra), 1)
    CONFIG.write_text(text)


def pause(ground: Ground, destination: str) -> str | None:
    """Pause a destination; its devices are nowhere until it is resumed."""
    if destination in ground.paused:
        return None
    gone = ground.leave(destination)
    # Said until it is done: an orchestrator that is just starting has not heard it.
    ground.insist("a pause", lambda: ground.world.control.pause(destination))
    for switch in gone:
        switch.receipt_at = time.time()
    ground.paused.add(destination)
    return f"pause destination {destination}"


def resume(ground: Ground, destination: str) -> str | None:
    """Resume what is paused; its devices, and those sent there meanwhile, go by it again."""
    if destination not in ground.paused:
        return None
    ground.resume(destination)
    return f"resume destination {destination}"
