# SPDX-License-Identifier: Apache-2.0
"""A bare connection-manager link, to test servers without cmanagerd."""

import base64
import hashlib
import re
import socket
import ssl
import time

from support import PATIENCE_S, receive

HEADER = ("<stream:stream xmlns:stream=\"http://etherx.jabber.org/streams\" "
          "xmlns=\"jabber:connectionmanager\" to=\"{address}\" "
          "version=\"1.0\">")
CONFIGURATION = r"<iq [^>]*><configuration.*?</iq>"
CM = "http://jabber.org/protocol/connectionmanager"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
MODULE = "urn:cmanager:module:1"
# What a manager may say of its client's connection.
CLEAR = f"<facts xmlns=\"{MODULE}\" encrypted=\"0\"/>"
SECURE = (f"<facts xmlns=\"{MODULE}\" encrypted=\"1\" tls=\"TLSv1.3\" "
          "cipher=\"TLS_AES_256_GCM_SHA384\"/>")


class Link:
    """Collects what the server says; expect() waits for a pattern in it."""

    def __init__(self, port, name="cm", resource="a", domain="xmpp.example"):
        self.name, self.domain = name, domain
        self.address = f"{name}/{resource}"
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.buffer = ""
        self.ended = False
        self.open()

    def open(self):
        self.send(HEADER.format(address=self.address))
        self.features = self.expect(r"(?s)<stream:stream.*?</stream:features>|"
                                    r"<stream:stream.*?<stream:features/>")

    def send(self, text):
        self.socket.sendall(text.encode())

    def expect(self, pattern, seconds=PATIENCE_S):
        """Cuts and returns the first match (and drops what lay before)."""
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                return found.group(0)
            left = end - time.monotonic()
            if left <= 0 or self.ended:
                raise AssertionError(
                    f"no {pattern!r}; ended={self.ended}; {self.buffer!r}")
            self.receive(left)

    def receive(self, seconds):
        data = receive(self.socket, seconds)
        if data is None:
            return
        self.ended = not data
        self.buffer += data.decode()

    def starttls(self):
        self.send("<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>")
        self.expect(r"<proceed[^>]*/>")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)
        self.open()

    def say_handshake(self, secret):
        stream_id = re.search(r"\bid=['\"]([^'\"]+)", self.features).group(1)
        digest = hashlib.sha1((stream_id + secret).encode()).hexdigest()
        self.send(f"<handshake>{digest}</handshake>")
        self.expect(r"<handshake\s*/>|<handshake></handshake>")

    def handshake(self, secret):
        """Returns the first configuration."""
        self.say_handshake(secret)
        return self.expect(CONFIGURATION)

    def configurations(self):
        """Returns all that have come since, (host, text) in their order. What
        came between them stays."""
        self.iq("reserved", "<close/>", "all-came")
        while not re.search("id=.all-came.", self.buffer):
            if self.ended:
                raise AssertionError(f"the link has ended; {self.buffer!r}")
            self.receive(PATIENCE_S)
        found = re.findall(CONFIGURATION, self.buffer)
        self.buffer = re.sub(
            f"{CONFIGURATION}|<iq [^>]*id=.all-came..*?</iq>", "", self.buffer)
        return [(re.search("^<iq [^>]*?(?:from='([^']*)'|>)", text).group(1),
                 text) for text in found]

    def iq(self, stream, verb, iq_id, to=None):
        self.send(f"<iq type=\"set\" to=\"{to or self.domain}\" "
                  f"from=\"{self.address}\" id=\"{iq_id}\">"
                  f"<session xmlns=\"{CM}\" id=\"{stream}\">{verb}</session>"
                  "</iq>")

    def query(self, stream, verb, iq_id, to=None):
        self.iq(stream, verb, iq_id, to)
        return self.expect(rf"<iq [^>]*\bid=['\"]{iq_id}['\"].*?</iq>")

    def create(self, stream, address="192.0.2.7", facts="", to=None):
        return self.query(stream, f"<create><host name=\"{address}\" "
                          f"address=\"{address}\"/>{facts}</create>",
                          "c" + stream, to)

    def carry(self, stream, text):
        self.send(f"<route to=\"{self.domain}\" from=\"{self.address}\" "
                  f"streamid=\"{stream}\">{text}</route>")

    def packet(self, stream, pattern, seconds=PATIENCE_S):
        return self.expect(
            rf"<route [^>]*streamid=['\"]{stream}['\"][^>]*>"
            rf"{pattern}.*?</route>",
            seconds)

    def authenticate(self, stream, user, password):
        """Asks for a log-in; the answer is the next thing it is told."""
        token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.carry(stream, f"<auth xmlns=\"{SASL}\" mechanism=\"PLAIN\">"
                   f"{token}</auth>")

    def login(self, stream, user, password, resource="r", facts="", to=None):
        self.create(stream, facts=facts, to=to)
        self.authenticate(stream, user, password)
        answer = self.packet(stream, "(<|&lt;)(success|failure)")
        if "failure" in answer:
            raise AssertionError(f"{user} is refused: {answer}")
        self.carry(stream, "<iq type=\"set\" id=\"b\"><bind xmlns=\"urn:ietf:"
                   f"params:xml:ns:xmpp-bind\"><resource>{resource}</resource>"
                   "</bind></iq>")
        bound = self.packet(stream, "<iq [^>]*type=['\"]result['\"]")
        return re.search(r"<jid>(.*?)</jid>", bound).group(1)

    def ends(self, seconds=PATIENCE_S):
        """Waits for the server to close."""
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            self.receive(end - time.monotonic())
        return self.ended

    def close(self):
        self.socket.close()
