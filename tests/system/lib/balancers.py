# SPDX-License-Identifier: Apache-2.0
"""Load balancers from Debian in front of a daemon: HAProxy and Hitch, in the
foreground, on private ports, ended by pid."""

import pathlib
import subprocess

from prosody_server import wait_for_port
from support import PATIENCE_S, free_port

HAPROXY = """
global
    log stderr local0 info
defaults
    mode tcp
    timeout connect 10s
    timeout client 120s
    timeout server 120s
listen clients
    bind 127.0.0.1:{port} {bind}
    {lines}
    server manager 127.0.0.1:{target} {server}
"""


class Balancer:
    """Clients connect to `port`."""

    def __init__(self, directory, command):
        self.out = open(pathlib.Path(directory) / "balancer.out", "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.out)
        wait_for_port(self.port, alive=lambda: self.process.poll() is None)

    def stop(self):
        self.process.kill()
        self.process.wait(PATIENCE_S)
        self.out.close()


class HAProxy(Balancer):
    """`server` and `bind` are its options of those names; with `pem`,
    certificate and key, it speaks TLS with the clients."""

    def __init__(self, directory, target, server, bind="", pem=None, lines=""):
        self.port = free_port()
        if pem:
            bind += f" ssl crt {pem}"
        config = pathlib.Path(directory) / f"haproxy-{self.port}.cfg"
        config.write_text(HAPROXY.format(port=self.port, bind=bind,
                                         target=target, server=server,
                                         lines=lines))
        super().__init__(directory, ["haproxy", "-db", "-f", str(config)])


class Hitch(Balancer):
    """It speaks TLS with the clients; `version` of the PROXY protocol."""

    def __init__(self, directory, target, pem, version):
        self.port = free_port()
        super().__init__(directory, [
            "hitch", f"--frontend=[127.0.0.1]:{self.port}",
            f"--backend=[127.0.0.1]:{target}", f"--write-proxy-v{version}",
            "--user=nobody", "--workers=1", str(pem)])
