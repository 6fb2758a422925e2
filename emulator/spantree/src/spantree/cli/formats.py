"""The formats that others read traces in. A format is a row here, and knows of no file and no source."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from spantree import Span, SpanTree, jaeger_json, otlp_json
from spantree.render import Vocabulary, duration, headline
from spantree.render.html import html_document
from spantree.render.perfetto import perfetto
from spantree.render.sequence import mermaid, sequence, sequence_svg
from spantree.render.service_map import service_map, service_map_svg

__all__ = ["FORMATS", "Format"]


@dataclass(frozen=True, slots=True)
class Format:
    """How to `write` traces as a text, and what the text does not tell of them: what it `loses`.

    A format that holds `one_trace` is given one.
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
    return json.dumps(perfetto(traces)) + "\n"


def _tree(traces: Sequence[SpanTree], _: Vocabulary) -> str:
    return "\n".join(f"# {headline(trace)} · {duration(trace.duration)}\n\n{trace.as_expected()}" for trace in traces)


def _html(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    return html_document(traces, vocabulary=vocabulary)


def _mermaid(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    return "".join(mermaid(sequence(trace, vocabulary=vocabulary)) for trace in traces)


def _svg(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    return "".join(sequence_svg(sequence(trace, vocabulary=vocabulary), vocabulary=vocabulary) for trace in traces)


def _map(traces: Sequence[SpanTree], vocabulary: Vocabulary) -> str:
    return service_map_svg(service_map(traces), vocabulary=vocabulary)


def _spans(traces: Sequence[SpanTree]) -> list[Span]:
    return [span for trace in traces for span in trace.spans]


BEYOND_A_SEQUENCE = (
    "ids, times but for durations, attributes, events, acknowledgements, the inner parts of a service's work, what "
    "repeats itself, and the middle of what is very long; it cannot be read back"
)

FORMATS = {
    each.name: each
    for each in (
        Format(
            "otlp-json",
            _otlp,
            loses="what is not read either: trace state, flags, scopes, schema URLs, dropped counts, and status OK",
        ),
        Format(
            "jaeger-json",
            _jaeger,
            loses="what is below a microsecond, attributes of links, the types of lists, maps and empty values (they "
            "become JSON), attributes with names that Jaeger has uses for, and that a resource had no service.name; "
            "a span without a parent comes below the first span of its trace that it links to",
        ),
        Format(
            "perfetto",
            _perfetto,
            loses="resources but for the name of the service, attributes of links, the types of bytes, empty values, "
            "NaN and infinity (they become texts), the end of a span that ends before it starts, and arrows to what "
            "began before its cause; it cannot be read back",
        ),
        Format(
            "tree",
            _tree,
            loses="times, ids, attributes, events and links: it keeps services, names, kinds, errors and nesting",
            one_trace=True,
        ),
        Format("html", _html, loses="the types of values; it is to look at, and cannot be read back"),
        Format("mermaid", _mermaid, loses=BEYOND_A_SEQUENCE, one_trace=True),
        Format("svg", _svg, loses=BEYOND_A_SEQUENCE, one_trace=True),
        Format("map", _map, loses="single traces, but their figures together; it cannot be read back"),
    )
}
"""By name, as `emulator convert --to` has them."""
