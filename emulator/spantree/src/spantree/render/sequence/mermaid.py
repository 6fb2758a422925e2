"""A sequence diagram as text that GitHub, GitLab and mermaid.js draw."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from spantree.render.sequence.diagram import Actor, Bar, Diagram, Item, Message, Note
from spantree.render.sequence.truncation import cut

__all__ = ["mermaid"]

LONGEST_TEXT = 48_000
"""Characters. Mermaid refuses to draw more than 50,000."""
RED = "rect rgba(229, 72, 77, 0.16)"
SPECIAL = re.compile(r"[^\w ./(){}=?!,…·\u00d7→⚑'-]|_{2,}|\bend\b|^(?:no)?wrap\b", re.IGNORECASE)
"""What Mermaid, Markdown or HTML might take for something else than text."""

Names = Mapping[Actor, str]


def mermaid(diagram: Diagram) -> str:
    """Return the diagram as a Mermaid `sequenceDiagram`. A text that Mermaid would refuse as too long is cut more."""
    text, most = _written(diagram), len(diagram.items)
    while len(text) > LONGEST_TEXT and most > 1:
        most //= 2
        text = _written(replace(diagram, items=tuple(cut(diagram.items, most))))
    return text


def _written(diagram: Diagram) -> str:
    names = {actor: f"p{number}" for number, actor in enumerate(diagram.actors)}
    title = json.dumps(f"{diagram.title} · {diagram.about}").replace("%", r"\u0025")
    lines = ["---", f"title: {title}", "---", "sequenceDiagram"]
    lines += [f"  {_participant(actor, name)}" for actor, name in names.items()]
    lines += [f"  {line}" for item in diagram.items for line in _lines(item, names)]
    return "\n".join(lines) + "\n"


def _participant(actor: Actor, name: str) -> str:
    return f"{'actor' if actor.kind == 'caller' else 'participant'} {name} as {_escape(actor.name)}"


def _lines(item: Item, names: Names) -> Iterator[str]:
    match item:
        case Bar(actor=actor, begins=begins):
            yield f"{'activate' if begins else 'deactivate'} {names[actor]}"
        case Message(failed=failed):
            yield from _marked(_message(item, names), red=failed)
        case Note(tone=tone):
            yield from _marked(_note(item, names), red=tone == "error")


def _marked(line: str, *, red: bool) -> Iterator[str]:
    yield from (RED, f"  {line}", "end") if red else (line,)


def _message(message: Message, names: Names) -> str:
    arrow = "--" if message.answer else "-"
    head = "x" if message.lost else ")" if message.queued else ">>"
    step = f"({message.step}) " if message.step else ""
    words = _stacked(f"{step}{message.label or '(answer)'}{message.count}", message.detail)
    return f"{names[message.source]}{arrow}{head}{names[message.target]}: {words}"


def _note(note: Note, names: Names) -> str:
    everybody = list(names.values())
    where = names[note.actor] if note.actor else ",".join(dict.fromkeys([*everybody[:1], *everybody[-1:]]))
    return f"Note over {where}: {_stacked(note.flag, note.label, note.detail)}"


def _stacked(*texts: str) -> str:
    return "<br/>".join(_escape(text) for text in texts if text)


def _escape(text: str) -> str:
    """Write as character codes what is not surely a letter."""
    return SPECIAL.sub(lambda found: "".join(f"#{ord(letter)};" for letter in found[0]), text) or "#8203;"
