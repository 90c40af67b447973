#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the server is found, and whether it is the right one."""

import ssl
import unittest

from actors import DOMAIN, Client
from stage import Played
from name_server import A, SRV, NameServer, address, service
from support import PATIENCE_S, certificate


class Places(Played):
    def seek(self, records, options=None):
        """A daemon that finds the listener by these records, or not."""
        server = NameServer(records)
        self.addCleanup(server.close)
        self.begin(options={
            "xmpp.hostname": None,
            "xmpp.server.dns.servers": f"127.0.0.1:{server.port}",
            **(options or {})})
        self.link()
        return server.asked

    def test_the_override_counts_most(self):
        asked = self.seek({}, {"dnsutil.dnsOverride":
                               f"{{other,192.0.2.1:1}},{{{DOMAIN},127.0.0.1:1}}"})
        self.assertEqual(asked, [])

    def test_a_host_by_name(self):
        asked = self.seek({("xmpp.host.test", A): address("127.0.0.1")},
                          {"xmpp.hostname": "xmpp.host.test"})
        self.assertNotIn((f"_xmpp-server._tcp.{DOMAIN}", SRV), asked)

    def test_a_service_record_names_the_host_and_not_the_port(self):
        self.seek({(f"_xmpp-server._tcp.{DOMAIN}", SRV):
                   service("a.host.test", 1),
                   ("a.host.test", A): address("127.0.0.1")})

    def test_the_older_service_record_is_asked_next(self):
        asked = self.seek({(f"_jabber._tcp.{DOMAIN}", SRV):
                           service("b.host.test", 1),
                           ("b.host.test", A): address("127.0.0.1")})
        self.assertIn((f"_xmpp-server._tcp.{DOMAIN}", SRV), asked)

    def test_the_domain_itself_is_the_last_resort(self):
        asked = self.seek({(DOMAIN, A): address("127.0.0.1")})
        self.assertIn((f"_jabber._tcp.{DOMAIN}", SRV), asked)

    def test_a_name_that_nobody_knows_is_said_and_tried_again(self):
        server = NameServer({})
        self.addCleanup(server.close)
        self.begin(options={
            "xmpp.hostname": "nobody.test",
            "xmpp.server.dns.servers": f"127.0.0.1:{server.port}"})
        self.daemon.wait_for_log("cannot find the server nobody.test: ")
        server.records[("nobody.test", A)] = address("127.0.0.1")
        self.link()


class Trust(Played):
    def secure_link(self, name, **options):
        cert, key = certificate(self.directory.name, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.begin(options={
            "xmpp.server.tls": "direct",
            "xmpp.server.certificate.authorities": cert})
        self.listener.settimeout(PATIENCE_S)
        end = self.listener.accept()[0]
        self.addCleanup(end.close)
        return context.wrap_socket(end, server_side=True,
                                   suppress_ragged_eofs=False)

    def test_a_certificate_of_the_domain_is_trusted(self):
        link = self.secure_link(DOMAIN)
        self.addCleanup(link.close)
        self.assertIn(b"<stream:stream", link.recv(4096))

    def test_a_certificate_of_another_name_ends_the_link(self):
        """Before a word of ours, the secret least of all."""
        try:
            link = self.secure_link("other.test")
            self.addCleanup(link.close)
            self.assertEqual(link.recv(4096), b"")
        except (ssl.SSLError, ConnectionError):
            pass  # an alert, or the end
        self.daemon.wait_for_log("TLS with the server failed")
        client = Client(self.daemon.plain)
        self.replay.kept.append(client)
        client.send(Client.HEADER)
        client.expect("<stream:error><remote-connection-failed")


if __name__ == "__main__":
    unittest.main()
