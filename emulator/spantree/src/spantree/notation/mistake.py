"""A mistake in a line: where it is, what was probably meant, and how that is written."""

__all__ = ["FORM", "Mistake"]

FORM = "service: name (kind) !error {attributes} <duration> ×count  # comment"
"""The parts of a line in their order. All but the service and the name may be left out."""


class Mistake(ValueError):
    """A line that cannot be read. `column` counts its characters from 0, `advice` says how to write it."""

    def __init__(self, column: int, advice: str) -> None:
        super().__init__(f"column {column + 1}: {advice}")
        self.column = column
        self.advice = advice

    def shown(self, number: int, line: str, indent: int) -> str:
        """Return the message for a line of a text, by its number and its indentation, with a caret below the place."""
        column = indent + self.column
        text = "".join(letter if letter.isprintable() or letter == "\t" else "?" for letter in line)
        below = "".join("\t" if letter == "\t" else " " for letter in text[:column])
        return f"line {number}, column {column + 1}: {self.advice}\n  {text}\n  {below}^"
