"""Results of checks as JUnit XML, which CI systems show and keep a history of.

They know a test by its name. So the names here have no trace ids, and the traces with the same root are one test: how
many there are, and in which order, differs from run to run.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from xml.etree import ElementTree as ET

from spantree import NORMALISED, SpanTree
from spantree.expectation.placeholders import insert_placeholders

__all__ = ["Case", "kind_of", "write_junit"]

NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """The result of one check: whether `subject` is `claim`. A `report` says why it is not.

    `kind` is what the subject has in common with those of other runs.
    """

    subject: str
    claim: str
    report: str = ""
    kind: str = ""

    @property
    def name(self) -> str:
        """What the check claims, in the same words in each run."""
        return f"{self.kind or self.subject} is {self.claim}"

    def __str__(self) -> str:
        return f"✗ {self.subject} is not {self.claim}" if self.failed else f"✓ {self.subject} is {self.claim}"

    @property
    def failed(self) -> bool:
        """Whether the claim is false."""
        return bool(self.report)


def kind_of(trace: SpanTree) -> str:
    """Return the root of a trace, with placeholders for the ids in its name: the `kind` of a case about a trace."""
    root = trace.roots[0]
    return f"{root.service}: {insert_placeholders(root.name, NORMALISED)}"


def write_junit(file: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write the cases as one test suite, those of the same name as one test. Raises OSError."""
    root = ET.Element("testsuites")
    test_suite = ET.SubElement(root, "testsuite", name=suite)
    order = {case.name: number for number, case in reversed([*enumerate(cases)])}
    for name, group in groupby(sorted(cases, key=lambda case: order[case.name]), key=lambda case: case.name):
        _add(ET.SubElement(test_suite, "testcase", classname=suite, name=_xml(name)), list(group))
    test_suite.set("tests", str(len(test_suite)))
    test_suite.set("failures", str(len(test_suite.findall("testcase/failure"))))
    ET.indent(root)
    file.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _add(test_case: ET.Element, cases: Sequence[Case]) -> None:
    """Add the results of one test: its failures in full, and which traces it was about."""
    failed = [case for case in cases if case.failed]
    if failed:
        of_several = f"{len(failed)} of {len(cases)}: " if len(cases) > 1 else ""
        failure = ET.SubElement(test_case, "failure", message=_xml(of_several + failed[0].report.split("\n", 1)[0]))
        failure.text = _xml("\n\n".join(f"{case}\n{case.report}" for case in failed))
    ET.SubElement(test_case, "system-out").text = _xml("\n".join(map(str, cases)))


def _xml(text: str) -> str:
    """Replace the characters that XML cannot hold; the name of a span may have control characters."""
    return NOT_XML.sub("�", text)
