"""News for the pages that are open, as server-sent events. A page that reads slowly gets fewer, not later ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import msgspec

__all__ = ["Feed"]

TICK_SECONDS = 0.1
"""What changes within this time is told at once."""

ALIVE_SECONDS = 15.0
"""How long there may be no news: then a comment tells that the connection lives."""

MOST_NEWS = 5000
"""How much a page may have to be told. One that lags so far behind is cut off: it comes again, and begins anew."""

Topic = tuple[str, str]
"""What there is news of: a kind, and which of that kind, `""` where there is but one."""


class Feed:
    """Tells every viewer of what has changed. `read` returns what there is to tell of a topic now, None for nothing."""

    def __init__(self, read: Callable[[Topic], object]) -> None:
        self.viewers: set[_Viewer] = set()
        self.watched = asyncio.Event()
        """Set while anybody is looking."""
        self._read = read
        self._over = False

    def tell(self, kind: str, which: str = "") -> None:
        """Say that something has changed."""
        for viewer in self.viewers:
            viewer.news[kind, which] = None
            if len(viewer.news) > MOST_NEWS:
                viewer.news, viewer.lags = {}, True
            viewer.woken.set()

    def close(self) -> None:
        """End all streams."""
        self._over = True
        for viewer in self.viewers:
            viewer.woken.set()

    async def stream(self, at_first: list[Topic]) -> AsyncIterator[bytes]:
        """Yield server-sent events: first about these topics, then about all that changes."""
        with self._viewing(at_first) as viewer:
            while not (self._over or viewer.lags):
                try:
                    async with asyncio.timeout(ALIVE_SECONDS):
                        await viewer.woken.wait()
                except TimeoutError:
                    yield b": nothing new\n\n"
                    continue
                viewer.woken.clear()
                news, viewer.news = viewer.news, {}
                for event in self._events(news):
                    yield event
                await asyncio.sleep(TICK_SECONDS)

    @contextmanager
    def _viewing(self, at_first: list[Topic]) -> "Iterator[_Viewer]":
        viewer = _Viewer(dict.fromkeys(at_first))
        viewer.woken.set()
        self.viewers.add(viewer)
        self.watched.set()
        try:
            yield viewer
        finally:
            self.viewers.discard(viewer)
            if not self.viewers:
                self.watched.clear()

    def _events(self, news: dict[Topic, None]) -> Iterator[bytes]:
        by_kind: dict[str, list[object]] = {}
        for topic in news:
            told = self._read(topic)
            if told is not None:
                by_kind.setdefault(topic[0], []).append(told)
        for kind, told_of in by_kind.items():
            yield b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(told_of) + b"\n\n"


class _Viewer:
    """One open page, and what it has not been told yet."""

    def __init__(self, news: dict[Topic, None]) -> None:
        self.news = news
        self.woken = asyncio.Event()
        self.lags = False
