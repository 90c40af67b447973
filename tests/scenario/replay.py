# SPDX-License-Identifier: Apache-2.0
"""Plays the server of a transcript to a real cmanagerd, and its clients.

Each step waits for the one before: what the manager has to say in a situation
is compared by meaning with what was said there, and nothing else may come.
Barriers are answered as servers do; answers to the server's requests and
blanks are noted, not compared.
"""

import hashlib
import re
import socket
import struct
import time
import xml.etree.ElementTree as ElementTree

from actors import CM, DEADLINE_S, DOMAIN, NAME, Client, Link, Session
from transcript import elements, local, meaning

SECRET = "s3cr3t"

# What clients may say to the hand-written links' servers, but not to us: what
# they get, and whether their stream ends by it (PROTOCOL.md §6.1, §8.6, §9).
LOCAL = (
    (r"^<compress", "<failure[^>]*><setup-failed/></failure>", False),
    (r"^<starttls", "<proceed[^>]*>", False),
    (r"^<abort", "<failure[^>]*><aborted/>.*?</failure>", False),
    (r"^<auth mechanism", "<stream:error><unsupported-stanza-type", True),
    (r"^<presence type='bogus'", "<presence [^>]*type=\"error\".*?"
     "<bad-request.*?</presence>", False),
    (r"^<authenticate", "<stream:error><unsupported-stanza-type", True),
    (r"^<iq [^>]*type='bogus'|^<iq (?![^>]*\bid=)|id='two'|id='none'",
     "<iq [^>]*type=\"error\".*?<bad-request.*?</iq>", False),
    (r"^<message to='(@|a b@|user30@exa |')",
     "<message [^>]*type=\"error\".*?<jid-malformed.*?</message>", False),
)


def is_close(item):
    return item.find(f"{CM}session/{CM}close") is not None


def is_leave(item):
    """What the manager says for a client that was available and has gone."""
    return local(item) == "route" and len(item) == 1 and \
        local(item[0]) == "presence" and len(item[0]) == 0 and \
        item[0].attrib == {"type": "unavailable"}


