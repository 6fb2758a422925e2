"""glance-api's lists of images: filters, sort orders and pages."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import Api, RunningCloud, start_cloud
from tests.services.glance.conftest import CIRROS, UNKNOWN_ID, an_image, names

SELECTIONS = [
    ("?name=cirros", ["cirros"]),
    ("?name=in:cirros,fedora", ["cirros", "fedora"]),
    (f"?id=in:{CIRROS},{UNKNOWN_ID}", ["cirros"]),
    ("?visibility=public", ["cirros", "debian", "fedora"]),
    ("?visibility=community", ["ours"]),
    ("?os_hidden=True", ["hidden"]),
    ("?os_hidden=True&name=cirros", []),
    ("?status=queued", ["ours", "mine"]),
    ("?tag=a&tag=b", ["tagged"]),
    ("?os_type=linux", ["tagged"]),
    ("?size_min=1&size_max=600000", ["cirros"]),
    ("?visibility=public&created_at=lt:2020-01-01T00:00:00Z", []),
    ("?visibility=public&updated_at=gt:2020-01-01", ["cirros", "debian", "fedora"]),
    ("?sort=name:desc&visibility=public", ["fedora", "debian", "cirros"]),
    ("?sort_key=size&sort_dir=asc&visibility=public", ["cirros", "debian", "fedora"]),
    ("?sort=name:asc&limit=2", ["cirros", "debian"]),
    (f"?sort=name:asc&limit=2&marker={CIRROS}", ["debian", "fedora"]),
    (f"?visibility=public&sort=name:desc&marker={CIRROS}", []),
]
INVALID_QUERIES = [
    "visibility=bogus",
    "member_status=bogus",
    "limit=-1",
    "created_at=foo:2020-01-01",
    "limit=x",
    f"marker={UNKNOWN_ID}",
    "sort=colour",
    "sort=name:up",
    "os_hidden=maybe",
    "size_min=big",
]


@pytest.mark.parametrize("query", INVALID_QUERIES)
async def test_an_invalid_query_is_refused_by_the_parameters_name(shared_cloud: RunningCloud, query: str) -> None:
    status, body = await (await shared_cloud.api("demo"))("GET", "glance-api", f"/v2/images?{query}")
    assert (status, query.partition("=")[0].partition("_")[0] in body["message"]) == (400, True), body


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[Api]:
    """The user demo of a cloud with images of all kinds."""
    async with start_cloud() as running_cloud:
        api = await running_cloud.api("demo")
        await an_image(api, "mine")
        await an_image(api, "hidden", os_hidden=True)
        await an_image(api, "ours", visibility="community")
        await an_image(api, "tagged", b"", tags=["a", "b"], os_type="linux")
        yield api


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("query", "expected"), SELECTIONS)
async def test_a_list_is_filtered_and_sorted_by_the_query(demo: Api, query: str, expected: list[str]) -> None:
    assert await names(demo, query) == expected


@pytest.mark.asyncio(loop_scope="module")
async def test_a_page_leads_to_the_next(demo: Api) -> None:
    _, body = await demo("GET", "glance-api", "/v2/images?sort=name:asc&limit=2")
    assert (body["first"], body["schema"]) == ("/v2/images?sort=name:asc&limit=2", "/v2/schemas/images")
    assert [image["name"] for image in (await demo("GET", "glance-api", body["next"]))[1]["images"]] == [
        "fedora",
        "mine",
    ]
