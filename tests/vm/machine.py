"""A machine with a kernel of its own, in QEMU: power, a shell, and what it wrote.

QEMU emulates a processor, on which every program takes ten times as long: a /dev/kvm is missing
inside most virtual machines, and inside others it is there and fails. Where it is known to be good,
MANYWAYS_VM_ACCELERATOR=kvm is quicker.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUILD = Path(__file__).parents[2] / "build/vm"
ACCELERATOR = os.environ.get("MANYWAYS_VM_ACCELERATOR", "tcg")
# From power to a shell, emulated on a busy machine.
BOOT_SECONDS = 400


@dataclass(frozen=True)
class Done:
    """A command that has ended, and both its outputs."""

    command: str
    returncode: int
    out: str

    @property
    def ok(self) -> bool:
        return self.returncode == 0


class Machine:
    """The virtual machine. Its disks are copies: they live as long as this object's QEMU."""

    def __init__(self, folder: Path) -> None:
        self._console = folder / "console.log"
        self._folder = folder
        self._qemu: subprocess.Popen[bytes] | None = None
        self._agent: socket.socket | None = None
        self._monitor: socket.socket | None = None
        self._pending = b""
        self.boot = ""

    # --- power ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Switch it on and wait for its shell."""
        options = "format=raw,if=virtio,snapshot=on,cache=unsafe"
        disks = [f"file={BUILD}/{name}.img,{options}" for name in ("root", "docker")]
        command = [
            *("setpriv", "--pdeathsig", "KILL", "nice"),  # it ends with the tests, however they end
            *("qemu-system-x86_64", "-M", "q35", "-accel", ACCELERATOR),
            *("-cpu", "max", "-smp", "2", "-m", "1024", "-nic", "none", "-display", "none"),
            *("-kernel", str(BUILD / "kernel"), "-initrd", str(BUILD / "initrd")),
            *("-append", "console=ttyS0 quiet panic=-1 mitigations=off"),
            *("-serial", f"file:{self._console}", "-device", "virtio-rng-pci"),
            *(word for disk in disks for word in ("-drive", disk)),
            *("-chardev", "socket,id=agent,path=agent,server=on,wait=off"),
            *("-device", "virtio-serial", "-device", "virtserialport,chardev=agent"),
            *("-qmp", "unix:monitor,server=on,wait=off"),
        ]
        with (self._folder / "qemu.log").open("wb") as log:
            self._qemu = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._agent = self._connect("agent")
        self._monitor = self._connect("monitor")
        self._tell("qmp_capabilities")
        self._await_shell()

    def power_cut(self) -> None:
        """Take its power away, without a word before, and give it back."""
        self._tell("system_reset")
        self._await_shell()

    def reboot(self) -> None:
        """Restart it as a person does: Docker stops its containers, the disks are written."""
        self.run("engine stop; sync; mount -o remount,ro /var/lib/docker; true", seconds=300)
        self.power_cut()

    def end(self) -> None:
        """End this QEMU, whatever state it is in."""
        for channel in (self._agent, self._monitor):
            if channel is not None:
                channel.close()
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()

    def log(self) -> str:
        """Return what it wrote on its console, and QEMU's own words."""
        files = [self._folder / "qemu.log", self._console]
        return "".join(f.read_text(errors="replace") for f in files if f.exists())

    # --- a shell --------------------------------------------------------------------------------

    def run(self, command: str, seconds: float = 120) -> Done:
        """Run a shell command in the machine; it may fail. 124 says that it took too long."""
        return self._ask(command, seconds, until=False)

    def must(self, command: str, seconds: float = 120) -> str:
        """Run a command that has to succeed, and return its output."""
        done = self.run(command, seconds)
        assert done.ok, f"{command}: {done.returncode}\n{done.out}"
        return done.out

    def until(self, command: str, seconds: float = 120) -> str:
        """Repeat a command, in the machine, until it succeeds; return its output then."""
        done = self._ask(command, seconds, until=True)
        assert done.ok, f"still not after {seconds} s: {command}: {done.returncode}\n{done.out}"
        return done.out

    def write(self, path: str, content: bytes, mode: str = "644") -> None:
        """Write a file of some kilobytes."""
        words = base64.b64encode(content).decode()
        folder, name = shlex.quote(str(Path(path).parent)), shlex.quote(path)
        self.must(f"mkdir -p {folder} && echo {words} | base64 -d >{name} && chmod {mode} {name}")

    # --- inside ---------------------------------------------------------------------------------

    def _ask(self, command: str, seconds: float, *, until: bool) -> Done:
        assert self._agent is not None
        request = {"run": command, "seconds": seconds, "until": until}
        self._agent.sendall(json.dumps(request).encode() + b"\n")
        reply = self._line(seconds + 60)
        assert "code" in reply, f"the machine restarted during: {command}"
        return Done(command, reply["code"], reply["out"])

    def _await_shell(self) -> None:
        before, end = self.boot, time.monotonic() + BOOT_SECONDS
        while time.monotonic() < end:
            reply = self._line(BOOT_SECONDS)
            if reply.get("boot", before) != before:
                self.boot = reply["boot"]
                return
        raise AssertionError(f"no shell after {BOOT_SECONDS} s:\n{self.log()[-3000:]}")

    def _line(self, seconds: float) -> dict[str, Any]:
        """Return the next line that the machine's agent says."""
        assert self._agent is not None
        self._agent.settimeout(seconds)
        while b"\n" not in self._pending:
            try:
                data = self._agent.recv(65536)
            except TimeoutError:
                raise AssertionError(f"no word for {seconds} s:\n{self.log()[-3000:]}") from None
            assert data, f"QEMU has ended:\n{self.log()[-3000:]}"
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _connect(self, name: str) -> socket.socket:
        """Connect to a socket that QEMU is about to make."""
        assert self._qemu is not None
        path, end = self._folder / name, time.monotonic() + 20
        while True:
            channel = socket.socket(socket.AF_UNIX)
            try:
                channel.connect(str(path))
            except OSError:
                channel.close()
                if self._qemu.poll() is not None or time.monotonic() > end:
                    raise AssertionError(f"QEMU does not run:\n{self.log()}") from None
                time.sleep(0.05)
            else:
                return channel

    def _tell(self, command: str) -> None:
        """Have QEMU's monitor carry out a command."""
        assert self._monitor is not None
        self._monitor.settimeout(20)
        self._monitor.sendall(json.dumps({"execute": command}).encode() + b"\n")
        said = b""
        while b'"return"' not in said:
            data = self._monitor.recv(65536)
            assert data, self.log()
            said += data
