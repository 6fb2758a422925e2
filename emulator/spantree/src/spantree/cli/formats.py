"""The formats that traces are written in, one row each. They know nothing of files and sources.

Each writer imports what it needs when it is called: the pictures take longer to import than most commands run.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spantree import Span, SpanTree, jaeger_json, otlp_json
from spantree.render import Vocabulary, duration, headline

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: `write` returns traces as text, drawn with a vocabulary.

    `loses` says what the text cannot hold, and completes the message `NAME does not hold …`. `one_trace` means that
    the format holds a single trace.
    """

    name: str
    write: Callable[[Sequence[SpanTree], Vocabulary], str]
    loses: str
    one_trace: bool = False


def _otlp(traces: Sequence[SpanTree], _: Vocabulary) -> str:
    return json.dumps(otlp_json(_spans(traces))) + "\n"


def _jaeger(traces: Sequence[SpanTree], _: Vocabulary) -> str:
    return json.dumps(jaeger_json(_spans(traces))) + "\n"


def _perfetto(traces: Sequence[SpanTree], _: Vocabulary) -> str:
    from spantree.render.perfetto import perfetto

    return json.dumps(perfetto(traces)) + "\n"


def _tree(traces: Sequence[SpanTree], _: Vocabulary) -> str:
    return "\n".join(f"# {headline(trace)} · {duration(trace.duration)}\n\n{trace.as_tree_text()}" for trace in traces)


def _html(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    from spantree.render.html import html_document

    return html_document(traces, vocabulary=vocabulary)


def _mermaid(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    from spantree.render.sequence import mermaid, sequence

    return "".join(mermaid(sequence(trace, vocabulary=vocabulary)) for trace in traces)


def _svg(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    from spantree.render.sequence import sequence, sequence_svg

    return "".join(sequence_svg(sequence(trace, vocabulary=vocabulary), vocabulary=vocabulary) for trace in traces)


def _map(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    from spantree.render.service_map import service_map, service_map_svg

    return service_map_svg(service_map(traces), vocabulary=vocabulary)


def _spans(traces: Sequence[SpanTree]) -> list[Span]:
    return [span for trace in traces for span in trace.spans]


NOT_IN_A_SEQUENCE_DIAGRAM = (
    "ids, times except durations, attributes, events, acknowledgements, the inner parts of a service's work, "
    "repetitions, and the middle of very long texts; it cannot be read back"
)

FORMATS = {
    each.name: each
    for each in (
        Format(
            "otlp-json",
            _otlp,
            loses="trace state, flags, scopes, schema URLs, dropped counts and status OK, none of which spantree reads",
        ),
        Format(
            "jaeger-json",
            _jaeger,
            loses="times below a microsecond, attributes of links, the types of lists, maps and empty values (they "
            "become JSON), attributes whose names Jaeger uses itself, and that a resource had no service.name; "
            "a span without a parent becomes a child of the first span of its trace that it links to",
        ),
        Format(
            "perfetto",
            _perfetto,
            loses="resources except the name of the service, attributes of links, the types of bytes, empty values, "
            "NaN and infinity (they become texts), the end of a span that ends before it starts, and arrows to spans "
            "that began before their cause; it cannot be read back",
        ),
        Format(
            "tree",
            _tree,
            loses="times, ids, attributes, events, links and how often alike siblings repeat (a `+` stands for them)",
            one_trace=True,
        ),
        Format("html", _html, loses="the types of values; it is made for people, and cannot be read back"),
        Format("mermaid", _mermaid, loses=NOT_IN_A_SEQUENCE_DIAGRAM, one_trace=True),
        Format("svg", _svg, loses=NOT_IN_A_SEQUENCE_DIAGRAM, one_trace=True),
        Format("map", _map, loses="the single traces, only totals over all of them; it cannot be read back"),
    )
}
"""By name, as `convert --to` takes them."""
