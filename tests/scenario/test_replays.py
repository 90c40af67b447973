#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transcripts of live servers, played to the daemon: in each situation it
says what the protocol demands there."""

import signal
import socket
import ssl
import unittest

from actors import CM, DOMAIN, NAME, Client
from stage import Scenario
from support import PATIENCE_S, certificate as make_certificate
from transcript import local, read


def first_link(lines):
    """Without what belongs to the process before."""
    for number, line in enumerate(lines):
        if line.is_note("[CM connected"):
            return lines[number:]
    # The link was up already: as at that manager's start.
    return first_link(read("01_cm_startup.txt")) + lines


def player(name, links, scripted):
    def test(self):
        lines = read(name)
        if scripted:
            lines = first_link(lines)
        self.begin(links, scripted).play(lines)
    test.__doc__ = f"{name} is what we say, too."
    return test


class Transcripts(Scenario):
    """Line by line."""


for name, links in (
        ("20_mux_a_ok.txt", 1),
        ("20_mux_j_route_unknown.txt", 1),
        ("20_mux_k_create_dup.txt", 1),
        ("20_mux_l_create_variants.txt", 1),
        ("20_mux_p_malformed.txt", 1),
        ("20_mux_q_split_and_batch.txt", 1),
        ("30_of475_a_login.txt", 1),
        ("30_of475_d_conflict.txt", 1),
        ("30_of511_a_login.txt", 1),
        ("30_of511_b_scram.txt", 1),
        ("30_of511_c_failures.txt", 1),
        ("30_of511_d_conflict.txt", 1),
        ("30_of511_e_link_lost.txt", 1),
        ("30_of511_p_probes.txt", 1)):
    setattr(Transcripts, f"test_{name[:-4]}", player(name, links, False))

for name, links in (
        ("01_cm_startup.txt", 1),
        ("02_cm_startup_3conns.txt", 3),
        ("03_session.txt", 1),
        ("04_close_clean.txt", 1),
        ("05_drop.txt", 1),
        ("12_sasl_fail.txt", 1),
        ("13_heartbeat.txt", 1),
        ("14_compress_tls.txt", 1)):
    setattr(Transcripts, f"test_{name[:-4]}", player(name, links, True))


class Situations(Scenario):
    """Transcripts whose manager did otherwise than the protocol demands."""

    def part(self, name, until):
        lines = first_link(read(name)) if name < "2" else read(name)
        return lines[:next(number for number, line in enumerate(lines)
                           if until(line))]

    def come_back(self, lines, name="again"):
        """The server is there again, on one link: with the header, handshake
        and configuration of the transcript."""
        self.replay.connect(name)
        first = next(line.name for line in lines if line.kind == "up")
        for line in lines:
            if line.name == first and line.kind in ("up", "down"):
                self.replay.step(type(line)(line.section, line.kind, name,
                                            line.text))
            if "<configuration" in line.text:
                return self.replay.links[name]
        raise AssertionError("no configuration")

    def test_another_managers_name(self):
        """Of two managers the one that we are; the other's is not ours."""
        lines = [line for line in read("30_of511_n_names.txt")
                 if line.name != "M2"]
        self.begin().play(lines)

    def test_the_server_is_killed(self):
        """Clients are held, new ones told; the dead sessions are told when
        the server is back and does not know them."""
        lines = self.part("09_openfire_kill9.txt",
                          lambda line: line.section == "A sends a stanza")
        replay = self.begin(scripted=True)
        replay.play(lines)
        held = [at for at in replay.sessions.values() if at.streamid]
        self.assertGreaterEqual(len(held), 1)
        for number, session in enumerate(held):
            session.client.send(f"<iq type='get' id='k{number}'><ping "
                                "xmlns='urn:xmpp:ping'/></iq>")
        self.daemon.wait_for_log("all links lost")
        late = Client(self.daemon.plain)
        late.send(Client.HEADER)
        late.expect("<stream:error><remote-connection-failed")
        late.socket.close()
        replay.dead.update(at.streamid for at in held)
        link = self.come_back(lines)
        for session in held:
            link.wait(lambda: session.streamid in link.probes, "a probe")
            session.client.expect("<stream:error")
            session.client.is_closed()
            session.over = True
        Client.served(self.daemon.plain).socket.close()

    def test_the_server_is_stopped(self):
        """4.7.5 ends both links by a bare FIN in the midst of a login."""
        lines = self.part("30_of475_s_stop.txt",
                          lambda line: "<bind" in line.text)
        replay = self.begin(links=2)
        replay.play(lines)
        (session,) = replay.sessions.values()
        replay.dead.add(session.streamid)
        for name in list(replay.links):
            replay.cut(name)
        link = self.come_back(lines)
        link.wait(lambda: session.streamid in link.probes, "a probe")
        session.client.expect("<stream:error")
        session.client.is_closed()
        replay.closed(session)

    def test_the_manager_is_stopped(self):
        """Every client is told and every session closed before the stream
        ends; no stream error of ours comes behind them."""
        lines = self.part("10_cm_stop.txt",
                          lambda line: "<close/>" in line.text)
        replay = self.begin(scripted=True)
        replay.play(lines)
        living = [at for at in replay.sessions.values()
                  if at.streamid and not at.over]
        self.daemon.process.send_signal(signal.SIGTERM)
        for session in living:
            session.client.expect("<stream:error><system-shutdown")
            session.client.socket.close()
        link = replay.link_named("M")
        for session in living:
            replay.closed(session)
        self.assertEqual(set(replay.closes),
                         {at.streamid for at in replay.sessions.values()
                          if at.streamid and at.over})
        link.wait(lambda: link.stream_ended, "its end tag")
        self.assertEqual(link.items, [])
        link.socket.close()
        self.assertEqual(self.daemon.process.wait(PATIENCE_S), 0)

    def test_a_link_over_tls(self):
        lines = read("30_of511_k_tls_link.txt")
        certificate, key = make_certificate(self.directory.name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        for section, tls in (("starttls", "required"), ("direct", "direct")):
            with self.subTest(section):
                self.listener = socket.create_server(("127.0.0.1", 0))
                self.begin(options={
                    "xmpp.server.tls": tls,
                    "xmpp.server.certificate.verify": "false"}, tls=context)
                self.replay.play([line for line in lines
                                  if line.section == section])
                self.end()

    def test_refusals(self):
        """Whatever a server answers to a header or a handshake: we try again
        under a new address, and serve as soon as it lets us in."""
        for name in ("20_mux_b_badsecret.txt", "20_mux_c_uppercase.txt",
                     "20_mux_d_dup_fulljid.txt",
                     "20_mux_e_dup_name_other_resource.txt",
                     "20_mux_f_no_to.txt", "20_mux_g_no_resource.txt",
                     "20_mux_h_wrong_ns.txt", "20_mux_i_before_handshake.txt",
                     "30_of511_g_refusals.txt"):
            with self.subTest(name):
                self.listener = socket.create_server(("127.0.0.1", 0))
                self.begin()
                self.refuse(read(name))
                self.come_back(read("30_of511_a_login.txt"))
                Client.served(self.daemon.plain).socket.close()
                self.end()

    def refuse(self, lines):
        seen = set()
        starts = [number for number, line in enumerate(lines)
                  if line.is_note("[connected to OF")] + [len(lines)]
        for start, end in zip(starts, starts[1:]):
            self.replay.connect("refused")
            link = self.replay.links["refused"]
            link.wait(lambda: link.header is not None, "a header")
            self.assertNotIn(link.header.get("to"), seen)
            seen.add(link.header.get("to"))
            for line in lines[start:end]:
                if line.kind == "down":
                    try:
                        link.send(line.text)
                    except OSError:
                        break  # it has understood already
            self.replay.cut("refused")

    def test_malformed(self):
        """All that clients said in this transcript, said to us: the server
        gets nothing but whole sessions and allowed elements of theirs."""
        lines = first_link(read("11_malformed.txt"))
        self.begin(scripted=True)
        link = self.come_back(lines)
        clients = {}
        for line in lines:
            if line.is_note("[connected to CM"):
                clients[line.name] = Client(self.daemon.plain)
            elif line.kind == "said":
                try:
                    clients[line.name].send(line.text)
                except OSError:
                    pass  # its stream was ended, rightly
                clients[line.name].read(0.02)
                self.serve(link)
        Client.served(self.daemon.plain).socket.close()
        self.serve(link)

    def serve(self, link):
        """A server that lets everybody in, and looks at what comes."""
        link.read(0.02)
        while link.items:
            item = link.items.pop(0)
            if local(item) == "route":
                self.assertEqual(len(item), 1)
                self.assertIn(local(item[0]), (
                    "iq", "message", "presence", "auth", "response"))
                if local(item[0]) == "auth":
                    link.send(f"<route streamid=\"{item.get('streamid')}\" "
                              f"from=\"{DOMAIN}\" to=\"{NAME}\"><success "
                              "xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>"
                              "</route>")
            else:
                session = item.find(CM + "session")
                self.assertIsNotNone(session)
                self.assertIn(local(session[0]), ("create", "close",
                                                  "failed"))


if __name__ == "__main__":
    unittest.main()
