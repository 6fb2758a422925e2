"""Registries of attributes: the published one as data, and a team's own in the YAML of OpenTelemetry's Weaver."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import emulator
from emulator.reference import registry_folder
from spantree import SpanTree, otlp_json
from spantree.cli.commands import COMMANDS
from spantree.cli.lazy import application
from spantree.lint import MalformedRegistry
from spantree.lint.registry import Attribute, published
from spantree.lint.registry_yaml import read_registry
from tests.support.spans import a_span

GROUPS = """
groups:
  - id: registry.shop
    type: attribute_group
    brief: Our shop.
    attributes:
      - id: shop.order.id
        type: string
        stability: stable
        brief: The order.
        examples: ["17"]
      - id: shop.basket.size
        type: int
        brief: How many things are in the basket.
        deprecated: {reason: renamed, renamed_to: shop.order.size}
      - id: shop.label
        type: template[string[]]
        brief: Labels.
        deprecated:
          reason: obsoleted
          note: Removed, no replacement at this time.
      - id: shop.payment
        type:
          members:
            - {id: card, brief: By card., stability: stable}
            - {id: cash, value: notes, stability: stable}
        brief: How it was paid.
        deprecated: {reason: uncategorized, note: "Replaced by [`shop.payment.method`](http://docs)."}
  - id: span.shop.order
    type: span
    span_kind: internal
    brief: An order.
    attributes:
      - ref: shop.order.id
        requirement_level: required
"""
DEFINITIONS = """
file_format: definition/2
attributes:
  - key: shop.order.id
    type: string
    stability: stable
    brief: The order.
  - key: shop.retries
    type:
      members: [{id: none, value: 0, stability: stable}, {id: one, value: 1, stability: stable}]
    stability: stable
    brief: How often it was tried again.
spans:
  - type: shop.order
    kind: internal
    brief: An order.
    stability: stable
    name: {note: order}
    attributes:
      - ref: shop.order.id
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(GROUPS)
    return file


def advice(registry: Path | None, **attributes: object) -> list[str]:
    trace = SpanTree([a_span(1, attributes=attributes)])
    registries = [] if registry is None else [registry]
    return [
        f"{finding.rule}: {finding.remedy}"
        for finding in trace.check(["missing-resource"], at_least="advice", registry=registries)
    ]


def test_attributes_are_read_from_groups(shop: Path) -> None:
    removed = "Removed without a replacement: leave it out, or give it a name of your own."
    assert read_registry(shop) == {
        "shop.order.id": Attribute("string"),
        "shop.basket.size": Attribute("int", "shop.order.size"),
        "shop.label": Attribute("template[string[]]", removed),
        "shop.payment": Attribute("string", "shop.payment.method"),
    }


def test_attributes_are_read_from_definitions_of_the_second_form(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "shop.yml").write_text(DEFINITIONS)
    (tmp_path / "manifest.yaml").write_text("schema_url: https://shop.example/schemas/1.0.0")
    assert read_registry(tmp_path) == {"shop.order.id": Attribute("string"), "shop.retries": Attribute("int")}


def test_a_teams_attributes_are_known_by_name_type_and_replacement(shop: Path) -> None:
    assert advice(shop, **{"shop.order.id": "17"}) == []
    assert advice(shop, **{"shop.order.id": 17}) == [
        "wrong-attribute-type: Set shop.order.id to a value of type string, as the registry defines it."
    ]
    assert advice(shop, **{"shop.basket.size": "x"}) == [
        "deprecated-attribute: Use shop.order.size instead of shop.basket.size."
    ]
    [slip] = advice(shop, **{"shop.order.ID": "17"})[:1]
    assert slip.startswith("unknown-attribute: Correct the name if shop.order.ID is a slip.")
    assert advice(None, **{"shop.order.di": "17"}) == [], "without the registry, shop.* is nobody's"