class Replay:
    """`port` of the daemon's plain listener; `listener` is where it finds its
    server."""

    def __init__(self, listener, port, count=1, scripted=False, tls=None):
        self.listener, self.port, self.tls = listener, port, tls
        self.count = count  # of links that the manager opens
        self.scripted = scripted  # what clients say is in the transcript
        self.clients, self.kept = {}, []
        self.skipping, self.dead, self.closes = False, set(), []
        self.links, self.sessions = {}, {}
        self.names = set()  # the transcript's for the manager

    def close(self):
        for link in self.links.values():
            link.socket.close()
        for client in self.kept + list(self.clients.values()):
            client.socket.close()

    # --- links ---

    def connect(self, name):
        while len(self.links) >= self.count:
            # Ended by the manager there, by the server here.
            self.cut(name if name in self.links else next(iter(self.links)))
        self.listener.settimeout(DEADLINE_S)
        self.last = self.links[name] = Link(self.listener.accept()[0],
                                            self.dead)

    def cut(self, name, reset=False):
        if not self.links[name].ended:
            self.links[name].settle()
        end = self.links.pop(name).socket
        if reset:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                           struct.pack("ii", 1, 0))
        end.close()

    def header(self, name, text):
        link = self.links[name]
        link.wait(lambda: link.header is not None, "a header")
        self.names.add(re.search("to=['\"]([^/'\"]*)", text).group(1))
        to = link.header.get("to")
        assert re.fullmatch(f"{NAME}/[0-9a-z-]+", to), to
        assert link.header.get("version") == "1.0"

    def handshake(self, name):
        link = self.links[name]
        item = link.next_item("a handshake")
        assert local(item) == "handshake", item.tag
        wanted = hashlib.sha1((link.id + SECRET).encode()).hexdigest()
        assert item.text == wanted, (item.text, wanted)

    # --- sessions ---

    def create(self, streamid):
        client = Client.served(self.port)
        self.kept.append(client)
        self.sessions[streamid] = Session(client)

    def any_item(self, what):
        """The next item on whichever link, and the link."""
        end = time.monotonic() + DEADLINE_S
        links = [at for at in self.links.values() if not at.ended]
        while time.monotonic() < end:
            for link in links:
                if not link.items:
                    link.read(0.01)
                if link.items:
                    return link.items.pop(0), link
        raise AssertionError(f"the manager never said {what}")

    def is_answered_here(self, session, inner):
        again = (("^<auth", "<stream:error>", True),)
        if self.scripted and not session.restarted:  # RFC 6120 §6.4.6
            again += (("^<iq", "<stream:error>", True),)
        for pattern, answer, ends in LOCAL + (
                again if session.authenticated else ()):
            if not re.search(pattern, inner):
                continue
            if not self.scripted:
                session.client.send(inner)
            session.client.expect(answer)
            for link in self.links.values():
                if not ends and not link.ended:
                    self.set_ends_aside(link)
                    link.assert_silent()
            if ends:
                session.client.is_closed()
                if session.streamid:
                    self.closed(session)
                session.over = True
            self.skipping = True
            return True
        return False

    def is_end(self, item, streamid=None):
        """Sessions that end by themselves end when they do; not what this one
        says, which is expected."""
        if is_close(item):
            self.closes.append(item.find(CM + "session").get("id"))
            return True
        return is_leave(item) and item.get("streamid") != streamid

    def set_ends_aside(self, link):
        link.read(0.05)
        link.items = [item for item in link.items if not self.is_end(item)]

    def but_ends(self, link, streamid):
        """The next item that is none."""
        while True:
            item = link.next_item("a packet")
            if not self.is_end(item, streamid):
                return item

    def created(self, session):
        """The manager creates a session before the first thing it says."""
        if session.streamid:
            return
        item, session.link = self.any_item("a create")
        while self.is_end(item):
            item, session.link = self.any_item("a create")
        link, item = session.link, item.find(CM + "session")
        assert item is not None and item.find(CM + "create") is not None
        host = item.find(f"{CM}create/{CM}host")
        assert host.get("address") == "127.0.0.1", host.attrib
        session.streamid = item.get("id")
        assert re.fullmatch(f"{NAME}[a-z0-9]{{21}}", session.streamid)
        for text in session.held:
            link.send(self.ours(text))
        session.held = []

    def carry(self, streamid, inner, stanza):
        session = self.sessions[streamid]
        if not self.scripted:
            session.client.send(inner)
        self.packet(session, stanza)

    def packet(self, session, stanza):
        self.created(session)
        item = self.but_ends(session.link, session.streamid)
        assert local(item) == "route", item.tag
        assert item.get("streamid") == session.streamid, item.attrib
        assert (item.get("to"), item.get("from")) == (DOMAIN, NAME)
        if stanza.get("type") == "bogus":  # of a message: sent without
            del stanza.attrib["type"]
        assert meaning(item[0]) == meaning(stanza), (
            ElementTree.tostring(item[0], "unicode"),
            ElementTree.tostring(stanza, "unicode"))

    def closed(self, session):
        """The manager tells the server that the session is over."""
        session.over = True
        while session.streamid not in self.closes:
            item = self.any_item("a close")[0]
            if local(item) == "route" and local(item[0]) == "presence":
                continue  # unconfirmed when a link died
            closed = item.find(CM + "session")
            assert closed is not None and closed.find(CM + "close") is not None
            self.closes.append(closed.get("id"))

    # --- what the server says ---

    def ours(self, text):
        for streamid, session in self.sessions.items():
            if session.streamid:
                text = re.sub(rf"\b{re.escape(streamid)}\b",
                              session.streamid, text)
        for name in self.names:
            text = re.sub(rf"to=\"{re.escape(name)}(/[^\"]*)?\"",
                          f"to=\"{NAME}\"", text)
        return text

    def send(self, name, text):
        """Sends it; the clients concerned get what is for them."""
        link = self.link_named(name)
        found = re.search(r"<stream:stream .*?\bid=\"(.*?)\"", text,
                          re.DOTALL)
        if found:
            link.id = found.group(1)
            link.send(text)
            return
        items = elements(text) or []
        for session in self.sessions.values():
            if not session.streamid and any(
                    local(item) == "iq" and item.find(CM + "session")
                    is not None and self.sessions.get(
                        item.find(CM + "session").get("id")) is session
                    for item in items):
                session.held.append(text)
                return
        answers = len(link.answers)
        link.send(self.ours(text))
        if "<configuration" in text:  # answered when it is in force
            link.wait(lambda: len(link.answers) > answers, "an answer")
        for item in elements(self.ours(text)) or []:
            self.reaches(item)

    def by_our_id(self, streamid):
        for session in self.sessions.values():
            if streamid and session.streamid == streamid:
                return session
        return None

    def reaches(self, item):
        if local(item) == "route":
            session = self.by_our_id(item.get("streamid"))
            if not session or session.over:
                return
            if item.get("type") == "error":
                if b"item-not-found" in ElementTree.tostring(item):
                    session.client.is_closed()
                    self.closed(session)
                return
            stanza = item[0] if len(item) else elements(item.text)[0]
            session.client.gets(stanza)
            if local(stanza) == "success":
                session.authenticated = True
                if not self.scripted:
                    session.client.open()
            elif stanza.tag.endswith("streams}error"):
                session.client.is_closed()
                self.closed(session)
        elif local(item) == "iq" and item.get("type") == "set":
            at = item.find(CM + "session")
            session = self.by_our_id(
                at.get("id") if at is not None else None)
            if session and not session.over:
                session.client.is_closed()
                self.closed(session)

    def forget_ends(self, link):
        """Ends of sessions whose clients had left, and of unknown ones."""
        link.read(0.05)
        left = {at.streamid for at in self.sessions.values()
                if at.client.socket.fileno() < 0 or at.client.ended}
        link.items = [item for item in link.items if not is_leave(item) and
                      (not is_close(item) or self.is_ours(
                          item.find(CM + "session").get("id"), left))]

    def is_ours(self, streamid, left):
        """Not of one who left, nor of another manager's: that is closed."""
        return streamid not in left and self.by_our_id(streamid) is not None

    # --- a whole transcript ---

    def step(self, line):
        """True when the line meant something here."""
        if line.kind == "down" and self.skipping:
            return False
        self.skipping = self.skipping and line.kind == "note"
        if not line.name.startswith("U") and (line.is_note("[connected to OF") or
                                 line.is_note("[CM connected")):
            self.connect(line.name)
        elif line.is_note("[down EOF]") and line.name in self.links:
            self.cut(line.name)
        elif line.is_note("[close: ") and line.name in self.links:
            self.cut(line.name, "RST" in line.text)
        elif line.is_note("[TLS"):
            self.last.secure(self.tls)
        elif line.is_note("[connected to CM"):
            self.clients[line.name] = Client(self.port)
        elif line.is_note("[close: ") and line.name in self.clients:
            self.clients[line.name].leave("RST" in line.text)
        elif line.kind == "said":
            self.said(self.clients[line.name], line.text)
        elif line.kind == "told":
            self.note_stream(line.name, line.text)
        elif line.kind == "down" and line.text.strip():
            self.send(line.name, line.text)
        elif line.kind == "up":
            return self.up(line)
        else:
            return False
        return True

    def link_named(self, name):
        """One that was up before the transcript begins is the only one."""
        return self.links.get(name) or next(iter(self.links.values()), None)

    def up(self, line):
        link = self.link_named(line.name)
        if link is None:
            return False
        if line.text.lstrip().startswith("<stream:stream"):
            self.header(line.name, line.text)
            return True
        items = elements(line.text)
        if items is None:
            return False
        texts = split(line.text)
        for item, text in zip(items, texts):
            self.up_item(line.name, link, item, text)
        return True

    def up_item(self, name, link, item, text):
        session = item.find(CM + "session")
        if local(item) == "handshake":
            self.handshake(name)
        elif local(item) == "starttls":
            assert local(link.next_item("starttls")) == "starttls"
        elif local(item) == "route":
            at = self.sessions.get(item.get("streamid"))
            # A probe there was made by hand; ours come by themselves.
            if at and not at.over and not at.client.ended and \
                    len(item) == 1 and "cm-probe" not in text:
                inner = re.search("^<route[^>]*>(.*)</route>$", text,
                                  re.DOTALL).group(1)
                if not self.is_answered_here(at, inner):
                    self.carry(item.get("streamid"), inner, item[0])
        elif session is not None and session.find(CM + "create") is not None:
            if not self.scripted:
                self.create(session.get("id"))
        elif self.scripted and session is not None:
            at = self.sessions.get(session.get("id"))
            if at and at.streamid and not at.over:
                self.closed(at)
        elif session is not None and session.find(CM + "close") is not None:
            at = self.sessions.get(session.get("id"))
            if at and not at.over:
                at.client.send("</stream:stream>")
                at.client.is_closed()
                if at.streamid:
                    self.closed(at)
                at.over = True

    def said(self, client, text):
        if client.ended:
            return
        client.send(text)
        for pattern, answer, _ in LOCAL[:2]:
            if re.search(pattern, text):
                client.expect(answer)
                return
        if "<stream:stream" in text:
            for session in self.sessions.values():
                session.restarted |= session.client is client
            client.expect("<stream:stream .*?</stream:features>")
        elif text.strip() == "</stream:stream>":
            client.is_closed()

    def note_stream(self, name, text):
        """Only for the name of the stream; stanzas are compared as the
        server says them."""
        found = re.search(r"<stream:stream .*?\bid=\"(.*?)\"", text)
        if found and found.group(1) not in self.sessions:
            self.sessions[found.group(1)] = Session(self.clients[name])

    def play(self, lines):
        lines = configured_early(lines)
        for number, line in enumerate(lines):
            try:
                self.step(line)
            except Exception as error:
                raise AssertionError(
                    f"line {number} [{line.section}] {line.kind} {line.name}: "
                    f"{line.text[:300]}") from error
        for link in self.links.values():
            if link.socket.fileno() >= 0:
                self.forget_ends(link)
                link.assert_silent()


def configured_early(lines):
    """The server's configuration before what was said without waiting for
    it: no client of ours is let in earlier."""
    lines = list(lines)
    for number, line in enumerate(lines):
        if line.kind != "down" or "<configuration" not in line.text:
            continue
        at = number
        while at > 0 and lines[at - 1].name == line.name and \
                lines[at - 1].kind == "up":
            at -= 1
        lines.insert(at, lines.pop(number))
    return lines


def split(text):
    """A fragment's elements as text, each for itself."""
    parts, depth, start = [], 0, None
    for tag in re.finditer(r"<(/?)[^>]*?(/?)>", text):
        if depth == 0:
            start = tag.start()
        depth += -1 if tag.group(1) else 0 if tag.group(2) else 1
        if depth == 0:
            parts.append(text[start:tag.end()])
    return parts
