"""The router at work in the virtual machine, and the devices and providers around it.

`guest/world` plugs it all together before the machine's programs start: wan0 and wan1 lead to two
providers, lan1 and lan2 to the devices `wired1` and `wired2`; `tablet` and `phone` have radios.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tests.vm.machine import Machine

TOP = Path(__file__).parents[2]
FOLDER = "/opt/manyways"
# The address range of each destination's provider: what a server on the internet sees.
SEEN_BY = {"direct": "192.168.10.", "other": "192.168.20."}
# mac80211_hwsim numbers its radios in their addresses.
MACS = {
    "wired1": "02:00:00:00:aa:01",
    "wired2": "02:00:00:00:aa:02",
    "tablet": "02:00:00:00:01:00",
    "phone": "02:00:00:00:02:00",
}
RADIOS = {"tablet": "wlan1", "phone": "wlan2"}
FREQUENCY = 2437  # MHz: channel 6, which the tests' access point has
CONFIG = """\
lan:
  interfaces: [lan1, lan2]
uplinks:
  home: {interface: wan0}
  fibre: {interface: wan1}
destinations:
  direct: {type: direct, uplink: home}
  other: {type: direct, uplink: fibre}
internet_probe: [203.0.113.53]
"""


class Home:
    """A house with the router in it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def install(self, config: str) -> None:
        """Do what an owner does: the files, then `docker compose up -d`, then wait."""
        for name in ("compose.yaml", "compose/no-extra-ca.pem"):
            self.machine.write(f"{FOLDER}/{name}", (TOP / name).read_bytes())
        if tag := os.environ.get("MANYWAYS_TAG"):
            self.machine.write(f"{FOLDER}/.env", f"MANYWAYS_TAG={tag}\n".encode())
        self.machine.write(f"{FOLDER}/router.yaml", config.encode())
        self.await_engine()
        self.compose_up()
        self.await_healthy()

    def compose_up(self) -> None:
        self.machine.must(f"cd {FOLDER} && docker compose up -d --no-build", 300)

    def await_engine(self) -> None:
        self.machine.until("docker version >/dev/null", 400)

    def await_healthy(self, seconds: float = 800) -> None:
        """Wait until `orchestrator status` says that all is well."""
        self.machine.until("docker exec manyways-orchestrator orchestrator status", seconds)

    def ask(self, *words: str) -> Any:
        """Return what `orchestrator WORDS --json` says, whatever its exit code."""
        command = (
            f"docker exec manyways-orchestrator orchestrator {' '.join(words)} --json 2>/dev/null"
        )
        done = self.machine.run(command, 90)
        try:
            return json.loads(done.out)
        except ValueError:
            raise AssertionError(f"{command}: {done.returncode}\n{done.out}") from None

    def name_of(self, device: str) -> str:
        """Return the name under which the router knows a device."""
        names = [d["name"] for d in self.ask("devices")["devices"] if d["mac"] == MACS[device]]
        assert len(names) == 1, (device, names)
        name: str = names[0]
        return name

    # --- a device -------------------------------------------------------------------------------

    def lease(self, device: str, interface: str, seconds: float = 120) -> str:
        """Have a device ask for an address, and return it."""
        client = f"busybox udhcpc -i {interface} -n -q -t 5 -T 2 -s /opt/guest/lease"
        self.machine.until(f"ip netns exec {device} {client}", seconds)
        shown = self.machine.must(f"ip -n {device} -4 -json address show dev {interface}")
        address: str = json.loads(shown)[0]["addr_info"][0]["local"]
        return address

    def browse(self, device: str, by: str, seconds: float = 120) -> None:
        """Wait until a device's browser is seen on the internet as a customer of `by`."""
        # By its name, so that the destination's resolver answers as well.
        self.machine.until(
            f"ip netns exec {device} curl -sS -m 8 http://web.test/ | tee /dev/stderr |"
            f" grep -q '^{SEEN_BY[by]}'",
            seconds,
        )

    # --- a device's radio -----------------------------------------------------------------------

    def join(self, device: str, ssid: str, passphrase: str, seconds: float = 120) -> None:
        """Have a device join a Wi-Fi network, and wait until it has."""
        self.start_joining(device, ssid, passphrase)
        status = f"wpa_cli -p /run/{device}/wpa -i {RADIOS[device]} status"
        self.machine.until(f"{status} | grep -q ^wpa_state=COMPLETED", seconds)

    def start_joining(self, device: str, ssid: str, passphrase: str) -> None:
        """Have a device begin to join a network, as one that was switched on just now."""
        self.leave(device)
        folder = f"/run/{device}"
        # A scan of every channel takes 11 s.
        network = (
            f"ctrl_interface={folder}/wpa\n"
            f'network={{\n ssid="{ssid}"\n psk="{passphrase}"\n key_mgmt=WPA-PSK\n'
            f" scan_freq={FREQUENCY}\n}}\n"
        )
        self.machine.write(f"{folder}/wpa.conf", network.encode(), "600")
        self.machine.must(
            f": >{folder}/wpa.log; ip netns exec {device} wpa_supplicant -B -D nl80211"
            f" -i {RADIOS[device]} -c {folder}/wpa.conf -P {folder}/wpa.pid -f {folder}/wpa.log"
        )

    def leave(self, device: str) -> None:
        """Switch a device's Wi-Fi off."""
        pid = f"/run/{device}/wpa.pid"
        self.machine.must(
            f"[ ! -s {pid} ] || {{ kill $(cat {pid}); while [ -e {pid} ]; do sleep 0.1; done; }}"
        )
