"""What sightings and answers mean. Pure: the same evidence always gets the same verdict.

A packet in clear text may be on two wires only: the transit and the exit of the destination that
the probe has. Anywhere else it is a leak, whatever else may be said of it; for that reason the
leak is looked for first, in every judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import AddressValueError, IPv4Address

from orchestrator.leaktest.words import Attempt, Judgement, Result, Sighting, Verdict, View, Wire
from orchestrator.model import Receipt

AT_ONCE_MS = 1000.0  # what a person does not notice, and programs do not retry in


def left_by_exit(view: View, attempts: Sequence[Attempt]) -> Judgement:
    """Judge packets that shall leave by the destination's own exit and by no other wire."""
    if leak := _leak(attempts, {view.transit, view.exit}):
        return leak
    if missing := _missing(view, attempts):
        return missing
    what = _and([a.what for a in attempts])
    return _if_all_seen(view, f"{what} seen leaving by {view.exit}, and {_nowhere_else(view)}")


def asked_resolver(view: View, attempts: Sequence[Attempt]) -> Judgement:
    """Judge DNS queries: out by the exit, to the destination's own resolvers, and answered."""
    if leak := _leak(attempts, {view.transit, view.exit}):
        return leak
    servers = {s.header.destination for a in attempts for s in a.sightings if s.wire == view.exit}
    if strangers := sorted(map(str, servers - set(view.servers))):
        known = ", ".join(map(str, view.servers)) or "none"
        text = f"by {view.exit} to {_and(strangers)}; the resolver of {view.destination}: {known}"
        return Judgement(Verdict.LEAK, text)
    if missing := _missing(view, attempts):
        return missing
    unanswered = [a.what for a in attempts if a.outcome.result is not Result.ANSWERED]
    if unanswered:
        return Judgement(Verdict.FAILED, f"{_and(unanswered)} left, but got no answer")
    to = _and(sorted(map(str, servers)))
    what = _and([a.what for a in attempts])
    text = f"{what} seen leaving by {view.exit} to {to}, and {_nowhere_else(view)}"
    return _if_all_seen(view, text)


def refused(view: View, attempts: Sequence[Attempt]) -> Judgement:
    """Judge what the router itself has to refuse, at once and before any wire."""
    return _refused(view, attempts, allowed=set())


def killed(view: View, attempts: Sequence[Attempt]) -> Judgement:
    """Judge what has to be refused while the destination is down.

    The egress refuses it, so the transit is no leak. Its exit is none either: what leaves by
    that shows that the destination is up.
    """
    if leak := _leak(attempts, {view.transit, view.exit}):
        return leak
    if any(_seen_on(a, view.exit) for a in attempts):
        text = f"{view.destination} was not down, or was up again too soon"
        return Judgement(Verdict.UNCHECKED, text)
    return _refused(view, attempts, allowed={view.transit})


def strayed(view: View, stream: Attempt) -> Judgement | None:
    """Judge what was sent all the while a destination went down and came back: was it a leak?"""
    return _leak([stream], {view.transit, view.exit})


def _refused(view: View, attempts: Sequence[Attempt], allowed: set[Wire]) -> Judgement:
    if leak := _leak(attempts, allowed):
        return leak
    answered = [a for a in attempts if a.outcome.result is Result.ANSWERED]
    if answered:
        return Judgement(Verdict.LEAK, "; ".join(f"{a.what} got an answer" for a in answered))
    slow = [a for a in attempts if not _at_once(a)]
    if slow:
        return Judgement(Verdict.FAILED, "; ".join(map(_slow, slow)))
    wires = "on no wire outside" if allowed else "on no wire"
    text = f"{_and([_told(a) for a in attempts])}; seen {wires}"
    return _if_all_seen(view, text)


def version6(view: View, attempts: Sequence[Attempt]) -> Judgement:
    """Judge IPv6 packets to the router: refused is best, dropped costs a device time."""
    if leak := _leak(attempts, set()):
        return leak
    answered = [a for a in attempts if a.outcome.result is Result.ANSWERED]
    if answered:
        return Judgement(Verdict.LEAK, "; ".join(f"{a.what} got an answer" for a in answered))
    told = [_told(a) if _at_once(a) else _slow(a) for a in attempts]
    return _if_all_seen(view, f"{'; '.join(told)}; seen on no wire")


def outside_address(answer: str, direct: Mapping[str, IPv4Address], *, tunnel: bool) -> Judgement:
    """Judge what the address service said, against what `direct` destinations were told."""
    try:
        address = IPv4Address(answer.strip())
    except AddressValueError:
        shown = answer.strip().splitlines()[0][:40] if answer.strip() else "nothing"
        return Judgement(Verdict.FAILED, f"the address service did not say an address: {shown}")
    if not tunnel:
        return Judgement(Verdict.OK, str(address))
    if not direct:
        text = f"{address}, but there is no direct destination to compare it with"
        return Judgement(Verdict.UNCHECKED, text)
    same = [name for name, other in direct.items() if other == address]
    if same:
        return Judgement(Verdict.LEAK, f"{address}, the same as that of {_and(same)}")
    others = _and([f"{name} has {other}" for name, other in direct.items()])
    return Judgement(Verdict.OK, f"{address}; {others}")


