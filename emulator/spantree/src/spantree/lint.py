"""Whether a trace can be believed: what in it is lost, impossible, cut off, unnamed or outdated, and what to do.

A rule is a function that yields `(span, problem, remedy)`, and a row in the table at the end. It looks at each span and
its next relatives alone: a check takes time in proportion to the spans, whatever the tree's shape.
"""

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import chain

from spantree.hops import receives, sends
from spantree.notation import escaped
from spantree.span import Span

__all__ = ["RULES", "Finding", "check"]

RESOURCE = ("service.name", "service.version", "service.instance.id")
CALLS = frozenset({"http.request.method", "http.method", "rpc.system.name", "rpc.system"})
NOT_CALLS = frozenset({"messaging.system", "db.system.name", "db.system"})
"""Brokers and databases send no spans, even where they are spoken to by HTTP."""
OPT_IN = {"http.": "http", "net.": "http,database", "db.": "database"}
"""The values of OTEL_SEMCONV_STABILITY_OPT_IN, by the beginnings of the names that they replace."""
ONE_CLIENT = "openstack.osprofiler.base_id"
"""Says that requests came from one client which has no spans: osprofiler makes them one trace, with no span above."""
KINDS = {
    "create": ("producer",),
    "send": ("producer", "client"),
    "receive": ("client", "consumer"),
    "process": ("consumer",),
    "settle": ("client",),
}
"""The kinds that a messaging span may have, by what it does."""
LATE_END = 1_000_000
"""Nanoseconds that a server may need to end its span after its answer has arrived, without a skew of clocks."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something unsound: the rule that found it, what is wrong, and what to do about it.

    `span` is the first one, where the problem is that of several or of a whole service.
    """

    rule: str
    span: Span | None
    problem: str
    remedy: str

    def __str__(self) -> str:
        where = "" if self.span is None else f"{self.span}: "
        return f"{self.rule}: {where}{escaped(self.problem)}\n  → {escaped(self.remedy)}"


def check(spans: Sequence[Span], ignore: Iterable[str] = ()) -> list[Finding]:
    """Return what is unsound about `spans`, all those of one tree, by all rules but those to `ignore`.

    Raises ValueError for a rule to ignore that there is none of.
    """
    ignored = set(ignore)
    if unknown := ignored - TABLE.keys():
        raise ValueError(f"no such rule: {', '.join(sorted(unknown))}; there are {', '.join(RULES)}")
    return [Finding(name, *found) for name, unsound in TABLE.items() if name not in ignored for found in unsound(spans)]


Unsound = Iterator[tuple[Span, str, str]]


def _orphans(spans: Sequence[Span]) -> Unsound:
    known = {span.span_id for span in spans}
    for span in spans:
        if span.parent_id and span.parent_id not in known:
            remedy = (
                "Its caller sampled that span away (use parent-based samplers everywhere), lost it (look for exporter "
                "errors, flush at exit) or has not sent it yet (wait for it). If the caller never exports, ignore this."
                if span.kind in {"server", "consumer"}
                else f"{span.service} lost a span of its own: never ended, dropped by its exporter (a full queue, say) "
                "or not flushed at exit (shut down the tracer provider). If it is only late, wait for it."
            )
            yield span, f"{span.service} names the parent {span.parent_id}, which is not in the trace", remedy


def _circles(spans: Sequence[Span]) -> Unsound:
    known = {span.span_id for span in spans}
    for span in spans:
        if span.parent_id in known and span.parent is None:
            remedy = "Span ids repeat or were rewritten: look at id generators, forked processes and collectors."
            yield span, f"is below itself, by way of its parent {span.parent_id}", remedy


def _several_roots(spans: Sequence[Span]) -> Unsound:
    roots = [span for span in spans if not span.parent_id]
    if len(roots) > 1 and not _by_one_client(roots):
        further = roots[1:]
        problem = f"is one of {len(roots)} roots: the others are {_some(str(span) for span in further)}"
        remedy = (
            f"The context was lost on the way into {_some(span.service for span in further)}, or within: use the same "
            "propagators (OTEL_PROPAGATORS) on both sides, let headers through, and hand the context to threads and "
            "tasks. Work of its own belongs in a trace of its own, with a link."
        )
        yield roots[0], problem, remedy


def _by_one_client(roots: Sequence[Span]) -> bool:
    """Whether the roots are requests that their client made one trace: nothing was lost on their way."""
    clients = {root.attributes.get(ONE_CLIENT) for root in roots}
    return len(clients) == 1 and None not in clients and all(root.kind == "server" for root in roots)


