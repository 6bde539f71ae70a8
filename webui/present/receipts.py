"""What a person is told right after a switch."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.client import Destination, Receipt, Status
from webui.present import common
from webui.present.common import Notice, as_sentence
from webui.texts import texts


def moved(status: Status, macs: Sequence[str], *, undone: bool = False) -> Notice | None:
    """What the person is told right after a switch of these devices."""
    t = texts()
    found = [d for d in status["devices"] if d["mac"] in macs and d["receipt"]]
    receipts = [d["receipt"] for d in found if d["receipt"]]
    if not receipts:
        return None
    undo = tuple(d["mac"] for d in found if d["can_undo"]) if not undone else ()
    last = receipts[0]
    ways = {d["name"]: d for d in status["destinations"]}
    way = ways.get(last["new"])
    title = way["title"] if way else last["new"]
    works = way is not None and way["state"] in ("ok", "degraded")
    seen = common.country(way["country"]) if way and works and way["kind"] != "direct" else ""
    if len(receipts) > 1:
        same = {receipt["new"] for receipt in receipts} == {last["new"]}
        key = "receipt.several" if same else "receipt.several_back"
        text = t(key, count=len(receipts), way=title, cut=common.cut_of_all(receipts))
    elif last["old"] == last["new"]:
        return Notice(t("receipt.already", device=found[0]["title"], way=title))
    else:
        key = "receipt.moved_seen" if seen else "receipt.moved"
        values = {"device": found[0]["title"], "way": title, "country": seen}
        text = t(key, cut=common.cut(last), **values)
    return Notice(f"{text} {_but(way, last)}".strip(), undo=undo)


def _but(way: Destination | None, last: Receipt) -> str:
    """Why nothing gets out although the switch was made; empty when it does."""
    state = way["state"] if way else ""
    if way and state in ("paused", "down", "starting"):
        return texts()(f"receipt.but.{state}", way=way["title"])
    return as_sentence(last["note"]) if state not in ("ok", "degraded") else ""
