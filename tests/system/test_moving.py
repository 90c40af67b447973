#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The README's "Moving to cmanager": its configuration, commands and table are
as it says."""

import os
import pathlib
import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from daemon import program  # noqa: E402
from far_host import FarHost  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / "README.md").read_text().split("## Moving to cmanager")[1]
BESIDE, HAPROXY, JAVA = PAGE.split("\n### ")[1:]
HEADER = (b"<stream:stream to='xmpp.example' version='1.0' "
          b"xmlns='jabber:client' "
          b"xmlns:stream='http://etherx.jabber.org/streams'>")


def alone():
    """In a network whose firewall is nobody else's: it reaches nobody."""
    return os.geteuid() == 0 and \
        [name for _, name in socket.if_nameindex()] == ["lo"]


def rows(text):
    """Of a table: names in the first column, what is said of them."""
    for line in text.splitlines():
        if line.startswith("| `"):
            names, said = line.strip("| ").split(" | ", 1)
            yield re.findall(r"`([^`]+)`", names), said


def options():
    """path: kind, of each row of options.def."""
    text = (ROOT / "common" / "process" / "options.def").read_text()
    return {path: kind for kind, path in re.findall(
        r'(?m)^(OPTION|CONFIDED|FOREIGN|ALIAS)\("([^"]+)"', text)}


class Page(unittest.TestCase):
    def test_every_option_of_the_java_manager_is_what_the_table_says(self):
        known, seen = options(), set()
        for names, said in rows(JAVA):
            for name in names:
                kind = known.get(name) or next(
                    known[path] for path in known
                    if known[path] == "FOREIGN"
                    and name.startswith(path + "."))
                self.assertEqual(kind == "FOREIGN",
                                 said.startswith("no effect"), name)
                seen.add(name)
        self.assertGreater(len(seen), 60)
        self.assertEqual(
            [path for path, kind in known.items() if kind == "FOREIGN"
             and not any(name == path or name.startswith(path + ".")
                         for name in seen)], [])

    def test_what_is_said_of_options_is_about_options(self):
        known = options()
        for text in (HAPROXY, JAVA):
            for _, said in rows(text):
                for name in re.findall(r"`((?:xmpp|log|sessions|workers)"
                                       r"\.[\w.-]+)`", said):
                    if not name.startswith("xmpp.client.login."): # Openfire's
                        self.assertIn(name, known)

    def test_the_configuration_beside_is_good(self):
        text = re.search(r"(?s)<jive>.*?</jive>", BESIDE).group()
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            cert, key = certificate(folder, "example.org")
            whole = folder / "site.pem"
            whole.write_text(pathlib.Path(cert).read_text()
                             + pathlib.Path(key).read_text())
            whole.chmod(0o600)
            text = re.sub("/etc/cmanager/[^<]*", str(whole), text)
            text = text.replace("<user>cmanager</user>", "<user>root</user>")
            (folder / "manager.xml").write_text(text)
            (folder / "manager.xml").chmod(0o600)
            done = subprocess.run(
                [program(), "-t", "-D", "certificate.expiry.days=1",
                 "-c", str(folder / "manager.xml")],
                capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Greeter(socketserver.BaseRequestHandler):
    """Stands where Openfire's own client port is."""

    def handle(self):
        try:
            self.request.sendall(b"openfire")
            while self.request.recv(1000):
                self.request.sendall(b"openfire")
        except OSError:
            pass # a client that has seen enough


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


@unittest.skipUnless(alone(), "in the network of all")
class Beside(OperatorScene):
    def begin_beside(self):
        self.begin_operated(**{"xmpp.socket.network.interface": None})
        openfire = Server(("0.0.0.0", 5222), Greeter)
        self.addCleanup(openfire.server_close)
        self.addCleanup(openfire.shutdown)
        threading.Thread(target=openfire.serve_forever).start()
        self.far = FarHost()
        self.addCleanup(self.far.remove)
        self.commands = [
            line.strip().replace("15222", str(self.daemon.plain))
            for line in BESIDE.splitlines()
            if re.match(r"    (nft|cmctl drain) ", line)]
        self.assertEqual(len(self.commands), 6)

    def run_next(self):
        command = self.commands.pop(0)
        if command.startswith("cmctl "):
            self.cmctl(*command.replace(" 60 ", " 1 ").split()[1:])
        else:
            subprocess.run(["sh", "-c", command], check=True)

    def connect(self):
        """To the port that everybody knows; what answered."""
        client = self.far.socket()
        self.addCleanup(client.close)
        client.settimeout(PATIENCE_S)
        client.connect((self.far.here, 5222))
        client.sendall(HEADER)
        got = client.recv(8)
        while b"features>" not in got and b"openfire" not in got:
            got += client.recv(4000)
        return client, b"openfire" in got

    def test_clients_move_and_back_again_and_nobody_is_cut_off(self):
        self.begin_beside()
        old, served_by_openfire = self.connect()
        self.assertTrue(served_by_openfire)
        for _ in range(3):
            self.run_next()
        moved, served_by_openfire = self.connect()
        self.assertFalse(served_by_openfire)
        old.sendall(b"?")
        self.assertTrue(old.recv(100))
        self.run_next() # back
        self.assertTrue(self.connect()[1])
        old.sendall(b"?")
        self.assertTrue(old.recv(100))
        self.run_next() # drain
        said = b""
        while b"</stream:stream>" not in said:
            piece = moved.recv(4000)
            self.assertTrue(piece, said)
            said += piece
        self.assertIn(b"system-shutdown", said)
        self.run_next()
        self.assertTrue(self.connect()[1])
        self.assertEqual(self.commands, [])


if __name__ == "__main__":
    unittest.main()
