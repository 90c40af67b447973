#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the protocol demands of a manager on its links, beyond what the
transcripts happen to show."""

import contextlib
import hashlib
import re
import time
import unittest
import unittest.mock

from actors import CM, DEADLINE_S, DOMAIN, NAME, Client, Link
from stage import AUTH, SUCCESS, Played
from transcript import local

NOT_ALLOWED = ("<error code=\"405\" type=\"cancel\"><not-allowed xmlns=\"urn:"
               "ietf:params:xml:ns:xmpp-stanzas\"/></error>")


class Negotiation(Played):
    def test_the_header_is_literal(self):
        self.begin()
        link = self.link()
        self.assertRegex(link.bytes.decode(), (
            r"^<stream:stream xmlns:stream=['\"]http://etherx\.jabber\.org/"
            r"streams['\"] xmlns=['\"]jabber:connectionmanager['\"] "
            rf"to=['\"]{NAME}/[0-9a-z-]+['\"] version=['\"]1\.0['\"]>"))

    def test_the_handshake_is_lower_case_hex_without_blanks(self):
        self.begin()
        link = self.link()
        digest = hashlib.sha1(b"id0s3cr3t").hexdigest()
        self.assertEqual(link.handshake.text, digest)
        self.assertIn(f"<handshake>{digest}</handshake>".encode(), link.bytes)

    def test_compression_on_the_link_is_not_asked_for(self):
        self.begin()
        link = self.link(header=(
            "<?xml version='1.0' encoding='UTF-8'?>\n<stream:stream "
            "xmlns:stream='http://etherx.jabber.org/streams' version='1.0' "
            "from='x' id='id0' xmlns='jabber:connectionmanager' >"
            "<stream:features><compression xmlns='http://jabber.org/features/"
            "compress'><method>zlib</method></compression></stream:features>"))
        self.assertNotIn(b"compress", link.bytes)

    def test_what_comes_before_the_handshake_is_taken(self):
        """A link is a member from its header on: packets, requests, blanks."""
        self.begin(links=2)
        first = self.link()
        client, streamid = self.login(first)
        self.replay.connect("N")
        second = self.replay.links["N"]
        second.wait(lambda: second.header is not None, "a header")
        message = f"<message to='a@{DOMAIN}/r'><body>{{}}</body></message>"
        second.send(" ")
        second.carry(streamid, message.format("before the header"))
        client.expect("before the header")
        second.send("<stream:stream xmlns:stream='http://etherx.jabber.org/"
                    "streams' xmlns='jabber:connectionmanager' from='x' "
                    "id='id1' version='1.0'>")
        second.carry(streamid, message.format("before the features"))
        client.expect("before the features")
        second.send("<stream:features/>")
        second.next_item("a handshake")
        second.send(" ")
        second.carry(streamid, message.format("before the handshake"))
        client.expect("before the handshake")
        second.send(f"<iq type='result' id='x' from='{DOMAIN}' to='{NAME}'/>"
                    "<handshake/>")
        second.configure()
        client.send("<presence/>")
        self.replay.any_item("presence")

    def test_a_server_that_stays_silent_is_left_and_tried_again(self):
        self.begin(options={"xmpp.server.negotiate.timeout": 0.3})
        seen, left = [], ["header", "features", "handshake"]
        while left:
            self.replay.connect("M")
            link = self.replay.links["M"]
            link.wait(lambda: link.header is not None, "a header")
            seen.append(link.header.get("to"))
            # One that is left while we still speak does not count.
            with contextlib.suppress(AssertionError, OSError):
                self.speak_up_to(link, left[0])
                left.pop(0)
            while not link.ended:
                link.read(5)
        self.assertEqual(len(seen), len(set(seen)))
        self.serve_in_time()

    @staticmethod
    def speak_up_to(link, step):
        if step != "header":
            link.send("<stream:stream xmlns:stream='http://etherx.jabber."
                      "org/streams' xmlns='jabber:connectionmanager' "
                      "from='x' id='id0' version='1.0'>")
        if step == "handshake":
            link.send("<stream:features/>")
            link.next_item("a handshake")

    def serve_in_time(self):
        while True:
            try:
                self.link()
                break
            except (AssertionError, OSError):
                pass  # it was left while we still spoke
        Client.served(self.daemon.plain).socket.close()

    def test_a_wrong_secret_is_said_and_not_hammered(self):
        self.begin(options={"xmpp.server.backoff.min": 0.4,
                            "xmpp.server.backoff.max": 10})
        began, attempts = time.monotonic(), 0
        while time.monotonic() - began < 2:
            self.listener.settimeout(max(began + 2 - time.monotonic(), 0.01))
            try:
                end = self.listener.accept()[0]
            except TimeoutError:
                break
            attempts += 1
            end.recv(4096)
            end.sendall(b"<stream:stream xmlns:stream='http://etherx.jabber."
                        b"org/streams' xmlns='jabber:connectionmanager' from="
                        b"'x' id='id0' version='1.0'><stream:features/>")
            end.recv(4096)
            end.sendall(b"<stream:error><not-authorized xmlns='urn:ietf:params"
                        b":xml:ns:xmpp-streams'/></stream:error>"
                        b"</stream:stream>")
            end.close()
        self.assertLessEqual(attempts, 5)
        self.daemon.wait_for_log("not authorized; check the secret")

    def test_each_link_has_a_handshake_of_its_own(self):
        self.begin(links=3)
        links = [self.link(name) for name in ("M1", "M2", "M3")]
        self.assertEqual(len({link.header.get("to") for link in links}), 3)
        for link in links:
            self.assertEqual(local(link.handshake), "handshake")


class Configuration(Played):
    def test_it_is_answered_under_its_id(self):
        self.begin()
        link = self.link()
        self.assertEqual([(a.get("type"), a.get("id")) for a in link.answers],
                         [("result", "conf-0")])

    def test_nobody_is_served_before_it(self):
        self.begin()
        link = self.link(configuration=None)
        link.read(0.1)
        early = Client(self.daemon.plain)
        early.send(Client.HEADER)
        early.expect("<stream:error><remote-connection-failed")
        early.socket.close()
        link.configure()
        Client.served(self.daemon.plain).socket.close()

    def test_the_latest_of_any_link_counts(self):
        self.begin(links=2)
        self.link("M1")
        second = self.link("M2")
        for offered in (True, False, True):
            second.configure("<register xmlns=\"http://jabber.org/features/"
                             "iq-register\"/>" if offered else "")
            client = Client(self.daemon.plain)
            client.send(Client.HEADER)
            features = client.expect("<stream:features>.*?"
                                     "</stream:features>")
            self.assertEqual("iq-register" in features, offered)
            client.socket.close()

    def test_requests_that_mean_nothing_are_answered_and_harm_nobody(self):
        self.begin()
        link = self.link()
        for number, inner in enumerate((
                "<query xmlns='jabber:iq:version'/>",
                f"<session xmlns='{CM[1:-1]}' id='cm0'><dance/></session>",
                f"<session xmlns='{CM[1:-1]}'/>", "")):
            link.send(f"<iq type='set' id='odd{number}'>{inner}</iq>")
            link.wait(lambda: len(link.answers) > number + 1, "an answer")
            self.assertEqual(link.answers[-1].get("id"), f"odd{number}")
            self.assertEqual(link.answers[-1].get("type"), "error")
        count = len(link.answers)
        link.send("<iq type='error' id='e'/><iq type='result' id='r'/>"
                  "<route streamid='cm0' type='error'><error/></route>")
        self.login(link)
        self.assertEqual(len(link.answers), count, "an answer was answered")
        self.daemon.wait_for_log("an item from the server is ignored link=0 "
                                 'what="answer to no request of ours"')
        self.daemon.wait_for_log("is not passed on reason=unknown_sessions "
                                 'kind="<route/> error" session="cm0"')

    def test_what_nobody_can_be_given_is_said(self):
        """Each has its reason in the log; a message that the server does not
        take back is lost, whoever asked for it."""
        self.begin()
        link = self.link()
        client, streamid = self.login(link)
        session = f"<session xmlns='{CM[1:-1]}' id='{streamid}'>"
        link.send(f"<iq type='error' id='f'>{session}<failed/></session>"
                  "<error type='cancel'><item-not-found xmlns='urn:ietf:params:"
                  "xml:ns:xmpp-stanzas'/></error></iq>"
                  "<route streamid='cm0'><presence/></route>"
                  "<route streamid='cm0'><iq type='result' id='1'/></route>"
                  "<route streamid='cm 0'><message/></route>"
                  "<route><message/></route><odd/>"
                  f"<route streamid='{streamid}'><message id='1'/>"
                  "<message id='2'/></route>")
        for said in (f'reason=returns_refused kind="failed" session="{streamid}"',
                     'reason=unknown_sessions kind="presence" session="cm0"',
                     'reason=unknown_sessions kind="iq answer" session="cm0"',
                     'reason=unknown_sessions kind="message" session="cm 0"',
                     'is ignored link=0 what="<route/> without streamid"',
                     'is ignored link=0 what="unknown element"',
                     'is ignored link=0 '
                     'what="more than one element in a <route/>"'):
            self.daemon.wait_for_log(said)

    def test_answers_to_what_was_not_asked_harm_nobody(self):
        self.begin()
        link = self.link()
        client, streamid = self.login(link)
        session = f"<session xmlns='{CM[1:-1]}' id='{streamid}'>"
        for number, answer in enumerate((
                "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
                "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
                "<stream:features/>", "<handshake/>",
                *(f"<iq type='{kind}' id='a'>{session}<{verb}/></session></iq>"
                  for kind in ("result", "error")
                  for verb in ("create", "close", "failed", "dance")))):
            link.send(answer)
            link.carry(streamid, f"<message><body>{number}</body></message>")
            client.expect(f"<body>{number}</body>")
            client.send(f"<message to='a@b'><body>{number}</body></message>")
            self.assertEqual(link.next_item("it")[0][0].text, str(number))

    @staticmethod
    @contextlib.contextmanager
    def barriers_held(link):
        """Those that come are answered at the end."""
        held = []

        def sort(item):
            session = item.find(CM + "session")
            if session is not None and session.get("id") == f"{NAME}-barrier":
                held.append(item)
            else:
                Link.sort(link, item)
        with unittest.mock.patch.object(link, "sort", sort):
            yield
        for item in held:
            link.sort(item)

    def test_answers_without_end_leave_room_for_what_confirms_them(self):
        """They fill what a link has for words of its own, which only the
        answer to a barrier empties: the question still finds room."""
        self.begin(options={"xmpp.server.barrier": 2})
        link = self.link()
        client, streamid = self.login(link)
        for size in range(1500, 5000, 251):
            answered = len(link.answers)
            link.send(f"<iq type='get' id='{1:0{size}}'/>" * 200)
            link.carry(streamid, f"<message><body>{size}</body></message>")
            client.expect(f"<body>{size}</body>")
            client.send(f"<message to='a@b'><body>{size}</body></message>")
            with self.barriers_held(link):
                self.assertEqual(local(link.next_item("it")[0]), "message")
                self.assertLess(len(link.answers), answered + 200)
            end = time.monotonic() + DEADLINE_S
            while link.answers[-1].get("id") != f"last{size}":
                self.assertLess(time.monotonic(), end, "there is no room")
                link.send(f"<iq type='get' id='last{size}'/>")
                link.read(0.1)


class Sessions(Played):
    def test_a_refused_create_ends_the_client(self):
        self.begin()
        link = self.link()
        client = Client.served(self.daemon.plain)
        self.replay.kept.append(client)
        client.send(AUTH)
        create = link.next_item("a create")
        link.answer(create, "error", NOT_ALLOWED)
        client.expect("<stream:error>.*?</stream:stream>")
        link.next_item("the packet that was under way")
        closed = link.next_item("a close")
        self.assertEqual(closed.find(CM + "session").get("id"),
                         create.find(CM + "session").get("id"))

    def test_a_close_is_said_again_when_its_link_died_before_the_answer(self):
        self.begin(options={"xmpp.server.barrier": 60})
        link = self.link()
        client, streamid = self.login(link)
        link.read(0.3)
        link.answers_barriers = False
        client.socket.close()
        closed = link.next_item("a close")
        self.assertEqual(closed.find(CM + "session").get("id"), streamid)
        self.replay.cut("M", reset=True)
        again = self.link("N").next_item("the close again")
        self.assertEqual(again.find(CM + "session").get("id"), streamid)

    def test_a_stream_that_ended_without_a_link_is_closed_on_the_next(self):
        self.begin(options={"xmpp.server.backoff.min": 0.5,
                            "xmpp.server.backoff.max": 0.5})
        link = self.link()
        client, streamid = self.login(link)
        link.read(0.3)
        self.replay.cut("M")
        self.daemon.wait_for_log("all links lost")
        client.socket.close()
        link = self.link("N")
        closed = link.next_item("a close")
        while closed.find(CM + "session") is None:
            closed = link.next_item("a close")
        self.assertEqual(closed.find(CM + "session").get("id"), streamid)

    def test_the_server_knows_the_first_id_and_not_that_after_login(self):
        self.begin()
        link = self.link()
        client = Client(self.daemon.plain)
        self.replay.kept.append(client)
        client.send(Client.HEADER)
        first = client.expect("<stream:stream .*?</stream:features>")
        client.send(AUTH)
        streamid = link.next_item("a create").find(CM + "session").get("id")
        link.next_item("a packet")
        link.carry(streamid, SUCCESS)
        client.expect("<success[^>]*>")
        client.send(Client.HEADER)
        second = client.expect("<stream:stream .*?</stream:features>")
        first_id, second_id = (re.search(" id=\"(.*?)\"", header).group(1)
                               for header in (first, second))
        self.assertEqual(first_id, streamid)
        self.assertNotEqual(second_id, streamid)
        for feature in ("xmpp-bind", "xmpp-session"):
            self.assertIn(feature, second)
        for feature in ("mechanism", "starttls", "iq-auth", "iq-register"):
            self.assertNotIn(feature, second)
        link.assert_silent()

    def test_a_request_for_an_unknown_stream_comes_back_as_an_error(self):
        self.begin()
        link = self.link()
        link.carry("cmnobody", f"<iq type='get' id='v' from='{DOMAIN}' "
                   f"to='a@{DOMAIN}/r'><query xmlns='jabber:iq:version'/>"
                   "</iq>")
        item = link.next_item("its answer")
        self.assertEqual((local(item), item.get("streamid")),
                         ("route", "cmnobody"))
        self.assertEqual((item[0].get("type"), item[0].get("id"),
                          item[0].get("to")), ("error", "v", DOMAIN))
        closed = link.next_item("a close")
        self.assertEqual(closed.find(CM + "session").get("id"), "cmnobody")
        link.carry("cmnobody", "<presence/>")
        link.assert_silent(0.2)

    def test_every_request_of_ours_is_whole(self):
        """Id, domain, bare name, one child."""
        self.begin()
        link = self.link()
        client, streamid = self.login(link)
        link.carry(streamid, f"<message to='a@{DOMAIN}/r' id='m'><body>x"
                   "</body></message>")
        client.expect("<message")
        client.socket.close()
        link.next_item("a close")
        for found in re.findall(rb"<iq [^>]*type=.set.[^>]*>.*?</iq>",
                                link.bytes):
            text = found.decode()
            self.assertRegex(text, " id=\"[^\"]+\"")
            self.assertIn(f" to=\"{DOMAIN}\"", text)
            self.assertIn(f" from=\"{NAME}\"", text)
            self.assertEqual(text.count("<session "), 1)

    def test_an_unconfirmed_message_comes_back_to_its_sender(self):
        """A barrier that was never answered, then the only link is reset."""
        self.begin(options={"xmpp.server.barrier": 60})
        link = self.link()
        client, streamid = self.login(link)
        link.read(0.3)
        link.answers_barriers = False
        client.send(f"<message to='b@{DOMAIN}' id='unconfirmed'><body>x</body>"
                    "</message>")
        self.assertEqual(local(link.next_item("a packet")[0]), "message")
        client.send(f"<message to='b@{DOMAIN}' type='error'/>")
        self.assertEqual(local(link.next_item("a packet")[0]), "message")
        self.replay.cut("M", reset=True)
        link = self.link("N")
        answer = client.expect("<message .*?</message>")
        self.assertIn("id=\"unconfirmed\"", answer)
        self.assertIn("type=\"error\"", answer)
        self.assertIn("type=\"wait\"", answer)
        # No error is answered, but it is not forgotten either.
        self.daemon.wait_for_log("reason=unconfirmed_unanswered "
                                 f"kind=\"message\" session=\"{streamid}\"")
        client.send(f"<message to='b@{DOMAIN}' id='next'><body>y</body>"
                    "</message>")
        item = link.next_item("a packet")
        self.assertEqual((item.get("streamid"), item[0].get("id")),
                         (streamid, "next"))



if __name__ == "__main__":
    unittest.main()
