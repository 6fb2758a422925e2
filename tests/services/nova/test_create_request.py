"""What `POST /v2.1/servers` accepts, and that its refusals name the field."""

from typing import Any

import pytest

from emulator.services.seed_data import PROJECTS, resource_id
from spantree import spans_from_sdk
from tests.conftest import RunningCloud, start_cloud
from tests.support.nova import NEWEST, built, message, names

DEMO = PROJECTS[1].id
PRIVATE = resource_id("network", "private")
CIRROS, DEBIAN = resource_id("image", "cirros"), resource_id("image", "debian")


async def test_the_options_of_a_new_server_are_shown(running_cloud: RunningCloud) -> None:
    api = await running_cloud.api()
    options = {
        "description": "for a look",
        "tags": ["red", "blue"],
        "metadata": {"a": "b"},
        "user_data": "c2VjcmV0",
        "config_drive": "on",
        "accessIPv4": "192.0.2.1",
        "accessIPv6": "2001:db8::1",
        "networks": [{"uuid": PRIVATE, "tag": "front"}],
        "availability_zone": "nova",
        "security_groups": [{"name": "default"}],
        "OS-DCF:diskConfig": "AUTO",
        "hostname": "looking",
        "adminPass": "hush",
        "something": "else",
    }
    status, body = await api.create(headers=NEWEST, **options)
    assert (status, body["server"]["adminPass"]) == (202, "hush")
    assert body["server"].keys() == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    path = f"/v2.1/servers/{body['server']['id']}"
    shown = (await api("GET", "nova-api", path, headers=NEWEST))[1]["server"]
    assert {key: shown[key] for key in ("description", "tags", "metadata")} == {
        key: options[key] for key in ("description", "tags", "metadata")
    }
    assert (shown["OS-DCF:diskConfig"], shown["config_drive"]) == ("AUTO", "True")
    assert (shown["OS-EXT-SRV-ATTR:user_data"], shown["OS-EXT-SRV-ATTR:hostname"]) == ("c2VjcmV0", "looking")
    assert (shown["accessIPv4"], shown["accessIPv6"]) == ("192.0.2.1", "2001:db8::1")
    assert shown["pinned_availability_zone"] == "nova"


