# SPDX-License-Identifier: Apache-2.0
"""Reads tests/captures: what was said on each connection, in order.

Kinds: "up" manager to server, "down" server to manager, "said" client to
manager, "told" manager to client, "aside" what others say to the server, "note" what
is in brackets.
"""

import ast
import pathlib
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "captures"

LINE = re.compile(r"\d\d:\d\d:\d\d\.\d{3} (\S.*)$")
SPEECH = (("up", re.compile(r"(#\d+) CM->OF (.*)", re.DOTALL)),
          ("down", re.compile(r"(#\d+) OF->CM (.*)", re.DOTALL)),
          ("up", re.compile(r"([MN]\d?)->OF (.*)", re.DOTALL)),
          ("down", re.compile(r"([MN]\d?)<-OF (.*)", re.DOTALL)),
          ("said", re.compile(r"([A-Z]\d*)->CM (.*)", re.DOTALL)),
          ("told", re.compile(r"([A-Z]\d*)<-CM (.*)", re.DOTALL)),
          ("aside", re.compile(r"(U\d*)(?:->|<-)OF (.*)", re.DOTALL)),
          ("note", re.compile(r"(\S+) (\[.*)", re.DOTALL)))
ROOT = ("<root xmlns='jabber:connectionmanager' "
        "xmlns:stream='http://etherx.jabber.org/streams'>")


@dataclass
class Line:
    section: str
    kind: str
    name: str  # of the connection
    text: str

    def is_note(self, beginning):
        return self.kind == "note" and self.text.startswith(beginning)


def read(name):
    lines, section = [], ""
    for raw in (FOLDER / name).read_text(errors="surrogateescape").split("\n"):
        found = LINE.match(raw)
        if raw.startswith("===="):
            section = raw[4:].strip()
        elif found:
            lines.append(classify(section, found.group(1)))
        elif raw and not raw.startswith("#") and lines:
            lines[-1].text += "\n" + raw
    return lines


def classify(section, text):
    if text.startswith("[TLS"):
        return Line(section, "note", "", text)
    for kind, pattern in SPEECH:
        found = pattern.fullmatch(text)
        if not found:
            continue
        name, said = found.groups()
        if said in ("[EOF]", "[RST]"):
            return Line(section, "note", name, f"[{kind} EOF]")
        if re.match(r"b['\"]", said):
            said = ast.literal_eval(said).decode(
                errors="surrogateescape")
        return Line(section, kind, name, said)
    raise ValueError(text)


def elements(text):
    """The whole elements of a fragment, or None when it has others too."""
    try:
        return list(ElementTree.fromstring(ROOT + text + "</root>"))
    except ElementTree.ParseError:
        return None


def local(element):
    return element.tag.rsplit("}")[-1]


def meaning(element, mapped=("jabber:connectionmanager", "jabber:client")):
    """Comparable: names, attributes and text; the stream's own namespace and
    a client's are one."""
    space, _, name = element.tag.rpartition("}")
    space = "" if space.strip("{") in mapped else space
    return (space, name, tuple(sorted(element.attrib.items())),
            element.text or "",
            tuple((meaning(child, mapped), child.tail or "")
                  for child in element))
