"""`emulator load`: boot and delete servers at a given rate on a running cloud."""

import json
from math import inf
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.option_groups import with_option_groups
from emulator.cli.options import KEYSTONE_URL, KeystoneUrl, OtlpUrl, Pace, Seed, ServerOptions, importing_sdk
from emulator.cli.validators import fault_name
from emulator.urls import without_user
from spantree.cli.options import option
from spantree.cli.validators import finite

if TYPE_CHECKING:  # importing it takes longer than printing the help text
    from emulator.runtime.export import Export

__all__ = ["load"]

FAULT_SHARE = 0.1
"""The share of boots that carry a fault, if --fault is used without --fault-share."""
STOP_SECONDS = 20.0
"""How long stopping may take, at any pace. Less than the stop_grace_period of 30 s in deploy/compose.yaml."""


@with_option_groups
def load(
    *,
    keystone_url: KeystoneUrl = KEYSTONE_URL,
    rate: Annotated[
        float, option("rate", "How many servers to boot per second, on average.", min=0.001, max=1000, callback=finite)
    ] = 1.0,
    duration: Annotated[
        float | None,
        option(
            "duration",
            "Stop booting after this many seconds.",
            min=0.001,
            callback=finite,
            show_default="until Ctrl-C or SIGTERM",
        ),
    ] = None,
    lifetime: Annotated[
        float, option("lifetime", "Delete each server this many seconds after it is ACTIVE.", min=0, callback=finite)
    ] = 5.0,
    fault: Annotated[
        list[str] | None,
        option(
            "fault",
            "Inject this fault into some of the boots; `emulator faults` lists them. Can be repeated.",
            callback=lambda names: [fault_name(name) for name in names or ()],
            show_default=False,
        ),
    ] = None,
    fault_share: Annotated[
        float | None,
        option(
            "fault-share",
            "The share of boots that carry one of the faults, from 0 to 1.",
            min=0,
            max=1,
            callback=finite,
            show_default=f"{FAULT_SHARE}",
        ),
    ] = None,
    server: ServerOptions,
    pace: Pace = 1.0,
    seed: Seed = None,
    otlp: OtlpUrl = None,
    wait: Annotated[float, option("wait", "Seconds to wait for the cloud at start-up.", min=0, callback=finite)] = 30.0,
    max_skipped: Annotated[
        int | None,
        option(
            "max-skipped",
            "Fail if more boots than this were skipped, because too many were in progress.",
            min=0,
            show_default="as many as were started",
        ),
    ] = None,
    max_lost: Annotated[
        int, option("max-lost", "Fail if more of this process's spans than this could not be sent over OTLP.", min=0)
    ] = 0,
    quiet: Annotated[bool, option("quiet", "Print only the summary at the end.", "-q")] = False,
    as_json: Annotated[bool, option("json", "Print only the summary at the end, as JSON.")] = False,
) -> None:
    """Boot and delete servers at a given rate on a running emulator, for pipelines that need traffic.

    Runs for --duration seconds, or until Ctrl-C or SIGTERM, then deletes its servers. Exits with 0 if no boot without a
    fault failed, at least one server became ACTIVE, no server is left, and no more boots were skipped than
    --max-skipped and no more spans lost than --max-lost allow; else with 1.
    """
    import asyncio  # takes 20 ms, which --help does not have to wait for

    with importing_sdk():
        from emulator import client
        from emulator.cli.boot_report import write
        from emulator.cli.runner import CommandError, check_baggage, exporting, on_first_signal, run
        from emulator.faults import FAULTS
        from emulator.load import SERVERS_AT_ONCE, Limits, LoadReport, NoCloud, Plan, Tenant, run_load
        from emulator.runtime.http_client import HttpClient
        from emulator.runtime.tasks import SharedTimeout, unless

    if fault_share is not None and not fault:
        raise typer.BadParameter("--fault-share needs a --fault to inject.")
    if rate * lifetime > SERVERS_AT_ONCE:
        servers = f"{rate * lifetime:g} servers at the same time; the limit is {SERVERS_AT_ONCE}"
        raise typer.BadParameter(f"--rate {rate:g} with --lifetime {lifetime:g} means {servers}.")
    faults = tuple(FAULTS[name] for name in fault or ())
    # A random name, because a load deletes all servers of its name, and several may run on one cloud.
    request = server.request(f"load-{token_hex(3)}")
    plan = Plan(request, rate, lifetime, faults, FAULT_SHARE if fault_share is None else fault_share)
    seconds = inf if duration is None else duration

    async def main() -> int:
        check_baggage(faults)
        stopping = asyncio.Event()
        on_first_signal(stopping.set)

        def report(line: str) -> None:
            if not (quiet or as_json) and not write(f"{line}\n"):
                stopping.set()

        async with exporting(otlp, seed) as export, HttpClient(client.SERVICE, pace) as http:
            credentials = client.Credentials.from_environment(keystone_url)
            tenant = Tenant(client.new_context(export, seed, pace), http, credentials, request.name)
            try:
                await unless(stopping, tenant.wait_for_cloud(wait))
            except NoCloud as error:
                raise CommandError(str(error)) from error
            report(f"booting {rate:g} servers per second on {without_user(keystone_url)}; {_destination(export)}")
            timeout = SharedTimeout(STOP_SECONDS)
            lasted = await run_load(tenant, plan, stopping, report, seconds=seconds, stop_timeout=timeout)
            left_over = await tenant.delete_left_over(timeout)
        # Only now, because the last spans are sent at the end of the block.
        summary = LoadReport(tenant.tally, lasted, export.delivery, Limits(max_skipped, max_lost), left_over)
        lines = [json.dumps(summary.as_json(), indent=2)] if as_json else summary.lines()
        write("".join(f"{line}\n" for line in lines))
        return 1 if any(summary.problems()) else 0

    raise typer.Exit(run(main()))


def _destination(export: "Export") -> str:
    if export.destination is None:
        return "the client's own spans are not sent without --otlp"
    return f"spans go to {export.destination}"
