"""What `emulator openstack` does: the stock client in this process, its spans on their way, and where they went."""

import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

__all__ = ["openstack"]

NEEDED = ("openstackclient", "opentelemetry.instrumentation.requests")
MISSING = (
    "emulator: the stock client is not installed; it comes with the extra `openstack`: "
    "pip install 'openstack-boot-emulator[openstack]', or here: uv run --extra openstack emulator openstack"
)

NO_EMULATOR = "emulator: no emulator at {}: start one with emulator up, or name it with --keystone-url"


def openstack(arguments: Sequence[str], *, keystone_url: str, otlp: str | None, otlp_json: Path | None) -> int:
    """Run the stock client with these arguments. Return its exit status."""
    if not all(map(_is_there, NEEDED)):
        print(MISSING, file=sys.stderr)
        return 1
    try:
        from emulator.runtime.export import Export, otlp_exporter  # late: the SDK reads some of `OTEL_*` at import

        export = Export(otlp_exporter(otlp), keep=otlp_json is not None)
    except ValueError as error:
        print(f"emulator: {error}", file=sys.stderr)
        return 2
    sys.argv = ["openstack", *arguments]  # by this name the client goes, from when it is imported
    from emulator.client.stock_client import at_the_emulator, run

    missing = at_the_emulator(arguments, os.environ, keystone_url)
    os.environ.update(missing)
    try:
        with _ending_on_signals():
            ended = run(arguments, export)
    finally:
        export.close()
    if missing and keystone_url.rstrip("/") in ended.unreached:
        print(NO_EMULATOR.format(keystone_url), file=sys.stderr)
    print(_whereabouts(ended.trace_id, export.destination, export.collector), file=sys.stderr)
    if otlp_json is not None:
        from emulator.runtime.export import otlp_json_document
        from spantree.cli.errors import Unwritable
        from spantree.cli.output import write_text

        try:
            write_text(json.dumps(otlp_json_document(export.kept)), otlp_json)
        except Unwritable as error:
            print(f"emulator: {error}", file=sys.stderr)
            return ended.status or 1
    return ended.status


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of the package that it is in
        return False


@contextmanager
def _ending_on_signals() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the client in order; after that nothing ends the sending of the spans so far."""

    def end(number: int, _: object) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts us in the background ignores it
    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _whereabouts(trace_id: str | None, destination: str | None, collector: str | None) -> str:
    from emulator.cli.boot_report import NOTHING, in_jaeger

    if trace_id is None:
        return NOTHING
    if destination is not None:
        return f"trace {trace_id}, {in_jaeger(trace_id, destination)}"
    if collector is not None:
        return f"trace {trace_id}, which {collector} did not take"
    return f"trace {trace_id}, which reached no collector: --otlp or OTEL_EXPORTER_OTLP_ENDPOINT names one"
