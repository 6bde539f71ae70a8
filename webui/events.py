"""One source of news for every open page: what flows now, and that something has changed.

The daemon counts only while somebody asks, and a small computer has better things to do than to
answer every browser each second. So one loop asks for all of them, and only while at least one
page listens. Nobody is waited for: a browser that does not read what it is sent is dropped, and
comes back by itself.

Everything here blocks on the `threading` and `queue` modules alone, so that it works with plain
threads and with greenlets that stand in for them.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from queue import Empty, Full, Queue

from orchestrator.client import ControlError, Live

EVERY_S = 1.0
HEARTBEAT_S = 10.0  # a browser that is gone is noticed by writing to it
LIFETIME_S = 600.0  # then the browser connects again, and who it is gets judged again
STREAMS = 40
STREAMS_EACH = 4  # of one device: a gadget that opens all of them must not shut others out
STREAMS_UNKNOWN = 16  # of all that come by the router's address and can't be told apart
BACKLOG = 8  # messages; who is further behind does not read

HEARTBEAT = ": still here\n\n"
RETRY = "retry: 3000\n\n"


class TooMany(Exception):
    """No further stream is served now."""


def message(event: str, data: object = None) -> str:
    """One event in the format that browsers read."""
    return f"event: {event}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"


class Stream:
    """What one open page is sent."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.open = True
        self._messages: Queue[str] = Queue(BACKLOG)

    def offer(self, text: str) -> bool:
        """Put a message in line; False when the line is full, because nobody reads it."""
        try:
            self._messages.put_nowait(text)
        except Full:
            return False
        return True

    def read(self) -> Iterator[str]:
        """Yield messages as they come, heartbeats in between, until the stream ends."""
        ends = time.monotonic() + LIFETIME_S
        yield RETRY
        while self.open and time.monotonic() < ends:
            try:
                yield self._messages.get(timeout=HEARTBEAT_S)
            except Empty:
                yield HEARTBEAT


class Hub:
    """Asks once for all streams. `ask` is the daemon's live report, `rights` says who may do
    what; both may raise ControlError.

    When the rights change, all streams end: browsers connect again, and are judged by the new ones.

    Behind the addresses `shared` stands more than one browser: who asks for the page by its
    name comes by the router's own address.
    """

    def __init__(
        self,
        ask: Callable[[], Live],
        rights: Callable[[], object],
        shared: frozenset[str] = frozenset(),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ask = ask
        self._rights = rights
        self._shared = shared
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._running = False
        self._revision: str | None = None
        self._judged_by: object = None  # the rights by which the streams were let in
        self._latest = ""  # for who comes between two seconds

    def join(self, peer: str) -> Stream:
        """Open a stream for a browser of the device or at the address `peer`. Raises TooMany."""
        stream = Stream(peer)
        with self._lock:
            of_peer = sum(other.peer == peer for other in self._streams)
            bound = STREAMS_UNKNOWN if peer in self._shared else STREAMS_EACH
            if len(self._streams) >= STREAMS or of_peer >= bound:
                raise TooMany
            if self._latest:
                stream.offer(self._latest)
            self._streams.add(stream)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="events", daemon=True).start()
        return stream

    def leave(self, stream: Stream) -> None:
        """Forget a stream; with the last one the asking ends."""
        stream.open = False
        with self._lock:
            self._streams.discard(stream)

    def listeners(self) -> int:
        """How many streams are open."""
        with self._lock:
            return len(self._streams)

    def _run(self) -> None:
        due = self._clock()
        try:
            while self._is_needed():
                self._tell(self._news())
                due = max(due + EVERY_S, self._clock())  # after a delay, no burst to catch up
                self._sleep(due - self._clock())
        except BaseException:
            # An answer that nobody foresaw: browsers that connect again start a new loop.
            with self._lock:
                self._end_all()
                self._rest()
            raise

    def _end_all(self) -> None:
        for stream in self._streams:
            stream.open = False
        self._streams.clear()

    def _is_needed(self) -> bool:
        with self._lock:
            if not self._streams:
                self._rest()
            return self._running

    def _rest(self) -> None:
        self._running, self._revision, self._latest = False, None, ""
        self._judged_by = None

    def _news(self) -> list[str]:
        """What is to be told this second."""
        away = message("away")
        try:
            live = self._ask()
            if live["revision"] != self._revision:
                self._look_at_rights()
        except ControlError:
            told, self._latest = self._latest == away, away
            return [] if told else [away]
        back = self._latest == away
        changed = back or self._revision not in (None, live["revision"])
        self._revision = live["revision"]
        self._latest = message("live", live)
        return [message("changed"), self._latest] if changed else [self._latest]

    def _look_at_rights(self) -> None:
        now = self._rights()
        if self._judged_by not in (None, now):
            with self._lock:
                self._end_all()
        self._judged_by = now

    def _tell(self, news: list[str]) -> None:
        with self._lock:
            for stream in list(self._streams):
                if not all(stream.offer(text) for text in news):
                    stream.open = False
                    self._streams.discard(stream)
