#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""contrib/container: that the files for compose and Kubernetes can be read and
speak of our options and ports; with CONTAINER=long also the image: what is in
it, and a log-in through it in namespaces of its own."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import urllib.request
import xml.etree.ElementTree as ElementTree

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from container import USER, Container  # noqa: E402
from daemon import BUILD, program  # noqa: E402
from fake_openfire import FakeOpenfire  # noqa: E402
from support import PATIENCE_S, certificate, free_ports, has_failed  # noqa: E402
from xmpp_client import Client  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = ROOT / "contrib" / "container"
LONG = os.environ.get("CONTAINER") == "long"


def value(text, path):
    """Of a manager.xml, or of our sample with its defaults."""
    found = ElementTree.fromstring(text).findtext(path.replace(".", "/"))
    return found.strip() if found else None


SAMPLE = (ROOT / "conf" / "manager.xml").read_text()
PLAIN = int(value(SAMPLE, "xmpp.socket.default.port"))
DIRECT = int(value(SAMPLE, "xmpp.socket.ssl.port"))
LINK = int(value(SAMPLE, "xmpp.port"))


def margin_s(file, name):
    """What the master allows beside the options."""
    found = re.search(rf"#define {name} +([0-9.]+)",
                      (ROOT / "master" / file).read_text())
    return float(found.group(1))


def stop_s(text=SAMPLE):
    """The longest orderly stop: workers, then upstream, then control."""
    option = value(text, "stop.timeout") or value(SAMPLE, "stop.timeout")
    return (2 * float(option)
            + margin_s("supervisor_stages.c", "UPSTREAM_MARGIN_S")
            + margin_s("supervisor_stages.c", "CONTROL_STOP_S"))


def drain_and_stop_s(text):
    """With the drain before it."""
    def number(path):
        return float(value(text, path) or value(SAMPLE, path))

    return (number("drain.delay") + number("drain.window")
            + number("connection.ack.timeout") / 1000
            + margin_s("supervisor.c", "DRAIN_MARGIN_S") + stop_s(text))


