"""The registry of services: its rows are consistent, and reading it imports nothing else."""

import subprocess
import sys
from itertools import permutations

import grimp

from emulator.services.registry import APIS, PORTS, SERVICES

FOLDERS = {".".join(row.build.partition(":")[0].split(".")[:3]) for row in SERVICES.values()}
"""The packages of the services: `emulator.services.nova` has several."""


def test_reading_the_registry_imports_the_standard_library_only() -> None:
    code = "import sys; from emulator.services import registry; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], env={}, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    imported = {name.partition(".")[0] for name in done.stdout.split()}
    ours_and_startup = {"emulator", *(name for name in imported if name.startswith(("_", "sitecustomize")))}
    assert imported - ours_and_startup <= sys.stdlib_module_names


def test_no_two_services_have_the_same_port_or_colour() -> None:
    assert len(set(PORTS.values())) == len(PORTS)
    assert len({row.colour for row in SERVICES.values()}) == len(SERVICES)


def test_every_api_has_a_catalog_entry_of_its_own() -> None:
    types = [row.catalog.type for row in SERVICES.values() if row.catalog is not None]
    assert len(set(types)) == len(types) == len(APIS)


def test_services_do_not_import_each_other() -> None:
    graph = grimp.build_graph("emulator")
    for importer, imported in permutations(sorted(FOLDERS), 2):
        assert graph.find_shortest_chains(importer, imported, as_packages=True) == set()
