"""The `emulator` command: a table of its subcommands. Each one is imported only when it is called."""

from emulator import __version__
from emulator.cli.program import EMULATOR
from spantree.cli.commands import COMMANDS as TRACE_COMMANDS
from spantree.cli.lazy import Command, application
from spantree.cli.program import use

__all__ = ["COMMANDS", "app"]

# Before any command is imported: importing it defines its options, which take the prefix of their variables from here.
use(EMULATOR)

COMMANDS = (
    Command("boot", "emulator.cli.boot:boot", "Start a cloud, boot a server on it, and show the trace."),
    Command("up", "emulator.cli.up:up", "Run all services and the console until Ctrl-C or SIGTERM."),
    Command("serve", "emulator.cli.serve:serve", "Run a single service until Ctrl-C or SIGTERM."),
    Command("health", "emulator.cli.health:health", "Check that services are healthy."),
    Command("load", "emulator.cli.load:load", "Boot and delete servers at a given rate on a running emulator."),
    Command(
        "openstack",
        "emulator.cli.openstack:openstack",
        "Run the stock OpenStack client against a running emulator, as one trace.",
        # Unknown options, and everything after the client's command, are passed to the client.
        settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    ),
    Command("faults", "emulator.cli.faults:faults", "List the faults that can be injected."),
    *TRACE_COMMANDS,
    Command("doctor", "emulator.cli.doctor:doctor", "Find out why nothing shows up in Jaeger."),
)

app = application(
    EMULATOR.name,
    __version__,
    "Emulate how OpenStack boots a virtual machine, and see it as a distributed trace.",
    COMMANDS,
)
