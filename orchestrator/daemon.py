"""The daemon: wires the parts together and keeps the router as it should be.

Its threads: the control API with its workers; a listener for Docker's events; one that asks who
gives out addresses (runtime/offers.py); one that takes samples while somebody looks at what flows
(live.py); and the loop here, which takes in new leases at once and everything else at the next
event or half-minute. An orderly end (SIGTERM: `docker compose down`, `stop`) takes the router
down; being killed leaves it at work, because no packet ever passes through this process. For the
same reason a thread that meets something unforeseen ends the whole process: Docker starts it
again, and half a daemon would go unnoticed.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import threading
import time
from pathlib import Path
from types import FrameType

from orchestrator import __version__, api
from orchestrator.access import Access
from orchestrator.activity import Activity
from orchestrator.added import Shelf
from orchestrator.addressing import Side, egress_container, mac_address
from orchestrator.backup.restoring import can_be_taken_in, take_in, unfinished
from orchestrator.desired import ROUTER, status_file
from orchestrator.documents import Document
from orchestrator.gates import Gates
from orchestrator.lookout import Lookout
from orchestrator.model import Config, Radio
from orchestrator.noticing import DestinationNotice, RefusalNotice
from orchestrator.reconcile import Failures, Reconciler
from orchestrator.runtime import host
from orchestrator.runtime.egress import Departures
from orchestrator.runtime.engine import ContainerEvent, Engine, EngineFailed
from orchestrator.runtime.makers import Makers
from orchestrator.runtime.namespace import started_at
from orchestrator.runtime.neighbours import NeighbourWatch
from orchestrator.runtime.offers import OfferWatch
from orchestrator.runtime.radios import Radios
from orchestrator.runtime.router import RouterLink
from orchestrator.runtime.volume import Volume
from orchestrator.service import ORCHESTRATOR, Service
from orchestrator.store import State, without_choices
from orchestrator.strangers import Strangers
from orchestrator.switch import Switchboard
from orchestrator.trials import Trials

log = logging.getLogger(__name__)

TICK_S = 0.3
CONVERGE_EVERY_S = 30.0
RETRY_AFTER_S = 5.0
LOOK_AT_ROUTER_S = 3.0
LOOK_AT_REFUSALS_S = 60.0
SETTLE_S = 0.5  # events come in crowds


def _remembered(document: Document[State]) -> State:
    reading = document.read()
    for name in reading.damaged:
        log.error("what was remembered could not be read; it was set aside as %s", name)
    if reading.value is None:
        return State(install=secrets.token_hex(2), choices_lost=bool(reading.damaged))
    # The version before may hold an older choice, and an older choice may be the wrong way out.
    return without_choices(reading.value) if reading.damaged else reading.value


class Daemon:
    """The running orchestrator."""

    def __init__(self, state_directory: Path, config_directory: Path, tag: str) -> None:
        self._engine = Engine()
        self._volume = volume = Volume(state_directory)
        router = RouterLink(lambda: self._engine.process(ROUTER))
        document = Document(state_directory / "state.json", State)
        departures = Departures(lambda name: self._engine.process(egress_container(name)))
        self._activity = Activity(state_directory)
        self._switchboard = Switchboard(
            document,
            _remembered(document),
            volume,
            router,
            departures.left,
            happened=self._activity.happened,
            maker=Makers().of,
        )
        self._gates = Gates(self._switchboard, volume, router)
        added = Shelf(state_directory / "added")
        for problem in added.problems:
            log.error("%s", problem)
        radios = Radios(self._engine, volume, Document(state_directory / "radio.json", Radio))
        self._reconciler = Reconciler(
            config_directory,
            tag,
            self._engine,
            volume,
            self._switchboard,
            Document(state_directory / "last-good.json", Config),
            lambda: host.facts(self._engine, radios.all),
            host.prepare_lan_port,
            self._gates,
            added,
            lambda: unfinished(config_directory, state_directory),
            radios.find,
        )
        self._strangers = Strangers(self._switchboard, router)
        self._offers = self._offer_watch()
        self._destinations = DestinationNotice(
            self._activity.happened, self._activity.last(("works", "fails"))
        )
        self._statuses: tuple[int, ...] = ()
        self._refusals = RefusalNotice(self._activity.happened)
        self._refusals_due = 0.0
        self.service = Service(
            self._reconciler,
            self._switchboard,
            self._engine,
            volume,
            router,
            self._gates,
            self._strangers,
            self._offers,
            Trials(added, self._reconciler, self._switchboard, volume),
            Access(state_directory),
            self._lookout(volume, router),
            self._activity,
        )
        self._changed = self._reconciler.wanted
        self._ending = threading.Event()

    def _lookout(self, volume: Volume, router: RouterLink) -> Lookout:
        leg = mac_address(self._switchboard.state.install, Side.ROUTER_LAN)
        return Lookout(
            self._reconciler,
            self._switchboard,
            self._engine,
            volume,
            router,
            self._gates,
            self._offers,
            NeighbourWatch(router.current, leg),
        )

    def _offer_watch(self) -> OfferWatch:
        install = self._switchboard.state.install
        sides = (Side.ROUTER_LAN, Side.DHCP_QUESTION, Side.DHCP_LAN)
        return OfferWatch(
            lambda: self._engine.process(ROUTER), *(mac_address(install, side) for side in sides)
        )

    def run(self, socket: Path) -> int:
        """Serve until told to end; return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        serve, close = api.make_server(api.make_app(self.service), socket)
        threading.Thread(target=serve, name="control", daemon=True).start()
        threading.Thread(target=self._listen, name="events", daemon=True).start()
        self._offers.start()
        for error in self._reconciler.reload():
            log.error("%s", error)
        self._activity.happened("started", message=f"Manyways {__version__}")
        self._loop()
        self._offers.end()
        close()
        return self._finish()

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._ending.set()

    def _loop(self) -> None:
        leases_seen, due, router_due, back_due = -1, 0.0, 0.0, 0.0
        while not self._ending.is_set():
            leases_now = self._reconciler.leases_changed_at()
            if self._changed.is_set():
                self._changed.clear()
                due = min(due, time.monotonic() + SETTLE_S)
            if leases_now != leases_seen:
                leases_seen = leases_now
                due = 0.0
                self._take_in_leases()
            if time.monotonic() >= back_due and not self._go_back():
                back_due = time.monotonic() + RETRY_AFTER_S
            self._open_the_ready()
            self._take_note()
            if time.monotonic() >= router_due:
                router_due = time.monotonic() + LOOK_AT_ROUTER_S
                due = 0.0 if self._look_at_router() else due
                self._judge_trials()
            if time.monotonic() >= due:
                self._tidy_up()
                self._find_configuration()
                errors = self._reconciler.converge().errors
                self._statuses = ()
                soon = errors or self._reconciler.config is None
                due = time.monotonic() + (RETRY_AFTER_S if soon else CONVERGE_EVERY_S)
            self._ending.wait(TICK_S)

    def _tidy_up(self) -> None:
        try:
            self.service.examiner.tidy()
        except Failures as error:
            log.error("what is left of a leak test could not be removed: %s", error)

    def _find_configuration(self) -> None:
        # A person who starts the router before writing router.yaml need not start it again.
        if self._reconciler.config is None:
            self._reconciler.reload()

    def _take_in_leases(self) -> None:
        # Ahead of the plan, which looks at Docker first: a new device waits for its mark.
        try:
            self._reconciler.take_in_leases()
        except Failures as error:
            log.error("a lease could not be taken in: %s", error)

    def _go_back(self) -> bool:
        """End the switches that have had their time; say whether that could be done."""
        try:
            self._switchboard.go_back()
        except Failures as error:
            log.error("a switch that has had its time could not be ended: %s", error)
            return False
        return True

    def _open_the_ready(self) -> None:
        try:
            self._gates.open_the_ready()
        except Failures as error:
            log.warning("%s", error)

    def _take_note(self) -> None:
        """Let the activity know what destinations do, whenever one of them has said something,
        and what devices were refused.
        """
        statuses = tuple(
            self._volume.changed_at(status_file(name)) for name in self._switchboard.slots
        )
        if statuses != self._statuses or self._destinations.waits:
            self._statuses = statuses
            self._destinations.look(self.service.destination_states())
        if time.monotonic() >= self._refusals_due:
            self._refusals_due = time.monotonic() + LOOK_AT_REFUSALS_S
            self._refusals.look(self.service.refusals(), self.service.title)
        self._activity.write_due()

    def _judge_trials(self) -> None:
        try:
            self.service.judge_trials()
        except Failures as error:
            log.error("a VPN that works could not be offered: %s", error)

    def _look_at_router(self) -> bool:
        """Act on what the rules have noted; say whether there was a new device."""
        try:
            self._switchboard.cut_stale()
            return self._strangers.take_in()
        except Failures as error:
            log.error("what the router has noted could not be taken in: %s", error)
            return False

    def _listen(self) -> None:
        while not self._ending.is_set():
            try:
                for event in self._engine.events():
                    self._take_in(event)
                    self._notice()
            except Failures as error:
                log.warning("%s", error)
            self._notice()  # whatever happened while nobody listened
            self._ending.wait(1.0)

    def _take_in(self, event: ContainerEvent) -> None:
        """Refuse at once what an egress that stops can no longer carry."""
        if event.action == "listening":
            self._gates.look({c.name: c for c in self._engine.containers()}, self._began)
        else:
            self._gates.saw(event)

    def _began(self, container: str) -> float | None:
        pid = self._engine.process(container)
        return started_at(pid) if pid is not None else None

    def _notice(self) -> None:
        self.service.look_again()
        self._changed.set()

    def _finish(self) -> int:
        try:
            return self._leave()
        finally:
            self._activity.write()

    def _leave(self) -> int:
        try:
            if self._engine.is_replaced(ORCHESTRATOR):
                log.info("a successor takes over; the router stays at work")
                return 0
        except EngineFailed as error:
            log.warning("%s", error)
            return 0
        self.service.examiner.stop()
        self._activity.happened("stopped")
        log.info("taking the router down; names, choices and leases are kept")
        return 1 if self._reconciler.remove_everything().errors else 0


