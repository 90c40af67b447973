# SPDX-License-Identifier: Apache-2.0
"""The daemon's shared memory, from outside: a cursor or a byte of it may be
made anything at all. Offsets are those of common/shm/region_layout.h."""

import struct

from processes import read_process_file

PAGE = 4096
ROW = 2 * PAGE  # of the statistics and recent errors of a process
LINK_REPORTS = 6 * PAGE
SERVER_STATE = 16 + 2 * (16 + 64 * 1040)  # two copies, 64 domains each
LANES = 16
JOURNAL = 512 * 1024  # of a link
LINE = 64  # a cursor has a cache line of its own
LANE_ENTRIES = 16384  # of a lane's log, a line each

# What the master tells operators: of itself, and of each place of a process.
MASTER_STATE = 64
PLACE = 48

# In a worker's page.
UP_HEAD = LINE
DOWN_SENT = UP_HEAD + LANES * LINE
DOWN_TAIL = DOWN_SENT + LINE
# In upstream's page of the same pair.
UP_SENT = LINE
UP_TAIL = UP_SENT + LANES * LINE
DOWN_HEAD = UP_TAIL + LANES * LINE


def pages(size):
    """As many bytes in whole pages."""
    return -(-size // PAGE) * PAGE


def maps(pid):
    """(address, offset in the region, bytes, writable) of each mapping."""
    found = []
    lines = read_process_file(pid, "maps") or b""  # it has just ended
    for line in lines.decode().splitlines():
        words = line.split()
        if "memfd:cmanager" not in line:
            continue
        first, last = (int(word, 16) for word in words[0].split("-"))
        found.append((first, int(words[2], 16), last - first,
                      words[1][1] == "w"))
    return found


class Region:
    """Written through the master, which maps all of it."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.base, _, self.bytes, _ = maps(daemon.process.pid)[0]
        upstream = [at for at in maps(daemon.upstream()) if at[3]]
        # Its row of the statistics is the last of all, behind the header.
        self.stats = upstream[0][1]
        self.partitions = (self.stats - PAGE) // ROW - 2
        self.pairs = (self.stats + ROW + pages(SERVER_STATE) + LINK_REPORTS
                      + PAGE)
        self.lanes = upstream[1][1]
        # Of the header's geometry, behind two ring sizes.
        self.lane_bytes = self.word(40)
        self.lane_part = PAGE + LANE_ENTRIES * LINE + self.lane_bytes

    def layout(self):
        """name -> (offset, bytes of a part, parts) of each area, as
        common/shm/view.h lists them."""
        n, slots, up, down, lane, ctl, queue, arena, receive = struct.unpack(
            "<II7Q", self.read(16, 64))
        each = [("header", PAGE, 1), ("stats", ROW, n + 3),
                ("server state", SERVER_STATE, 1),
                ("link reports", LINK_REPORTS, 1),
                ("upstream control", PAGE, 1), ("pair", PAGE, n),
                ("routing", 8 * slots, n), ("down data", down, n),
                ("worker", PAGE, n), ("slots", 16 * slots, n),
                ("info", 80 * slots, n), ("arena", arena, n),
                ("queue", queue, n), ("up data", up * LANES, n),
                ("lanes", PAGE + LANE_ENTRIES * LINE + lane, LANES),
                ("ctl cursors", PAGE, 1), ("ctl data", ctl, LANES),
                ("link", JOURNAL, LANES),
                ("suspects", 16 * 8 * LANES, 1), ("links memory", PAGE, 1),
                ("receive", receive, LANES),
                ("master state", MASTER_STATE + (n + 2) * PLACE + n, 1),
                ("control", PAGE, 1)]
        found, offset = {}, 0
        for name, part, count in each:
            part = pages(part)
            found[name] = (offset, part, count)
            offset += part * count
        return found

    def worker_page(self, pid):
        """Of a worker's writable parts the first is its statistics' row."""
        return [at for at in maps(pid) if at[3]][1][1]

    def down_ring(self, pid):
        """Where it lies and how large it is: the last that a worker reads
        only."""
        return [at for at in maps(pid) if not at[3]][-1][1:3]

    def partition_of(self, pid):
        return ([at for at in maps(pid) if at[3]][0][1] - PAGE) // ROW

    def partitions_of(self, pids):
        """Of those workers that have their own parts alone: not yet of one
        just born, nor of one that has just ended."""
        written = [[at for at in maps(pid) if at[3]] for pid in pids]
        return [(parts[0][1] - PAGE) // ROW for parts in written
                if parts and parts[0][1] and parts[0][2] == ROW]

    def pair_page(self, partition):
        return self.pairs + partition * PAGE

    def areas(self):
        """(offset, bytes) of what a worker, and what upstream, writes: as much
        of each part as a few sessions use."""
        found = [(self.stats, 512),                    # statistics
                 (self.stats + ROW, 1100),             # the server's state
                 (self.stats + ROW + PAGE, 1024),      # link reports
                 (self.pairs - PAGE, 16)]
        found += [(self.lane(lane), 3 * LINE) for lane in range(LANES)]
        for pid in self.daemon.workers():
            mine = maps(pid)
            found += [(at[1], min(at[2], 2048)) for at in mine if at[3]]
            # Its half of upstream's page, routing, down ring.
            found += [(at[1], min(at[2], 2048)) for at in mine
                      if not at[3]][-3:]
        return found

    def lane(self, lane):
        """Where its log lies: cursors, entries, bytes."""
        return self.lanes + lane * self.lane_part

    def lane_parts(self, lane):
        """Its cursors, the entries of last, and the bytes of the newest."""
        at = self.lane(lane)
        entries = at + PAGE
        head = self.word(at)
        last = head // 16 * 16 % LANE_ENTRIES
        newest = entries + (head - 1) % LANE_ENTRIES * LINE
        place = self.word(newest + 8) % self.lane_bytes // 1024 * 1024
        return [(at, 3 * LINE), (entries + last * LINE, 16 * LINE),
                (entries + LANE_ENTRIES * LINE + place, 1024)]

    def lane_cursors(self):
        return [self.lane(lane) + LINE * n
                for lane in range(LANES) for n in range(3)]

    def unconfirmed_entries(self):
        """Where the oldest entry of each lane lies that has one."""
        found = []
        for lane in range(LANES):
            at = self.lane(lane)
            head, tail = self.word(at), self.word(at + 2 * LINE)
            if head != tail:
                found.append(at + PAGE + tail % LANE_ENTRIES * LINE)
        return found

    def read(self, offset, size=8):
        with open(f"/proc/{self.daemon.process.pid}/mem", "rb") as memory:
            memory.seek(self.base + offset)
            return memory.read(size)

    def write(self, offset, data):
        with open(f"/proc/{self.daemon.process.pid}/mem", "r+b",
                  buffering=0) as memory:
            memory.seek(self.base + offset)
            memory.write(data)

    def word(self, offset):
        return struct.unpack("<Q", self.read(offset))[0]

    def set_word(self, offset, value):
        self.write(offset, struct.pack("<Q", value & (1 << 64) - 1))
