"""What pictures know of a system is passed in: the library itself knows none."""

import re
from importlib.resources import files
from pathlib import Path

import pytest

from emulator.openstack_vocabulary import OPENSTACK
from spantree import SpanTree
from spantree.render import PLAIN, Vocabulary
from spantree.render.html import waterfall_model
from spantree.render.sequence import Message, Note, sequence, sequence_svg
from spantree.render.service_map import service_map, service_map_svg
from spantree.render.terminal import waterfall
from tests.support.spans import a_span

SHOP = Vocabulary(
    colours={"shop": "#123456"},
    step_attribute="shop.step",
    step_source="the handbook",
    fault_attribute="shop.chaos",
    operation_attribute="shop.operation",
    delivery_remarks={"shop.again": "once more"},
)
ATTRIBUTES = {
    "shop.step": "9,10",
    "shop.chaos": "bank.down",
    "shop.operation": "pay",
    "shop.again": True,
    "messaging.destination.name": "orders",
}
TRACE = SpanTree(
    [
        a_span(1, name="buy"),
        a_span(2, 1, "GET", kind="client", attributes=ATTRIBUTES | {"http.request.method": "GET"}),
        a_span(3, 1, "publish", kind="producer", attributes=ATTRIBUTES),
        a_span(4, 3, "process", "bank", kind="consumer", attributes=ATTRIBUTES),
    ]
)


def sequence_texts(vocabulary: Vocabulary) -> set[str]:
    items = sequence(TRACE, vocabulary=vocabulary).items
    steps = {item.step for item in items if isinstance(item, Message)}
    flags = {item.flag for item in items if isinstance(item, Note)}
    queued = {text for item in items if isinstance(item, Message) and item.queued for text in (item.label, item.detail)}
    return (steps | flags | queued) - {""}


def test_a_vocabulary_adds_its_steps_faults_operations_and_remarks() -> None:
    assert sequence_texts(SHOP) == {"9", "10", "⚑ bank.down", "pay", "orders", "once more"}
    assert "(9)(10)" in waterfall(TRACE, vocabulary=SHOP).plain
    model = waterfall_model([TRACE], vocabulary=SHOP)
    span = model["traces"][0]["spans"][1]
    assert (model["stepSource"], span["steps"], span["fault"]) == ("the handbook", ["9", "10"], "bank.down")


def test_without_a_vocabulary_none_of_these_is_drawn() -> None:
    assert sequence_texts(PLAIN) == {"orders"}
    assert "(9)" not in waterfall(TRACE).plain
    spans = waterfall_model([TRACE])["traces"][0]["spans"]
    assert not any({"steps", "fault"} & span.keys() for span in spans)


@pytest.mark.parametrize("vocabulary", [PLAIN, SHOP, OPENSTACK], ids=["plain", "shop", "openstack"])
def test_every_picture_has_the_vocabularys_colours(vocabulary: Vocabulary) -> None:
    pictures = [
        sequence_svg(sequence(TRACE, vocabulary=vocabulary), vocabulary=vocabulary),
        service_map_svg(service_map([TRACE]), vocabulary=vocabulary),
        str(waterfall_model([TRACE], vocabulary=vocabulary)["services"]),
    ]
    assert ["#123456" in picture for picture in pictures] == [vocabulary is SHOP] * 3


def test_no_file_of_render_names_openstack() -> None:
    names = re.compile(r"openstack|\bnova\b|keystone|glance|neutron|osprofiler|figure 1", re.IGNORECASE)
    room = Path(str(files("spantree.render")))
    sources = [file for file in room.rglob("*") if file.suffix in {".py", ".js", ".css", ".html"}]
    assert len(sources) > 50
    assert [file for file in sources if names.search(file.read_text(encoding="utf-8"))] == []
