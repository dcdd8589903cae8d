#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's traffic: small servers for the office, and clients that say when a packet last came through.

    traffic.py serve WIKI... -- DATABASE    a wiki on port 80 of each address, a database on port 5432
    traffic.py get HOST PATH                one page of the wiki, at most 2 s
    traffic.py query HOST SECONDS           asks the database again and again; prints its answer and the moment of it
    traffic.py download HOST FILE           reads the wiki's endless film; FILE tells how far; ends when nothing came for 1.5 s
    traffic.py refused HOST PORT            holds when nothing answers there within 1 s
"""
import os
import socket
import sys
import threading
import time

PAGE = b"Welcome to the wiki of Acme.\n"
ROWS = b"orders: 3 rows\n"
CHUNK = b"x" * 4096


def now_ms():
    return int(time.time() * 1000)


def wiki(conn):
    request = conn.recv(4096)
    conn.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    if b" /film " not in request:
        conn.sendall(PAGE)
        return
    while True:
        conn.sendall(CHUNK)
        time.sleep(0.004)


def database(conn):
    conn.sendall(ROWS)


def answer(conn, how):
    try:
        with conn:
            conn.settimeout(20)
            how(conn)
    except OSError:
        pass


def listen(host, port, how):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((host, port))
        s.listen(64)
        while True:
            conn, _ = s.accept()
            threading.Thread(target=answer, args=(conn, how), daemon=True).start()


def serve(args):
    split = args.index("--")
    for host in args[:split]:
        threading.Thread(target=listen, args=(host, 80, wiki), daemon=True).start()
    listen(args[split + 1], 5432, database)


def get(args):
    host, path = args
    with socket.create_connection((host, 80), timeout=2) as s:
        s.sendall(b"GET %s HTTP/1.0\r\n\r\n" % path.encode())
        text = b""
        while part := s.recv(4096):
            text += part
    page = text.partition(b"\r\n\r\n")[2]
    sys.stdout.write(page.decode())
    return 0 if page else 1


def query(args):
    host, seconds = args[0], float(args[1])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:  # a fresh connection each time: a dropped SYN is repeated by the kernel only after a second
            with socket.create_connection((host, 5432), timeout=0.02) as s:
                s.settimeout(1)
                text = s.recv(100)
                if text:
                    print(now_ms(), text.decode().strip())
                    return 0
        except OSError:
            time.sleep(0.001)
    return 1


def download(args):
    host, file = args
    total, last = 0, 0
    with socket.create_connection((host, 80), timeout=2) as s:
        s.settimeout(1.5)
        s.sendall(b"GET /film HTTP/1.0\r\n\r\n")
        reported = 0
        while True:
            try:
                part = s.recv(65536)
            except OSError:
                break
            if not part:
                break
            total, last = total + len(part), now_ms()
            if total - reported > 65536:
                reported = total
                with open(file + ".new", "w") as f:
                    f.write("%d\n" % total)
                os.rename(file + ".new", file)
    print(last, total)
    return 0


def refused(args):
    try:
        with socket.create_connection((args[0], int(args[1])), timeout=1):
            return 1
    except OSError:
        return 0


if __name__ == "__main__":
    commands = {"serve": serve, "get": get, "query": query, "download": download, "refused": refused}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    try:
        sys.exit(commands[sys.argv[1]](sys.argv[2:]))
    except OSError as e:
        print(e, file=sys.stderr)
        sys.exit(1)
