"""The pytest plugin's fixtures for an emulated cloud. `otlp` and the reports come from spantree's own plugin.

It is loaded in every pytest run where the package is installed, so it imports the cloud only when a fixture is used.
`-p no:emulator` leaves it out.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # these would import the cloud at the start of every pytest run
    from emulator.cloud import Settings
    from emulator.cloud.background import BackgroundCloud
    from spantree import Pending, SpanTree


@pytest.fixture(scope="session")
def openstack_cloud_settings() -> "Settings":
    """The settings of `openstack_cloud`: override this fixture to change its pace or seed."""
    from emulator.cloud import Settings

    return Settings(pace=0)


@pytest.fixture(scope="session")
def openstack_cloud(openstack_cloud_settings: "Settings") -> "Iterator[BackgroundCloud]":
    """An emulated cloud on free ports of 127.0.0.1 for the whole session: `endpoints`, `amqp_url`, `boot()`."""
    from emulator.cloud.background import background_cloud

    with background_cloud(openstack_cloud_settings) as cloud:
        yield cloud


@pytest.fixture
def openstack_boot(
    openstack_cloud: "BackgroundCloud", request: pytest.FixtureRequest
) -> "Callable[..., Pending[SpanTree]]":
    """Boot a server on `openstack_cloud`. Await the result, or call its `.wait()`, for the trace of the boot."""
    from spantree.pytest_plugin import show_if_failed

    def boot(**options: str) -> "Pending[SpanTree]":
        pending = openstack_cloud.boot(**options)
        pending.then(lambda trace: show_if_failed(request, lambda: [trace]))
        return pending

    return boot