def old_flow(old: View, new: str, after: Attempt, before: Attempt) -> Judgement:
    """Judge a UDP socket that was used on `old` and goes on sending after the switch to `new`."""
    stayed = [s for s in after.sightings if s.wire.destination == old.destination]
    if stayed:
        return Judgement(Verdict.LEAK, f"after the switch still on {_places(stayed)}")
    strayed = [s for s in after.sightings if s.wire.destination != new]
    if strayed:
        return Judgement(Verdict.LEAK, f"after the switch on {_places(strayed)}")
    if not _seen_on(before, old.exit):
        return Judgement(Verdict.UNCHECKED, f"it was never seen on {old.exit}")
    now = f"{_places(after.sightings)} only" if after.sightings else "no wire"
    return _if_all_seen(old, f"was on {old.exit}, and after the switch to {new} on {now}")


def old_connection(new: str, after: Attempt) -> Judgement:
    """Judge a TCP connection that was open when the switch to `new` came."""
    if after.sightings:
        return Judgement(Verdict.LEAK, f"after the switch seen on {_places(after.sightings)}")
    if after.outcome.result is Result.ANSWERED:
        return Judgement(Verdict.LEAK, "after the switch it went on")
    if after.outcome.result is Result.SILENT:
        text = "dead, but the device was not told: it waits for a time-out"
        return Judgement(Verdict.FAILED, text)
    text = f"reset {_duration(after)} after the receipt of the switch to {new}"
    return Judgement(Verdict.OK, text)


def cut(receipt: Receipt) -> str:
    """Return a receipt's measure in words."""
    count, took = receipt.connections_cut, receipt.milliseconds
    noun = "connection" if count == 1 else "connections"
    return f"{count} {noun} cut in {f'{took:.0f}' if took >= 1 else 'under 1'} ms"


# --- the sentences -------------------------------------------------------------------------------


def _leak(attempts: Iterable[Attempt], allowed: set[Wire]) -> Judgement | None:
    texts = []
    for attempt in attempts:
        strays = [s for s in attempt.sightings if s.wire not in allowed]
        if strays:
            texts.append(f"{attempt.what} seen on {_places(strays)}")
    return Judgement(Verdict.LEAK, "; ".join(texts)) if texts else None


def _missing(view: View, attempts: Iterable[Attempt]) -> Judgement | None:
    """What did not leave by the exit, unless the exit was perhaps only not watched."""
    texts = [_not_out(a, view) for a in attempts if not _seen_on(a, view.exit)]
    if not texts:
        return None
    if view.blind:
        return Judgement(Verdict.UNCHECKED, _and(view.blind))
    return Judgement(Verdict.FAILED, "; ".join(texts))


def _if_all_seen(view: View, text: str) -> Judgement:
    """What was watched is well; whether that is everything is another matter."""
    if view.blind:
        return Judgement(Verdict.UNCHECKED, f"{text}; but {_and(view.blind)}")
    return Judgement(Verdict.OK, text)


def _not_out(attempt: Attempt, view: View) -> str:
    where = f"got as far as {view.transit}" if attempt.sightings else "was seen on no wire"
    said = f", {attempt.outcome.result.value}" if attempt.outcome.result is Result.REFUSED else ""
    return f"{attempt.what} {where}{said}; it should have left by {view.exit}"


def _nowhere_else(view: View) -> str:
    if view.others == 0:
        return "there is no other wire"
    if view.others == 1:
        return "not on the other wire"
    return f"on none of the {view.others} other wires"


def _places(sightings: Iterable[Sighting]) -> str:
    return _and([str(wire) for wire in sorted({s.wire for s in sightings})])


def _seen_on(attempt: Attempt, wire: Wire) -> bool:
    return any(s.wire == wire for s in attempt.sightings)


def _at_once(attempt: Attempt) -> bool:
    outcome = attempt.outcome
    return outcome.result is Result.REFUSED and outcome.milliseconds <= AT_ONCE_MS


def _slow(attempt: Attempt) -> str:
    if attempt.outcome.result is Result.SILENT:
        return f"{attempt.what} dropped without a word, so a device waits"
    return f"{attempt.what} refused only after {_duration(attempt)}"


def _told(attempt: Attempt) -> str:
    return f"{attempt.what} refused after {_duration(attempt)}"


def _duration(attempt: Attempt) -> str:
    took = attempt.outcome.milliseconds
    return f"{took:.0f} ms" if took >= 1 else "under 1 ms"


def _and(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
