# SPDX-License-Identifier: Apache-2.0
"""A name server on 127.0.0.1, and this machine's files that name hosts and
servers, as a test wants them."""

import ctypes
import socket
import struct
import threading

CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 4096, 16384, 1 << 18
A, SRV = 1, 33


def encode(name):
    return b"".join(bytes([len(part)]) + part.encode()
                    for part in name.split(".")) + b"\0"


class NameServer(threading.Thread):
    """records: (name, type) -> data of the answer; asked: what was. Each test
    has a network of its own, so it may be port 53."""

    def __init__(self, records, port=0):
        super().__init__(daemon=True)
        self.records, self.asked = records, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", port))
        self.port = self.socket.getsockname()[1]
        self.start()

    @staticmethod
    def question(packet):
        at, parts = 12, []
        while packet[at]:
            parts.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        kind = struct.unpack("!H", packet[at + 1:at + 3])[0]
        return ".".join(parts).lower(), kind, packet[12:at + 5]

    def run(self):
        while True:
            try:
                packet, peer = self.socket.recvfrom(512)
            except OSError:
                return
            name, kind, raw = self.question(packet)
            self.asked.append((name, kind))
            data = self.records.get((name, kind))
            known = data or any(name == key[0] for key in self.records)
            answer = b"" if data is None else (
                b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(data))
                + data)
            self.socket.sendto(
                packet[:2] + struct.pack("!HHHHH", 0x8180 | (not known) * 3,
                                         1, data is not None, 0, 0)
                + raw + answer, peer)

    def close(self):
        self.socket.close()


def address(text):
    return socket.inet_aton(text)


def service(host, port):
    return struct.pack("!HHH", 0, 0, port) + encode(host)


def seeing(**files):
    """For Popen's preexec_fn: a process to which /etc/NAME is another file, as
    hosts=PATH, resolv_conf=PATH says. Later changes of those are seen, too."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = {"hosts": b"/etc/hosts", "resolv_conf": b"/etc/resolv.conf"}

    def mount():
        done = libc.unshare(CLONE_NEWNS) or libc.mount(
            None, b"/", None, MS_REC | MS_PRIVATE, None)
        for name, path in files.items():
            done = done or libc.mount(str(path).encode(), names[name], None,
                                      MS_BIND, None)
        if done:
            raise OSError(ctypes.get_errno(), "no mounts of its own")

    return mount
