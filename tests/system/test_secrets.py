#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""That no process has another role's secrets in its memory: searched for from
its birth on, as root finds it in /proc."""

import os
import pathlib
import secrets
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from memory import (file_shapes, found, key_shapes,  # noqa: E402
                    locked_shapes, text_shapes)
from operator_scene import OperatorScene  # noqa: E402
from processes import open_files, title  # noqa: E402
from support import PATIENCE_S, free_port  # noqa: E402

SERVER_SECRET = "s3cr3t"


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True,
                   capture_output=True)


@unittest.skipIf(os.geteuid() != 0, "only root may read others' memory")
class Secrets(OperatorScene):
    def setUp(self):
        super().setUp()
        self.links = {}    # upstream's: name -> shapes
        self.clients = {}  # workers'
        self.tickets = {}  # workers', too
        self.http = {}     # control's
        self.folder = pathlib.Path(self.directory.name)
        self.number = 0

    # --- secrets, each never used before ---

    def new_secret(self):
        self.number += 1
        text = secrets.token_hex(24)
        self.links[f"link secret {self.number}"] = text_shapes(text)
        return {"xmpp.password": text}

    def new_password(self):
        text = secrets.token_hex(24)
        self.clients[f"key password {self.number}"] = text_shapes(text)
        return text

    def new_files(self, kind, password=None, form=()):
        """Certificate and key in PEM; with a password the key is locked."""
        self.number += 1
        cert, key, locked = (self.folder / f"{self.number}.{end}"
                             for end in ("cert", "key", "locked"))
        openssl("req", "-x509", "-newkey", *kind, "-nodes", "-days", "2",
                "-subj", "/CN=xmpp.example", "-keyout", key, "-out", cert)
        self.clients[f"key {self.number}"] = key_shapes(key)
        if password:
            openssl("pkey", "-in", key, "-aes256", *form, "-passout",
                    f"pass:{password}", "-out", locked)
            self.clients[f"locked key {self.number}"] = locked_shapes(locked)
        return cert, key, locked

    RSA = ("rsa:2048",)
    CURVE = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    NONE = {f"xmpp.socket.ssl.{name}": None for name in
            ("certificate", "key", "keystore", "keypass")}

    def pem(self, kind):
        cert, key, _ = self.new_files(kind)
        return {**self.NONE, "xmpp.socket.ssl.certificate": cert,
                "xmpp.socket.ssl.key": key}

    def one_file(self, kind):
        """The key stands in the certificate's file."""
        cert, key, _ = self.new_files(kind)
        cert.write_bytes(cert.read_bytes() + key.read_bytes())
        return {**self.NONE, "xmpp.socket.ssl.certificate": cert}

    def locked(self, kind, form=()):
        password = self.new_password()
        cert, _, locked = self.new_files(kind, password, form)
        return {**self.NONE, "xmpp.socket.ssl.certificate": cert,
                "xmpp.socket.ssl.key": locked,
                "xmpp.socket.ssl.keypass": password}

    def locked_in_an_old_form(self, kind):
        """As OpenSSL locked keys before there was PKCS#8."""
        return self.locked(kind, ("-traditional",))

    def one_locked_file(self, kind):
        options = self.locked(kind)
        cert = options["xmpp.socket.ssl.certificate"]
        locked = options["xmpp.socket.ssl.key"]
        cert.write_bytes(locked.read_bytes() + cert.read_bytes())
        return {**options, "xmpp.socket.ssl.key": None}

    def store(self, kind):
        password = self.new_password()
        cert, key, _ = self.new_files(kind)
        store = self.folder / f"{self.number}.p12"
        openssl("pkcs12", "-export", "-in", cert, "-inkey", key, "-out",
                store, "-passout", f"pass:{password}")
        self.clients[f"store {self.number}"] = file_shapes(store)
        return {**self.NONE, "xmpp.socket.ssl.keystore": store,
                "xmpp.socket.ssl.keypass": password}

    def new_http(self):
        """A key and a token to be asked with."""
        self.number += 1
        token, key, cert = (self.folder / f"http-{self.number}.{end}"
                            for end in ("token", "key", "cert"))
        token.write_text(secrets.token_hex(24) + "\n")
        token.chmod(0o600)
        openssl("req", "-x509", "-newkey", *self.CURVE, "-nodes", "-days", "2",
                "-subj", "/CN=xmpp.example", "-keyout", key, "-out", cert)
        self.http[f"http key {self.number}"] = key_shapes(key)
        self.http[f"http token {self.number}"] = text_shapes(
            token.read_text().strip())
        return {"http.certificate": cert, "http.key": key,
                "http.token.file": token}

    def new_ticket_key(self):
        """Of a file, from which the keys of TLS session tickets come."""
        self.number += 1
        path = self.folder / f"{self.number}.tickets"
        key = secrets.token_bytes(64)
        path.write_bytes(key)
        path.chmod(0o600)
        self.tickets[f"ticket key {self.number}"] = [key[:32], key[32:]]
        return {"xmpp.socket.ssl.ticket.key": path}

    # --- the scene ---

    def begin_searched(self, options):
        """With a secret that the server is told, too."""
        self.path = f"{self.directory.name}/control"
        secret = self.new_secret()
        options = {"control.socket": self.path, "user": "nobody",
                   "ready.timeout": 600,  # it is searched before it is
                   "xmpp.server.backoff.min": 0.1,
                   "xmpp.server.backoff.max": 0.3,
                   "http.port": free_port(), **self.new_http(),
                   **self.new_ticket_key(), **secret, **options}
        self.begin_with_secret(secret["xmpp.password"], options)

    def begin_with_secret(self, secret, options):
        """The server knows it before the daemon starts."""
        import scene
        real = scene.FakeOpenfire

        def knowing(*arguments, **more):
            server = real(*arguments, **more)
            server.command(f"secret {secret}")
            return server

        scene.FakeOpenfire = knowing
        self.addCleanup(setattr, scene, "FakeOpenfire", real)
        self.begin(options=options)
        self.cmctl("wait", "ready")

    def renew(self, options):
        """Another secret and other keys in the running daemon; returns when
        all links were made with the one and handshakes show the other."""
        secret = self.new_secret()
        before = self.server.stats()["links_total"]
        self.server.command(f"secret {secret['xmpp.password']}")
        self.reload(**secret, **self.new_http(), **self.new_ticket_key(),
                    **options)
        self.server.wait("links_total", ">", before + 4)
        self.server.wait("links_ready", "=", 5)
        self.until(lambda: self.info()["links"] == 5)
        # The channel is in order: who answers this has taken the snapshot.
        waited_for = {row["worker"] for row in self.rows("workers")[1:]}
        while waited_for:
            carol = self.client("carol", tls=True)
            waited_for -= {row["worker"] for row in
                           self.rows("sessions", "jid=carol@*")}
            carol.close()

    def talk(self):
        alice = self.client("alice", tls=True)
        bob = self.client("bob", direct=True)
        alice.send("<message to='bob@xmpp.example/r'><body>hello</body>"
                   "</message>")
        bob.expect("hello")

    def link_again(self):
        before = self.server.stats()["links_total"]
        self.server.command("cut all rst")
        self.server.wait("links_total", ">", before + 4)
        self.server.wait("links_ready", "=", 5)

    def others(self, pid):
        """The secrets that this process must not have."""
        name = title(pid)
        if "upstream" in name:
            return {**self.clients, **self.tickets, **self.http}
        if "worker" in name:
            return {**self.links, **self.http}
        if "control" in name:
            return {**self.links, **self.clients, **self.tickets}
        return None

    def search(self):
        """Everybody's memory: children, and the master they are copies of."""
        for pid in self.daemon.children():
            self.assertEqual(found(pid, self.others(pid)), set(),
                             title(pid))
            self.assertFalse([name for name in open_files(pid)
                              if "snapshot" in name])
        self.assertEqual(
            found(self.daemon.process.pid,
                  {**self.links, **self.clients, **self.tickets,
                   **self.http}), set())

    def workers(self):
        return [row["pid"] for row in self.rows("workers")[1:]]

    # --- tests ---

    def test_the_search_finds_what_is_there(self):
        """Each role's own secrets are found in it, key by key."""
        self.begin_searched(self.locked(self.RSA))
        for kind, number in ((None, None), (self.one_file, self.CURVE)):
            if kind:
                self.renew(kind(number))
            self.talk()
            key = f"key {max(self.numbers(self.clients))}"
            tickets = f"ticket key {max(self.numbers(self.tickets))}"
            for pid in self.workers():
                self.assertIn(key, found(pid, self.clients))
                self.assertIn(tickets, found(pid, self.tickets))
            # An old one counts no more, so it is not kept either.
            self.assertEqual(found(self.daemon.upstream(), self.links),
                             {f"link secret {max(self.numbers(self.links))}"})

    def control(self):
        pid, = (pid for pid in self.daemon.children()
                if "control" in title(pid))
        return pid

    def test_control_keeps_the_key_of_http_and_no_token(self):
        """Only a digest of it."""
        self.begin_searched(self.pem(self.CURVE))
        for again in (False, True):
            if again:
                self.renew(self.pem(self.CURVE))
            key = f"http key {max(self.numbers(self.http))}"
            self.until(lambda key=key: key in
                       found(self.control(), self.http))
            self.assertEqual({name for name in found(self.control(), self.http)
                              if "token" in name}, set())

    def test_a_worker_keeps_keys_and_not_what_opened_them(self):
        """Neither the password nor the file that it opens; from the first
        reading on and after reloads, whatever the file is, and in a
        successor."""
        self.begin_searched(self.locked(self.RSA))
        for kind, number in ((None, None), (self.store, self.RSA),
                             (self.store, self.CURVE),
                             (self.locked, self.CURVE),
                             (self.one_locked_file, self.RSA),
                             (self.locked_in_an_old_form, self.RSA)):
            if kind:
                self.renew(kind(number))
            self.talk()
            self.search_for_what_opened_keys()
        self.kill_and_search(self.workers()[0])
        self.cmctl("wait", "ready")
        self.search_for_what_opened_keys()

    def search_for_what_opened_keys(self):
        opened = {name: shapes for name, shapes in self.clients.items()
                  if not name.startswith("key ") or "password" in name}
        for pid in self.workers():
            self.assertEqual(found(pid, opened), set())

    @staticmethod
    def numbers(needles):
        return [int(name.split()[-1]) for name in needles]

    def test_a_birth_and_a_life(self):
        """Right after the birth, after log-ins, after links, after reloads
        that change everything, and in successors born after those."""
        self.begin_searched(self.locked(self.RSA))
        self.search()
        self.talk()
        self.link_again()
        self.search()
        for kind, number in ((self.store, self.RSA),
                             (self.one_file, self.CURVE),
                             (self.locked, self.CURVE),
                             (self.pem, self.RSA)):
            self.renew(kind(number))
            self.search()
            self.talk()
        self.replace_all()
        self.search()
        self.talk()

    def replace_all(self):
        self.kill_and_search(self.workers()[0])
        self.kill_and_search(self.daemon.upstream())
        self.cmctl("wait", "ready")
        self.server.wait("links_ready", "=", 5)
        self.until(lambda: self.info()["server"] == "serving")

    def kill_and_search(self, pid):
        """Its successor is stopped as soon as it is seen, and searched for
        all there is: it has not told yet what it is."""
        role = self.others(pid)
        before = set(self.daemon.children())
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + PATIENCE_S
        while not (new := set(self.daemon.children()) - before):
            self.assertLess(time.monotonic(), end)
        for child in new:
            os.kill(child, signal.SIGSTOP)
            try:
                self.assertEqual(found(child, role), set())
            finally:
                os.kill(child, signal.SIGCONT)

    def test_a_refused_file_leaves_nothing(self):
        """What was read in vain was as secret."""
        self.begin_searched(self.pem(self.CURVE))
        for options in (self.locked(self.RSA), self.store(self.RSA),
                        self.pem(self.RSA)):
            self.daemon.options.update({**options, **self.new_secret(),
                                        "workers.count": 0})
            self.daemon.write()
            self.cmctl("reload", code=1)
        self.search()
        self.kill_and_search(self.workers()[0])
        self.kill_and_search(self.daemon.upstream())


if __name__ == "__main__":
    unittest.main()
