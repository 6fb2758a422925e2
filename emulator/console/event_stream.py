"""Server-sent events about changes, for every open page. A slow page gets fewer events, but never outdated ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import msgspec

__all__ = ["EventStream", "Topic"]

TICK_SECONDS = 0.1
"""Changes within this time are sent together."""

KEEP_ALIVE_SECONDS = 15.0
"""A comment is sent after this time without changes, so that proxies do not close the connection."""

MOST_PENDING = 5000
"""How many topics may wait for a page. A page that lags further is disconnected; it reconnects and starts over."""

Topic = tuple[str, str]
"""What has changed: a kind of event data, and an id, which is "" for kinds with only one item."""


class EventStream:
    """Sends changes to every subscriber. `read` returns the current state of a topic, or None if it is gone."""

    def __init__(self, read: Callable[[Topic], object]) -> None:
        self.subscribers: set[_Subscriber] = set()
        self.has_subscribers = asyncio.Event()
        self._read = read
        self._closed = False

    def publish(self, kind: str, which: str = "") -> None:
        """Announce a change. Subscribers get the state at the time of sending."""
        for subscriber in self.subscribers:
            subscriber.pending[kind, which] = None
            if len(subscriber.pending) > MOST_PENDING:
                subscriber.pending, subscriber.lags = {}, True
            subscriber.woken.set()

    def close(self) -> None:
        """End all streams."""
        self._closed = True
        for subscriber in self.subscribers:
            subscriber.woken.set()

    async def events(self, initial: list[Topic]) -> AsyncIterator[bytes]:
        """Yield server-sent events: first about these topics, then about every change."""
        with self._subscribed(initial) as subscriber:
            while not (self._closed or subscriber.lags):
                try:
                    async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                        await subscriber.woken.wait()
                except TimeoutError:
                    yield b": nothing new\n\n"
                    continue
                subscriber.woken.clear()
                pending, subscriber.pending = subscriber.pending, {}
                for event in self._encode(pending):
                    yield event
                await asyncio.sleep(TICK_SECONDS)

    @contextmanager
    def _subscribed(self, initial: list[Topic]) -> "Iterator[_Subscriber]":
        subscriber = _Subscriber(dict.fromkeys(initial))
        subscriber.woken.set()
        self.subscribers.add(subscriber)
        self.has_subscribers.set()
        try:
            yield subscriber
        finally:
            self.subscribers.discard(subscriber)
            if not self.subscribers:
                self.has_subscribers.clear()

    def _encode(self, topics: dict[Topic, None]) -> Iterator[bytes]:
        """Yield one event for each kind, whose data is a JSON array."""
        by_kind: dict[str, list[object]] = {}
        for topic in topics:
            state = self._read(topic)
            if state is not None:
                by_kind.setdefault(topic[0], []).append(state)
        for kind, states in by_kind.items():
            yield b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(states) + b"\n\n"


class _Subscriber:
    """One open page and the topics that it has not received yet, in order."""

    def __init__(self, pending: dict[Topic, None]) -> None:
        self.pending = pending  # a dict as an ordered set: a topic that changes twice is sent once
        self.woken = asyncio.Event()
        self.lags = False
