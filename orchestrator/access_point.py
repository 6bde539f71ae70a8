"""How the access point is, in words with a cure, and who is on it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.client import words
from orchestrator.model import Config, ObservedContainer, Wifi
from orchestrator.stations import is_fresh, joined, max_stations
from orchestrator.wifi import WifiStatus

_CURES = {
    "waiting": "to learn what holds it, type on the router: orchestrator doctor",
    "failed": "check country, band and channel in router.yaml; more: orchestrator logs hostapd",
}
_CAUSES = {"waiting": "its radio is not there", "failed": "the Wi-Fi can't be switched on"}


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """The access point as it was seen. `now` is in seconds of CLOCK_BOOTTIME."""

    wifi: Wifi
    container: ObservedContainer | None
    said: WifiStatus | None
    now: float

    @property
    def status(self) -> WifiStatus | None:
        """What it says now; None when what it said is old, or its container does not run."""
        runs = self.container is not None and self.container.running
        fresh = runs and self.said is not None and is_fresh(self.said, self.now)
        return self.said if fresh else None

    @property
    def trouble(self) -> tuple[str, str]:
        """Return its state as a word of the API, and what is wrong with what would help."""
        status = self.status
        if status is None:
            return self._silence()
        if status.state in _CURES:
            cause = status.message.rstrip(" .;") or _CAUSES[status.state]
            return status.state, f"{cause}; {_CURES[status.state]}"
        return status.state, self._limit(status) or status.message

    @property
    def is_full(self) -> bool:
        return self.status is not None and bool(self._limit(self.status))

    def _silence(self) -> tuple[str, str]:
        if self.container is None:
            return "failed", "its container is not there"
        if not self.container.running:
            return "failed", "its container does not run"
        if self.said is None or self.said.updated > self.now:  # or before the last reboot
            return "starting", "it has not said anything yet"
        return "failed", f"silent for {self.now - self.said.updated:.0f} s"

    def _limit(self, status: WifiStatus) -> str:
        count, most = len(joined(status)), max_stations(status)
        if most is None or count < most:
            return ""
        return (
            f"the radio takes {most} devices at once and has {count}, so no other can join;"
            " connect some by cable, or by an access point behind the home's port"
        )

    def service(self) -> tuple[str, str]:
        """Return the state and message of the service `hostapd`."""
        state, message = self.trouble
        if state == "on":
            return ("degraded", message) if self.is_full else ("ok", "")
        return {"starting": "degraded"}.get(state, "failed"), message or "it is starting"

    def report(self) -> words.Wifi:
        """Return it as the API tells it."""
        state, message = self.trouble
        status = self.status
        on = [ssid for ssid, _ in joined(status).values()] if status else []
        return {
            "state": state,  # type: ignore[typeddict-item]
            "message": message,
            "channel": status.channel if status else None,
            "max_stations": max_stations(status) if status else None,
            "networks": [
                {
                    "ssid": network.ssid,
                    "hidden": network.hidden,
                    "security": network.security.value,
                    "destination": network.destination or "",
                    "stations": on.count(network.ssid),
                }
                for network in self.wifi.networks
            ],
        }

    def joined(self, mac: str) -> words.Joined | None:
        """Return on which network a device is now, and how well it is heard."""
        found = joined(self.status).get(mac) if self.status else None
        return {"ssid": found[0], "signal_dbm": found[1].signal_dbm} if found else None


def access_point(
    config: Config, container: ObservedContainer | None, said: WifiStatus | None, now: float
) -> AccessPoint | None:
    """Return the access point; None when none is configured."""
    return AccessPoint(config.wifi, container, said, now) if config.wifi else None
