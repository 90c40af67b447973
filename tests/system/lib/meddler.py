# SPDX-License-Identifier: Apache-2.0
"""A man in the middle of the links: passes on what daemon and server say, in
pieces of any size, and puts words of its own between the server's items."""

import random
import re
import selectors
import socket
import struct
import threading
from xml.parsers import expat

from support import PATIENCE_S

STREAMID = re.compile(rb"streamid=['\"]([^'\"]+)['\"]")
WAITING_MAX = 1 << 20  # bytes for one side, before the other is read again
SPARED = 3  # items of each link: its handshake and configuration
CUT = None  # among the words: resets the link


TAIL = 4096  # bytes, longer than any tag of an end


class Boundaries:
    """Where items of a server's stream end."""

    def __init__(self):
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.depth = self.seen = 0
        self.ends, self.tail = [], b""

    def start(self, *_):
        self.depth += 1

    def end(self, *_):
        self.depth -= 1
        if self.depth == 1:
            self.ends.append(self.parser.CurrentByteIndex)

    def of(self, data):
        """Behind each item that ends in `data`, which comes next. The parser
        may tell of an end long after it came; then nobody can use it."""
        near, self.ends = self.tail + data, []
        base = self.seen - len(self.tail)
        passed = len(self.tail)
        self.seen += len(data)
        self.tail = near[-TAIL:]
        self.parser.Parse(data, False)
        ends = [near.find(b">", tag - base) + 1 - passed
                for tag in self.ends if tag >= base]
        return [end for end in ends if end > 0]


class Pipe:
    """One link: `near` is the daemon, `far` the server."""

    def __init__(self, near, far):
        self.sockets = {"near": near, "far": far}
        self.waiting = {"near": b"", "far": b""}
        self.ended = {"near": False, "far": False}
        self.boundaries = Boundaries()
        self.items = 0
        self.spoilt = False  # nothing is put in any more

    def events(self, side):
        other = "far" if side == "near" else "near"
        mask = selectors.EVENT_WRITE if self.waiting[side] else 0
        if not self.ended[side] and len(self.waiting[other]) < WAITING_MAX:
            mask |= selectors.EVENT_READ
        return mask


class Meddler(threading.Thread):
    """`words(meddler, pipe)` is asked behind each item while `on`: bytes to
    put in, b"", or CUT. `streamids`: the latest that the daemon used."""

    def __init__(self, server_port, words, seed):
        super().__init__(daemon=True)
        self.server_port, self.words = server_port, words
        self.chance = random.Random(seed)
        self.on, self.inserted, self.streamids = False, 0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.pipes, self.leaving = {}, False

    def run(self):
        while not self.leaving:
            for key, events in self.selector.select(0.1):
                if key.data is None:
                    self.accept()
                elif key.data[0] in self.pipes:
                    self.pump(*key.data, events)
        for pipe in list(self.pipes):
            self.close(pipe)
        self.listener.close()
        self.selector.close()

    def stop(self):
        self.leaving = True
        self.join()

    def accept(self):
        near = self.listener.accept()[0]
        try:
            far = socket.create_connection(("127.0.0.1", self.server_port),
                                           PATIENCE_S)
        except OSError:
            near.close()
            return
        pipe = Pipe(near, far)
        self.pipes[pipe] = {}
        for end in (near, far):
            end.setblocking(False)
        self.watch(pipe)

    def watch(self, pipe):
        """A selector knows no empty mask."""
        for side, end in pipe.sockets.items():
            mask, known = pipe.events(side), self.pipes[pipe].get(side, 0)
            if mask and known:
                self.selector.modify(end, mask, (pipe, side))
            elif mask:
                self.selector.register(end, mask, (pipe, side))
            elif known:
                self.selector.unregister(end)
            self.pipes[pipe][side] = mask

    def close(self, pipe, reset=False):
        for side, mask in self.pipes.pop(pipe).items():
            if mask:
                self.selector.unregister(pipe.sockets[side])
        for end in pipe.sockets.values():
            if reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
            end.close()

    @staticmethod
    def acknowledge(end):
        """What was read, now: the stand-in sends again what its kernel has no
        acknowledgement of when a link dies."""
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def pump(self, pipe, side, events):
        other = "far" if side == "near" else "near"
        try:
            if events & selectors.EVENT_READ:
                data = pipe.sockets[side].recv(65536)
                self.acknowledge(pipe.sockets[side])
                pipe.ended[side] = not data
                if not self.take(pipe, side, other, data):
                    return
            self.write(pipe, side)
            self.write(pipe, other)
        except OSError:
            self.close(pipe)
            return
        if any(pipe.ended[one] and not pipe.waiting[two]
               for one, two in (("near", "far"), ("far", "near"))):
            self.close(pipe)
        else:
            self.watch(pipe)

    def take(self, pipe, side, other, data):
        """False when the link is no more."""
        if side == "near":
            self.streamids = (self.streamids + STREAMID.findall(data))[-400:]
        elif not pipe.spoilt:
            data = self.meddle(pipe, data)
            if data is CUT:
                self.close(pipe, reset=True)
                return False
        pipe.waiting[other] += data
        return True

    def meddle(self, pipe, data):
        out, at = b"", 0
        for end in pipe.boundaries.of(data):
            out, at = out + data[at:end], end
            pipe.items += 1
            if not self.on or pipe.spoilt or pipe.items <= SPARED:
                continue
            words = self.words(self, pipe)
            self.inserted += words != b""
            if words is CUT:
                return CUT
            out += words
        return out + data[at:]

    def write(self, pipe, side):
        waiting = pipe.waiting[side]
        if not waiting:
            return
        size = self.chance.choice((len(waiting),
                                   self.chance.randint(1, len(waiting))))
        try:
            sent = pipe.sockets[side].send(waiting[:size])
        except BlockingIOError:
            return
        pipe.waiting[side] = waiting[sent:]
