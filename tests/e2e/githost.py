#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A git host that misbehaves, over TLS: githost.py PORT CERT KEY. The first folder of the path says how."""
import hashlib
import socket
import ssl
import struct
import sys
import threading
import time
import zlib

PORT, CERT, KEY = int(sys.argv[1]), sys.argv[2], sys.argv[3]
OID = "1" * 40


def line(text):
    return b"%04x" % (len(text) + 4) + text


def refs(n=1):
    head = OID.encode() + b" refs/heads/main\0ofs-delta\n"
    more = b"".join(line(b"%040x refs/heads/b%07d\n" % (i + 2, i)) for i in range(n - 1))
    return line(b"# service=git-upload-pack\n") + b"0000" + line(head) + more + b"0000"


def entry(kind, size):
    first, size = kind << 4 | size & 15, size >> 4
    out = []
    while size:
        out.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    return bytes(out + [first])


def number(n):
    out = []
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out + [n])


def pack(objects, count=None):
    data = b"PACK" + struct.pack(">II", 2, len(objects) if count is None else count) + b"".join(objects)
    return data + hashlib.sha1(data).digest()


def amplified():
    """A small base and a delta that copies it over and over: 177 bytes or so unfold to 1 GB."""
    base, times = b"A" * 65536, 16000
    oid = hashlib.sha1(b"blob %d\0" % len(base) + base).digest()
    delta = number(len(base)) + number(len(base) * times) + b"\x80" * times
    return pack([entry(3, len(base)) + zlib.compress(base), entry(7, len(delta)) + oid + zlib.compress(delta, 9)])


def answer(c, body, kind):
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-%s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body)) + body)


def serve(c):
    data = b""
    while b"\r\n\r\n" not in data:
        got = c.recv(65536)
        if not got:
            return
        data += got
    head, _, body = data.partition(b"\r\n\r\n")
    path = head.split()[1].decode()
    mode = path.split("/")[1]
    if head.startswith(b"GET"):
        if mode == "stall-refs":
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 9999\r\n\r\n001e")
            time.sleep(600)
        if mode == "loris":
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: 9999\r\n\r\n")
            for byte in refs(100):
                c.sendall(bytes([byte]))
                time.sleep(0.5)
        answer(c, refs(400000 if mode == "many" else 1), b"advertisement")
        serve(c)
        return
    while b"done\n" not in body:
        body += c.recv(65536)
    if mode == "stall-pack":
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\nContent-Length: 9999\r\n\r\n0008NAK\nPACK")
        time.sleep(600)
    packs = {
        "amplified": amplified(),
        "cut": pack([entry(3, 100) + zlib.compress(b"x" * 100)])[:-25] + b"\0" * 20,
        "count": pack([entry(3, 3) + zlib.compress(b"abc")], 0x7FFFFFFF),
        "many": pack([entry(3, 3) + zlib.compress(b"abc")])[:-1] + b"\0",
    }
    answer(c, line(b"NAK\n") + packs[mode], b"result")


def handle(raw, context):
    try:
        if PORT_MODE == "mute":
            time.sleep(600)
        serve(context.wrap_socket(raw, server_side=True))
    except (OSError, KeyError):
        pass
    raw.close()


PORT_MODE = sys.argv[4] if len(sys.argv) > 4 else ""
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(CERT, KEY)
s = socket.create_server(("127.0.0.1", PORT))
while True:
    threading.Thread(target=handle, args=(s.accept()[0], tls), daemon=True).start()
