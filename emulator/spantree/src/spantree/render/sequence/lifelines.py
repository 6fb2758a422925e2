"""The order of the lifelines: who calls others, the bus after the first who publishes, then who only answers."""

from collections.abc import Sequence
from dataclasses import replace

from spantree.render.sequence.diagram import Actor, Item, Message

__all__ = ["few_enough", "lifelines"]

MOST = 30


def lifelines(items: Sequence[Item], first: Actor) -> tuple[Actor, ...]:
    """Return all who take part, from left to right; `first` is there before anything happens."""
    messages = [item for item in items if isinstance(item, Message)]
    seen = _seen(items, first)
    acting = {message.source for message in messages if not message.answer}
    acting |= {message.target for message in messages if message.queued}
    people = [actor for actor in seen if actor.kind != "bus"]
    order = sorted(people, key=lambda actor: (actor.kind != "caller", actor not in acting))
    for bus in (actor for actor in seen if actor.kind == "bus"):
        order.insert(_place(bus, order, messages), bus)
    return tuple(order)


def few_enough(items: Sequence[Item], first: Actor) -> list[Item]:
    """Return the items with no more than `MOST` lifelines: the last of too many share one."""
    seen = list(_seen(items, first))
    if len(seen) <= MOST:
        return list(items)
    rest = Actor(f"{len(seen) - MOST + 1} others", "stranger")
    names = dict.fromkeys(seen[MOST - 1 :], rest)
    return [_renamed(item, names) for item in items]


def _place(bus: Actor, order: Sequence[Actor], messages: Sequence[Message]) -> int:
    """Where a bus stands: right after the first who publishes to it, or before the first who hears from it."""
    for message in messages:
        if message.target == bus:
            return order.index(message.source) + 1
    return next((order.index(message.target) for message in messages if message.source == bus), len(order))


def _seen(items: Sequence[Item], first: Actor) -> dict[Actor, None]:
    return dict.fromkeys([first, *(actor for item in items for actor in _of(item))])


def _of(item: Item) -> tuple[Actor, ...]:
    if isinstance(item, Message):
        return (item.source, item.target)
    return () if item.actor is None else (item.actor,)


def _renamed(item: Item, names: dict[Actor, Actor]) -> Item:
    if isinstance(item, Message):
        return replace(item, source=names.get(item.source, item.source), target=names.get(item.target, item.target))
    return item if item.actor is None else replace(item, actor=names.get(item.actor, item.actor))