def _starts_before_parent(spans: Sequence[Span]) -> Unsound:
    for span in spans:
        above = span.parent
        if above is not None and span.start < above.start and _share_clock(above, span):
            remedy = (
                "Start a parent before its children, and by the same clock if you set start times yourself. If these "
                "are two processes, give each a service.instance.id: their clocks differ."
            )
            yield span, f"starts {_ms(above.start - span.start)} before its parent {above}", remedy


def _ends_before_start(spans: Sequence[Span]) -> Unsound:
    for span in spans:
        if span.end < span.start:
            remedy = "Take both times from one clock, in nanoseconds; if the SDK took them, the host's was set back."
            yield span, f"ends {_ms(span.start - span.end)} before it starts", remedy


def _clock_skew(spans: Sequence[Span]) -> Unsound:
    between: defaultdict[tuple[object, ...], list[tuple[Span, Span]]] = defaultdict(list)
    for span in spans:
        above = span.parent
        if above is not None and not _share_clock(above, span):
            between[_clock(above) + _clock(span)].append((above, span))
    skews = sorted(map(_skew, between.values()), key=lambda skew: abs(skew[0]), reverse=True)
    told: set[frozenset[str]] = set()
    for skew, above, span in skews:
        services = frozenset({above.service, span.service})
        if skew and services not in told:
            told.add(services)
            impossible, so = ("starts", "before") if skew < 0 else ("ends", "after")
            problem = (
                f"{impossible} {_ms(skew)} {so} its parent {above}: the clock of {span.service} is "
                f"{'behind' if skew < 0 else 'ahead of'} that of {above.service} by at least as much"
            )
            remedy = "Synchronise the hosts' clocks (NTP, PTP). Until then believe no order or gap between the two."
            yield span, problem, remedy


def _skew(pairs: list[tuple[Span, Span]]) -> tuple[int, Span, Span]:
    """Return by how many nanoseconds, at least, the children's clock is ahead of the parents', with what shows it best.

    A child cannot start before its parent: that is proof. A server span that ends after its call is not: servers clean
    up, clients leave when they have the headers. It counts if, with the clocks put right, all children still start
    after their parents; with one call this says that the server span fits into the client span.
    """
    above, span = min(pairs, key=lambda pair: pair[1].start - pair[0].start)
    room = span.start - above.start
    if room < 0:
        return room, above, span
    calls = [(above, span) for above, span in pairs if (above.kind, span.kind) == ("client", "server")]
    answered = [(span.end - above.end, above, span) for above, span in calls if _answered(above)]
    late, above, span = max(answered, key=lambda lag: lag[0], default=(0, above, span))
    return late if LATE_END < late <= room else 0, above, span


def _clients_without_server(spans: Sequence[Span]) -> Unsound:
    for span in spans:
        if _calls(span) and _answered(span) and not any(_serves(effect, span) for effect in _effects(span)):
            peer = span.attributes.get("server.address", span.attributes.get("net.peer.name", "its server"))
            problem = f"was answered by {peer}, but no server span is below it"
            remedy = (
                "Instrument the server, let the client inject traceparent and proxies pass it on, and wait until the "
                "server has exported. If the server is a third party's, ignore this rule."
            )
            yield span, problem, remedy


def _never_processed(spans: Sequence[Span]) -> Unsound:
    arrived = {
        span.span_id
        for span in spans
        if sends(span) and any(receives(effect) or effect.service != span.service for effect in _effects(span))
    }
    for span in spans:
        if span.kind != "producer" or span.failed or not arrived.isdisjoint((span.span_id, span.parent_id)):
            continue
        # Another span may speak for the message: one of a library within this one, or its own "create" span.
        if not any(sends(other) for other in (*span.children, *span.linked)):
            remedy = (
                "Look at the queue: is it bound, is a consumer running? If the message was processed, inject the "
                "context into its headers and let the consumer's span be a child of this one or link to it."
            )
            yield span, "no span that receives the message is below it or links to it", remedy


def _no_carrier(spans: Sequence[Span]) -> Unsound:
    for span in spans:
        above = span.parent
        if above is None or above.service == span.service:
            continue
        if (above.kind, span.kind) != ("client", "server") and not (sends(above) and receives(span)):
            problem = f"of kind {span.kind}, is the child of a span of another service, {above}, of kind {above.kind}"
            remedy = (
                "A client span leads to a server span, a producer span to a consumer span: correct the kinds, or add "
                "the span that is missing between. If the context came in memory or by hand, carry it in headers."
            )
            yield span, problem, remedy


def _wrong_kind(spans: Sequence[Span]) -> Unsound:
    for span in spans:
        does = str(span.attributes.get("messaging.operation.type", ""))
        kinds = KINDS.get(does, (span.kind,))
        if span.kind not in kinds:
            problem = f"is of kind {span.kind}, but messaging.operation.type is {does}"
            remedy = (
                f"Make it a {' or '.join(kinds)} span (semantic conventions for messaging, span kind): backends tell "
                "messages, and who is connected by them, from the kind alone."
            )
            yield span, problem, remedy


