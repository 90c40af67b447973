# SPDX-License-Identifier: Apache-2.0
"""A raw XMPP client: sends what it is told, waits for patterns."""

import base64
import re
import socket
import ssl
import time

from support import PATIENCE_S, Deadline, receive

DOMAIN = "xmpp.example"
# Instead of what a log-in waits for: it will not come any more.
REFUSAL = "<failure|<stream:error|</stream:stream>"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
HEADER = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams' "
          f"to='{DOMAIN}' version='1.0'>")


def tls_context(alpn=None):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols([alpn])
    return context


def plain_auth(user, password):
    token = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    return f"<auth xmlns='{SASL}' mechanism='PLAIN'>{token}</auth>"


def bind_request(resource):
    return ("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:"
            f"xmpp-bind'><resource>{resource}</resource></bind></iq>")


class Client:
    def __init__(self, port, direct=False, host="127.0.0.1", source=None,
                 name=DOMAIN):
        """name: the one that is sent with TLS (SNI)."""
        self.name = name
        self.socket = socket.create_connection(
            (host, port), PATIENCE_S, source and (source, 0))
        self.buffer = b""
        self.ended = False
        self.jid = None
        self.header = None  # the server's last
        if direct:
            self.socket = tls_context("xmpp-client").wrap_socket(
                self.socket, server_hostname=name)

    def send(self, text):
        self.socket.sendall(text if isinstance(text, bytes)
                            else text.encode())

    def receive(self, seconds):
        data = receive(self.socket, seconds)
        if data is None:
            return
        self.ended = self.ended or not data
        self.buffer += data

    def expect(self, pattern, seconds=PATIENCE_S, unless=None):
        """Cuts and returns the first match, dropping what lay before it. What
        matches `unless`, if that comes instead, ends the waiting."""
        pattern = re.compile(pattern.encode(), re.DOTALL)
        end = time.monotonic() + seconds
        while True:
            found = pattern.search(self.buffer)
            if found:
                self.buffer = self.buffer[found.end():]
                return found.group(0).decode()
            left = end - time.monotonic()
            if left <= 0 or self.ended or \
                    (unless and re.search(unless.encode(), self.buffer)):
                raise AssertionError(f"no {pattern.pattern!r}; ended="
                                     f"{self.ended}; {self.buffer[-2000:]!r}")
            self.receive(left)

    def ends(self, seconds=PATIENCE_S):
        """Waits for the end of the connection."""
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            self.receive(end - time.monotonic())
        return self.ended

    def open(self, header=HEADER, seconds=PATIENCE_S):
        self.send(header)
        text = self.expect("<stream:stream .*?</stream:features>", seconds,
                           REFUSAL)
        self.header = text.partition(">")[0]
        return text

    def starttls(self, seconds=PATIENCE_S):
        self.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        self.expect("<proceed[^>]*>", seconds, REFUSAL)
        self.socket.settimeout(seconds)
        self.socket = tls_context().wrap_socket(self.socket,
                                                server_hostname=self.name)

    def login(self, user, resource="r", password="x", tls=False,
              header=HEADER, seconds=PATIENCE_S):
        """From the first header to the bound resource; returns the JID. Raises
        at once when it is refused."""
        deadline = Deadline(seconds, f"the log-in of {user}")
        self.open(header, deadline.left())
        if tls:
            self.starttls(deadline.left())
            self.open(header, deadline.left())
        self.send(plain_auth(user, password))
        self.expect("<success[^>]*>", deadline.left(), REFUSAL)
        self.features = self.open(header, deadline.left())
        self.send(bind_request(resource))
        bound = self.expect("<iq .*?</iq>", deadline.left(), REFUSAL)
        jid = re.search("<jid>(.*?)</jid>", bound)
        if not jid:
            raise AssertionError(f"not bound: {bound}")
        self.jid = jid.group(1)
        return self.jid

    def ping(self, number=0):
        """A question that only the server answers: all before it is done."""
        self.send(f"<iq type='get' id='ping-{number}' to='{DOMAIN}'>"
                  "<ping xmlns='urn:xmpp:ping'/></iq>")
        return self.expect(f"<iq [^>]*id=.ping-{number}.[^>]*>")

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass
