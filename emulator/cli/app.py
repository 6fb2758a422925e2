"""The command `emulator`: a table of its commands, each of which is imported when it is called."""

from emulator import __version__
from emulator.cli.program import EMULATOR
from spantree.cli.commands import COMMANDS as TRACE_COMMANDS
from spantree.cli.lazy import Command, application
from spantree.cli.program import use

__all__ = ["COMMANDS", "app"]

use(EMULATOR)  # before any command is imported: its options name their variables then

COMMANDS = (
    Command("boot", "emulator.cli.boot:boot", "Start a cloud, boot a server on it, and show the trace."),
    Command("up", "emulator.cli.up:up", "Run all services, and a console, until Ctrl-C or SIGTERM."),
    Command("serve", "emulator.cli.serve:serve", "Run one service alone, until Ctrl-C or SIGTERM."),
    Command("health", "emulator.cli.health:health", "Check that services are healthy."),
    Command("load", "emulator.cli.load:load", "Boot and delete servers at a rate, on an emulator that is up."),
    Command(
        "openstack",
        "emulator.cli.openstack:openstack",
        "Run the stock OpenStack client on an emulator that is up, as one trace.",
        # Unknown options, and all that follows the client's command, are the client's.
        settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    ),
    Command("faults", "emulator.cli.faults:faults", "List the faults that a request can carry."),
    *TRACE_COMMANDS,
    Command("doctor", "emulator.cli.doctor:doctor", "Find out why nothing shows up in Jaeger."),
)

app = application(
    EMULATOR.name,
    __version__,
    "Re-enact how OpenStack boots a virtual machine, and see it as a distributed trace.",
    COMMANDS,
)
