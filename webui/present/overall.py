"""How the router as a whole is: one honest headline, and what needs attention."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client import Destination, Service, Status
from webui.present.common import Tone, as_sentence, end, listed
from webui.texts import texts

_KNOWN_SERVICES = frozenset({"router", "dhcp", "webui", "hostapd"})


def alerts(status: Status) -> tuple[str, ...]:
    """What is wrong with the router as a whole; a single destination's trouble stands there."""
    t = texts()
    found = [t("alerts.stopped")] if status["stopped"] else []
    found += [said for service in status["services"] if (said := _service(service))]
    found += map(as_sentence, status["problems"])
    if status["config"]["errors"]:
        kept = status["destinations"]
        found.append(t("alerts.settings_kept" if kept else "alerts.settings"))
        found += status["config"]["errors"]  # as they are: they begin with a file's name
    return tuple(found)


def _service(service: Service) -> str:
    t, name = texts(), service["name"]
    match service["state"]:
        case "failed":
            known = name in _KNOWN_SERVICES
            usual = t(f"alerts.{name}") if known else t("alerts.service", name=name)
            return f"{usual} {as_sentence(service['message'])}".strip()
        case "degraded":
            return as_sentence(service["message"])
        case "unknown":
            return t("alerts.unchecked", why=end(service["message"]))
    return ""


def headline(status: Status, problems: Sequence[str]) -> tuple[Tone, str]:
    """The router in a few words; `problems` are its alerts."""
    t = texts()
    if status["stopped"]:
        return "bad", t("headline.stopped")
    if broken := _titles(status["destinations"], "down"):
        return "bad", t("headline.down", count=len(broken), names=listed(broken))
    if waiting := [d["title"] for d in status["devices"] if d["online"] and not d["destination"]]:
        return "warn", t("headline.waiting", count=len(waiting), names=listed(waiting[:1]))
    if problems:
        return "warn", t("headline.attention")
    if starting := _titles(status["destinations"], "starting"):
        return "warn", t("headline.starting", count=len(starting), names=listed(starting))
    if paused := _titles(status["destinations"], "paused"):
        return "warn", t("headline.paused", count=len(paused), names=listed(paused))
    if status["state"] != "healthy":
        return "warn", t("headline.attention")
    return "good", t("headline.good")


def _titles(destinations: Sequence[Destination], state: str) -> list[str]:
    """The titles of those that are so; one on trial is nobody's trouble yet."""
    return [d["title"] for d in destinations if d["state"] == state and d["offered"]]