def _end_now(ended: threading.ExceptHookArgs) -> None:
    """Take the process along with a thread that ended by an exception; the router goes on."""
    name = ended.thread.name if ended.thread else "unknown"
    trace = ended.exc_value and (ended.exc_type, ended.exc_value, ended.exc_traceback)
    log.critical("thread %s ended; starting anew", name, exc_info=trace)
    os._exit(1)  # an end in order would take the router down


def _take_in_restored(config: Path, state: Path) -> None:
    """Let what was restored take the place of what was remembered. Raises EngineFailed, OSError.

    The router stops first: numbers of marks would mean other devices and destinations, and the
    DHCP server would write its own leases over the restored ones.
    """
    if not can_be_taken_in(config, state):
        return
    log.info("taking in what was restored")
    engine = Engine()
    for container in engine.containers():
        engine.end(container.name, grace=5)
    take_in(state)


def main() -> int:
    """Run the daemon of this container."""
    threading.excepthook = _end_now
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue of two is no news
    state = Path(os.environ.get("MANYWAYS_STATE", "/var/lib/manyways"))
    config = Path(os.environ.get("MANYWAYS_CONFIG", "/config"))
    try:
        _take_in_restored(config, state)
        daemon = Daemon(
            state,
            config,
            os.environ.get("MANYWAYS_TAG", __version__),
        )
        return daemon.run(Path(os.environ.get("MANYWAYS_SOCKET", "/run/manyways/control.sock")))
    except (EngineFailed, OSError) as error:
        log.error("the orchestrator can't start: %s", error)
        return 1
