"""`emulator boot`: boot servers, on a new cloud in this process or on a running one, and show what happened."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.option_groups import with_option_groups
from emulator.cli.options import (
    COMPUTES,
    HTTP,
    AmqpUrl,
    CloudOptions,
    Computes,
    ServerOptions,
    importing_sdk,
    settings,
)
from emulator.cli.validators import fault_name
from spantree.cli.glyphs import ascii_only
from spantree.cli.options import Ascii, Expand, Html, Mermaid, OtlpJson, Svg, named_files, option
from spantree.cli.validators import printable

if TYPE_CHECKING:  # importing these takes longer than printing the help text
    from emulator.client import BootRequest, BootResult, OnProgress
    from emulator.runtime.export import Export

__all__ = ["boot"]


@with_option_groups
def boot(
    name: Annotated[
        str, typer.Argument(help="The server's name.", envvar="EMULATOR_NAME", callback=printable)
    ] = "demo",
    *,
    server: ServerOptions,
    fault: Annotated[
        str | None, option("fault", "Inject this fault; `emulator faults` lists them.", callback=fault_name)
    ] = None,
    count: Annotated[int, option("count", "How many servers to boot concurrently, each in its own trace.", min=1)] = 1,
    cloud: CloudOptions,
    computes: Computes = COMPUTES,
    amqp_url: AmqpUrl = None,
    keystone_url: Annotated[
        str | None,
        option(
            "keystone-url",
            "Boot on the running emulator with this keystone, e.g. http://localhost:5000, instead of starting one.",
            callback=HTTP,
        ),
    ] = None,
    otlp_json: OtlpJson = None,
    html: Html = None,
    mermaid: Mermaid = None,
    svg: Svg = None,
    expand: Expand = False,
    quiet: Annotated[bool, option("quiet", "Print one line per server and nothing else.", "-q")] = False,
    no_unicode: Ascii = False,
) -> None:
    """Start a cloud, boot a server on it, and show the trace. Exits with 0 only if every server became ACTIVE.

    Logs in as admin, or as the user in OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME. A fault that makes a build hang
    shortens --build-timeout, unless you set it.
    """
    if no_unicode:
        ascii_only()
    files = named_files({"otlp-json": otlp_json, "html": html, "mermaid": mermaid, "svg": svg})
    with importing_sdk():
        from emulator.cli.boot_report import Detail, print_boots
        from emulator.cli.runner import cancel_on_signals, check_baggage, exporting, run
        from emulator.client import numbered_requests
        from emulator.cloud import run_cloud
        from emulator.faults import FAULTS

    injected = None if fault is None else FAULTS[fault]
    requests = numbered_requests(server.request(name, injected), count)
    cloud_settings = settings(cloud, fault=injected)
    show_progress = not quiet and (cloud.pace > 0 or count > 1)  # one boot at pace 0 ends before anybody can read it

    async def main() -> int:
        cancel_on_signals()
        check_baggage([injected])  # without baggage, the fault would silently have no effect
        async with exporting(cloud.otlp, cloud.seed, keep=True, heartbeats=cloud.heartbeats()) as export:
            if keystone_url is not None:
                results = await _boot_all(requests, keystone_url, export, cloud, show_progress=show_progress)
            else:
                async with run_cloud(cloud_settings, export, amqp_url=amqp_url, computes=computes) as up:
                    keystone = up.endpoints["keystone"]
                    results = await _boot_all(requests, keystone, export, cloud, show_progress=show_progress)
                    # Work can outlast the boot, such as a redelivered message, and its spans belong to the trace too.
                    for result in results:
                        await up.settled(result.request_id)
        # Printed after the cloud has stopped, so that the waterfall has the spans of its last work.
        print_boots(results, export.kept, export.destination, Detail(quiet, expand), complete=keystone_url is None)
        if files:
            _write_files(files, results, export)
        return 0 if all(result.succeeded for result in results) else 1

    raise typer.Exit(run(main()))


async def _boot_all(
    requests: Sequence["BootRequest"],
    keystone_url: str,
    export: "Export",
    cloud: CloudOptions,
    *,
    show_progress: bool,
) -> list["BootResult"]:
    """Boot servers side by side, up to `MAX_CONCURRENT_BOOTS` at the same time."""
    import asyncio

    from emulator import client
    from emulator.cli.progress import progress
    from emulator.runtime.http_client import HttpClient

    context = client.new_context(export, cloud.seed, cloud.pace)
    credentials = client.Credentials.from_environment(keystone_url)
    free = asyncio.Semaphore(client.MAX_CONCURRENT_BOOTS)

    async def boot_one(http: HttpClient, request: "BootRequest", on_progress: "OnProgress") -> "BootResult":
        async with free:
            return await client.boot(context, http, credentials, request, on_progress)

    with progress(requests, shown=show_progress) as on_progress:
        async with HttpClient(client.SERVICE, cloud.pace) as http:
            async with asyncio.TaskGroup() as tasks:
                boots = [tasks.create_task(boot_one(http, request, on_progress)) for request in requests]
            return [each.result() for each in boots]


def _write_files(files: Mapping[str, Path], results: Sequence["BootResult"], export: "Export") -> None:
    """Write the requested files, by format. `otlp-json` gets every exported span, the others only the boots' traces."""
    from emulator.cli.boot_report import NO_TRACE, boot_traces, trace_shown
    from emulator.cli.runner import CommandError
    from emulator.runtime.export import otlp_json_document
    from spantree.cli.errors import Unwritable
    from spantree.cli.output import write_all, write_files, write_text

    drawn = {name: file for name, file in files.items() if name != "otlp-json"}

    def write_spans() -> None:
        if "otlp-json" in files:
            write_text(json.dumps(otlp_json_document(export.kept)), files["otlp-json"])

    def draw() -> None:
        traces = boot_traces(results, export.kept)
        if drawn and not traces:
            raise Unwritable(f"not written: {', '.join(map(str, drawn.values()))}. {NO_TRACE}")
        if drawn:
            write_files(traces, drawn, (trace_shown(results, export.kept) or traces[0], "the one that is printed"))

    try:
        write_all(write_spans, draw)
    except Unwritable as error:
        raise CommandError(str(error)) from error
