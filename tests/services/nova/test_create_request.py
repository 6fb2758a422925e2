"""What `POST /v2.1/servers` takes, and what it refuses: by the name of the field."""

from typing import Any

from emulator.services.seed_data import PROJECTS, default_group, resource_id
from spantree import spans_from_sdk
from tests.conftest import World, a_world
from tests.support.nova import NEWEST, built, names

DEMO = PROJECTS[1].id
PRIVATE = resource_id("network", "private")
CIRROS, DEBIAN = resource_id("image", "cirros"), resource_id("image", "debian")


async def test_what_was_wished_for_a_server_is_shown_again(world: World) -> None:
    api = await world.api()
    wished = {
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
    status, body = await api.create(headers=NEWEST, **wished)
    assert (status, body["server"]["adminPass"]) == (202, "hush")
    assert body["server"].keys() == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    path = f"/v2.1/servers/{body['server']['id']}"
    shown = (await api("GET", "nova-api", path, headers=NEWEST))[1]["server"]
    assert {key: shown[key] for key in ("description", "tags", "metadata", "security_groups")} == {
        key: wished[key] for key in ("description", "tags", "metadata", "security_groups")
    }
    assert (shown["OS-DCF:diskConfig"], shown["config_drive"]) == ("AUTO", "True")
    assert (shown["OS-EXT-SRV-ATTR:user_data"], shown["OS-EXT-SRV-ATTR:hostname"]) == ("c2VjcmV0", "looking")
    assert (shown["accessIPv4"], shown["accessIPv6"]) == ("192.0.2.1", "2001:db8::1")
    assert shown["pinned_availability_zone"] == "nova"


def disk(**more: Any) -> dict[str, Any]:
    known = {"uuid": CIRROS, "boot_index": 0, "source_type": "image", "destination_type": "local"}
    return {**known, "delete_on_termination": True, **more}


REFUSED_ORDERS: list[tuple[dict[str, Any], str]] = [
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
    ({"security_groups": [{"name": "default"}, {"name": "nope"}]}, "Security group nope not found."),
    ({"security_groups": [{"name": default_group(DEMO)}]}, f"Security group {default_group(DEMO)} not found."),
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


async def test_an_order_that_cannot_be_filled_is_refused_and_names_the_field(world: World) -> None:
    api = await world.api()
    for order, words in REFUSED_ORDERS:
        status, body = await api.create(headers=NEWEST, **order)
        assert status == 400, order
        assert words in body["badRequest"]["message"]
    for hints in ("os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"):
        order = {"server": {"name": "n", "flavorRef": "m1.tiny", "imageRef": CIRROS}, hints: 5}
        status, body = await api("POST", "nova-api", "/v2.1/servers", json=order)
        assert (status, f"field {hints}:" in body["badRequest"]["message"]) == (400, True)
    status, body = await api.create(metadata={str(number): "" for number in range(129)})
    assert (status, body["forbidden"]["message"]) == (403, "Maximum number of metadata items exceeds 128")
    assert await names(api, "") == []


async def test_the_image_may_be_named_by_a_block_device_and_the_flavor_by_its_address(world: World) -> None:
    api = await world.api()
    orders: list[dict[str, Any]] = [
        {"imageRef": "", "block_device_mapping_v2": [disk(boot_index="0")]},
        {"block_device_mapping_v2": [disk()], "flavorRef": "http://anywhere/v2.1/flavors/m1.tiny"},
        {"imageRef": None, "block_device_mapping_v2": [disk()]},
    ]
    for order in orders:
        server = await built(api, **order)
        assert (server["image"]["id"], server["flavor"]["id"]) == (CIRROS, "m1.tiny")


async def test_user_data_passwords_and_private_keys_are_on_no_span() -> None:
    async with a_world() as world:
        api = await world.api()
        await built(api, user_data="aHVzaC1odXNo", adminPass="mellon")
        await api.create(user_data="hush-hush not in base64", adminPass=["mellon"])
        _, made = await api("POST", "nova-api", "/v2.1/os-keypairs", json={"keypair": {"name": "k"}})
    secret = made["keypair"]["private_key"].splitlines()[2]
    told = "".join(str(span.attributes) + str(span.events) for span in spans_from_sdk(world.export.kept))
    for hidden in ("aHVzaC1odXNo", "hush-hush", "mellon", secret):
        assert hidden not in told
