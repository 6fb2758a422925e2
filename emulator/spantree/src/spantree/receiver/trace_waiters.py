"""Hands traces to the callers that wait for them.

Nothing polls. Arriving spans only wake up a thread, which exists while callers wait. It compares traces without holding
the store's lock, so that spans are received at the same speed, and looks once at a trace that changed several times.
"""

import threading
from collections.abc import Iterable, Sequence
from functools import partial
from time import monotonic, thread_time

from spantree.expectation import Expectation
from spantree.receiver.pending import Pending
from spantree.receiver.selection import Selection
from spantree.receiver.timeout_report import Received, explain_failure, explain_timeout, several_roots
from spantree.receiver.trace_store import TraceStore, tree_in
from spantree.receiver.waiter import Interest, Outcome, Waiter
from spantree.span_tree import SpanTree

__all__ = ["NotReceived", "TraceWaiters"]

FIRST_LOOK_SECONDS = 0.5
"""How long a call of `trace` compares traces before it returns: an event loop may be waiting."""
LAST_LOOK_SECONDS = 1.0
"""How long a time-out may compare traces that nobody has compared yet."""
REST, LONGEST_REST_SECONDS = 5, 0.2
"""After comparing, the thread rests for so many times as long: it must not take the interpreter from the receiver."""


class NotReceived(AssertionError):
    """The awaited trace did not arrive in time, or not as expected. The message shows what is missing and what came."""

    __module__ = "spantree"  # where users import it from, and what a failed test shows