class Manifests(unittest.TestCase):
    """They are read, and no more than that."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)
        self.kinds = {}
        for part in yaml.safe_load_all(
                (FILES / "kubernetes.yaml").read_text()):
            self.kinds.setdefault(part["kind"], []).append(part)
        self.pod = self.kinds["StatefulSet"][0]["spec"]["template"]["spec"]
        self.container, = self.pod["containers"]
        self.services = yaml.safe_load(
            (FILES / "compose.yaml").read_text())["services"]

    def check(self, text, arguments):
        """The daemon finds no fault with it and knows every option."""
        cert, key = certificate(self.folder)
        text = re.sub(r"[\w/.-]*tls\.crt", cert, text)
        text = re.sub(r"[\w/.-]*tls\.key", key, text)
        token = self.folder / "token"
        token.write_text(self.kinds["Secret"][0]["stringData"]["token"])
        token.chmod(0o600)
        path = self.folder / "manager.xml"
        path.write_text(text)
        path.chmod(0o600)
        done = subprocess.run([program(), "-t", *arguments, "-c", str(path)],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("unknown", done.stderr)
        self.assertNotIn("no effect", done.stderr)
        self.assertNotIn("/metrics is refused", done.stderr)

    def image_user(self):
        return int(re.search(r"(?m)^uid=(\d+)",
                             (FILES / "build").read_text()).group(1))

    def test_the_pods_configuration_is_ours(self):
        secret, = self.kinds["Secret"]
        text = secret["stringData"]["manager.xml"]
        name = self.container["env"][0]
        self.assertEqual(name["valueFrom"]["fieldRef"]["fieldPath"],
                         "metadata.name")
        self.check(text, [word.replace(f"$({name['name']})", "cmanager-0")
                          for word in self.container["args"]])
        self.assertEqual(int(value(text, "xmpp.port")), LINK)
        window = int(value(text, "drain.window"))
        order = self.container["lifecycle"]["preStop"]["exec"]["command"]
        self.assertEqual(order[1:], ["drain", "all", str(window), "wait"])
        self.assertGreater(self.pod["terminationGracePeriodSeconds"],
                           drain_and_stop_s(text))

    def test_the_pods_ports_and_probes_are_ours(self):
        ports = {port["name"]: port["containerPort"]
                 for port in self.container["ports"]}
        self.assertEqual((ports["xmpp-client"], ports["xmpps-client"]),
                         (PLAIN, DIRECT))
        text = self.kinds["Secret"][0]["stringData"]["manager.xml"]
        self.assertEqual(ports["http"], int(value(text, "http.port")))
        self.assertEqual(value(text, "http.address"), "0.0.0.0")
        self.assertIsNotNone(value(text, "http.certificate"))
        for probe, path in (("readinessProbe", "/ready"),
                            ("livenessProbe", "/health")):
            asked = self.container[probe]["httpGet"]
            self.assertEqual((asked["path"], asked["scheme"]),
                             (path, "HTTPS"))
        for service in self.kinds["Service"]:
            for port in service["spec"]["ports"]:
                self.assertEqual(ports[port["targetPort"]], port["port"])

    def test_the_pods_belong_together(self):
        state, = self.kinds["StatefulSet"]
        labels = state["spec"]["template"]["metadata"]["labels"]
        budget, = self.kinds["PodDisruptionBudget"]
        for selector in (state["spec"]["selector"]["matchLabels"],
                         budget["spec"]["selector"]["matchLabels"],
                         *(service["spec"]["selector"]
                           for service in self.kinds["Service"])):
            self.assertEqual(selector, labels)
        heads = [service["metadata"]["name"]
                 for service in self.kinds["Service"]
                 if service["spec"].get("clusterIP") == "None"]
        self.assertEqual(heads, [state["spec"]["serviceName"]])
        self.assertEqual({mount["name"]
                          for mount in self.container["volumeMounts"]},
                         {volume["name"] for volume in self.pod["volumes"]})

    def test_the_pods_have_no_rights(self):
        whole, own = self.pod["securityContext"], \
            self.container["securityContext"]
        self.assertTrue(whole["runAsNonRoot"])
        self.assertEqual({whole["runAsUser"], whole["runAsGroup"],
                          whole["fsGroup"]}, {self.image_user()})
        self.assertTrue(own["readOnlyRootFilesystem"])
        self.assertFalse(own["allowPrivilegeEscalation"])
        self.assertEqual(own["capabilities"], {"drop": ["ALL"]})

    def test_systemd_waits_for_an_orderly_stop(self):
        unit = (ROOT / "contrib/systemd/cmanagerd.service").read_text()
        self.assertNotIn("\nKillSignal=", unit)  # SIGTERM: nothing is drained
        self.assertGreater(int(re.search(r"TimeoutStopSec=(\d+)",
                                         unit).group(1)), stop_s())

    def test_compose_speaks_of_ours(self):
        ours = self.services["cmanager"]
        text = (FILES / "manager.xml").read_text()
        self.check(text, ours["command"])
        published = {int(port.split(":")[-1]) for port in ours["ports"]}
        self.assertEqual(published, {PLAIN, DIRECT,
                                     int(value(text, "http.port"))})
        self.assertEqual(ours["stop_signal"], "SIGQUIT")
        self.assertGreater(int(ours["stop_grace_period"].rstrip("s")),
                           drain_and_stop_s(text))
        self.assertEqual(self.services["openfire"]["expose"], [str(LINK)])
        self.assertIn(value(text, "xmpp.hostname"), self.services)
        self.assertEqual(ours["user"], f"{self.image_user()}:"
                                       f"{self.image_user()}")
        self.assertTrue(ours["read_only"])
        self.assertEqual(ours["cap_drop"], ["ALL"])
        self.assertEqual(ours["stop_signal"], "SIGQUIT")


@unittest.skipUnless(LONG, "CONTAINER=long")
@unittest.skipIf(os.geteuid() != 0, "only root can make the namespaces")
class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([str(FILES / "build"), str(BUILD / "container")],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        cls.made = [pathlib.Path(line)
                    for line in done.stdout.splitlines()]

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="cm-container-",
                                                dir="/var/tmp")
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def test_it_holds_the_packages_files_and_their_libraries_alone(self):
        with tarfile.open(self.made[0]) as tar:
            members = {member.name: member for member in tar}
        programs = {name for name, member in members.items()
                    if member.isfile() and member.mode & 0o111
                    and ".so" not in name}
        self.assertEqual(programs, {"./usr/sbin/cmanagerd", "./usr/bin/cmctl"})
        writable = {name for name, member in members.items()
                    if member.uid == USER}
        self.assertEqual(writable, {"./run/cmanager", "./var/lib/cmanager"})
        for name, member in members.items():
            self.assertFalse(member.mode & 0o6022 and not member.issym(), name)
            self.assertIn(member.uid, (0, USER), name)
            self.assertRegex(
                name, r"^\.$|^\./(etc|usr|var|run|proc|dev|sys|lib|lib64)\b")
        self.assertIn("./usr/share/doc/libgnutls30/copyright", members)

    @unittest.skipUnless(shutil.which("buildah"), "no buildah")
    def test_the_image_says_how_it_is_run(self):
        with tarfile.open(self.made[1]) as tar:
            def read(digest):
                return json.load(tar.extractfile(
                    "blobs/" + digest.replace(":", "/")))
            index = json.load(tar.extractfile("index.json"))
            manifest = read(index["manifests"][0]["digest"])
            config = read(manifest["config"]["digest"])["config"]
            self.assertEqual(len(manifest["layers"]), 1)
        self.assertEqual(config["User"], f"{USER}:{USER}")
        self.assertEqual(config["Entrypoint"], ["/usr/sbin/cmanagerd", "-f"])
        self.assertNotIn("Cmd", config)
        self.assertEqual(set(config["ExposedPorts"]),
                         {f"{PLAIN}/tcp", f"{DIRECT}/tcp"})
        self.assertEqual(set(config["Volumes"]),
                         {"/run/cmanager", "/var/lib/cmanager"})

    def begin(self):
        (self.folder / "root").mkdir()
        with tarfile.open(self.made[0]) as tar:
            tar.extractall(self.folder / "root", numeric_owner=True)
        cert, key = certificate(self.folder)
        self.server = FakeOpenfire(self.folder, "5.1", certificate=(cert, key))
        self.addCleanup(self.server.stop)
        self.plain, self.direct, self.http = free_ports(3)
        self.container = Container(self.folder, {
            "xmpp.domain": "xmpp.example", "xmpp.hostname": "127.0.0.1",
            "xmpp.port": self.server.port, "xmpp.password": "s3cr3t",
            "xmpp.server.tls": "none", "xmpp.manager.name": "file",
            "xmpp.socket.default.port": self.plain,
            "xmpp.socket.ssl.port": self.direct,
            "xmpp.socket.ssl.certificate": pathlib.Path(cert).name,
            "xmpp.socket.ssl.key": pathlib.Path(key).name,
            "workers.count": 2, "http.port": self.http, "log.level": "debug"})
        self.addCleanup(self.container.kill)
        self.addCleanup(self.show_log)
        self.container.start("-D", "xmpp.manager.name=cm-0")
        self.server.wait("links_ready", "=", 5)

    def show_log(self):
        if has_failed(self):
            sys.stderr.write(self.container.log.read_text()[-8000:])

    def ready(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/ready",
                                    timeout=PATIENCE_S) as answer:
            return answer.read().decode()

    def until_gone(self, pid):
        end = time.monotonic() + PATIENCE_S
        while self.container.proc("stat", pid).exists():
            self.assertLess(time.monotonic(), end,
                            self.container.proc("status", pid).read_text())
            time.sleep(0.02)

    def test_it_serves_as_the_first_process_and_stops_in_order(self):
        self.begin()
        client = Client(self.direct, True)
        self.addCleanup(client.close)
        client.login("alice")
        client.ping()
        self.assertEqual(self.ready(), "ready\n")
        self.assert_has_no_powers()
        self.assert_tool_works_and_no_shell()
        self.assert_takes_in_orphans()
        done = self.container.run("/usr/bin/cmctl", "drain", "all", "1",
                                  "wait")
        self.assertEqual(done.returncode, 0, done)
        client.expect("</stream:stream>")
        self.server.wait("sessions", "=", 0)
        self.assertEqual(self.container.stop(), 0)
        self.assertIn("signal=TERM", self.container.log.read_text())

    def assert_has_no_powers(self):
        """The first process is of a user without any capability, on a root
        that nobody can write to."""
        status = self.container.proc("status").read_text()
        self.assertIn(f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}\n", status)
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertIn(f"{kind}:\t0000000000000000\n", status)
        self.assertRegex(self.container.proc("mounts").read_text(),
                         r"(?m)^\S+ / \S+ ro[, ]")

    def assert_tool_works_and_no_shell(self):
        done = self.container.run("/usr/bin/cmctl", "-j", "show", "info")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(json.loads(done.stdout)["name"], "cm-0")
        for shell in ("/bin/sh", "/usr/bin/sh", "/bin/bash"):
            self.assertNotEqual(self.container.run(shell).returncode, 0)

    def assert_takes_in_orphans(self):
        """Who loses the parent comes to it and does not stay."""
        pid, pipe = self.container.orphan()
        self.assertIn("\nPPid:\t1\n",
                      self.container.proc("status", pid).read_text())
        os.close(pipe)
        self.until_gone(pid)
        self.container.wait_for_log(f"an orphan has ended pid={pid}")


if __name__ == "__main__":
    unittest.main()
