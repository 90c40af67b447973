# SPDX-License-Identifier: Apache-2.0
"""A host of its own on a wire to this one: a network namespace behind a pair
of virtual interfaces. Needs root."""

import ctypes
import os
import socket
import subprocess

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class FarHost:
    """`here` and `there` are the wire's two addresses."""

    def __init__(self, number=None):
        number = os.getpid() % 16000 if number is None else number
        self.name = f"cm{number}"
        net = f"10.203.{number // 64}.{number % 64 * 4}"
        base = net.rsplit(".", 1)[0], int(net.rsplit(".", 1)[1])
        self.here = f"{base[0]}.{base[1] + 1}"
        self.there = f"{base[0]}.{base[1] + 2}"
        ip("netns", "add", self.name)
        ip("link", "add", self.name + "h", "type", "veth", "peer", "name",
           self.name + "p", "netns", self.name)
        ip("addr", "add", self.here + "/30", "dev", self.name + "h")
        ip("link", "set", self.name + "h", "up")
        self.inside("addr", "add", self.there + "/30", "dev", self.name + "p")
        self.inside("link", "set", self.name + "p", "up")

    def inside(self, *arguments):
        ip("-n", self.name, *arguments)

    def socket(self):
        """A TCP socket of that host."""
        with open("/proc/self/ns/net", "rb") as ours, \
                open(f"/run/netns/{self.name}", "rb") as theirs:
            self.enter(theirs)
            try:
                return socket.socket()
            finally:
                self.enter(ours)

    @staticmethod
    def enter(namespace):
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def fall_silent(self):
        """Nothing that it sends arrives any more; what is sent to it does."""
        self.inside("route", "replace", "blackhole", self.here + "/32")

    def remove(self):
        ip("link", "delete", self.name + "h")
        ip("netns", "delete", self.name)
