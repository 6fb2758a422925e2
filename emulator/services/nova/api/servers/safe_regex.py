"""Regular expressions from users, matched in linear time: no pattern can block the event loop.

Python's `re` backtracks, for minutes with a pattern such as `(f+)+$`, and cannot be interrupted. This module simulates
all states of a nondeterministic automaton at once instead (Thompson 1968, https://swtch.com/~rsc/regexp/regexp1.html).

Why not a library: google-re2 gives the same guarantee, but has no wheels for musl or the newest Python, and takes
1.5 MB and 60 ms to import. `regex` can limit the time of a match, but not of a compilation: it compiles
`((){999}){999}` for 18 s.
"""

import re
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["InvalidPattern", "Pattern"]

MAX_LENGTH = 255  # of the names that are searched
MAX_STATES = 500  # bounds the work per character, and what `((a{99}){99}){99}` unfolds to

TOKEN = re.compile(
    r"""
    \\x[0-9a-fA-F]{2} | \\u[0-9a-fA-F]{4} | \\.   # an escaped character, or a class such as \d
    | \[ \^? \]? (?: \\. | [^\]\\] )* \]          # a set of characters
    | \{ (?=[\d,]) \d* ,? \d* \}                  # a repetition with bounds
    | \(\?: | .
    """,
    re.VERBOSE | re.DOTALL,
)
UNSUPPORTED = re.compile(r"\\[0-9bBAZUN]")  # back references, word boundaries and the like
REPETITIONS = {"*": (0, None), "+": (1, None), "?": (0, 1)}
FINAL = 0

Part = Callable[[int], int]
"""A part of a pattern: adds its states in front of the state that follows it, and returns the first of them."""


class InvalidPattern(Exception):
    """The text is not a regular expression, or not a supported one. The message says why."""

    error_type = "nova.InvalidPattern"


@dataclass(slots=True)
class _State:
    """A state of the automaton, followed by the states `then`.

    It consumes a character that matches `consumes`, or none. With `anchor` it can only be passed at an end of the text.
    """

    then: tuple[int, ...] = ()
    consumes: re.Pattern[str] | None = None
    anchor: str = ""


class Pattern:
    """A compiled regular expression. Raises InvalidPattern."""

    def __init__(self, text: str) -> None:
        _check_syntax(text)
        self._states = [_State()]
        try:
            self._first = _Parser(text, self._states).alternatives()(FINAL)
        except RecursionError:
            raise InvalidPattern("it is nested too deeply") from None
        self._steps: dict[tuple[frozenset[int], str, bool], frozenset[int]] = {}

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in a text."""
        current = self._closure([self._first], at_start=True, at_end=not text)
        for position, character in enumerate(text, 1):
            if FINAL in current:
                return True
            step = current, character, position == len(text)
            if step not in self._steps:  # many servers have similar names
                self._steps[step] = self._step(*step)
            current = self._steps[step]
        return FINAL in current

    def _step(self, current: frozenset[int], character: str, at_end: bool) -> frozenset[int]:
        reached = [self._first]  # a match may start at every character
        for state in (self._states[number] for number in current):
            if state.consumes is not None and state.consumes.fullmatch(character):
                reached.extend(state.then)
        return self._closure(reached, at_start=False, at_end=at_end)

    def _closure(self, reached: list[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """Return the reached states and all that follow them without consuming a character."""
        passable = {"": True, "^": at_start, "$": at_end}
        closure: set[int] = set()
        while reached:
            number = reached.pop()
            state = self._states[number]
            if number not in closure and passable[state.anchor]:
                closure.add(number)
                reached.extend(state.then if state.consumes is None else ())
        return frozenset(closure)


class _Parser:
    """A recursive-descent parser of a pattern that `re` accepts. It adds the automaton's states to `states`."""

    def __init__(self, text: str, states: list[_State]) -> None:
        self._tokens = deque(TOKEN.findall(text))
        self._states = states

    def _add(self, *then: int, consumes: re.Pattern[str] | None = None, anchor: str = "") -> int:
        if len(self._states) >= MAX_STATES:
            raise InvalidPattern("it is too large")
        self._states.append(_State(then, consumes, anchor))
        return len(self._states) - 1

    def alternatives(self) -> Part:
        """Parse sequences separated by `|`."""
        options = [self._sequence()]
        while self._tokens and self._tokens[0] == "|":
            self._tokens.popleft()
            options.append(self._sequence())
        # always adds a state, so that repeating an empty group reaches MAX_STATES
        return lambda after: self._add(*[option(after) for option in options])

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while self._tokens and self._tokens[0] not in {"|", ")"}:
            parts.append(self._repeated(self._atom()))

        def add(after: int) -> int:
            for part in reversed(parts):
                after = part(after)
            return after

        return add

    def _atom(self) -> Part:
        token = self._tokens.popleft()
        if token in {"(", "(?:"}:
            if self._tokens[0] == "?":
                raise InvalidPattern("groups with (? other than (?: are not supported")
            inside = self.alternatives()
            self._tokens.popleft()
            return inside
        if token in {"^", "$"}:
            return lambda after: self._add(after, anchor=token)
        if UNSUPPORTED.fullmatch(token):
            raise InvalidPattern(f"{token} is not supported")
        consumes = re.compile(token)
        return lambda after: self._add(after, consumes=consumes)

    def _repeated(self, part: Part) -> Part:
        """Parse a repetition after an atom, if there is one."""
        if not self._tokens or not (self._tokens[0] in REPETITIONS or re.match(r"\{.", self._tokens[0])):
            return part
        least, most = _bounds(self._tokens.popleft())
        if self._tokens and self._tokens[0] == "?":  # lazy: it finds shorter matches, but matches the same texts
            self._tokens.popleft()
        elif self._tokens and self._tokens[0] == "+":
            raise InvalidPattern("possessive repetitions are not supported")

        def add(after: int) -> int:
            first = after
            if most is None:
                first = self._add()
                self._states[first].then = (part(first), after)
            else:
                for _ in range(most - least):
                    first = self._add(part(first), after)
            for _ in range(least):
                first = part(first)
            return first

        return add


def _bounds(token: str) -> tuple[int, int | None]:
    """Return the smallest and the largest number of repetitions, None for no limit."""
    if token in REPETITIONS:
        return REPETITIONS[token]
    least, comma, most = token[1:-1].partition(",")
    return int(least or 0), (int(most) if most else None) if comma else int(least)


def _check_syntax(text: str) -> None:
    """Raise InvalidPattern for what `re` rejects or warns of. Compiling is safe: only matching backtracks."""
    if len(text) > MAX_LENGTH:
        raise InvalidPattern(f"it is longer than {MAX_LENGTH} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except (re.error, Warning, RecursionError, OverflowError) as error:
        raise InvalidPattern(str(error)) from None
