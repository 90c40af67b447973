#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the first byte of a link to its handshake: TLS by policy, what comes
in between, servers that do not answer (PROTOCOL.md §2.3-§2.8)."""

import hashlib
import socket
import ssl
import time
import unittest

from actors import CM, DOMAIN, NAME, Client
from stage import Played
from support import certificate
from transcript import local

STARTTLS = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>{}</starttls>"
MESSAGE = f"<message to='a@{DOMAIN}/r'><body>{{}}</body></message>"


def header(number, features):
    return ("<stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
            f"xmlns='jabber:connectionmanager' from='x' id='id{number}' "
            f"version='1.0'><stream:features>{features}</stream:features>")


class Policy(Played):
    def setUp(self):
        super().setUp()
        self.certificate, key = certificate(self.directory.name, DOMAIN)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)

    def begin_with(self, policy, links=1, **options):
        self.begin(links, options={
            "xmpp.server.tls": policy,
            "xmpp.server.certificate.authorities": self.certificate,
            **options})

    def opened(self, name="M"):
        self.replay.connect(name)
        link = self.replay.links[name]
        link.wait(lambda: link.header is not None, "a header")
        return link

    def secured(self, link):
        """From a proceed to the header over TLS."""
        link.send("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        link.secure(self.context)
        link.wait(lambda: link.header is not None, "a second header")

    def proves(self, link, digest_of):
        item = link.next_item("a handshake")
        self.assertEqual(local(item), "handshake")
        self.assertEqual(item.text, hashlib.sha1(
            f"{digest_of}s3cr3t".encode()).hexdigest())
        link.send("<handshake/>")
        link.configure()
        Client.served(self.daemon.plain).socket.close()

    def test_starttls_is_used_where_it_is_offered_and_allowed(self):
        """The digest is over the id of the second header."""
        for policy in ("optional", "required"):
            for required in ("", "<required/>"):
                with self.subTest(f"{policy} {required}"):
                    self.listener = socket.create_server(("127.0.0.1", 0))
                    self.begin_with(policy)
                    link = self.opened()
                    first = link.header.get("to")
                    link.send(header(1, STARTTLS.format(required)))
                    self.assertEqual(local(link.next_item("starttls")),
                                     "starttls")
                    link.assert_silent()
                    self.secured(link)
                    self.assertEqual(link.header.get("to").split("/")[0],
                                     first.split("/")[0])
                    link.send(header(2, ""))
                    self.proves(link, "id2")
                    self.end()

    def test_policy_is_kept_when_the_server_has_another(self):
        """Neither the secret in clear text nor TLS against the policy."""
        for policy, offered, said in (
                ("required", "", "demands TLS, the server offers none"),
                ("none", STARTTLS.format("<required/>"),
                 "the server demands TLS, xmpp.server.tls forbids it")):
            with self.subTest(policy):
                self.listener = socket.create_server(("127.0.0.1", 0))
                self.begin_with(policy)
                link = self.opened()
                link.send(header(1, offered))
                while not link.ended:
                    link.read(10)
                self.assertEqual(link.items, [])
                self.daemon.wait_for_log(said)
                self.end()

    def test_starttls_that_may_not_be_used_is_left_alone(self):
        """By policy none, and over direct TLS."""
        self.begin_with("none")
        link = self.opened()
        link.send(header(1, STARTTLS.format("")))
        self.proves(link, "id1")
        self.end()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.begin_with("direct")
        self.replay.connect("M")
        link = self.replay.links["M"]
        link.secure(self.context)
        link.wait(lambda: link.header is not None, "a header")
        link.send(header(1, STARTTLS.format("<required/>")))
        self.proves(link, "id1")

    def test_packets_and_requests_between_starttls_and_proceed_are_taken(self):
        self.begin_with("required", links=2)
        first = self.opened("M")
        first.send(header(1, STARTTLS.format("")))
        first.next_item("starttls")
        self.secured(first)
        first.send(header(1, ""))
        first.next_item("a handshake")
        first.send("<handshake/>")
        first.configure()
        client, streamid = self.login(first)
        other, ended = self.login(first)
        second = self.opened("N")
        second.send(header(2, STARTTLS.format("")))
        second.next_item("starttls")
        second.send(" \n")
        second.carry(streamid, MESSAGE.format("before proceed"))
        client.expect("before proceed")
        second.send("<iq type='set' id='between'><session xmlns="
                    f"'{CM[1:-1]}' id='{ended}'><close/></session></iq>")
        other.expect("</stream:stream>")
        # Nothing may be said before TLS; then the header comes first.
        second.assert_silent()
        self.assertEqual(second.answers, [])
        self.secured(second)
        self.assertEqual(local(second.header), "stream")
        second.carry(streamid, MESSAGE.format("before the second header"))
        client.expect("before the second header")
        second.send(header(2, ""))
        self.assertEqual(local(second.next_item("a handshake")), "handshake")
        second.send("<handshake/>")
        second.configure()

    def test_what_is_no_answer_to_a_handshake_is_not_taken_for_one(self):
        self.begin_with("none")
        link = self.opened()
        link.send(header(1, ""))
        item = link.next_item("a handshake")
        link.send(f"<unknown/> <iq type='result' id='x' from='{DOMAIN}' "
                  f"to='{NAME}'/><proceed xmlns='urn:ietf:params:xml:ns:"
                  "xmpp-tls'/><route streamid='cmnobody' from='x' to='y'>"
                  "<presence/></route>")
        link.read(0.2)
        self.assertFalse(link.ended)
        link.items.clear()
        link.send("<handshake/>")
        link.configure()
        self.assertIsNotNone(item.text)
        Client.served(self.daemon.plain).socket.close()


class Silence(Played):
    def test_a_connection_that_is_not_taken_is_given_up(self):
        """Its listener's queue is full: nobody answers, nobody refuses."""
        self.listener.close()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(self.listener.getsockname())
            fillers.append(filler)
        began = time.monotonic()
        self.begin(options={"xmpp.server.connect.timeout": 0.5})
        self.daemon.wait_for_log("timed out while connecting", times=2)
        self.assertGreater(time.monotonic() - began, 0.9)


if __name__ == "__main__":
    unittest.main()
