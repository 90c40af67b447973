# SPDX-License-Identifier: Apache-2.0
"""A private Prosody with contrib/prosody's module, on loopback.

Everything lies in one temporary directory; the server is stopped by pid.
"""

import os
import pathlib
import signal
import socket
import subprocess
import time

from support import PATIENCE_S, free_port

ROOT = pathlib.Path(__file__).resolve().parents[3]
SECRET = "a secret of the tests"
DOMAIN = "xmpp.example"

CONFIGURATION = """
run_as_root = true
pidfile = "{directory}/prosody.pid"
data_path = "{directory}/data"
plugin_paths = {{
    "{root}/contrib/prosody", "{root}/tests/system/prosody"
}}
certificates = "{directory}"
log = {{ debug = "{directory}/prosody.log" }}
modules_enabled = {{
    "roster", "saslauth", "tls", "disco", "ping", "register", "presence",
    "message", "iq", "offline", "private", "admin_adhoc",
    "connection_manager", {modules}
}}
c2s_ports = {{ {c2s_ports} }}
c2s_direct_tls_ports = {{ {direct_ports} }}
interfaces = {{ "127.0.0.1" }}
s2s_ports = {{}}
admins = {{ "admin@{domain}" }}
authentication = "internal_hashed"
allow_registration = true
registration_throttle_max = nil
c2s_stanza_size_limit = 4 * 1024 * 1024
connection_manager_secret = "{secret}"
connection_manager_ports = {{ {port} }}
{extra}
VirtualHost "{domain}"
"""


def wait_for_port(port, seconds=PATIENCE_S, alive=lambda: True):
    """Returns when something listens; raises when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not alive():
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


def make_certificate(certificate, key, domain):
    """Self-signed, for `domain`."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
         "-keyout", str(key), "-out", str(certificate),
         "-days", "2", "-subj", f"/CN={domain}",
         "-addext", f"subjectAltName=DNS:{domain}"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Prosody:
    # Further arguments of Popen.
    spawn = {}

    def __init__(self, directory, extra="", modules="", domain=DOMAIN,
                 secret=SECRET, port=None, c2s_ports="", direct_ports=""):
        self.directory = pathlib.Path(directory)
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        self.domain, self.secret = domain, secret
        self.port = port or free_port()
        # Names under which Prosody looks for them.
        self.certificate = self.directory / f"{domain}.crt"
        self.key = self.directory / f"{domain}.key"
        make_certificate(self.certificate, self.key, domain)
        self.config = self.directory / "prosody.cfg.lua"
        self.config.write_text(CONFIGURATION.format(
            directory=self.directory, root=ROOT, domain=domain, secret=secret,
            port=self.port, extra=extra, modules=modules, c2s_ports=c2s_ports,
            direct_ports=direct_ports))
        self.process = None

    def start(self):
        self.output = open(self.directory / "prosody.out", "ab")
        self.process = subprocess.Popen(
            ["prosody", "--config", str(self.config), "-F"],
            stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.STDOUT, **self.spawn)
        wait_for_port(self.port, alive=lambda: self.process.poll() is None)
        return self

    def add_user(self, name, password, domain=None):
        """Before or after the start: accounts are files."""
        subprocess.run(
            ["prosodyctl", "--root", "--config", str(self.config), "register",
             name, domain or self.domain, password],
            check=True, stdin=subprocess.DEVNULL, stdout=self.output
            if self.process else subprocess.DEVNULL, stderr=subprocess.STDOUT)

    def terminate(self):
        """Begins an orderly stop."""
        self.process.send_signal(signal.SIGTERM)

    def await_end(self):
        """Of a process that was told to; fails when it did not end well."""
        status = self.process.wait(PATIENCE_S)
        self.stop()
        if status:
            raise AssertionError(f"Prosody ended with status {status}")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process:
            self.output.close()
        self.process = None

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.output.close()
        self.process = None

    def log(self):
        path = self.directory / "prosody.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def wait_for_log(self, text, seconds=PATIENCE_S, times=1):
        end = time.monotonic() + seconds
        while self.log().count(text) < times:
            if time.monotonic() > end:
                raise AssertionError(f"Prosody never logged {text!r}")
            time.sleep(0.02)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
