"""Results of checks as JUnit XML, which CI systems show."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

__all__ = ["Case", "write_junit"]

NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Case:
    """The result of one check: whether `subject` is `claim`. A `report` says why it is not."""

    subject: str
    claim: str
    report: str = ""

    @property
    def name(self) -> str:
        """What the check claims."""
        return f"{self.subject} is {self.claim}"

    def __str__(self) -> str:
        return f"✗ {self.subject} is not {self.claim}" if self.failed else f"✓ {self.name}"

    @property
    def failed(self) -> bool:
        """Whether the claim is false."""
        return bool(self.report)


def write_junit(file: Path, suite: str, cases: Sequence[Case]) -> None:
    """Write the cases as one test suite. Raises OSError."""
    failures = sum(case.failed for case in cases)
    root = ET.Element("testsuites")
    test_suite = ET.SubElement(root, "testsuite", name=suite, tests=str(len(cases)), failures=str(failures))
    for case in cases:
        test_case = ET.SubElement(test_suite, "testcase", classname=suite, name=_xml(case.name))
        if case.failed:
            failure = ET.SubElement(test_case, "failure", message=_xml(case.report.split("\n", 1)[0]))
            failure.text = _xml(case.report)
    ET.indent(root)
    file.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _xml(text: str) -> str:
    """Replace the characters that XML cannot hold; the name of a span may have control characters."""
    return NOT_XML.sub("�", text)
