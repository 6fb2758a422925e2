"""`emulator openstack`: run the stock OpenStack client in this process, as one trace."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from emulator.cli.options import KEYSTONE_URL, KeystoneUrl, OtlpUrl, importing_sdk
from spantree.cli.options import OtlpJson

if TYPE_CHECKING:  # importing it takes longer than printing the help text
    from emulator.runtime.export import Export

__all__ = ["openstack"]


NEEDED = ("openstackclient", "opentelemetry.instrumentation.requests")
NOT_INSTALLED = (
    "emulator: the stock client is not installed; it comes with the extra `openstack`: "
    "pip install 'openstack-boot-emulator[openstack]', or in a checkout: uv run --extra openstack emulator openstack"
)
NO_EMULATOR = "emulator: no emulator at {}: start one with emulator up, or pass its --keystone-url"


def openstack(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGS]...", help="The client's command and its arguments, e.g. server list."),
    ] = None,
    keystone_url: KeystoneUrl = KEYSTONE_URL,
    otlp: OtlpUrl = None,
    otlp_json: OtlpJson = None,
) -> None:
    """Run the stock OpenStack client against a running emulator, as one trace.

    Put these options before the client's command: everything else is passed to the client. Exits with the client's
    status. If OS_*, --os-* or clouds.yaml select a cloud, --keystone-url is ignored. For the client's own help, run
    emulator openstack help, or emulator openstack help server create. Needs the extra `openstack`.
    """
    if not all(map(_is_installed, NEEDED)):
        typer.echo(NOT_INSTALLED, err=True)
        raise typer.Exit(1)
    with importing_sdk():
        from emulator.runtime.export import Export, otlp_exporter

        export = Export(otlp_exporter(otlp), keep=otlp_json is not None)
    raise typer.Exit(_run(arguments or [], export, keystone_url, otlp_json))


def _run(arguments: list[str], export: "Export", keystone_url: str, otlp_json: Path | None) -> int:
    """Run the client, send its spans, and say where they went. Return its exit status."""
    sys.argv = ["openstack", *arguments]  # the client reads its own name from here when it is imported
    from emulator.client.stock_client import emulator_variables, run

    variables = emulator_variables(arguments, os.environ, keystone_url)
    os.environ.update(variables)
    try:
        with _exit_on_signals():
            ended = run(arguments, export)
    finally:
        export.close()
    if variables and keystone_url.rstrip("/") in ended.connection_error:
        typer.echo(NO_EMULATOR.format(keystone_url), err=True)
    typer.echo(_destination(ended.trace_id, export.destination, export.collector), err=True)
    if otlp_json is not None and not _write_spans(export, otlp_json):
        return ended.status or 1
    return ended.status


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # find_spec imports the parent package, which is missing too
        return False


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the client cleanly. After the block they are ignored, so that the spans are sent."""

    def end(number: int, _: object) -> NoReturn:
        sys.exit(128 + number)

    # A shell without job control starts background commands with SIGINT ignored: POSIX, "Signals and Error Handling".
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _destination(trace_id: str | None, destination: str | None, collector: str | None) -> str:
    """Return a line about where the trace went."""
    from emulator.cli.boot_report import NO_TRACE, jaeger_hint
    from emulator.jaeger import page_finding

    if trace_id is None:
        return NO_TRACE
    if destination is not None:
        return f"trace {trace_id}, {jaeger_hint(page_finding(trace_id, None), destination)}"
    if collector is not None:
        return f"trace {trace_id}, which {collector} did not accept"
    return f"trace {trace_id}, which was not sent: set --otlp or OTEL_EXPORTER_OTLP_ENDPOINT to the URL of a collector"


def _write_spans(export: "Export", file: Path) -> bool:
    """Write all spans as OTLP JSON. Return whether that worked; print why if it did not."""
    from emulator.runtime.export import otlp_json_document
    from spantree.cli.errors import Unwritable
    from spantree.cli.output import write_text

    try:
        write_text(json.dumps(otlp_json_document(export.kept)), file)
    except Unwritable as error:
        typer.echo(f"emulator: {error}", err=True)
        return False
    return True
