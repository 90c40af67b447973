#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who is told the metrics: TLS and the token of HTTP, and how both are
renewed. That an address is beyond the loopback is seen from http.address alone,
so the tests can ask at 127.0.0.1 what listens on 0.0.0.0."""

import os
import pathlib
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import unittest
import warnings
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import program  # noqa: E402
from http_scene import HttpScene, tls  # noqa: E402
from processes import free_descriptors, spare_descriptors  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402

TOKEN = "token-of-nobody-1234/+~.="
BOTH = ("http.certificate", "http.token.file")


class HttpAccess(HttpScene):
    # --- what is given ---

    def token_file(self, text=TOKEN, name="token", mode=0o640):
        path = pathlib.Path(self.directory.name) / name
        path.write_bytes(text if isinstance(text, bytes)
                         else f"{text}\n".encode())
        path.chmod(mode)
        return str(path)

    def shown(self, name="metrics.example"):
        cert, key = certificate(self.directory.name, name)
        return {"http.certificate": cert, "http.key": key}

    def begin_open(self, **options):
        """Beyond the loopback, with all that it takes."""
        return self.begin_http(**{
            "http.address": "0.0.0.0", "http.token.file": self.token_file(),
            **self.shown(), **options})

    # --- what is asked ---

    def metrics(self, authorization=None, method="GET", context=None):
        headers = {"Authorization": authorization} if authorization else {}
        return self.request("/metrics", method, context=context, **headers)

    def status(self, authorization=None, **more):
        return self.metrics(authorization, **more)[0]

    def expect_alive(self, context=None):
        self.assertEqual(self.ask("/health", context=context),
                         (200, "alive\n"))
        self.cmctl("wait", "ready")
        self.assertEqual(self.ask("/ready", context=context),
                         (200, "ready\n"))

    def expect_log(self, text):
        self.assertIn(text, self.daemon.log.read_text())

    # --- beyond the loopback ---

    def expect_refused(self, missing, context=None, **options):
        """All that is missing is named, and nothing else."""
        self.begin_http(**{"http.address": "0.0.0.0", **options})
        for authorization in (None, f"Bearer {TOKEN}"):
            status, text, _ = self.metrics(authorization, context=context)
            self.assertEqual(status, 403)
            self.assertEqual(text.count("\n"), 1)
            self.assertNotIn("cmanager_", text)
            for option in BOTH:
                self.assertEqual(option in text, option in missing, text)
        self.expect_alive(context)
        self.expect_log("warning: http.address: '0.0.0.0' is not a loopback "
                        "address: /metrics is refused there without "
                        + " and ".join(missing))

    def test_without_certificate_and_token_metrics_are_refused(self):
        self.expect_refused(BOTH)

    def test_a_token_that_could_be_read_on_the_way_is_refused(self):
        self.expect_refused(BOTH[:1], **{"http.token.file": self.token_file()})

    def test_a_certificate_alone_tells_nobody_the_metrics(self):
        self.expect_refused(BOTH[1:], tls(), **self.shown())

    def test_with_both_metrics_are_for_who_has_the_token(self):
        self.begin_open()
        context = tls(self.daemon.options["http.certificate"])
        status, text, _ = self.metrics(f"Bearer {TOKEN}", context=context)
        self.assertEqual(status, 200)
        self.assertIn("\ncmanager_workers 2\n", text)
        self.assertEqual(self.status(f"bearer  {TOKEN}", context=context), 200)
        self.assertEqual(self.status(f"Bearer {TOKEN}", method="HEAD",
                                     context=context), 200)
        self.assertNotIn("http.address:", self.daemon.log.read_text())
        self.expect_alive(context)
        done = subprocess.run(
            ["curl", "-sS", "--cacert", self.daemon.options["http.certificate"],
             "--connect-to", f"metrics.example:{self.port}:127.0.0.1:"
             f"{self.port}", "-H", f"Authorization: Bearer {TOKEN}",
             f"https://metrics.example:{self.port}/metrics"],
            capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        self.assertIn("\ncmanager_workers 2\n", done.stdout)

    def test_whatever_is_not_the_token_is_refused(self):
        self.begin_open()
        for given in (None, "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}",
                      f"Bearer{TOKEN}", f"Bearer {TOKEN[:-1]}",
                      f"Bearer {TOKEN}x", f"Bearer {TOKEN} x",
                      f"Bearer {TOKEN.upper()}", f"Bearer x{TOKEN}",
                      f"Bearer {TOKEN},{TOKEN}", "Bearer \xff\xfe",
                      f"Bearer {'x' * 20000}", f"Bearer {TOKEN * 500}"):
            for method in ("GET", "HEAD"):
                status, text, headers = self.metrics(given, method, tls())
                self.assertEqual(status, 401, given)
                self.assertEqual(headers["WWW-Authenticate"],
                                 'Bearer realm="cmanager"')
                self.assertNotIn("cmanager_", text)
        for path in ("/%6detrics", "/metrics?x=1"):
            self.assertEqual(self.ask(path, context=tls())[0], 401)
        self.assertEqual(self.status(method="POST", context=tls()), 405)
        self.expect_alive(tls())

    def test_with_a_certificate_nothing_is_said_in_clear_text(self):
        self.begin_open()
        for path in ("/health", "/metrics"):
            peer = self.connect()
            peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            try:
                got = peer.recv(4096)
            except OSError:
                got = b""
            self.assertNotIn(b"HTTP/1.", got)

    # --- on the loopback ---

    def test_on_the_loopback_metrics_are_open_as_ever(self):
        for address in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.4"):
            self.begin_http(**{"http.address": address})
            host = address.removeprefix("::ffff:")
            self.assertEqual(self.ask("/metrics", host=host)[0], 200, address)
            self.assertNotIn("http.address:", self.daemon.log.read_text())

    def test_an_address_is_judged_as_what_it_is(self):
        for address in ("::", "::ffff:0.0.0.0"):
            self.begin_http(**{"http.address": address})
            host = "::1" if address == "::" else "127.0.0.1"
            self.assertEqual(self.ask("/metrics", host=host)[0], 403, address)
            self.assertEqual(self.ask("/health", host=host)[0], 200, address)

    def test_a_token_is_asked_for_on_the_loopback_if_there_is_one(self):
        self.begin_http(**{"http.token.file": self.token_file()})
        self.assertEqual(self.status(), 401)
        self.assertEqual(self.status(f"Bearer {TOKEN}x"), 401)
        self.assertEqual(self.status(f"Bearer {TOKEN}"), 200)
        self.expect_alive()

    def test_a_certificate_is_shown_on_the_loopback_if_there_is_one(self):
        self.begin_http(**self.shown())
        self.assertEqual(self.status(context=tls()), 200)
        self.expect_alive(tls())

    # --- TLS ---

    def handshake(self, context):
        peer = context.wrap_socket(self.connect())
        self.addCleanup(peer.close)
        return peer

    def test_old_tls_and_weak_ciphers_are_refused(self):
        self.begin_open()
        for version, ciphers in (
                (ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"),
                (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
                (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"),
                (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA")):
            context = tls()
            context.set_ciphers(ciphers)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = context.maximum_version = version
            with self.assertRaises(OSError, msg=(version, ciphers)) as caught:
                self.handshake(context)
            # The server ended it, not this side.
            self.assertNotRegex(str(caught.exception).lower(), "no protocol")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = tls()
            context.minimum_version = context.maximum_version = version
            self.assertEqual(self.handshake(context).version(),
                             version.name.replace("_", "."))

    def hello(self):
        """The first bytes of a client."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = tls().wrap_bio(incoming, outgoing)
        with self.assertRaises(ssl.SSLWantReadError):
            client.do_handshake()
        return outgoing.read()

    def test_a_crowd_in_the_midst_of_handshakes_costs_others_nothing(self):
        self.begin_open()
        hello = self.hello()
        crowd = [self.connect() for _ in range(200)]
        for number, member in enumerate(crowd):
            try:  # nothing, a part, or all that the client says first
                member.sendall(hello[:number * len(hello) // 190])
            except OSError:
                pass  # it was evicted
        self.expect_alive(tls())
        self.assertEqual(self.status(f"Bearer {TOKEN}", context=tls()), 200)

    def test_a_handshake_that_drips_is_cut_off(self):
        """A byte a moment keeps no connection for ever."""
        self.begin_open()
        peer, hello = self.connect(), self.hello()
        sent, took_s = self.drip(peer, hello[:-1])
        self.assertLess(sent, len(hello) - 1)
        self.assertGreater(took_s, 3)

    def test_a_handshake_and_then_silence_is_cut_off(self):
        self.begin_open()
        peer = self.handshake(tls())
        try:
            self.assertEqual(peer.recv(1), b"")
        except OSError as error:
            self.assertNotIsInstance(error, TimeoutError)

    # --- renewal ---

    def test_a_reload_renews_the_token(self):
        self.begin_open()
        other = secrets.token_hex(20)
        self.token_file(other)
        self.assertEqual(self.reload()["applied"], "http.token.file")
        self.until(lambda: self.status(f"Bearer {other}", context=tls())
                   == 200)
        self.assertEqual(self.status(f"Bearer {TOKEN}", context=tls()), 401)
        self.assertIn("is empty", self.cmctl_reload_with(b"\n"))
        self.assertEqual(self.status(f"Bearer {other}", context=tls()), 200)

    def cmctl_reload_with(self, token):
        self.token_file(token)
        return self.cmctl("reload", code=1)

    def subject(self):
        with self.handshake(tls()) as peer:
            return ssl.DER_cert_to_PEM_cert(peer.getpeercert(True))

    def test_a_reload_renews_the_certificate(self):
        self.begin_open()
        for name in ("second.example", "third.example"):
            options = self.shown(name)
            pem = pathlib.Path(options["http.certificate"]).read_text()
            self.assertEqual(self.reload(**options)["applied"],
                             "http.certificate http.key")
            self.until(lambda pem=pem: self.subject() == pem)
            # Nobody is shown the old one any more.
            self.assertEqual({self.subject() for _ in range(20)}, {pem})
            self.assertEqual(self.status(f"Bearer {TOKEN}", context=tls()),
                             200)

    def test_a_reload_makes_tls_of_clear_text_and_back(self):
        self.begin_http(**{"http.address": "0.0.0.0"})
        peer = self.connect()
        both = {**self.shown(), "http.token.file": self.token_file()}
        self.reload(**both)
        self.until(lambda: self.is_tls())
        self.assertEqual(self.status(f"Bearer {TOKEN}", context=tls()), 200)
        # What was begun in clear text is never trusted with the token.
        try:
            peer.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
                         b"Authorization: Bearer " + TOKEN.encode()
                         + b"\r\n\r\n")
            self.assertNotIn(b" 200 ", peer.recv(4096))
        except OSError:
            pass
        self.reload(**dict.fromkeys(both))
        self.until(lambda: not self.is_tls())
        self.assertEqual(self.status(), 403)

    def test_a_renewal_without_descriptors_leaves_the_process_alive(self):
        self.begin_http()
        control = self.info()["control_pid"]
        both = self.shown()
        none = dict.fromkeys(both)
        for count in range(1, 9):
            os.kill(control, signal.SIGKILL)
            self.daemon.wait_for_log("ready process=control",
                                     times=count + 1)
            control = self.info()["control_pid"]
            self.until(lambda: len(spare_descriptors(control)) == 4)
            with free_descriptors(control, count,
                                  spare_descriptors(control)):
                for options in (both, none, both, none):
                    said = self.daemon.tail(10 ** 7).count("reloaded applied=")
                    self.daemon.options.update(options)
                    self.daemon.write()
                    self.daemon.process.send_signal(signal.SIGHUP)
                    self.daemon.wait_for_log("reloaded applied=",
                                             times=said + 1)
            # It is answered behind the last configuration.
            self.assertEqual(self.info()["control_pid"], control, count)
        self.assertNotIn("the master is gone", self.daemon.log.read_text())
        self.daemon.check_log()

    def is_tls(self):
        try:
            self.handshake(tls()).close()
            return True
        except OSError:
            return False

    def test_who_waits_to_be_accepted_outlives_a_renewal(self):
        self.begin_open()
        control, = (pid for pid in self.daemon.children() if b"control" in
                    pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
        before = self.subject()
        with ThreadPoolExecutor() as pool:
            os.kill(control, signal.SIGSTOP)
            try:
                waiting = [self.connect() for _ in range(4)]
                self.daemon.options.update(self.shown("second.example"))
                self.daemon.write()
                self.daemon.process.send_signal(signal.SIGHUP)
                self.daemon.wait_for_log("reloaded")
                answers = [pool.submit(self.ask_health, peer)
                           for peer in waiting]
            finally:
                os.kill(control, signal.SIGCONT)
            for answer in answers:
                self.assertIn(b" 200 ", answer.result())
        self.until(lambda: self.subject() != before)

    @staticmethod
    def ask_health(peer):
        with tls().wrap_socket(peer) as inside:
            inside.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            return inside.recv(4096)

    # --- what the operator is told ---

    def check(self, **options):
        """The daemon's word on these options, and whether it takes them."""
        daemon = self.daemon
        daemon.options.update(options)
        daemon.write()
        done = subprocess.run(
            [program(), "-t", "-c", str(daemon.path)],
            capture_output=True, text=True, check=False, timeout=PATIENCE_S)
        return done.returncode, done.stderr

    def test_a_file_that_has_no_token_is_refused(self):
        self.begin_open()
        for text, why in ((b"", "is empty"), (b"\n", "is empty"),
                          (b"x" * 15 + b"\n", "16"),
                          (b"x" * 1025, "1024"),
                          (TOKEN.encode() + b"\n\n", "more than one line"),
                          (TOKEN.encode() + b"\nx", "more than one line"),
                          (b"a secret with blanks\n", "letters"),
                          (b"0123456789abcdef\0\n", "letters"),
                          ("0123456789abcdefé".encode(), "letters")):
            code, said = self.check(
                **{"http.token.file": self.token_file(text, "bad")})
            self.assertEqual(code, 1, text)
            self.assertIn("http.token.file: ", said)
            self.assertIn(why, said)
            self.assertNotIn("blanks", said)
            self.assertNotIn("0123456789abcdef", said)
        code, said = self.check(**{"http.token.file": "/nowhere/token"})
        self.assertEqual(code, 1)
        self.assertIn("http.token.file: cannot read '/nowhere/token'", said)
        for text in (TOKEN.encode(), TOKEN.encode() + b"\r\n", b"x" * 16,
                     b"x" * 1024 + b"\n"):
            self.assertEqual(self.check(**{"http.token.file": self.token_file(
                text, "good")})[0], 0, text)

    def test_who_else_can_read_the_token_is_named(self):
        self.begin_open()
        for name, option, mode, why in (
                ("token", "http.token.file", 0o644,
                 "everybody on this machine can read"),
                ("token", "http.token.file", 0o660, "others can change"),
                ("metrics.example.key", "http.key", 0o644,
                 "everybody on this machine can read")):
            path = pathlib.Path(self.directory.name) / name
            path.chmod(mode)
            code, said = self.check()
            path.chmod(0o600)
            self.assertEqual(code, 0)
            self.assertRegex(said, f"warning: '{path}' holds .*{why} it")
            self.assertNotIn(str(path), self.check()[1], option)

    def test_certificate_and_key_are_checked(self):
        self.begin_open()
        other = certificate(self.directory.name, "other.example")[1]
        for options, why in (
                ({"http.key": other}, "does not belong to the certificate"),
                ({"http.key": "/nowhere/key"}, "http.key: cannot read"),
                ({"http.certificate": other, "http.key": other},
                 "the certificate cannot be read"),
                ({"http.key": None},
                 "has no private key, and http.key, which names its file, "
                 "is missing"),
                ({"http.certificate": None, "http.key": other},
                 "http.key: http.certificate is missing")):
            code, said = self.check(**{**self.shown(), **options})
            self.assertEqual(code, 1, options)
            self.assertIn(why, said)
        both = pathlib.Path(self.directory.name) / "both.pem"
        cert, key = certificate(self.directory.name)
        both.write_text(pathlib.Path(cert).read_text()
                        + pathlib.Path(key).read_text())
        both.chmod(0o600)
        self.assertEqual(self.check(**{"http.certificate": both,
                                       "http.key": None})[0], 0)
        code, said = self.check(**{"xmpp.socket.ssl.key": None})
        self.assertEqual(code, 1)
        self.assertIn("has no private key, and xmpp.socket.ssl.key, which "
                      "names its file, is missing", said)

    def test_a_file_that_is_not_named_counts_as_not_given(self):
        """That is said: nothing protects what it was to protect."""
        self.begin_open()
        for option in ("http.token.file", "http.key",
                       "xmpp.socket.ssl.ticket.key"):
            for text in ("", " \n "):
                self.assertIn(f"warning: {option} is empty and counts as not "
                              "given", self.check(**{option: text})[1])

    def test_options_without_effect_are_named(self):
        self.begin_open()
        _, said = self.check(**{"http.port": None})
        for option in ("http.certificate", "http.key", "http.token.file"):
            self.assertIn(f"warning: {option} has no effect: http.port", said)
        self.assertNotIn("loopback", said)

    def test_a_reload_is_judged_by_what_stays(self):
        """Address and port wait for a restart; certificate and token go."""
        self.begin_open()
        both = dict.fromkeys(("http.certificate", "http.key",
                              "http.token.file"))
        kept = self.reload(**{"http.port": None})
        self.assertEqual(kept["needs_restart"], "http.port")
        self.assertNotIn("no effect", kept["warnings"])
        lost = self.reload(**{"http.port": self.port,
                              "http.address": "127.0.0.1", **both})
        self.assertEqual(lost["needs_restart"], "http.address")
        self.assertIn("warning: http.address: '0.0.0.0' is not a loopback "
                      "address: /metrics is refused there without "
                      "http.certificate and http.token.file",
                      lost["warnings"])
        self.until(lambda: not self.is_tls())
        self.assertEqual(self.status(), 403)

    def test_a_reload_warns_of_no_address_that_is_not_in_force(self):
        self.begin_http()
        moved = self.reload(**{"http.address": "0.0.0.0"})
        self.assertEqual(moved["needs_restart"], "http.address")
        self.assertNotIn("loopback", moved["warnings"])

    def test_the_certificate_is_watched_like_the_others(self):
        cert, key = certificate(self.directory.name, "soon.example", days=3)
        self.begin_open(**{"http.certificate": cert, "http.key": key})
        row, = (row for row in self.rows("certificates")
                if row["role"] == "http")
        self.assertEqual(row["subject"], "CN=soon.example")
        self.assertEqual(row["file"], cert)
        self.assertIn("expires soon", row["problems"])
        self.assertNotIn("wrong name", row["problems"])
        self.assertIn('cmanager_certificate_expiry_seconds{role="http",'
                      'subject="CN=soon.example"',
                      self.metrics(f"Bearer {TOKEN}", context=tls())[1])
        self.assertIn("http.certificate: the certificate expires soon: "
                      "whoever asks by HTTP will refuse to connect when it "
                      "has expired ", self.check()[1])

    def test_nobody_is_told_the_token(self):
        self.begin_open(**{"log.level": "debug"})
        self.assertEqual(self.status(f"Bearer {TOKEN}", context=tls()), 200)
        self.assertEqual(self.status(f"Bearer {TOKEN}x", context=tls()), 401)
        shown = self.cmctl("show", "config")
        self.assertIn(self.daemon.options["http.token.file"], shown)
        printed = subprocess.run(
            [program(), "-T", "-c", str(self.daemon.path)],
            capture_output=True, text=True, check=True).stdout
        for text in (shown, printed, self.daemon.log.read_text(),
                     self.cmctl("show", "errors"), *(
                         pathlib.Path(f"/proc/{pid}/cmdline").read_text()
                         for pid in self.daemon.children())):
            self.assertNotIn(TOKEN, text)


if __name__ == "__main__":
    unittest.main()
