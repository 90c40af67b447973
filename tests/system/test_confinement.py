#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the processes of a daemon that root started can still do, read from
/proc while they serve. On the release build also the limit of system calls."""

import os
import pathlib
import signal
import ssl
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from confined import assert_confined, status  # noqa: E402
from daemon import Daemon, program  # noqa: E402
from fake_openfire import FakeOpenfire  # noqa: E402
from name_server import A, SRV, NameServer, address, seeing, service  # noqa: E402
from operator_scene import OperatorScene  # noqa: E402
from support import PATIENCE_S, certificate  # noqa: E402

@unittest.skipIf(os.geteuid() != 0, "only root can become another user")
class Confinement(OperatorScene):
    def begin_as_root(self, **options):
        _, daemon = self.begin_operated(user="nobody", **options)
        clients = [self.client("alice", tls=True), self.client("bob")]
        clients[0].send("<message to='bob@xmpp.example/r'><body>hello</body>"
                        "</message>")
        clients[1].expect("hello")
        return daemon, self.info()

    def test_children_are_what_the_manual_says(self):
        daemon, info = self.begin_as_root()
        self.assertEqual(len(daemon.children()), 4)
        for pid in daemon.children():
            assert_confined(self, pid, "nobody", info["seccomp"])

    def test_it_is_on_unless_it_is_switched_off(self):
        daemon, info = self.begin_as_root(seccomp="false")
        self.assertFalse(info["seccomp"])
        for pid in daemon.children():
            self.assertEqual(status(pid)["Seccomp"], "0")


@unittest.skipIf(os.geteuid() != 0, "only root can shut others in")
class ShutIn(OperatorScene):
    """Children in an empty folder of their own: what they would look up comes
    from the master."""

    def begin_shut_in(self, options=None, hosts="", resolv_conf=""):
        folder = pathlib.Path(self.directory.name)
        folder.chmod(0o755)
        self.empty = folder / "empty"
        self.empty.mkdir(mode=0o755, exist_ok=True)
        self.path = str(folder / "control")
        self.files = {"hosts": folder / "hosts",
                      "resolv_conf": folder / "resolv.conf"}
        for path, text in zip(self.files.values(), (hosts, resolv_conf)):
            path.write_text(text)
        self.server = FakeOpenfire(folder, certificate=certificate(folder))
        self.daemon = Daemon(folder, self.server.port, {
            "user": "nobody", "group": "daemon", "chroot": str(self.empty),
            "control.socket": self.path, "xmpp.server.backoff.min": 0.1,
            "xmpp.server.backoff.max": 0.3, **(options or {})},
            # It looks for leaks in /proc, which is not there.
            ASAN_OPTIONS="detect_leaks=0")
        self.daemon.spawn = {"preexec_fn": seeing(**self.files)}
        self.addCleanup(self.end)
        self.daemon.start()
        self.server.wait("links_ready", "=", 5)
        self.cmctl("wait", "ready")
        return self.server, self.daemon

    def link_again(self, server):
        before = server.stats()["links_total"]
        server.command("cut all rst")
        server.wait("links_total", ">", before + 4)
        server.wait("links_ready", "=", 5)

    def test_they_see_nothing_else(self):
        _, daemon = self.begin_shut_in()
        info = self.info()
        self.assertEqual((info["user"], info["group"], info["chroot"]),
                         ("nobody", "daemon", str(self.empty)))
        for pid in daemon.children():
            assert_confined(self, pid, "nobody", info["seccomp"], "daemon",
                            str(self.empty))
        self.assertEqual(list(self.empty.iterdir()), [])

    def test_logs_certificates_and_links_are_renewed_all_the_same(self):
        log = pathlib.Path(self.directory.name) / "cm.log"
        server, daemon = self.begin_shut_in(
            {"log.target": "file", "log.file": str(log)})
        alice = self.client("alice", tls=True)
        log.rename(f"{log}.1")
        daemon.process.send_signal(signal.SIGUSR1)
        self.until(lambda: log.exists() and "signal=USR1" in log.read_text())
        self.client("bob")
        self.cmctl("kill", "jid", "bob@xmpp.example")
        self.until(lambda: 'jid="bob@' in log.read_text())
        other = pathlib.Path(self.directory.name) / "other"
        other.mkdir()
        cert, key = certificate(other)
        self.reload(**{"xmpp.socket.ssl.certificate": cert,
                       "xmpp.socket.ssl.key": key})
        self.until(lambda: self.certificate_shown() in
                   pathlib.Path(cert).read_text())
        self.link_again(server)
        alice.ping()
        before = server.stats()["links_total"]
        os.kill(daemon.upstream(), signal.SIGKILL)
        # What the state says until then was said by the dead one.
        self.until(lambda: log.read_text().count("link resumed") == 5)
        self.assertEqual(server.stats()["links_total"], before)
        self.cmctl("wait", "ready")
        self.until(lambda: self.info()["server"] == "serving")
        self.client("carol").ping()

    def certificate_shown(self):
        client = self.client(direct=True)
        return ssl.DER_cert_to_PEM_cert(
            client.socket.getpeercert(True)).strip()

    def test_the_machines_hosts_and_name_servers_count(self):
        """Of a reload, too, and of a machine that has no table of hosts."""
        dns = NameServer({
            ("of.search.test", A): address("127.0.0.1"),
            ("_xmpp-server._tcp.xmpp.example", SRV):
                service("node.example", 5269),
            ("node.example", A): address("127.0.0.1")}, 53)
        self.addCleanup(dns.close)
        server, daemon = self.begin_shut_in(
            {"xmpp.hostname": "of"}, hosts="127.0.0.1 OF of.example\n",
            resolv_conf="nameserver 127.0.0.9\nsearch search.test\n")
        self.assertEqual(dns.asked, [])
        self.files["hosts"].write_text("127.0.0.1 localhost\n")
        self.files["resolv_conf"].write_text(
            "nameserver 127.0.0.1\nsearch search.test\n")
        self.link_again(server)  # as it was read
        self.assertEqual(dns.asked, [])
        self.reload()
        self.link_again(server)  # upstream may be told between two of them
        self.link_again(server)
        self.assertIn(("of.search.test", A), dns.asked)
        self.daemon.stop()
        self.daemon.options["xmpp.hostname"] = None
        self.daemon.start()
        self.daemon.wait_for_log("master: ready")
        self.cmctl("wait", "ready")
        self.assertIn(("_xmpp-server._tcp.xmpp.example", SRV), dns.asked)
        self.client("alice").ping()

    def test_a_folder_of_others_is_refused(self):
        folder = pathlib.Path(self.directory.name) / "open"
        folder.mkdir()
        folder.chmod(0o777)
        daemon = Daemon(self.directory.name, 1, {"user": "nobody"})
        for path, words in ((folder, "others than root may write"),
                            ("empty", "whole path"),
                            ("/nowhere", "No such file"),
                            (daemon.path, "no folder")):
            daemon.options["chroot"] = str(path)
            daemon.write()
            done = subprocess.run([program(), "-t", "-c", str(daemon.path)],
                                  capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
            self.assertEqual(done.returncode, 1, path)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
