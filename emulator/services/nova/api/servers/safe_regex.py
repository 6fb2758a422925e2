"""Regular expressions that users send: matched in a time that grows with the text, and no faster.

Python's own go back and try again, for ever over `(f+)+$`. These run through the text once, as the set of all states
that a match could be in (Thompson, 1968).
"""

import re
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Pattern", "PatternRefused"]

LONGEST = 255
MOST_STATES = 500

TOKEN = re.compile(
    r"""
    \\x[0-9a-fA-F]{2} | \\u[0-9a-fA-F]{4} | \\.   # one character, or a class of them
    | \[ \^? \]? (?: \\. | [^\]\\] )* \]          # a set of characters
    | \{ (?=[\d,]) \d* ,? \d* \}                  # how often
    | \(\?: | .
    """,
    re.VERBOSE | re.DOTALL,
)
UNKNOWN = re.compile(r"\\[0-9bBAZUN]")
TIMES = {"*": (0, None), "+": (1, None), "?": (0, 1)}
END = 0

Part = Callable[[int], int]
"""Adds the states of a part of a pattern, given the state that follows it; returns the first of them."""


class PatternRefused(Exception):
    """What is not a regular expression, or not one that is understood here; the message says why."""

    error_type = "nova.PatternRefused"


@dataclass(slots=True)
class _State:
    """Where a match can be. It goes on to `then` by a character that it `takes`, or at once; some only `at` an end."""

    then: tuple[int, ...] = ()
    takes: re.Pattern[str] | None = None
    at: str = ""


class Pattern:
    """A regular expression. Raises PatternRefused."""

    def __init__(self, text: str) -> None:
        _check(text)
        self._states = [_State()]
        try:
            self._first = _Reading(text, self._states).whole()(END)
        except RecursionError:
            raise PatternRefused("it is nested too deeply") from None
        self._steps: dict[tuple[frozenset[int], str, bool], frozenset[int]] = {}

    def is_in(self, text: str) -> bool:
        """Whether some part of a text matches."""
        here = self._spread([self._first], begin=True, end=not text)
        for number, character in enumerate(text, 1):
            if END in here:
                return True
            step = here, character, number == len(text)
            if step not in self._steps:
                self._steps[step] = self._step(*step)
            here = self._steps[step]
        return END in here

    def _step(self, here: frozenset[int], character: str, end: bool) -> frozenset[int]:
        reached = [self._first]
        for state in (self._states[number] for number in here):
            if state.takes is not None and state.takes.fullmatch(character):
                reached.extend(state.then)
        return self._spread(reached, begin=False, end=end)

    def _spread(self, reached: list[int], *, begin: bool, end: bool) -> frozenset[int]:
        """Return these states, and all that they go on to at once."""
        found: set[int] = set()
        while reached:
            number = reached.pop()
            state = self._states[number]
            if number not in found and {"": True, "^": begin, "$": end}[state.at]:
                found.add(number)
                reached.extend(state.then if state.takes is None else ())
        return frozenset(found)


class _Reading:
    """A pattern that is being read, from left to right, and the states that become of it."""

    def __init__(self, text: str, states: list[_State]) -> None:
        self._tokens = deque(TOKEN.findall(text))
        self._states = states

    def _add(self, *then: int, takes: re.Pattern[str] | None = None, at: str = "") -> int:
        if len(self._states) >= MOST_STATES:
            raise PatternRefused("it is too large")
        self._states.append(_State(then, takes, at))
        return len(self._states) - 1

    def whole(self) -> Part:
        """Read what `|` parts. It adds a state of its own, so that nothing can be repeated without end for nothing."""
        options = [self._sequence()]
        while self._tokens and self._tokens[0] == "|":
            self._tokens.popleft()
            options.append(self._sequence())
        return lambda after: self._add(*[option(after) for option in options])

    def _sequence(self) -> Part:
        parts: list[Part] = []
        while self._tokens and self._tokens[0] not in {"|", ")"}:
            parts.append(self._repeated(self._one()))

        def add(after: int) -> int:
            for part in reversed(parts):
                after = part(after)
            return after

        return add

    def _one(self) -> Part:
        token = self._tokens.popleft()
        if token in {"(", "(?:"}:
            if self._tokens[0] == "?":
                raise PatternRefused("there are no groups with (? but (?: here")
            inside = self.whole()
            self._tokens.popleft()
            return inside
        if token in {"^", "$"}:
            return lambda after: self._add(after, at=token)
        if UNKNOWN.fullmatch(token):
            raise PatternRefused(f"there is no {token} here")
        takes = re.compile(token)
        return lambda after: self._add(after, takes=takes)

    def _repeated(self, part: Part) -> Part:
        if not self._tokens or not (self._tokens[0] in TIMES or re.match(r"\{.", self._tokens[0])):
            return part
        least, most = _times(self._tokens.popleft())
        if self._tokens and self._tokens[0] == "?":  # as few as can be: the same texts match
            self._tokens.popleft()
        elif self._tokens and self._tokens[0] == "+":
            raise PatternRefused("there are no possessive repetitions here")

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


def _times(token: str) -> tuple[int, int | None]:
    """Return how often at least and at most, None for any number."""
    if token in TIMES:
        return TIMES[token]
    least, comma, most = token[1:-1].partition(",")
    return int(least or 0), (int(most) if most else None) if comma else int(least)


def _check(text: str) -> None:
    """Raise PatternRefused for what would not be a regular expression to Python either, or an ambiguous one."""
    if len(text) > LONGEST:
        raise PatternRefused(f"it is longer than {LONGEST} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(text)
    except (re.error, Warning, RecursionError, OverflowError) as error:
        raise PatternRefused(str(error)) from None
