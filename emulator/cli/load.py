"""The command line for load: words to calls, as `cli` has them for clouds."""

from math import inf
from secrets import token_hex

import typer

from emulator.cli.late import load_commands
from emulator.cli.options import (
    Briefly,
    CloudTimeout,
    Duration,
    FaultNames,
    FaultShare,
    Flavor,
    Image,
    Lifetime,
    Loaded,
    Network,
    Otlp,
    Pace,
    Rate,
    Seed,
)

__all__ = ["load"]

FAULT_SHARE = 0.1
"""Which part of the boots carries a fault, where faults are named and nobody says."""


def load(
    keystone_url: Loaded = "http://127.0.0.1:5000",
    rate: Rate = 1.0,
    duration: Duration = None,
    lifetime: Lifetime = 5.0,
    fault: FaultNames = None,
    fault_share: FaultShare = None,
    image: Image = "cirros",
    flavor: Flavor = "m1.tiny",
    network: Network = "private",
    pace: Pace = 1.0,
    seed: Seed = None,
    otlp: Otlp = None,
    wait: CloudTimeout = 30.0,
    *,
    quiet: Briefly = False,
) -> None:
    """Boot and delete servers at a rate, on an emulator that is up: for pipelines that want traffic.

    Goes on for --duration seconds, or until Ctrl-C or SIGTERM; then deletes what it booted. Exits with 0 if, of the
    boots without a fault, none failed and some became ACTIVE, and if no more were skipped than begun.
    """
    commands = load_commands()
    from emulator.client import BootRequest
    from emulator.faults import FAULTS
    from emulator.load import SERVERS_AT_ONCE, Plan

    if fault_share is not None and not fault:
        raise typer.BadParameter("--fault-share is a share of the boots, for a --fault that is not named.")
    if rate * lifetime > SERVERS_AT_ONCE:
        there = f"{rate * lifetime:g} servers at once, and {SERVERS_AT_ONCE} is the limit"
        raise typer.BadParameter(f"--rate {rate:g} and --lifetime {lifetime:g} make {there}.")
    faults = tuple(FAULTS[name] for name in fault or ())
    order = BootRequest(f"load-{token_hex(3)}", image, flavor, network)
    status = commands.load(
        Plan(order, rate, lifetime, faults, FAULT_SHARE if fault_share is None else fault_share),
        pace=pace,
        seed=seed,
        seconds=inf if duration is None else duration,
        patience=wait,
        otlp=otlp,
        keystone_url=keystone_url,
        quiet=quiet,
    )
    raise typer.Exit(status)
