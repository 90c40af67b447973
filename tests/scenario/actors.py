# SPDX-License-Identifier: Apache-2.0
"""Who speaks with the manager in a replay: the server's end of a link, and a
client."""

import pathlib
import re
import socket
import struct
import sys
import time
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "system" / "lib"))
from support import PATIENCE_S, receive  # noqa: E402
from transcript import elements, local, meaning  # noqa: E402

NAME = "cm"
DOMAIN = "example.test"
DEADLINE_S = PATIENCE_S
CM = "{http://jabber.org/protocol/connectionmanager}"


def is_read(connection):
    """True when the other end, of this host, has read what was sent, or has
    reset the connection."""
    try:
        there = connection.getpeername()[1]
    except OSError:
        return True
    here = connection.getsockname()[1]
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        ends = [int(at.split(":")[1], 16) for at in words[1:3]]
        waiting = [int(at, 16) for at in words[4].split(":")]
        if (ends == [there, here] and waiting[1]) or \
                (ends == [here, there] and waiting[0]):
            return False
    return True


class Link:
    """The server's end of one link."""

    def __init__(self, connection, dead):
        self.socket = connection
        self.dead = dead   # streamids that the server does not know
        self.restart()
        self.items, self.ended = [], False
        self.bytes = b""
        self.answers_barriers = True
        self.confirmed = True  # a barrier's answer covers all that came
        self.stream_ended = False
        self.answers = []  # to requests of the server
        self.probes = []   # streamids it was asked about

    def send(self, text):
        self.socket.sendall(text.encode())

    def read(self, seconds):
        data = receive(self.socket, seconds)
        if data is None:
            return
        self.ended = self.ended or not data
        self.bytes += data
        self.parser.feed(data)
        for event, element in self.parser.read_events():
            self.take(event, element)

    def take(self, event, element):
        if event == "start":
            self.depth += 1
            if self.depth == 1:
                self.header = element
            return
        self.depth -= 1
        if self.depth == 0:
            self.stream_ended = True
        elif self.depth == 1:
            self.sort(element)

    def sort(self, element):
        session = element.find(CM + "session")
        if local(element) == "iq" and element.get("type") in ("result",
                                                              "error"):
            self.answers.append(element)
        elif session is not None and session.get("id") == f"{NAME}-barrier":
            if not self.answers_barriers:
                return
            self.send(f"<iq type=\"error\" id=\"{element.get('id')}\" "
                      f"from=\"{DOMAIN}\" to=\"{NAME}\"><session xmlns="
                      f"\"{CM[1:-1]}\" id=\"{NAME}-barrier\"><close/>"
                      "</session><error code=\"404\" type=\"cancel\">"
                      "<item-not-found xmlns=\"urn:ietf:params:xml:ns:"
                      "xmpp-stanzas\"/></error></iq>")
            self.confirmed = True
        elif len(element) and element[0].get("id") == "cm-probe":
            self.probed(element.get("streamid"))
        else:
            self.items.append(element)
            self.confirmed &= local(element) not in ("route", "iq")

    def settle(self):
        """Takes what comes until a barrier's answer covers it, and the
        manager has read that: an end of the link leaves nothing unconfirmed.
        A manager that sets no barriers is not waited for long."""
        self.read(0.05)
        end = time.monotonic() + 2
        while not self.ended and self.answers_barriers and \
                time.monotonic() < end and \
                not (self.confirmed and is_read(self.socket)):
            self.read(0.01)

    def probed(self, streamid):
        self.probes.append(streamid)
        if streamid in self.dead:
            self.send(f"<route streamid=\"{streamid}\" from=\"{DOMAIN}\" "
                      f"to=\"{NAME}\" type=\"error\"><error code=\"404\" "
                      "type=\"cancel\"><item-not-found xmlns=\"urn:ietf:"
                      "params:xml:ns:xmpp-stanzas\"/></error></route>")

    def secure(self, context):
        self.socket.settimeout(DEADLINE_S)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.restart()

    def restart(self):
        self.parser = ElementTree.XMLPullParser(("start", "end"))
        self.depth, self.header = 0, None

    def wait(self, condition, what):
        end = time.monotonic() + DEADLINE_S
        while not condition():
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                raise AssertionError(f"the manager never said {what}; ended="
                                     f"{self.ended}")
            self.read(left)

    def next_item(self, what):
        self.wait(lambda: self.items, what)
        return self.items.pop(0)

    # --- a server's part, as 5.1 plays it ---

    def let_in(self, configuration="", header=None):
        """Header, features, handshake, and the configuration, if any."""
        self.greet(header)
        self.send("<handshake></handshake>")
        if configuration is not None:
            self.configure(configuration)
        return self

    def greet(self, header=None):
        """Up to its handshake, which is not answered."""
        self.wait(lambda: self.header is not None, "a header")
        self.id = "id0"
        self.send(header or (
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><stream:stream "
            "xmlns:stream=\"http://etherx.jabber.org/streams\" xmlns="
            "\"jabber:connectionmanager\" version=\"1.0\" from=\"x\" "
            f"id=\"{self.id}\"><stream:features/>"))
        self.handshake = self.next_item("a handshake")

    def configure(self, inner=""):
        answers = len(self.answers)
        mechanisms = ("<mechanisms xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
                      "<mechanism>PLAIN</mechanism></mechanisms>")
        self.send(f"<iq type=\"set\" id=\"conf-{answers}\"><configuration "
                  f"xmlns=\"{CM[1:-1]}\">{mechanisms}{inner}</configuration>"
                  "</iq>")
        self.wait(lambda: len(self.answers) > answers, "an answer")

    def carry(self, streamid, inner):
        self.send(f"<route from=\"{DOMAIN}\" to=\"{NAME}\" streamid="
                  f"\"{streamid}\">{inner}</route>")

    def answer(self, item, kind="result", error=""):
        session = item.find(CM + "session")
        self.send(f"<iq type=\"{kind}\" id=\"{item.get('id')}\" from="
                  f"\"{DOMAIN}\" to=\"{NAME}\"><session xmlns="
                  f"\"{CM[1:-1]}\" id=\"{session.get('id')}\"><"
                  f"{local(session[0])}/></session>{error}</iq>")

    def assert_silent(self, seconds=0.05):
        self.read(seconds)
        if self.items:
            raise AssertionError("unexpected: " + " ".join(
                ElementTree.tostring(item, "unicode") for item in self.items))


