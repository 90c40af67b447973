#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the log says to who has given the wrong port, the wrong kind of TLS or
a name that another manager has; and of what a server announces that cannot
work through a manager. Each once for its cause."""

import pathlib
import socket
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]
                       / "system" / "lib"))
from actors import CM, DOMAIN, NAME  # noqa: E402
from daemon import Daemon, show_logs  # noqa: E402
from prosody_server import Prosody  # noqa: E402
from stage import Played  # noqa: E402
from support import PATIENCE_S, free_port  # noqa: E402

STREAMS = "http://etherx.jabber.org/streams"
QUICK = {"xmpp.server.backoff.min": 0.01, "xmpp.server.backoff.max": 0.02,
         "xmpp.manager.connections": 1, "workers.count": 1,
         "state.directory": "none"}

CLIENT_PORT = "this looks like the server's port for clients"
SERVER_PORT = "this looks like the server's port for other servers"
COMPONENT_PORT = "this looks like the server's port for components"
OTHER_PORT = "the server takes no connection managers on this port"
NO_XMPP = "what answers on this port is no XMPP server"
TLS_PORT = "the server speaks TLS from the first byte on this port"
CLEAR_PORT = "the server does not speak TLS from the first byte on this port"
SILENT = "the server does not answer a stream header on this port"
NO_TLS = "the server does not answer the beginning of TLS on this port"
REFUSED = "nothing listens on this port of the server"
SAME_NAME = "another connection manager uses the name of this one"
BINDING = "the server has SASL mechanisms with channel binding"


def header(namespace, inner=""):
    return (f"<?xml version='1.0'?><stream:stream xmlns='{namespace}' xmlns:"
            f"stream='{STREAMS}' id='i' version='1.0'>{inner}").encode()


def error(condition):
    return (f"<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:"
            "xmpp-streams'/></stream:error></stream:stream>")


class Wrong(Played):
    """A server that answers each attempt as it is told."""

    def attempt(self, answer):
        """The next one, which is answered so and ended."""
        self.listener.settimeout(PATIENCE_S)
        connection = self.listener.accept()[0]
        with connection:
            connection.settimeout(PATIENCE_S)
            connection.recv(4096)
            connection.sendall(answer)
            try:  # the manager may have reset it by now
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
            except OSError:
                pass

    def check(self, cases):
        for answer, said in cases:
            with self.subTest(said):
                for _ in range(3):
                    self.attempt(answer)
                self.daemon.wait_for_log(said)
        log = self.daemon.tail(10 ** 6)
        for _, said in cases:
            self.assertEqual(log.count(said), 1, said)

    def test_what_answers_to_a_header_tells_what_the_port_is_for(self):
        self.begin(options=QUICK)
        self.check((
            (header("jabber:client"), CLIENT_PORT),
            (header("jabber:server"), SERVER_PORT),
            (header("jabber:component:accept", error("host-unknown")),
             COMPONENT_PORT),
            (header("jabber:connectionmanager", error("invalid-namespace")),
             OTHER_PORT),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", NO_XMPP),
            (b"\x15\x03\x01\x00\x02\x02\x46", TLS_PORT),
            (b"", SILENT)))

    def test_what_answers_to_the_beginning_of_tls_does_so_too(self):
        self.begin(options={**QUICK, "xmpp.server.tls": "direct"})
        self.check((
            (header("jabber:client", error("not-well-formed")), CLEAR_PORT),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n", NO_XMPP),
            (b"", NO_TLS)))

    def test_features_of_a_port_for_clients_tell_it(self):
        """Though it answers in the namespace that it was asked in."""
        self.begin(options=QUICK)
        self.check(((header(
            "jabber:connectionmanager", "<stream:features><mechanisms "
            "xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN"
            "</mechanism></mechanisms></stream:features>"), CLIENT_PORT),))

    def test_a_port_where_nobody_listens_and_one_that_was_right(self):
        """Once a link was up, a server that is away is no hint."""
        self.listener.close()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.begin(options=QUICK)
        self.daemon.wait_for_log("Connection refused", times=3)
        self.listener.listen()
        self.link()
        self.daemon.wait_for_log("upstream: serving links=")
        self.replay.close()
        self.listener.close()
        self.daemon.wait_for_log("Connection refused", times=6)
        self.assertEqual(self.daemon.tail(10 ** 6).count(REFUSED), 1)
        self.assertIn("xmpp.multiplex.socket.active",
                      self.daemon.tail(10 ** 6))

    def test_a_second_manager_of_this_name_is_noticed(self):
        """By the answers to its barriers, which come to us."""
        self.begin(options={**QUICK, "xmpp.server.hang.timeout": 3})
        link = self.link()
        self.login(link)

        def another_asks(run_id):
            link.send(f"<iq type='error' id='barrier-0-{run_id}-7' from="
                      f"'{DOMAIN}' to='{NAME}'><session xmlns='{CM[1:-1]}' "
                      f"id='{NAME}-barrier'><close/></session><error "
                      "type='cancel'><item-not-found xmlns='urn:ietf:params:"
                      "xml:ns:xmpp-stanzas'/></error></iq>")

        while SAME_NAME not in self.daemon.tail(10 ** 6):
            another_asks("0badcafe")
            link.read(0.05)
        for _ in range(5):
            another_asks("0badcafe")
        self.login(link)  # behind them
        log = self.daemon.tail(10 ** 6)
        self.assertEqual(log.count(SAME_NAME), 1)
        self.assertRegex(log, rf"{SAME_NAME} .*name={NAME} .*hint=\".*"
                         "xmpp.manager.name")

    def test_channel_binding_of_the_server_is_warned_of_once(self):
        self.begin(links=2, options=dict(QUICK, **{
            "xmpp.manager.connections": 2}))
        plus = ("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                "<mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-1"
                "</mechanism><mechanism>SCRAM-SHA-1-PLUS</mechanism>"
                "</mechanisms>")
        first = self.link("M", plus)
        self.link("N", plus)
        first.configure(plus)
        log = self.daemon.tail(10 ** 6)
        self.assertEqual(log.count(BINDING), 1)
        self.assertRegex(log, rf"warning .*{BINDING}.*sasl\.mechs")


class AtProsody(unittest.TestCase):
    """Its ports that are for others."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.clients, cls.direct, cls.servers = (free_port() for _ in range(3))
        cls.server = Prosody(
            cls.directory.name, f"s2s_ports = {{ {cls.servers} }}\n",
            '"c2s", "s2s", "dialback"', c2s_ports=cls.clients,
            direct_ports=cls.direct)
        cls.server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.directory.cleanup()

    def hinted(self, port, tls, said):
        with tempfile.TemporaryDirectory() as directory:
            daemon = Daemon(directory, port, {
                **QUICK, "xmpp.server.tls": tls,
                "xmpp.domain": self.server.domain,
                "xmpp.server.certificate.verify": "false"})
            daemon.start()
            try:
                daemon.wait_for_log(said)
                daemon.wait_for_log("link down", times=3)
                self.assertEqual(daemon.tail(10 ** 6).count(said), 1)
                daemon.stop()
            finally:
                if daemon.process:
                    show_logs(daemon)
                    daemon.kill()

    def test_a_port_for_clients(self):
        self.hinted(self.clients, "optional", CLIENT_PORT)

    def test_the_same_by_direct_tls(self):
        self.hinted(self.clients, "direct", CLEAR_PORT)

    def test_one_that_wants_tls_from_the_first_byte(self):
        """It resets the connection; what is advised names that, too."""
        self.hinted(self.direct, "optional", SILENT)

    def test_the_same_with_it(self):
        self.hinted(self.direct, "direct", CLIENT_PORT)

    def test_a_port_for_servers(self):
        self.hinted(self.servers, "optional", SERVER_PORT)


if __name__ == "__main__":
    unittest.main()
