"""What an attribute must be: `k`, `k=v`, `k=/re/`, `k>5`, `not k`, `not k=v`, `not k=/re/`."""

import re
from dataclasses import dataclass
from decimal import Decimal

from spantree.notation.mistake import Mistake
from spantree.notation.quoting import QUOTED, quoted_key, quoted_value, unquoted

__all__ = ["Condition", "read_conditions"]

# A comma outside of [...] and {m,n} ends the value, so that a path such as k=/a, l=/b/ is not taken for an expression.
EXPRESSION = re.compile(r"/(?P<source>(?:\\.|\[(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|[^\\,{}\[])+)/(?=\s*[,}])")
START = re.compile(rf"\s*(?P<negated>not\s+)?(?P<key>{QUOTED}|[^\s,=<>!~{{}}\"]+)\s*")
QUOTED_TEXT = re.compile(QUOTED)
OPERATOR = re.compile(r"==|=~|=>|=<|!=|!~|~=|~|<=|>=|[=<>]")
PLAIN = re.compile(r"[^,\"\[\]{}]*")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
END = re.compile(r"\s*\}")
ITEM_END = re.compile(r"\s*(,|(?=\}))")
REPETITION = re.compile(r"\{\s*(\d+)\s*(?:(,|\.\.|-)\s*(\d*)\s*)?\}")


@dataclass(frozen=True, slots=True)
class Condition:
    """What the attribute `key` must be, or with `negated` must not be.

    `operator` is `""` if it must just be there, `=` for a text, `/` for a regular expression that is searched in it,
    and `<`, `<=`, `>` or `>=` for a number.
    """

    key: str
    operator: str = ""
    value: str | Decimal = ""
    negated: bool = False

    @property
    def target(self) -> str:
        """What the value is compared with, as it stands in the line."""
        if isinstance(self.value, Decimal):
            return f"{self.operator}{self.value:f}"
        return f"/{self.value}/" if self.operator == "/" else quoted_value(self.value)

    def __str__(self) -> str:
        between = "=" if self.operator in {"=", "/"} else ""
        target = f"{between}{self.target}" if self.operator else ""
        return f"{'not ' if self.negated else ''}{quoted_key(self.key)}{target}"


def read_conditions(text: str, opening: int) -> tuple[tuple[Condition, ...], int]:
    """Read the conditions after the brace at `opening`; return them and the place after their closing brace.

    Raises Mistake.
    """
    if count := REPETITION.match(text, opening):
        raise Mistake(opening, _count_advice(count))
    conditions: list[Condition] = []
    place = opening + 1
    while True:
        if end := END.match(text, place):
            return tuple(conditions), end.end()
        if not text[place:].strip():
            raise Mistake(opening, "this { has no end; write }, or put the name in quotes if it is a part of it")
        condition, place = _read_condition(text, place)
        conditions.append(condition)
        end = ITEM_END.match(text, place)
        if end is None:
            raise _after_condition(text, place, opening, condition)
        place = end.end()


def _count_advice(count: re.Match[str]) -> str:
    most = f"..{count[3]}" if count[2] else ""
    return (
        f'to expect several of this span, write ×{count[1]}{most}; write {{"{count[1]}"}} for an attribute of that name'
    )


def _read_condition(text: str, place: int) -> tuple[Condition, int]:
    start = START.match(text, place)
    if start is None:
        column = _next(text, place)
        advice = "write {not k}" if text[column : column + 1] == "!" else "as in {k, k=v, k=/re/, k>5, not k}"
        raise Mistake(column, f"here the name of an attribute is expected; {advice}")
    key, place = unquoted(start["key"], start.start("key")), start.end()
    if start["key"] in {"not", "!"}:
        raise Mistake(start.start("key"), "`not` stands before a condition: {not k}, {not k=v}, {not k=/re/}")
    if start["key"].endswith("/"):
        raise Mistake(start.start("key"), r"if this is in a regular expression, write \, for the comma before it")
    found = OPERATOR.match(text, place)
    if found is None:
        return Condition(key, negated=bool(start["negated"])), place
    operator, place = found[0], _next(text, found.end())
    if operator not in {"=", "<", "<=", ">", ">="}:
        raise Mistake(found.start(), _operator_advice(operator, start["key"], _rest(text, place)))
    if operator != "=":
        number, place = _read_number(text, place, operator)
        if start["negated"]:
            opposite = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}[operator]
            raise Mistake(
                start.start("negated"), f"write {{{start['key']}{opposite}{number:f}}} instead of not {operator}"
            )
        return Condition(key, operator, number), place
    operator, value, place = _read_value(text, place, start["key"])
    return Condition(key, operator, value, bool(start["negated"])), place


