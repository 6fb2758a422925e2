"""The commands of the script `spantree`, one row each; other programs add these rows to their own."""

from spantree.cli.lazy import Command

__all__ = ["COMMANDS"]

COMMANDS = (
    Command(
        "check",
        "spantree.cli.check:check",
        "Compare traces with an expected tree; without one, check that they are sound.",
    ),
    Command("convert", "spantree.cli.convert:convert", "Write traces in another format."),
    Command(
        "record",
        "spantree.cli.record:record",
        "Run any command, in any language, and record the traces that it sends over OTLP.",
        # Options after the command are its own.
        settings={"allow_interspersed_args": False},
    ),
    Command("show", "spantree.cli.show:show", "Print the waterfalls of traces, or draw them into files."),
    Command("tail", "spantree.cli.tail:tail", "Watch traces as they arrive over OTLP, from any program."),
)
