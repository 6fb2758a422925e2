"""Lint rules about the shape of the tree: orphans, cycles, several roots."""

from collections.abc import Collection, Sequence

from spantree.lint.problems import Problems, first_five
from spantree.span import Span

__all__ = ["cycles", "orphans", "several_roots"]


def orphans(spans: Sequence[Span], callers: Collection[str] = ()) -> Problems:
    """Find spans whose parent is neither in the trace nor one of the `callers`, which nobody exports."""
    known = {*callers, *(span.span_id for span in spans)}
    for span in spans:
        if span.parent_id and span.parent_id not in known:
            remedy = (
                "Its caller did not sample that span (use parent-based samplers everywhere), lost it (look for "
                "exporter errors, flush at exit) or has not sent it yet (wait for it). If the caller never exports "
                "spans, ignore this rule."
                if span.kind in {"server", "consumer"}
                else f"{span.service} lost one of its own spans: it was never ended, the exporter dropped it (its "
                "queue was full, say), or it was not flushed at exit (shut down the tracer provider). If the span is "
                "only late, wait for it."
            )
            yield span, f"{span.service} names the parent {span.parent_id}, which is not in the trace", remedy


def cycles(spans: Sequence[Span]) -> Problems:
    """Find spans that are their own ancestors."""
    known = {span.span_id for span in spans}
    for span in spans:
        if span.parent_id in known and span.parent is None:
            remedy = "Span ids repeat or were rewritten: look at id generators, forked processes and collectors."
            yield span, f"is its own ancestor, through its parent {span.parent_id}", remedy


def several_roots(spans: Sequence[Span], continues_by: Collection[str] = ()) -> Problems:
    """Find traces with more than one root.

    `continues_by` names attributes by which an uninstrumented client joins its requests into one trace. If all roots
    are server spans with the same value of one of them, no context was lost.
    """
    roots = [span for span in spans if not span.parent_id]
    if len(roots) > 1 and not any(_share(roots, attribute) for attribute in continues_by):
        others = roots[1:]
        problem = f"is one of {len(roots)} roots: the others are {first_five(str(span) for span in others)}"
        remedy = (
            f"The context was lost on the way into {first_five(span.service for span in others)}, or inside: use the "
            "same propagators (OTEL_PROPAGATORS) on both sides, do not strip headers, and pass the context on to "
            "threads and tasks. Work that nobody waits for belongs in a trace of its own, with a link."
        )
        yield roots[0], problem, remedy


def _share(roots: list[Span], attribute: str) -> bool:
    values = {root.attributes.get(attribute) for root in roots}
    return len(values) == 1 and None not in values and all(root.kind == "server" for root in roots)
