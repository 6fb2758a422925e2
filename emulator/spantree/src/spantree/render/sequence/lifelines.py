"""The order of the lifelines: callers first, then a bus after its first publisher, then services that only answer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from spantree.render.sequence.diagram import DiagramItem, Message, Participant

__all__ = ["limit_participants", "merge_peers", "order_participants"]

MOST_PARTICIPANTS = 30


def order_participants(items: Sequence[DiagramItem], first: Participant) -> tuple[Participant, ...]:
    """Return all participants from left to right. `first` has a lifeline even if nothing happens on it."""
    messages = [item for item in items if isinstance(item, Message)]
    seen = _participants_in(items, first)
    active = {message.source for message in messages if not message.answer}
    active |= {message.target for message in messages if message.queued}
    without_bus = [each for each in seen if each.kind != "bus"]
    order = sorted(without_bus, key=lambda each: (each.kind != "caller", each not in active))
    for bus in (each for each in seen if each.kind == "bus"):
        order.insert(_bus_position(bus, order, messages), bus)
    return tuple(order)


def merge_peers(items: Sequence[DiagramItem]) -> list[DiagramItem]:
    """Return the items with one lifeline for what is a service in some of them and an external peer in others."""
    seen = dict.fromkeys(each for item in items for each in _participants_of(item))
    services = {each.name: each for each in seen if each.kind == "service"}
    peers = {each: services[each.name] for each in seen if each.kind == "external" and each.name in services}
    return [_with_replaced(item, peers) for item in items]


def limit_participants(items: Sequence[DiagramItem], first: Participant) -> list[DiagramItem]:
    """Return the items with at most `MOST_PARTICIPANTS` lifelines: those beyond it become one, `7 others`."""
    seen = _participants_in(items, first)
    if len(seen) <= MOST_PARTICIPANTS:
        return list(items)
    others = Participant(f"{len(seen) - MOST_PARTICIPANTS + 1} others", "external")
    replaced = dict.fromkeys(seen[MOST_PARTICIPANTS - 1 :], others)
    return [_with_replaced(item, replaced) for item in items]


def _bus_position(bus: Participant, order: Sequence[Participant], messages: Sequence[Message]) -> int:
    """Return where a bus stands: right after its first publisher, or before its first consumer if nobody publishes."""
    for message in messages:
        if message.target == bus:
            return order.index(message.source) + 1
    return next((order.index(message.target) for message in messages if message.source == bus), len(order))


def _participants_in(items: Sequence[DiagramItem], first: Participant) -> list[Participant]:
    """Return the participants in the order in which they appear, without duplicates."""
    return list(dict.fromkeys([first, *(each for item in items for each in _participants_of(item))]))


def _participants_of(item: DiagramItem) -> tuple[Participant, ...]:
    if isinstance(item, Message):
        return (item.source, item.target)
    return () if item.participant is None else (item.participant,)


def _with_replaced(item: DiagramItem, replaced: Mapping[Participant, Participant]) -> DiagramItem:
    if isinstance(item, Message):
        source, target = (replaced.get(each, each) for each in (item.source, item.target))
        return replace(item, source=source, target=target)
    if item.participant is None:
        return item
    return replace(item, participant=replaced.get(item.participant, item.participant))
