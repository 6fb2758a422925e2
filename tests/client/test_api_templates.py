"""Templates for URLs that another program makes: the routes of the emulated APIs, and of nothing else."""

import pytest

from emulator.client.api_templates import api_template


@pytest.mark.parametrize(
    ("path", "template"),
    [
        ("/v3/auth/tokens", "/v3/auth/tokens"),
        ("/v2.1/servers/detail", "/v2.1/servers/detail"),
        ("/v2.1/servers/755803e4", "/v2.1/servers/{server_id}"),
        ("/v2.1/flavors/m1.tiny", "/v2.1/flavors/{flavor_id}"),
        ("/v2/images/cirros/file", "/v2/images/{image_id}/file"),
        ("/v2.0/networks/private", "/v2.0/networks/{network_id}"),
        ("/compute/v2.1/servers", None),
        ("/v2.1/servers/a/b/c", None),
        ("/v2x1/servers", None),
        ("", None),
    ],
)
def test_a_path_has_the_template_of_its_route(path: str, template: str | None) -> None:
    assert api_template(path) == template
