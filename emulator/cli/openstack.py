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

from emulator.cli.options import KeystoneUrl, OtlpUrl, importing_sdk
from spantree.cli.options import OtlpJson

if TYPE_CHECKING:  # importing it takes longer than printing the help text
    from emulator.runtime.export import Export

__all__ = ["openstack"]


NEEDED = ("openstackclient", "opentelemetry.instrumentation.requests")
NOT_INSTALLED = (
    "emulator: the stock client is not installed; it comes with the extra `openstack`: "
    "pip install 'openstack-boot-emulator[openstack]', or here: uv run --extra openstack emulator openstack"
)
NO_EMULATOR = "emulator: no emulator at {}: start one with emulator up, or name it with --keystone-url"


def openstack(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGS]...", help="Arguments for `openstack`: server create --image cirros …"),
    ] = None,
    keystone_url: KeystoneUrl = "http://127.0.0.1:5000",
    otlp: OtlpUrl = None,
    otlp_json: OtlpJson = None,
) -> None:
    """Run the stock OpenStack client on an emulator that is up, as one trace.

    These options come before the client's command; all others are the client's, and so is the exit status. If OS_*,
    --os-* or clouds.yaml name a cloud, that is used, and not --keystone-url. The client's own help: emulator openstack
    help, and emulator openstack help server create. Needs the extra `openstack`.
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
    except ModuleNotFoundError:  # the package that it is in
        return False


@contextmanager
def _exit_on_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the client in order. Afterwards they are ignored, so that the spans are sent."""

    def end(number: int, _: object) -> NoReturn:
        sys.exit(128 + number)

    # A shell that starts us in the background lets us ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _destination(trace_id: str | None, destination: str | None, collector: str | None) -> str:
    """Say where the trace went."""
    from emulator.cli.boot_report import NO_TRACE, jaeger_hint

    if trace_id is None:
        return NO_TRACE
    if destination is not None:
        return f"trace {trace_id}, {jaeger_hint(trace_id, destination)}"
    if collector is not None:
        return f"trace {trace_id}, which {collector} did not accept"
    return f"trace {trace_id}, which was not sent: name a collector with --otlp or OTEL_EXPORTER_OTLP_ENDPOINT"


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