def disk(**more: Any) -> dict[str, Any]:
    known = {"uuid": CIRROS, "boot_index": 0, "source_type": "image", "destination_type": "local"}
    return {**known, "delete_on_termination": True, **more}


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"availability_zone": "mars"}, "server.availability_zone: The requested availability zone is not available"),
    ({"key_name": "nobody's"}, "Invalid key_name provided."),
    ({"flavorRef": "nope"}, "server.flavorRef: Flavor nope could not be found."),
    ({"imageRef": ""}, "server.imageRef"),
    ({"name": " "}, "server.name"),
    ({"name": "a "}, "server.name"),
    ({"name": "a\n"}, "server.name"),
    (
        {"imageRef": None, "block_device_mapping_v2": [disk(source_type="volume")]},
        "block_device_mapping_v2[0].source_type",
    ),
    ({"block_device_mapping_v2": [disk(destination_type="volume")]}, "block_device_mapping_v2[0].destination_type"),
    ({"block_device_mapping_v2": [disk(uuid=DEBIAN)]}, "Block Device Mapping is Invalid"),
    ({"block_device_mapping_v2": [disk(boot_index=1)]}, "block_device_mapping_v2[0].boot_index"),
    ({"block_device_mapping_v2": [disk(uuid=None)]}, "block_device_mapping_v2[0].uuid"),
    ({"block_device_mapping_v2": [disk(), disk()]}, "block_device_mapping_v2[1]"),
    ({"block_device_mapping": [{"device_name": "vda"}]}, "server.block_device_mapping"),
    ({"user_data": "not in base64!"}, "server.user_data"),
    ({"user_data": "A" * 65536}, "server.user_data"),
    ({"tags": ["a", "a"]}, "server.tags"),
    ({"tags": ["a/b"]}, "server.tags[0]"),
    ({"description": "x" * 256}, "server.description"),
    ({"metadata": {"a": "x" * 256}}, "server.metadata.a"),
    ({"metadata": {"ä": "x"}}, "server.metadata"),
    ({"metadata": {"": "x"}}, "server.metadata"),
    ({"metadata": {"a": 1}}, "server.metadata"),
    ({"security_groups": ["web"]}, "server.security_groups"),
    (
        {"security_groups": [{"name": "default"}, {"name": "nope"}]},
        "Unable to find security_group with name or id 'nope'",
    ),
    ({"OS-DCF:diskConfig": "BY HAND"}, "server.OS-DCF:diskConfig"),
    ({"accessIPv4": "zzz"}, "server.accessIPv4: 'zzz' is not an IPv4 address."),
    ({"accessIPv4": "::1"}, "server.accessIPv4"),
    ({"accessIPv6": "1.2.3.4"}, "server.accessIPv6: '1.2.3.4' is not an IPv6 address."),
    ({"config_drive": "zzz"}, "server.config_drive"),
    ({"config_drive": 5}, "server.config_drive"),
    ({"hostname": "a b_"}, "server.hostname"),
    ({"networks": [{"uuid": PRIVATE, "tag": 5}]}, "server.networks[0].tag"),
    ({"networks": [{"uuid": PRIVATE, "tag": "a,b"}]}, "server.networks[0].tag"),
    ({"block_device_mapping_v2": [disk(delete_on_termination="zzz")]}, "[0].delete_on_termination"),
    ({"personality": 5}, "server.personality"),
    ({"personality": [{"path": 5, "contents": ""}]}, "server.personality[0].path"),
]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("fields", "expected"), REFUSED)
async def test_a_refused_server_names_the_field(
    shared_cloud: RunningCloud, fields: dict[str, Any], expected: str
) -> None:
    api = await shared_cloud.api()
    status, body = await api.create(headers=NEWEST, **fields)
    assert (status, list(body)) == (400, ["badRequest"])
    assert expected in message(body)
    assert await names(api, "") == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("hints", ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
async def test_scheduler_hints_must_be_an_object(shared_cloud: RunningCloud, hints: str) -> None:
    api = await shared_cloud.api()
    body = {"server": {"name": "n", "flavorRef": "m1.tiny", "imageRef": CIRROS}, hints: 5}
    status, refusal = await api("POST", "nova-api", "/v2.1/servers", json=body)
    assert (status, f"field {hints}:" in message(refusal)) == (400, True)


@pytest.mark.asyncio(loop_scope="module")
async def test_a_server_has_at_most_128_metadata_items(shared_cloud: RunningCloud) -> None:
    api = await shared_cloud.api()
    status, body = await api.create(metadata={str(number): "" for number in range(129)})
    assert (status, body["forbidden"]["message"]) == (403, "Maximum number of metadata items exceeds 128")


@pytest.mark.parametrize(
    "fields",
    [
        {"imageRef": "", "block_device_mapping_v2": [disk(boot_index="0")]},
        {"block_device_mapping_v2": [disk()], "flavorRef": "http://anywhere/v2.1/flavors/m1.tiny"},
        {"imageRef": None, "block_device_mapping_v2": [disk()]},
    ],
)
async def test_a_block_device_can_name_the_image_and_a_url_the_flavor(
    running_cloud: RunningCloud, fields: dict[str, Any]
) -> None:
    server = await built(await running_cloud.api(), **fields)
    assert (server["image"]["id"], server["flavor"]["id"]) == (CIRROS, "m1.tiny")


async def test_no_span_has_user_data_passwords_or_private_keys() -> None:
    async with start_cloud() as running_cloud:
        api = await running_cloud.api()
        await built(api, user_data="aHVzaC1odXNo", adminPass="mellon")
        await api.create(user_data="hush-hush not in base64", adminPass=["mellon"])
        _, made = await api("POST", "nova-api", "/v2.1/os-keypairs", json={"keypair": {"name": "k"}})
    secret = made["keypair"]["private_key"].splitlines()[2]
    exported = "".join(str(span.attributes) + str(span.events) for span in spans_from_sdk(running_cloud.export.kept))
    for hidden in ("aHVzaC1odXNo", "hush-hush", "mellon", secret):
        assert hidden not in exported