def _missing_resource(spans: Sequence[Span]) -> Unsound:
    first: dict[str, Span] = {}
    missing: defaultdict[str, set[str]] = defaultdict(set)
    for span in spans:
        lacks = [key for key in RESOURCE if not span.resource.get(key)]
        if span.service.startswith("unknown_service"):
            lacks.append("service.name")
        if lacks:
            first.setdefault(span.service, span)
            missing[span.service].update(lacks)
    for service, span in first.items():
        lacks = [key for key in RESOURCE if key in missing[service]]
        name = "Set OTEL_SERVICE_NAME. " if "service.name" in lacks else ""
        others = ",".join(f"{key}=…" for key in lacks if key != "service.name")
        remedy = name + (f"Set OTEL_RESOURCE_ATTRIBUTES={others}, or the same in code." if others else "")
        yield span, f"the resource of {service} lacks {', '.join(lacks)}", remedy.strip()


def _deprecated_attributes(spans: Sequence[Span]) -> Unsound:
    names, beginnings = _deprecated()
    found: defaultdict[tuple[str, str], list[Span]] = defaultdict(list)
    for span in spans:
        for key in {*span.attributes, *span.resource, *chain.from_iterable(event.attributes for event in span.events)}:
            if key in names or key.startswith(beginnings):
                found[span.service, key].append(span)
    for (service, key), having in sorted(found.items()):
        beginning = next((known for known in beginnings if key.startswith(known)), "")
        instead = names[f"{beginning}*"].replace("*", key.removeprefix(beginning)) if beginning else names[key]
        remedy = instead if " " in instead else f"Use {instead} instead."
        opt_in = next((value for start, value in OPT_IN.items() if key.startswith(start)), "")
        if opt_in:
            remedy += f" Many instrumentations do so with OTEL_SEMCONV_STABILITY_OPT_IN={opt_in} in the environment."
        yield having[0], f"{key} is deprecated; {service} has it on {len(having)} of its spans", remedy


@cache
def _deprecated() -> tuple[Mapping[str, str], tuple[str, ...]]:
    """Return the deprecated names with what to use instead, and the beginnings of those that end in `.*`."""
    names = tomllib.loads(files("spantree").joinpath("deprecated.toml").read_text("utf-8"))
    return names, tuple(name.removesuffix("*") for name in names if name.endswith(".*"))


def _calls(span: Span) -> bool:
    """Whether a span calls a server that might have a span, too."""
    names = span.attributes.keys()
    return span.kind == "client" and not CALLS.isdisjoint(names) and NOT_CALLS.isdisjoint(names)


def _answered(span: Span) -> bool:
    return not span.failed or span.status is not None


def _serves(effect: Span, call: Span) -> bool:
    """Whether `effect` shows that a call arrived, or is the same call, by a library within: then that one is judged."""
    return effect.kind == "server" or effect.service != call.service or _calls(effect)


def _effects(span: Span) -> Iterator[Span]:
    return chain(span.children, span.followers)


def _clock(span: Span) -> tuple[str, str]:
    return span.service, str(span.resource.get("service.instance.id", ""))


def _share_clock(one: Span, other: Span) -> bool:
    """Whether both are of one process: of one service, and of one instance where both have one."""
    if one.resource is other.resource:
        return True
    (service, instance), (other_service, other_instance) = _clock(one), _clock(other)
    return service == other_service and (instance == other_instance or not instance or not other_instance)


def _ms(nanoseconds: int) -> str:
    return f"{abs(nanoseconds) / 1e6:.3f} ms"


def _some(texts: Iterable[str]) -> str:
    """Join the first five of different texts."""
    different = list(dict.fromkeys(texts))
    more = f" and {len(different) - 5} more" if len(different) > 5 else ""  # noqa: PLR2004 - a line holds no more
    return ", ".join(different[:5]) + more


TABLE: Mapping[str, Callable[[Sequence[Span]], Unsound]] = {
    "orphan": _orphans,
    "circle": _circles,
    "several-roots": _several_roots,
    "starts-before-parent": _starts_before_parent,
    "ends-before-start": _ends_before_start,
    "clock-skew": _clock_skew,
    "client-without-server": _clients_without_server,
    "never-processed": _never_processed,
    "no-carrier": _no_carrier,
    "wrong-kind": _wrong_kind,
    "missing-resource": _missing_resource,
    "deprecated-attribute": _deprecated_attributes,
}
RULES = tuple(TABLE)
"""The names of all rules, in the order in which they are checked."""
