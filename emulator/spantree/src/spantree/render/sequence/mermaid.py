"""A sequence diagram as Mermaid text, which GitHub, GitLab and mermaid.js draw."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from spantree.render.sequence.diagram import Activation, Diagram, DiagramItem, Message, Note, Participant
from spantree.render.sequence.truncation import truncate

__all__ = ["mermaid"]

LONGEST_TEXT = 48_000
"""Characters. Mermaid's `maxTextSize`, beyond which it draws nothing, is 50,000 by default."""
RED = "rect rgba(229, 72, 77, 0.16)"
UNSAFE = re.compile(r"[^\w ./(){}=?!,…·\u00d7→⚑'-]|_{2,}|\bend\b|^(?:no)?wrap\b", re.IGNORECASE)
"""What Mermaid, Markdown or HTML may take for markup. A bare `end` closes a block, even within a text."""

Aliases = Mapping[Participant, str]
"""The names by which lines refer to participants."""


def mermaid(diagram: Diagram) -> str:
    """Return a diagram as a `sequenceDiagram` of Mermaid, truncated until Mermaid accepts its length."""
    text, most = _write(diagram), len(diagram.items)
    while len(text) > LONGEST_TEXT and most > 1:
        most //= 2
        text = _write(replace(diagram, items=tuple(truncate(diagram.items, most))))
    return text


def _write(diagram: Diagram) -> str:
    aliases = {participant: f"p{number}" for number, participant in enumerate(diagram.participants)}
    # the title is YAML, of which JSON is a subset; a % could begin one of Mermaid's directives
    title = json.dumps(f"{diagram.title} · {diagram.about}").replace("%", r"\u0025")
    lines = ["---", f"title: {title}", "---", "sequenceDiagram"]
    lines += [f"  {_participant(participant, alias)}" for participant, alias in aliases.items()]
    lines += [f"  {line}" for item in diagram.items for line in _lines(item, aliases)]
    return "\n".join(lines) + "\n"


def _participant(participant: Participant, alias: str) -> str:
    return f"{'actor' if participant.kind == 'caller' else 'participant'} {alias} as {_escape(participant.name)}"


def _lines(item: DiagramItem, aliases: Aliases) -> Iterator[str]:
    match item:
        case Activation(participant=participant, begins=begins):
            yield f"{'activate' if begins else 'deactivate'} {aliases[participant]}"
        case Message(failed=failed):
            yield from _in_red(_message(item, aliases), red=failed)
        case Note(tone=tone):
            yield from _in_red(_note(item, aliases), red=tone == "error")


def _in_red(line: str, *, red: bool) -> Iterator[str]:
    yield from (RED, f"  {line}", "end") if red else (line,)


def _message(message: Message, aliases: Aliases) -> str:
    line = "--" if message.answer else "-"
    head = "x" if message.lost else ")" if message.queued else ">>"
    step = f"({message.step}) " if message.step else ""
    text = _stack(f"{step}{message.label}{message.count}".rstrip(), message.detail) or _escape("")
    return f"{aliases[message.source]}{line}{head}{aliases[message.target]}: {text}"


def _note(note: Note, aliases: Aliases) -> str:
    everybody = list(aliases.values())
    across = ",".join(dict.fromkeys([*everybody[:1], *everybody[-1:]]))
    where = aliases[note.participant] if note.participant else across
    return f"Note over {where}: {_stack(note.flag, note.label, note.detail)}"


def _stack(*texts: str) -> str:
    return "<br/>".join(_escape(text) for text in texts if text)


def _escape(text: str) -> str:
    """Write unsafe characters as Mermaid's entity codes, `#35;`. An empty text becomes a zero-width space."""
    return UNSAFE.sub(lambda found: "".join(f"#{ord(letter)};" for letter in found[0]), text) or "#8203;"