class TraceWaiters:
    """The callers that wait for traces of a store. No trace is handed out twice, unless it is asked for by its id."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self._changes = threading.Condition(store.lock)
        """Its lock, which is the store's, guards everything below."""
        self._handed_out: set[str] = set()
        self._waiters: list[Waiter] = []
        self._changed: dict[str, None] = {}
        self._judging: threading.Thread | None = None
        self._closed = threading.Event()
        store.on_change = self._note_changes

    def close(self) -> None:
        """Stop judging: no more spans will come."""
        with self._changes:
            self._closed.set()
            self._changes.notify_all()
            judging = self._judging
        if judging is not None and judging is not threading.current_thread():
            judging.join()

    def trace(
        self, selection: Selection, expected: Expectation | None, seconds: float, settle: float
    ) -> Pending[SpanTree]:
        """Return the next trace of a selection that is complete, or that has all expected spans.

        No trace is handed out twice, unless it is asked for by its id. Awaiting raises NotReceived after `seconds`, or
        as soon as a trace can no longer become as expected.
        """
        waiter = Waiter(selection, expected, settle)
        with self._changes:
            self._waiters.append(waiter)
            known = list(self._store.stored)
        self._look_at_known(waiter, known)
        if not waiter.future.done():
            self._start_judging()
        seconds = max(seconds, 2 * waiter.settle)  # a shorter time-out would make silence impossible
        return Pending(waiter.future, seconds, partial(self._time_out, waiter, seconds))

    def _look_at_known(self, waiter: Waiter, trace_ids: Iterable[str]) -> None:
        """Look at the traces that are there already, in the caller's thread. What takes too long is left for later."""
        deadline, failures = monotonic() + FIRST_LOOK_SECONDS, list[tuple[Waiter, SpanTree]]()
        for trace_id in trace_ids:
            if monotonic() < deadline:
                failures += self._offer(waiter, [trace_id])
            else:
                with self._changes:
                    waiter.due[trace_id] = deadline
        self._settle_failures(failures)

    def _note_changes(self, trace_ids: Iterable[str]) -> None:
        if self._waiters:
            self._changed.update(dict.fromkeys(trace_ids))
            self._changes.notify_all()

    def _start_judging(self) -> None:
        with self._changes:
            if self._judging is None and not self._closed.is_set():
                self._judging = threading.Thread(target=self._judge, name="spantree-judge", daemon=True)
                self._judging.start()
            self._changes.notify_all()

    def _judge(self) -> None:
        """Offer traces that change to the callers that wait, until there are none."""
        while (offers := self._next_offers()) is not None:
            began = thread_time()
            # A trace that one caller cannot use may be what another waits for, so nobody fails before all have looked.
            failures = [failure for waiter, trace_ids in offers for failure in self._offer(waiter, trace_ids)]
            self._settle_failures(failures)
            self._closed.wait(min(LONGEST_REST_SECONDS, REST * (thread_time() - began)))

    def _next_offers(self) -> list[tuple[Waiter, Iterable[str]]] | None:
        """Wait until traces change or have been silent; return who must look at which. None if nobody waits."""
        with self._changes:
            while True:
                self._waiters = [waiter for waiter in self._waiters if not waiter.future.done()]
                if self._closed.is_set() or not self._waiters:
                    self._judging = None
                    return None
                changed, self._changed = self._changed, {}
                now = monotonic()
                offers = [(waiter, {**changed, **_due(waiter, now)}) for waiter in self._waiters]
                if any(trace_ids for _, trace_ids in offers):
                    return [(waiter, trace_ids) for waiter, trace_ids in offers if trace_ids]
                next_due = min((time for waiter in self._waiters for time in waiter.due.values()), default=None)
                self._changes.wait(None if next_due is None else max(0.0, next_due - now))

    def _offer(self, waiter: Waiter, trace_ids: Iterable[str]) -> list[tuple[Waiter, SpanTree]]:
        """Let a caller look at traces, until one is what it waits for. Return those that can no longer become that."""
        failed: list[tuple[Waiter, SpanTree]] = []
        for trace_id in trace_ids:
            with self._changes:
                if waiter.future.done():
                    return []
                stored = self._store.stored[trace_id]
                complete = self._store.is_complete(trace_id)
                waiter.due.pop(trace_id, None)
                interest = waiter.interest(trace_id, stored, complete=complete, now=monotonic())
                if self._is_taken(waiter, trace_id) or interest is Interest.NONE:
                    continue
                last_arrival, snapshot = stored.last_arrival, self._store.snapshot()
                final = complete and not self._store.root_may_arrive(trace_id)
            try:
                trace = tree_in(snapshot, trace_id)
                outcome = waiter.judge(trace, interest, complete=complete, final=final)
                if outcome is Outcome.FAILED and not self._is_put_off(waiter, trace_id, last_arrival + waiter.patience):
                    failed.append((waiter, trace))
                elif outcome is Outcome.ENOUGH:
                    self._conclude(waiter, trace, last_arrival)
            except Exception as error:  # noqa: BLE001 - a criterion of the caller's own failed, which is the caller's error
                if waiter.future.set_running_or_notify_cancel():
                    waiter.future.set_exception(error)
        return failed

    def _settle_failures(self, failures: list[tuple[Waiter, SpanTree]]) -> None:
        """Fail callers whose trace can no longer become right, unless another caller has it or still waits for it."""
        for waiter, trace in failures:
            with self._changes:
                others = [other for other in self._waiters if other is not waiter and not other.future.done()]
                if waiter.future.done() or self._is_taken(waiter, trace.trace_id):
                    continue
            if any(_may_want(other, trace) for other in others) or not waiter.future.set_running_or_notify_cancel():
                continue
            assert waiter.expected is not None
            message = explain_failure(waiter.expected, waiter.selection, trace)
            waiter.future.set_exception(NotReceived(f"{message}\n\n{self._received().described(message)}"))

    def _conclude(self, waiter: Waiter, trace: SpanTree, last_arrival: float) -> None:
        """Hand out a trace that is enough for its caller, or look again when it has been silent."""
        if waiter.settle:
            quiet_since = self._store.last_arrival() if waiter.wants_any_root else last_arrival
            if self._is_put_off(waiter, trace.trace_id, quiet_since + waiter.settle):
                return
        is_vague = waiter.wants_any_root or waiter.may_write_any_root
        rivals = several_roots(self._unclaimed()) if is_vague else ""
        if not self._take(waiter, trace.trace_id):
            return
        if rivals and waiter.wants_any_root:
            waiter.future.set_exception(NotReceived(rivals))
        else:
            if rivals:
                self._store.ambiguous[trace.trace_id] = rivals
            if waiter.expected is not None and waiter.expected.cost(trace.roots_for(waiter.expected)) == 0:
                self._store.watch(trace, waiter.expected)
            waiter.future.set_result(trace)

    def _last_look(self, waiter: Waiter, traces: Sequence[SpanTree]) -> SpanTree | None:
        """Return the trace that a caller waits for, if it is there and only nobody has had the time to compare it."""
        if waiter.settle:
            return None
        deadline = monotonic() + LAST_LOOK_SECONDS
        for trace in traces:
            with self._changes:
                stored, complete = self._store.stored[trace.trace_id], self._store.is_complete(trace.trace_id)
                interest = waiter.interest(trace.trace_id, stored, complete=complete, now=monotonic())
            if interest is Interest.NONE or monotonic() > deadline:
                continue
            if waiter.judge(trace, interest, complete=complete, final=False) is Outcome.ENOUGH:
                with self._changes:
                    self._handed_out.add(trace.trace_id)
                if waiter.expected is not None and waiter.expected.cost(trace.roots_for(waiter.expected)) == 0:
                    self._store.watch(trace, waiter.expected)
                return trace
        return None

    def _is_put_off(self, waiter: Waiter, trace_id: str, due: float) -> bool:
        """Let a caller look at a trace again, unless the time for it has come already."""
        with self._changes:
            if monotonic() < due:
                waiter.due[trace_id] = due
                return True
        return False

    def _take(self, waiter: Waiter, trace_id: str) -> bool:
        """Give a trace to a caller, unless another has it or this one no longer waits."""
        with self._changes:
            if self._is_taken(waiter, trace_id) or waiter.future.done():
                return False
            if not waiter.future.set_running_or_notify_cancel():
                return False
            self._handed_out.add(trace_id)
            return True

    def _is_taken(self, waiter: Waiter, trace_id: str) -> bool:
        return waiter.selection.trace_id is None and trace_id in self._handed_out

    def _unclaimed(self) -> list[SpanTree]:
        with self._changes:
            snapshot = self._store.snapshot()
            trace_ids = [trace_id for trace_id in self._store.stored if trace_id not in self._handed_out]
        return [tree_in(snapshot, trace_id) for trace_id in trace_ids]

    def _received(self) -> Received:
        with self._changes:
            number = len(self._store.stored)
        return Received(self._store.trees(Received.SHOWN + 1), number)

    def _candidates(self, waiter: Waiter) -> tuple[list[SpanTree], list[SpanTree], list[str]]:
        """Return the likeliest traces that a caller may have meant, some others, and the ids of those handed out."""
        with self._changes:
            snapshot = self._store.snapshot()
            mine = [name for name in self._store.stored if waiter.selection.trace_id in {None, name}]
            left = [name for name in mine if not self._is_taken(waiter, name)]
            meant = [name for name in left if waiter.begins_like(self._store.stored[name].tops)]
            taken = [name for name in mine if name in self._handed_out]
            meant.sort(key=lambda name: waiter.distance(self._store.stored[name]))
        begun = set(meant)
        others = [name for name in left if name not in begun]
        shown = slice(Received.SHOWN)
        meant_trees, other_trees = ([tree_in(snapshot, name) for name in names[shown]] for names in (meant, others))
        return meant_trees, other_trees, taken

    def _time_out(self, waiter: Waiter, seconds: float) -> SpanTree:
        """Raise NotReceived. If an expected tree is being rewritten, return the only trace there is instead."""
        __tracebackhide__ = True
        with self._changes:
            self._waiters = [other for other in self._waiters if other is not waiter]
            self._changes.notify_all()
        meant, others, taken = self._candidates(waiter)
        if (trace := self._last_look(waiter, meant)) is not None:
            return trace
        if waiter.is_updating and len(meant or others) == 1 and not (meant or others)[0].orphans:
            [only] = meant or others
            self._handed_out.add(only.trace_id)
            return only
        message = explain_timeout(waiter.expected, waiter.selection, seconds, meant, others, taken)
        raise NotReceived(f"{message}\n\n{self._received().described(message)}")


def _due(waiter: Waiter, now: float) -> dict[str, None]:
    return {trace_id: None for trace_id, time in waiter.due.items() if time <= now}


def _may_want(waiter: Waiter, trace: SpanTree) -> bool:
    """Return whether a trace is, or may become, what a caller waits for."""
    try:
        return waiter.may_still_want(trace)
    except Exception:  # noqa: BLE001 - a criterion failed; its caller hears of it when the trace is offered to it
        return False
