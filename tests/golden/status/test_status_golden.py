"""What a person reads, letter by letter. MANYWAYS_GOLDEN=write writes the texts anew."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from orchestrator import status as show
from orchestrator import wifi_text
from orchestrator.client import Action
from orchestrator.tree import Style
from tests.web.reports import (
    INVITATION,
    degraded,
    dhcp_trouble,
    empty,
    healthy,
    no_radio,
    on_probation,
    on_trial,
    pause_receipt,
    paused,
    receipt,
    timed,
    trial,
    unconfigured,
    wireless,
)

HERE = Path(__file__).parent
END = "2026-01-01T22:30:00+00:00"
AT_HOME = Style(now=datetime(2026, 1, 1, 13, tzinfo=timezone(timedelta(hours=1))))
ACTIONS: list[Action] = [
    {"verb": "create network", "target": "manyways-transit-uk", "reason": "it is missing"},
    {
        "verb": "create container",
        "target": "manyways-egress-uk",
        "reason": "its image changed from manyways/egress:1 to manyways/egress:2",
    },
]
TEXTS = {
    "healthy": lambda: show.status_text(healthy(), Style()),
    "degraded": lambda: show.status_text(degraded(), Style()),
    "degraded-ascii": lambda: show.status_text(degraded(), Style(unicode=False)),
    "degraded-colour": lambda: show.status_text(degraded(), Style(colour=True)),
    "dhcp-another": lambda: show.status_text(dhcp_trouble("another"), Style()),
    "dhcp-nearly-full": lambda: show.status_text(dhcp_trouble("nearly full"), Style()),
    "dhcp-full": lambda: show.status_text(dhcp_trouble("full"), Style()),
    "dhcp-unknown": lambda: show.status_text(dhcp_trouble("unknown"), Style()),
    "unconfigured": lambda: show.status_text(unconfigured(), Style()),
    "empty": lambda: show.status_text(empty(), Style()),
    "on-trial": lambda: show.status_text(on_trial(), Style()),
    "trials": lambda: "\n".join(show.trial_text(trial(accepted)) for accepted in (True, False)),
    "stopped": lambda: show.status_text({**healthy(), "stopped": True}, Style()),
    "devices": lambda: show.devices_text(degraded()["devices"], Style()),
    "no-devices": lambda: show.devices_text([], Style()),
    "receipt": lambda: show.receipt_text(receipt(), Style()),
    "receipt-paused": lambda: show.receipt_text({**receipt(), "note": "uk is paused"}, Style()),
    "receipt-timed": lambda: "\n".join(
        show.receipt_text({**receipt(old), "until": END}, style)
        for old in ("direct", "uk")
        for style in (AT_HOME, Style())
    ),
    "timed": lambda: show.status_text(timed(), AT_HOME),
    "devices-timed": lambda: show.devices_text(timed()["devices"], AT_HOME),
    "paused": lambda: show.status_text(paused(), Style()),
    "pauses": lambda: "\n".join(
        show.pause_text(pause_receipt(paused, changed))
        for paused in (True, False)
        for changed in (True, False)
    ),
    "probation": lambda: show.status_text(on_probation(), Style()),
    "wifi": lambda: show.status_text(wireless(), Style()),
    "wifi-none": lambda: show.status_text(no_radio(), Style()),
    "wifi-devices": lambda: show.devices_text(wireless()["devices"], Style()),
    "wifi-stations": lambda: wifi_text.wifi_text(wireless(None), Style()),
    "wifi-join": lambda: wifi_text.invitation_text(INVITATION, Style()),
    "wifi-join-ascii": lambda: wifi_text.invitation_text(INVITATION, Style(unicode=False)),
    "actions": lambda: show.actions_text(ACTIONS, "", Style()),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text(name: str) -> None:
    text, path = TEXTS[name]() + "\n", HERE / f"{name}.txt"
    if os.environ.get("MANYWAYS_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")
