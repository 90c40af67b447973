#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A new configuration in a running daemon: what takes effect, what waits, and
that no session notices."""

import os
import pathlib
import re
import signal
import socket
import ssl
import sys
import threading
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import Daemon  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S, certificate, free_ports  # noqa: E402
from xmpp_client import HEADER  # noqa: E402

MANY = 20  # the kernel deals them out: no worker has none of so many


class Reload(OperatorScene):
    def shown_certificate(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", self.daemon.direct)) as s:
            with context.wrap_socket(s) as tls:
                return tls.getpeercert(True)

    def until_gone(self, old):
        """A worker takes what it is told within moments of the answer; from
        then on no handshake shows the old one."""
        self.until(lambda: old not in {self.shown_certificate()
                                       for _ in range(MANY)})
        self.assertEqual(len({self.shown_certificate() for _ in range(8)}), 1)
        self.assertNotEqual(self.shown_certificate(), old)

    def test_what_the_command_line_gives_counts_again(self):
        with mock.patch.object(Daemon, "arguments",
                               ("-D", "xmpp.manager.name=cm-7")):
            self.begin_operated()
        answer = self.reload(**{"xmpp.manager.name": "other",
                                "xmpp.client.idle": 60000})
        self.assertEqual((answer["applied"], answer["needs_restart"]),
                         ("xmpp.client.idle", ""))
        self.assertEqual(self.info()["name"], "cm-7")
        self.assertIn({"option": "xmpp.manager.name", "value": "cm-7",
                       "source": "command line"}, self.rows("config"))

    def test_a_new_certificate_is_shown_and_old_sessions_go_on(self):
        self.begin_operated()
        alice, bob = self.client("alice", tls=True), self.client("bob")
        old = self.shown_certificate()
        cert, key = self.another_certificate()
        answer = self.reload(**{"xmpp.socket.ssl.certificate": cert,
                                "xmpp.socket.ssl.key": key})
        self.assertEqual(answer["applied"].split(),
                         ["xmpp.socket.ssl.certificate",
                          "xmpp.socket.ssl.key"])
        self.assertEqual(answer["needs_restart"], "")
        self.daemon.wait_for_log("reloaded applied=")
        self.until_gone(old)
        bob.send("<message to='alice@xmpp.example/r' id='m1'>"
                 "<body>still here</body></message>")
        alice.expect("still here")
        alice.ping()

    def test_a_file_that_was_renewed_in_place_is_read_again(self):
        self.begin_operated()
        old = self.shown_certificate()
        for name, path in zip(("certificate", "key"),
                              self.another_certificate()):
            target = self.daemon.options[f"xmpp.socket.ssl.{name}"]
            pathlib.Path(target).write_bytes(pathlib.Path(path).read_bytes())
        self.assertIn("xmpp.socket.ssl.certificate",
                      self.reload()["applied"].split())
        self.until_gone(old)

    def certificates(self, role):
        return [row for row in self.rows("certificates")
                if row["role"] == role]

    AT_LINKS = ("the certificate expires soon: connections to the server will "
                "fail when it has expired ")
    SOON = ("the certificate expires soon: clients will refuse to connect when "
            "it has expired ")
    WRONG = ("the certificate does not name the domain: clients will refuse to "
             "connect role=clients ")

    def test_certificates_are_looked_at_when_they_are_taken(self):
        """Ours and the server's: the same one, for two days."""
        _, daemon = self.begin_operated({"tls": "required"}, **{
            "xmpp.server.tls": "required",
            "xmpp.server.certificate.accept-selfsigned": "true"})
        daemon.wait_for_log("warning upstream: " + self.AT_LINKS)
        self.assert_expiry_is_told(
            daemon, daemon.options["xmpp.socket.ssl.certificate"])
        said = self.reload_another_name()
        self.assertIn(
            f": warning: xmpp.socket.ssl.certificate: {self.WRONG}", said)
        self.assertNotIn("expires soon", said)
        daemon.wait_for_log("warning master: " + self.WRONG)
        self.assertEqual(self.certificates("clients")[0]["problems"],
                         "wrong name, self-signed")
        # Whoever asks is told anew; the log is told once a day.
        self.assertIn(self.WRONG, self.reload()["warnings"])
        self.reload(**{"certificate.expiry.days": 21})
        for text in (self.WRONG, self.AT_LINKS):
            self.assertEqual(daemon.tail(10 ** 7).count(text), 1, text)

    def assert_expiry_is_told(self, daemon, cert):
        """In the log, in the table, where ours and the server's have one
        fingerprint, and in the metrics."""
        self.assertRegex(
            daemon.tail(), self.SOON +
            r'role=clients subject="CN=xmpp\.example" '
            rf'not_after=20\d\d-\S+Z days_left=[12] file="{cert}"\n')
        ours, = self.certificates("clients")
        self.assertEqual(
            [ours[name] for name in ("problems", "subject",
                                     "names", "issuer", "key", "file")],
            ["expires soon, self-signed", "CN=xmpp.example",
             "xmpp.example", "CN=xmpp.example", "ECDSA 256", cert])
        self.assertIn(ours["days_left"], (1, 2))
        theirs, = self.certificates("server")
        self.assertEqual((theirs["sha256"], theirs["file"]),
                         (ours["sha256"], "link 0 1 2 3 4"))
        self.assertRegex(
            self.cmctl("show", "metrics"),
            r'\ncmanager_certificate_expiry_seconds{role="clients",'
            r'subject="CN=xmpp\.example",sha256="[0-9a-f]{16}"} 1\d{5}\n')

    def reload_another_name(self):
        """The warnings about a certificate that names another domain."""
        cert, key = self.another_certificate("other.example")
        return self.reload(**{
            "xmpp.socket.ssl.certificate": cert, "xmpp.socket.ssl.key": key,
            "certificate.expiry.days": 0})["warnings"]

    def test_versions_of_tls_change_for_those_who_come(self):
        _, daemon = self.begin_operated()
        alice = self.client("alice", tls=True)
        version = lambda: self.client(  # noqa: E731
            direct=True).socket.version()
        self.assertEqual(version(), "TLSv1.3")
        answer = self.reload(**{"xmpp.socket.ssl.priorities":
                                "NORMAL:-VERS-ALL:+VERS-TLS1.2"})
        self.assertEqual(answer["applied"], "xmpp.socket.ssl.priorities")
        end = time.monotonic() + PATIENCE_S
        while {version() for _ in range(MANY)} != {"TLSv1.2"}:
            self.assertLess(time.monotonic(), end)
        daemon.options["xmpp.socket.ssl.priorities"] = "NORMAL:+WONDER"
        daemon.write()
        said = self.cmctl("reload", code=1)
        self.assertIn("xmpp.socket.ssl.priorities: 'NORMAL:+WONDER' is no "
                      "GnuTLS priority string, from '", said)
        self.assertEqual(version(), "TLSv1.2")
        alice.ping()

    def test_limits_and_log_change_for_running_processes(self):
        _, daemon = self.begin_operated()
        alice = self.client("alice")
        alice.send("<presence>" + "<a>" * 20 + "</a>" * 20 + "</presence>")
        alice.ping()
        answer = self.reload(**{"xmpp.client.stanza.depth": 10,
                                "log.level": "debug"})
        self.assertEqual(set(answer["applied"].split()),
                         {"xmpp.client.stanza.depth", "log.level"})
        bob = self.client("bob")
        bob.send("<presence>" + "<a>" * 20 + "</a>" * 20 + "</presence>")
        bob.expect("<policy-violation ")
        alice.ping()
        alice.close()
        daemon.wait_for_log('jid="alice@')
        self.assertRegex(self.cmctl("show", "config"),
                         r"xmpp\.client\.stanza\.depth +10 ")

    def test_a_keep_alive_reaches_clients_that_are_there(self):
        """First blanks, then pings whose answers end here."""
        self.begin_operated()
        alice = self.client("alice")
        alice.ping()
        name = "xmpp.client.keepalive."
        answer = self.reload(**{name + "interval": 1})
        self.assertEqual(answer["applied"], name + "interval")
        alice.expect(r"^ ")
        self.reload(**{name + "method": "ping"})
        number = re.search(" id=\"([^\"]*)", alice.expect(
            r"<iq type=\"get\"[^>]*><ping xmlns=\"urn:xmpp:ping\"/></iq>"
        )).group(1)
        alice.send(f"<iq type='result' id='{number}' to='xmpp.example'/>")
        self.until(lambda: re.search("cmanager_pings_answered[^#]* 1\n",
                                     self.cmctl("show", "metrics")))
        alice.ping()

    def test_what_needs_a_restart_is_named_and_stays(self):
        _, daemon = self.begin_operated(**{"workers.max": 8})
        answer = self.reload(**{"xmpp.domain": "other.example",
                                "workers.max": 9,
                                "xmpp.client.idle": 60000})
        self.assertEqual(set(answer["needs_restart"].split()),
                         {"xmpp.domain", "workers.max"})
        self.assertEqual(answer["applied"], "xmpp.client.idle")
        self.assertEqual(
            self.info()["domain"],
            "xmpp.example")
        self.client("alice").ping()
        daemon.wait_for_log("needs_restart=")

    def test_a_bad_file_changes_nothing(self):
        _, daemon = self.begin_operated()
        alice = self.client("alice")
        before = self.cmctl("show", "config")
        cases = {
            "xmpp.client.stanza.depth": ("3", "from 4 to 1000"),
            "xmpp.socket.ssl.certificate": ("/nowhere", "/nowhere"),
            "log.level": ("loud", "loud"),
            "log.file": ("/nowhere/cm.log", "No such file"),
        }
        for name, (value, words) in cases.items():
            daemon.options.update({name: value})
            if name == "log.file":
                daemon.options["log.target"] = "file"
            good = daemon.path.read_bytes()
            daemon.write()
            self.assertIn(words, self.cmctl("reload", code=1))
            del daemon.options[name]
            daemon.options.pop("log.target", None)
            if name == "xmpp.socket.ssl.certificate":
                daemon.options[name] = certificate(self.directory.name)[0]
            daemon.path.write_bytes(good)
        daemon.path.write_text("<jive><xmpp>")
        self.assertIn("not readable as XML", self.cmctl("reload", code=1))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for_log("reload refused", times=len(cases) + 2)
        self.assertEqual(self.cmctl("show", "config"), before)
        alice.ping()
        self.client("bob").ping()

    def test_no_certificate_means_no_direct_tls(self):
        _, daemon = self.begin_operated()
        alice = self.client("alice", tls=True)
        bob = self.client("bob", direct=True)
        answer = self.reload(**{"xmpp.socket.ssl.certificate": None,
                                "xmpp.socket.ssl.key": None})
        self.assertIn("xmpp.socket.ssl.active", answer["applied"].split())
        self.until_listening(daemon.direct, False)
        alice.ping()
        bob.ping()

    @staticmethod
    def until_listening(port, wanted, seconds=PATIENCE_S):
        end = time.monotonic() + seconds
        found = None
        while found != wanted:
            if time.monotonic() > end:
                raise AssertionError(f"port {port}: listening is {found}")
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                found = True
            except ConnectionRefusedError:
                found = False
            except (TimeoutError, ConnectionResetError):  # it is leaving
                found = None
            time.sleep(0.02)

    def test_a_port_moves_and_nobody_is_refused_on_the_one_that_stays(self):
        _, daemon = self.begin_operated()
        alice = self.client("alice")
        bob = self.client("bob", direct=True)
        old, (new,) = daemon.direct, free_ports(1)
        answer = self.reload(**{"xmpp.socket.ssl.port": new})
        self.assertEqual(answer["applied"], "xmpp.socket.ssl.port")
        self.assertEqual(answer["needs_restart"], "")
        self.until_listening(new, True)
        self.until_listening(old, False)
        daemon.direct = new
        self.client("carol", direct=True).ping()
        alice.ping()
        bob.ping()
        self.assertEqual(
            self.info()["listeners"], 4)

    def test_connections_in_flight_are_taken_when_their_port_goes(self):
        """Connects without a pause while the listener leaves: each is refused,
        or gets its header; none is reset but in the moment of the close,
        where the kernel lets us set no filter."""
        _, daemon = self.begin_operated()
        over, failures, served = threading.Event(), [], []
        threads = [threading.Thread(
                       target=self.knock_until_refused,
                       args=(daemon.plain, over, failures, served))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(served) < 20:
            time.sleep(0.01)
        self.reload(**{"xmpp.socket.default.active": "false"})
        for thread in threads:
            thread.join(20)
        over.set()
        # Some kernels let only an administrator of the network set a filter.
        unfiltered = "cannot turn clients away" in daemon.tail(10 ** 6)
        # Each thread may meet the close of each worker's socket.
        self.assertLessEqual(len(failures), 2 * len(threads) * unfiltered,
                             failures)

    @staticmethod
    def knock_until_refused(port, over, failures, served):
        while not over.is_set():
            try:
                s = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
            except ConnectionRefusedError:
                return
            except OSError as error:
                failures.append(repr(error))
                continue
            with s:
                try:
                    s.sendall(HEADER.encode())
                    s.settimeout(PATIENCE_S)
                    if not s.recv(100):
                        failures.append("closed")
                    served.append(1)
                except OSError as error:
                    failures.append(repr(error))

    def test_a_port_that_is_taken_refuses_the_whole_file(self):
        _, daemon = self.begin_operated()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            daemon.options["xmpp.socket.ssl.port"] = taken.getsockname()[1]
            daemon.options["workers.count"] = 3
            daemon.write()
            self.assertIn("in use", self.cmctl("reload", code=1))
        self.client("alice", direct=True).ping()
        self.assertEqual(
            self.info()["workers"], 2)

    def test_more_workers_and_fewer(self):
        self.begin_operated(**{"workers.max": 4})
        clients = [self.client(f"u{i}") for i in range(12)]
        answer = self.reload(**{"workers.count": 4})
        self.assertEqual(answer["applied"], "workers.count")
        self.cmctl("wait", "ready")
        self.assertEqual(
            self.info()["workers"], 4)
        clients += [self.client(f"v{i}") for i in range(24)]
        self.reload(**{"workers.count": 1})
        for client in clients:
            client.ping()
        clients += [self.client(f"w{i}") for i in range(8)]
        states = [row["state"] for row in self.rows("workers")[1:]]
        self.assertEqual(states.count("serving"), 1)
        self.daemon.options["workers.count"] = 5
        self.daemon.write()
        self.assertIn("workers.max", self.cmctl("reload", code=1))
        for client in clients:
            client.ping()
        self.assert_clean()

    def test_no_certificate_any_more(self):
        """Where only STARTTLS uses it: offered no more, sessions go on."""
        self.begin_operated(**{"xmpp.socket.ssl.active": "false"})
        alice = self.client("alice", tls=True)
        self.assertTrue(self.starttls_is_offered())
        answer = self.reload(**{"xmpp.socket.ssl.certificate": None,
                                "xmpp.socket.ssl.key": None})
        self.assertNotIn("\n", answer["warnings"])
        self.assertIn("clients cannot use TLS", answer["warnings"])
        alice.ping()
        # A worker takes what it is told within moments of the answer.
        self.until(lambda: not any(self.starttls_is_offered()
                                   for _ in range(MANY)))
        self.assertFalse(self.starttls_is_offered())

    def starttls_is_offered(self):
        client = self.client()
        offered = "starttls" in client.open()
        client.close()
        return offered

    def test_a_new_secret_counts_for_the_next_links(self):
        server, daemon = self.begin_operated()
        self.reload(**{"xmpp.password": "wrong"})
        self.client("alice").ping()
        server.command("cut all rst")
        daemon.wait_for_log("upstream: link down ", times=5)
        self.assertNotIn("cmanager_link_refusals_total 0\n", self.refusals())
        self.reload(**{"xmpp.password": "s3cr3t"})
        daemon.wait_for_log("upstream: link up ", times=6)

    def refusals(self, seconds=PATIENCE_S):
        """The counter's line once it is not nought."""
        end = time.monotonic() + seconds
        while True:
            text = self.cmctl("show", "metrics")
            line = next(line for line in text.splitlines(keepends=True)
                        if line.startswith("cmanager_link_refusals_total"))
            if not line.endswith(" 0\n") or time.monotonic() > end:
                return line
            time.sleep(0.02)

    def test_a_killed_workers_successor_has_the_new_one(self):
        _, daemon = self.begin_operated()
        self.reload(**{"xmpp.client.stanza.depth": 10})
        for row in self.rows("workers")[1:]:
            os.kill(row["pid"], signal.SIGKILL)
        daemon.wait_for_log('ready process="worker', times=4)
        bob = self.client("bob")
        bob.send("<presence>" + "<a>" * 20 + "</a>" * 20 + "</presence>")
        bob.expect("<policy-violation ")

    def test_fifty_reloads_under_chat_lose_nothing(self):
        self.begin_operated()
        pairs = [(self.client(f"a{i}", tls=i % 2 == 0),
                  self.client(f"b{i}")) for i in range(10)]
        over = threading.Event()
        counts, failures = [0] * len(pairs), []
        threads = [threading.Thread(target=self.chat, args=(
                       pair, number, over, counts, failures))
                   for number, pair in enumerate(pairs)]
        for thread in threads:
            thread.start()
        self.reload_fifty_times()
        over.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(min(counts), 0)
        print(f"50 reloads, {sum(counts)} messages, none lost")
        self.assert_clean()

    @staticmethod
    def chat(pair, number, over, counts, failures):
        """One message after the other, each once the one before is there."""
        sender, receiver = pair
        try:
            while not over.is_set():
                name = f"n{counts[number]};"
                sender.send(f"<message to='b{number}@xmpp.example/r'>"
                            f"<body>{name}</body></message>")
                receiver.expect(f"<body>{name}</body>")
                counts[number] += 1
        except (AssertionError, OSError) as error:
            failures.append(error)

    def reload_fifty_times(self):
        certificates = [(self.daemon.options["xmpp.socket.ssl.certificate"],
                         self.daemon.options["xmpp.socket.ssl.key"]),
                        self.another_certificate()]
        for turn in range(50):
            cert, key = certificates[turn % 2]
            self.reload(**{"xmpp.socket.ssl.certificate": cert,
                           "xmpp.socket.ssl.key": key,
                           "xmpp.client.stanza.depth": 20 + turn})


if __name__ == "__main__":
    unittest.main()