def _operator_advice(operator: str, key: str, value: str) -> str:
    if operator in {"=>", "=<"}:
        return f"write {{{key}{operator[::-1]}{value}}}"
    expression = value if len(value) > 2 and value[0] == value[-1] == "/" else f"/{value}/"  # noqa: PLR2004 - two slashes
    meant = {
        "==": f"{key}={value}",
        "!=": f"not {key}={value}",
        "!~": f"not {key}={expression}",
    }.get(operator, f"{key}={expression}")
    return f"{operator} is not an operator here; write {{{meant}}}"


def _read_number(text: str, place: int, operator: str) -> tuple[Decimal, int]:
    number = NUMBER.match(text, place)
    if number is None or not ITEM_END.match(text, number.end()):
        raise Mistake(place, f"{operator} compares with a number, as in {{k{operator}5}} or {{k{operator}-0.5}}")
    return Decimal(number[0]), number.end()


def _read_value(text: str, place: int, key: str) -> tuple[str, str, int]:
    """Return the operator, the value and the place after it."""
    if quoted := QUOTED_TEXT.match(text, place):
        return "=", unquoted(quoted[0], place), quoted.end()
    if expression := EXPRESSION.match(text, place):
        try:
            re.compile(expression["source"])
        except re.error as error:
            column = expression.start("source") + (error.pos or 0)
            raise Mistake(column, f"the regular expression is not valid: {error.msg}") from None
        return "/", expression["source"], expression.end()
    if text[place : place + 1] == '"':
        raise Mistake(place, "this quote has no end")
    plain = PLAIN.match(text, place)
    assert plain is not None
    value = plain[0].rstrip()
    if value.startswith("not "):
        raise Mistake(place, f"`not` stands before the attribute; write {{not {key}={value[4:].strip()}}}")
    if value.startswith("~"):
        raise Mistake(
            place, f"write {{{key}=/{value[1:].strip()}/}} for a regular expression, or put the text in quotes"
        )
    if another := re.search(r"\s(?=[^\s=]+=)", value):
        raise Mistake(place + another.start(), "a comma is expected here; a text with spaces and = stands in quotes")
    return "=", value, place + len(value)


def _after_condition(text: str, place: int, opening: int, condition: Condition) -> Mistake:
    """Return what is wrong where neither a comma nor the closing brace follows a condition."""
    column = _next(text, place)
    if column == len(text):
        return Mistake(opening, "this { has no end; write }, or put the name in quotes if it is a part of it")
    if text[column] in "[]{" and condition.operator:
        return Mistake(
            column, f'a value with {text[column]} stands in quotes, as in {{k="[1,2]"}}; write \\" for quotes in it'
        )
    if not condition.operator and condition.key.endswith(":"):
        return Mistake(
            len(text[:place].rstrip()) - 1,
            f"a value stands after =; write {{{condition.key[:-1]}={_rest(text, column)}}}",
        )
    return Mistake(column, "here a comma or } is expected; a text with spaces or quotes stands in quotes itself")


def _next(text: str, place: int) -> int:
    """Return the place of the next character that is not a space."""
    return len(text) - len(text[place:].lstrip())


def _rest(text: str, place: int) -> str:
    """Return the text up to the next comma or the closing brace."""
    found = re.compile(r"[^,}]*").match(text, place)
    return found[0].strip() if found else ""