class Client:
    """One client of the manager."""

    HEADER = ("<stream:stream xmlns='jabber:client' xmlns:stream="
              f"'http://etherx.jabber.org/streams' to='{DOMAIN}' "
              "version='1.0'>")

    def __init__(self, where):
        """A port of this host, or a socket that is connected."""
        self.socket = where if isinstance(where, socket.socket) else \
            socket.create_connection(("127.0.0.1", where), DEADLINE_S)
        self.text, self.ended = "", False

    def send(self, text):
        self.socket.sendall(text.encode(errors="surrogateescape"))

    def read(self, seconds):
        data = receive(self.socket, seconds)
        if data is None:
            return
        self.ended = self.ended or not data
        self.text += data.decode()

    def expect(self, pattern):
        end = time.monotonic() + DEADLINE_S
        pattern = re.compile(pattern, re.DOTALL)
        while True:
            found = pattern.search(self.text)
            if found:
                self.text = self.text[found.end():]
                return found.group(0)
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                raise AssertionError(f"the client never got {pattern.pattern};"
                                     f" ended={self.ended} {self.text!r}")
            self.read(left)

    def open(self):
        self.send(self.HEADER)
        self.expect("<stream:stream .*?</stream:features>")

    @classmethod
    def served(cls, port):
        """One that is let in; after a loss of all links that takes until the
        sessions that there were have been revalidated."""
        end = time.monotonic() + DEADLINE_S
        while True:
            client = cls(port)
            try:
                client.open()
                return client
            except (AssertionError, OSError):  # sent away, perhaps at once
                client.socket.close()
                if time.monotonic() > end:
                    raise

    def gets(self, wanted):
        """The next element is of this meaning."""
        name = local(wanted)
        prefix = "stream:" if "etherx" in wanted.tag else ""
        got = self.expect(f"<{prefix}{name}\\b(?:[^>]*/>|.*?"
                          f"</{prefix}{name}>)")
        assert meaning(elements(got)[0]) == meaning(wanted), \
            f"{got}\nis not\n{ElementTree.tostring(wanted, 'unicode')}"

    def leave(self, reset=False):
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
        self.socket.close()

    def is_closed(self):
        self.expect("</stream:stream>")
        end = time.monotonic() + DEADLINE_S
        while not self.ended and time.monotonic() < end:
            self.read(end - time.monotonic())
        return self.ended


class Session:
    """A stream of the transcript and its client here."""

    def __init__(self, client):
        self.client = client
        self.streamid = None  # ours, known with the create
        self.link = None
        self.held = []        # what the server says once it is created
        self.over = self.authenticated = self.restarted = False
