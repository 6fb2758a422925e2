"""Imports what commands import, for processes that are forked from one that has imported it already."""

import gc
from importlib import import_module
from pkgutil import iter_modules

import emulator.cli
import spantree.cli
from emulator.services.registry import SERVICES

for package in (emulator.cli, spantree.cli):
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        import_module(module.name)
for name in ("emulator.console", "emulator.doctor", "emulator.load", "rich.progress"):
    import_module(name)
for row in SERVICES.values():
    row.factory()
gc.collect()
gc.freeze()  # else a collection in a fork copies all pages that it looks at
