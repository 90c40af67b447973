# SPDX-License-Identifier: Apache-2.0
"""What a process has in its memory, and the many shapes of a private key."""

import base64
import os
import re
import struct
import subprocess

PAGE = os.sysconf("SC_PAGE_SIZE")
# AddressSanitizer's shadow is larger; no byte of the program is in it.
LARGEST = 1 << 36
PIECE = 1 << 22
THERE = 3 << 62  # /proc/PID/pagemap: present, or swapped out


def _areas(pid):
    """Start and end of what can be read; a program's own text is not the
    process's."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        for line in maps:
            span, rights = line.split()[:2]
            start, end = (int(word, 16) for word in span.split("-"))
            of_a_file = rights[1:] in ("--p", "-xp") and "/" in line
            if rights[0] == "r" and end - start < LARGEST and \
                    "[v" not in line and not of_a_file:
                yield start, end


def runs(pagemap, start, end):
    """Pages in a row that are there; those never touched are not made."""
    run = None
    for at in range(start, end, PIECE):
        count = (min(at + PIECE, end) - at) // PAGE
        entries = os.pread(pagemap, count * 8, at // PAGE * 8)
        for number, (entry,) in enumerate(struct.iter_unpack("Q", entries)):
            here = at + number * PAGE
            if entry & THERE and run is None:
                run = here
            elif not entry & THERE and run is not None:
                yield run, here
                run = None
    if run is not None:
        yield run, end


def memory(pid):
    """All pages of the process, one bytes object for each run of them."""
    mem = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    pagemap = os.open(f"/proc/{pid}/pagemap", os.O_RDONLY)
    try:
        for start, end in _areas(pid):
            for first, last in runs(pagemap, start, end):
                try:
                    yield os.pread(mem, last - first, first)
                except OSError:  # it has gone meanwhile
                    continue
    finally:
        os.close(mem)
        os.close(pagemap)


WORD = struct.calcsize("Q")


def _may_be_in(shape, words):
    """Where so many bytes lie, one of the memory's words is all of theirs."""
    return len(shape) < 2 * WORD - 1 or any(
        struct.unpack_from("Q", shape, at)[0] in words for at in range(WORD))


def found(pid, needles):
    """Names of those that are in the memory; needles: name -> [bytes]."""
    names = set()
    for piece in memory(pid):
        words = set(memoryview(piece).cast("Q"))
        names |= {name for name, shapes in needles.items()
                  if any(_may_be_in(shape, words) and shape in piece
                         for shape in shapes)}
    return names


def text_shapes(text):
    """The whole, and halves that a partial overwriting leaves."""
    raw = text.encode()
    return [raw[:len(raw) // 2], raw[len(raw) // 2:]]


def _numbers(key):
    """The secret numbers of a key, as openssl shows them."""
    text = subprocess.run(
        ["openssl", "pkey", "-in", key, "-noout", "-text"],
        capture_output=True, text=True, check=True).stdout
    for name in ("privateExponent", "prime1", "prime2", "priv"):
        lines = re.search(rf"^{name}:\n((?:    .*\n)+)", text, re.M)
        if lines:
            yield bytes.fromhex(re.sub(r"[\s:]", "", lines.group(1)))


def _base64_pieces(raw):
    """What any PEM around `raw` has of it, wherever its lines begin; where one
    breaks, one of two pieces is whole."""
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + raw)[4 if shift else 0:-4]
        yield text[:15]
        yield text[15:30]


def _pem(path, least=0):
    """Its lines, and what they stand for; a short key has little that is not
    in every other, too."""
    with open(path, encoding="ascii") as file:
        lines = [line.strip() for line in file if "-" not in line]
    body = base64.b64decode("".join(
        line for line in lines if ":" not in line))
    shapes = [line.encode()[8:40] for line in lines[::3] if len(line) == 64]
    if len(body) > least:
        shapes += [body[at:at + 24] for at in range(40, len(body) - 24, 223)]
    return shapes


def locked_shapes(path):
    """What a password opens, not what it finds there."""
    return _pem(path)


def key_shapes(path):
    """The file, the secret numbers in network order and as a number's words in
    memory, and what any other PEM has of them."""
    numbers = [number.lstrip(b"\0") for number in _numbers(path)]
    shapes = _pem(path, least=200) + list(_base64_pieces(numbers[0]))
    for number in numbers:
        middle = len(number) // 2
        for order in (number, number[::-1]):
            shapes += [order[4:24], order[middle - 8:middle + 8]]
    return shapes


def file_shapes(path):
    """Pieces of a file throughout."""
    with open(path, "rb") as file:
        data = file.read()
    return [data[at:at + 24] for at in range(32, len(data) - 24, 331)]
