"""openstacksdk with the emulator: scripts such as its users write."""

import pytest

from tests.openstack.conftest import Up, User

pytestmark = pytest.mark.openstack


async def test_a_server_is_created_listed_and_deleted(demo: User) -> None:
    done = await demo.sdk("""
        server = conn.create_server(
            "sdk", image="cirros", flavor="m1.tiny", network="private", wait=True, auto_ip=False, meta={"tier": "web"}
        )
        listed = conn.list_servers()
        deleted = [conn.delete_server("sdk", wait=True), conn.delete_server("sdk", wait=True)]
        result = {
            "created": [server.status, server.private_v4, dict(server.metadata)],
            "listed": [[found.name, found.private_v4] for found in listed],
            "deleted": deleted,
            "left": len(conn.list_servers()),
        }
    """)
    [status, address, metadata] = done["created"]
    assert (status, metadata) == ("ACTIVE", {"tier": "web"})
    assert done["listed"] == [["sdk", address]]
    assert (done["deleted"], done["left"]) == ([True, False], 0)


@pytest.mark.parametrize("name", ["admin", "demo"])
async def test_a_server_gets_a_floating_ip_by_default(up: Up, name: str) -> None:
    done = await User(up, name).sdk("""
        server = conn.create_server("floats", image="cirros", flavor="m1.tiny", network="private", wait=True)
        result = {
            "addresses": [[each["OS-EXT-IPS:type"], each["addr"]] for each in server.addresses["private"]],
            "public": [conn.get_server("floats").public_v4, [each.public_v4 for each in conn.list_servers()]],
            "floating": [[each.floating_ip_address, each.status] for each in conn.list_floating_ips()],
            "deleted": conn.delete_server("floats", wait=True, delete_ips=True),
            "left": len(conn.list_floating_ips()),
        }
    """)
    [[fixed, _], [floating, address]] = done["addresses"]
    assert (fixed, floating) == ("fixed", "floating")
    assert done["public"] == [address, [address]]
    assert done["floating"] == [[address, "ACTIVE"]]
    assert (done["deleted"], done["left"]) == (True, 0)


async def test_the_sdk_negotiates_the_microversion_and_lists_resources(admin: User) -> None:
    done = await admin.sdk("""
        data = conn.compute.get_endpoint_data()
        result = {
            "versions": [data.min_microversion, data.max_microversion],
            "flavors": [flavor.name for flavor in conn.compute.flavors()],
            "networks": [network.name for network in conn.network.networks()],
            "images": [image.name for image in conn.image.images(limit=1)],
            "hypervisors": [host.name for host in conn.compute.hypervisors(details=True)],
            "zones": [zone.name for zone in conn.compute.availability_zones()],
            "limits": conn.get_compute_limits().max_total_instances,
            "old": [conn.compute.get("/flavors", microversion=f"2.{minor}").status_code for minor in (1, 79, 96, 97)],
        }
    """)
    assert done["versions"] == [[2, 1], [2, 96]]
    assert {"m1.tiny", "m1.huge"} <= set(done["flavors"])
    assert {"private", "public"} == set(done["networks"])
    assert {"cirros", "debian", "fedora"} <= set(done["images"])
    assert done["hypervisors"] == ["compute-1", "compute-2", "compute-3"]
    assert (done["zones"], done["limits"] > 0) == (["nova"], True)
    assert done["old"] == [200, 200, 200, 406]


async def test_a_revoked_token_is_replaced_silently(demo: User) -> None:
    done = await demo.sdk("""
        conn.list_servers()
        first = conn.session.get_token()
        conn.identity.delete("/auth/tokens", headers={"X-Subject-Token": first})
        result = []
        for ask in (conn.compute.servers, conn.image.images, conn.network.networks):
            list(ask())
            result.append(conn.session.get_token() != first)
    """)
    assert done == [True, True, True]


async def test_the_global_request_id_is_on_the_spans(demo: User, up: Up) -> None:
    chosen, answered = await demo.sdk("""
        import uuid
        chosen = f"req-{uuid.uuid4()}"
        with conn.global_request(chosen) as asking:
            result = [chosen, asking.compute.get("/servers").headers["X-OpenStack-Request-ID"]]
    """)
    assert answered != chosen
    seen = await up.spans_where(lambda span: span.attributes.get("openstack.global_request.id") == chosen)
    assert [(span.name, span.attributes["openstack.request.id"]) for span in seen] == [("GET /v2.1/servers", answered)]


async def test_a_refused_request_raises_the_sdks_exception(demo: User) -> None:
    refused = await demo.sdk("""
        from openstack import exceptions

        def tried(call, **more):
            try:
                call(**more)
            except Exception as error:
                return [type(error).__name__, str(error)]

        order = {"image": "cirros", "flavor": "m1.tiny", "network": "private", "auto_ip": False}
        network = conn.network.find_network("private").id
        image, huge = conn.image.find_image("cirros").id, conn.compute.find_flavor("m1.huge").id
        server = conn.compute.create_server(
            name="huge", image_id=image, flavor_id=huge, networks=[{"uuid": network}]
        )
        result = {
            "image": tried(conn.create_server, name="x", **{**order, "image": "nope"}),
            "flavor": tried(conn.create_server, name="x", **{**order, "flavor": "nope"}),
            "network": tried(conn.network.find_network, name_or_id="nope", ignore_missing=False),
            "waits": tried(conn.compute.wait_for_server, server=server, interval=0.2),
            "huge": tried(conn.create_server, name="huge2", wait=True, **{**order, "flavor": "m1.huge"}),
            "password": tried(openstack.connect(password="wrong").list_servers),
            "forbidden": tried(lambda: list(conn.compute.hypervisors())),
        }
        for name in ("huge", "huge2"):
            conn.delete_server(name, wait=True)
    """)
    assert refused["image"][0] in {"SDKException", "NotFoundException"}
    assert refused["flavor"] == ["SDKException", "Could not find flavor nope"]
    assert refused["network"][0] == "NotFoundException"
    assert refused["waits"][0] == "ResourceFailure"
    assert refused["huge"][0] == "SDKException"
    assert "Compute service reports fault: No valid host was found." in refused["huge"][1]
    assert "HTTP 401" in refused["password"][1]
    assert refused["forbidden"][0] == "ForbiddenException"