def test_a_command_reads_registries_from_options_and_from_the_project(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spans.json").write_text(json.dumps(otlp_json([a_span(1, attributes={"shop.order.id": 17})])))
    monkeypatch.chdir(tmp_path)

    def status(*options: str) -> int:
        command = ["check", "spans.json", "--fail-on", "warning", *options]
        return CliRunner().invoke(application("spantree", "1", "", COMMANDS), command).exit_code

    assert status() == 0
    assert status("--registry", str(shop)) == 1
    (tmp_path / "pyproject.toml").write_text('[tool.spantree]\nregistry = ["shop.yaml"]\n')
    assert status() == 1
    (tmp_path / "broken.yaml").write_text("groups: 7")
    assert status("--registry", "broken.yaml") == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "is not a mapping with groups, or with attributes"),
        ("a: 1", "has neither groups nor attributes"),
        ("a: [", "is not YAML: while parsing a flow node expected the node content"),
        ("file_format: definition/3", "file_format: 'definition/3' is not definition/2"),
        ("groups: 7", "groups: is not a list"),
        ("groups: [7]", "group 1: is not a mapping"),
        ("groups: [{id: shop, prefix: shop}]", "group shop: prefix: Weaver has no prefixes any more"),
        ("groups: [{id: shop, attributes: 7}]", "group shop: attributes: is not a list"),
        ("groups: [{id: shop, attributes: [{type: int}]}]", "group shop: attribute 1: id: is missing"),
        ("groups: [{attributes: [{id: a}]}]", "group 1: attribute a: type: is missing; write string, int, double"),
        ("groups: [{id: s, attributes: [{id: a, type: strin}]}]", "group s: attribute a: type: 'strin' is no type; "),
        (
            "groups: [{id: s, attributes: [{id: a, type: {members: []}}]}]",
            "group s: attribute a: type: {'members': []}",
        ),
        (
            "groups: [{id: s, attributes: [{id: a, type: {members: [{id: b}, {value: 1}]}}]}]",
            "group s: attribute a: type: members: each needs an id, and all values must have the same type",
        ),
        (
            "attributes: [{key: a, type: int, deprecated: {reason: old}}]",
            "attribute a: deprecated: needs a reason: renamed, obsoleted or uncategorized",
        ),
        (
            "attributes: [{key: a, type: int, deprecated: {reason: renamed}}]",
            "attribute a: deprecated: renamed_to: is missing",
        ),
    ],
)
def test_a_malformed_registry_names_file_group_and_field(shop: Path, text: str, message: str) -> None:
    shop.write_text(text)
    with pytest.raises(MalformedRegistry) as raised:
        advice(shop, a="b")
    assert str(raised.value).startswith(f"{shop}: {message}")


def test_a_path_may_be_a_text_and_need_not_be_in_a_list(shop: Path) -> None:
    trace = SpanTree([a_span(1, attributes={"shop.order.id": 17})])
    for registry in (shop, str(shop), [str(shop)]):
        [finding] = trace.check(at_least="warning", registry=registry)
        assert finding.problem == "has shop.order.id = 17, which is not of type string"


def test_a_folder_without_definitions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MalformedRegistry, match=r"there is no \*\.yaml file with definitions in this folder"):
        read_registry(tmp_path)


def test_a_missing_parser_is_named_with_its_extra(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MalformedRegistry, match=r"to read YAML, install the extra: pip install 'spantree\[registry\]'"):
        read_registry(shop)


def test_the_published_registry_knows_names_templates_and_replacements() -> None:
    known = published()
    assert len(known.attributes) > 900
    assert known.find("http.request.method") == ("http.request.method", Attribute("string"))
    assert known.find("http.request.header.x-a.b") == ("http.request.header", Attribute("template[string[]]"))
    assert known.find("http.request") is None
    assert known.replacement("k8s.pod.labels.app") == "k8s.pod.label.app"


def test_errors_alone_are_found_without_reading_a_registry() -> None:
    code = (
        "import sys; from spantree import Span, SpanTree; "
        "assert SpanTree([Span('1' * 32, '1' * 16, '', 'order', 'server', 0, 1, {'http.method': 'x'})]).check() == []; "
        "from spantree.lint.registry import published; "
        "assert published.cache_info().currsize == 0 and 'yaml' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603 - our own code


@pytest.mark.skipif(shutil.which("weaver") is None, reason="there is no weaver, which would judge our registry")
def test_weaver_accepts_the_emulators_registry() -> None:
    command = ["weaver", "registry", "check", "-r", str(registry_folder())]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - see above
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_every_attribute_that_the_emulators_code_names_is_in_its_registry() -> None:
    named = {
        name
        for file in Path(emulator.__file__).parent.rglob("*.py")
        for name in re.findall(r"""["'](openstack\.[a-z_.]+)["']""", file.read_text())
    }
    assert named - set(read_registry(registry_folder())) == set()


def test_the_emulators_registry_defines_only_well_formed_names_of_its_own() -> None:
    own = read_registry(registry_folder())
    assert [name for name in own if published().find(name)] == []
    assert {name.partition(".")[0] for name in own} == {"openstack"}
    assert advice(registry_folder(), **dict.fromkeys(own)) == [
        finding for finding in advice(registry_folder(), **dict.fromkeys(own)) if "wrong-attribute-type" in finding
    ]
