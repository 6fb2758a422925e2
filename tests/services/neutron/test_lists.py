"""Neutron's lists of what the caller may see: filters, sort orders and pages."""

from tests.conftest import RunningCloud
from tests.support.neutron import ID, PRIVATE, PUBLIC, UNKNOWN_ID, user

LISTS = [
    ("networks?name=a", "a"),
    ("networks?name=a&name=b", "a b"),
    ("networks?name=a&shared=True", ""),
    ("networks?shared=True", "private public"),
    ("networks?shared=false", "a b c"),
    ("networks?shared=True&router:external=False", "private"),
    ("networks?router:external=True", "public"),
    (f"networks?tenant_id={ID['demo']}", "a b c"),
    (f"networks?project_id={ID['demo']}&router:external=False", "a b c"),
    (f"networks?id={PRIVATE}&id={PUBLIC}", "private public"),
    ("networks?status=ACTIVE&admin_state_up=True&mtu=1500", "public"),
    ("networks?unheard_of=1&name=b", "b"),
    ("networks?provider:network_type=flat&shared=True", "private public"),
    ("networks?tags=blue", "b"),
    ("networks?tags-any=blue,red", "b c"),
    ("networks?not-tags=blue&shared=False", "a c"),
    ("networks?sort_key=name&sort_dir=desc", "public private c b a"),
    ("networks?sort_key=shared&sort_key=name&sort_dir=asc&sort_dir=desc", "c b a public private"),
    ("networks?shared=False&limit=2", "a b"),
    ("networks?shared=False&limit=2&marker={b}", "c"),
    ("networks?shared=False&limit=1&marker={c}&page_reverse=True", "b"),
    ("networks?marker={c}", ""),
    ("subnets?cidr=10.0.0.0/20", "private-subnet"),
    (f"subnets?network_id={PUBLIC}&ip_version=4&enable_dhcp=True", "public-subnet"),
    ("subnets?ip_version=6", ""),
    ("ports?device_id=d1", "one"),
    ("ports?binding:host_id=elsewhere", "one two"),
    ("ports?device_id=d1&device_id=d2", "one two"),
    (f"ports?network_id={PRIVATE}", "one two"),
    ("ports?status=ACTIVE&name=two", "two"),
    ("ports?mac_address=fa:16:3e:00:00:01", "one"),
    ("ports?fixed_ips=ip_address=10.0.0.99", "one"),
    (f"ports?fixed_ips=ip_address=10.0.0.99&fixed_ips=subnet_id={UNKNOWN_ID}", ""),
    ("ports?fixed_ips=ip_address_substr=.0.99", "one"),
]


async def test_lists_are_filtered_sorted_and_paged_by_the_query(running_cloud: RunningCloud) -> None:
    demo = await user(running_cloud, "demo")
    made = {name: (await demo.make("network", name=name))["id"] for name in "abc"}
    for name, tags in (("b", ["blue"]), ("c", ["red"])):
        assert await demo("PUT", f"networks/{made[name]}/tags", {"tags": tags}) == (200, {"tags": tags})
    place = {"mac_address": "fa:16:3e:00:00:01", "fixed_ips": [{"ip_address": "10.0.0.99"}]}
    await demo.make("port", network_id=PRIVATE, name="one", device_id="d1", **place)
    await demo.make("port", network_id=PRIVATE, name="two", device_id="d2", fixed_ips=[{"ip_address": "10.0.0.98"}])
    for path, names in LISTS:
        found = [each["name"] for each in await demo.get(path.format(**made))]
        assert (found if "sort_key" in path or "limit" in path else sorted(found)) == names.split(), path
    assert await demo.get("networks?fields=id&fields=name&name=private") == [{"id": PRIVATE, "name": "private"}]
    _, body = await demo("GET", "networks?limit=4&sort_key=name")
    assert body["networks_links"][0]["rel"] == "next"
    for query in ("sort_key=nope", "sort_key=tags", "sort_key=provider:segmentation_id", "sort_dir=asc", "limit=x"):
        assert (await demo.refused("GET", f"networks?{query}"))[0] == 400, query
    admin = await user(running_cloud, "admin")
    assert [each["name"] for each in await admin.get("networks?provider:network_type=flat")] == ["public"]
    assert (await admin.get("networks?sort_key=provider:segmentation_id"))[0]["name"] == "public"
