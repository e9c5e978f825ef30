#!/usr/bin/env python3
"""An https server of one folder, with byte ranges, for tests: 127.0.0.1, a port that the system chooses.

    https_server.py FOLDER KEYS

KEYS gets ca.pem (its own authority), and requests.log, a line a request: method, path, range or -, status, bytes sent.
When it serves it prints "PORT" on standard output. It ends by itself when its parent does.

    /file               the file, ranges served
    /whole/file         answers 200 with all of it, whatever range is asked for
    /redirect/file      302 to /file
    /cut/file           sends half of the range, then closes the connection
    /stall/file         sends half of the range, then nothing more
    /shifted/file       another range than was asked for, and says so
    /status/N/file      answers with status N
    /drip/file          the range, a few KiB a second
    /headers/file       headers without end
    /continue/file      answers of "100 Continue" without end
"""
import ctypes
import http.server
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time

folder, keys = sys.argv[1], sys.argv[2]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=keys)


def make_certificate():
    """An authority of its own, and a certificate by it for localhost and 127.0.0.1."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
    with open(os.path.join(keys, "server.ext"), "w") as ext:
        ext.write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "server.ext", "-out", "server.pem")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def note(self, status, sent):
        with open(os.path.join(keys, "requests.log"), "a") as log:
            log.write(f"{self.command} {self.path} {self.headers.get('Range', '-')} {status} {sent}\n")

    def plain(self, status, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.note(status, 0)

    def do_GET(self):
        _, *way, name = self.path.split("/")
        how = way[0] if way else ""
        if how == "redirect":
            return self.plain(302, [("Location", "/" + name)])
        if how == "status":
            return self.plain(int(way[1]))
        if how in ("headers", "continue"):
            return self.endless(how)
        try:
            file = open(os.path.join(folder, os.path.basename(name)), "rb")
        except OSError:
            return self.plain(404)
        with file:
            self.serve(file, how)

    def endless(self, how):
        self.note(0, 0)
        self.wfile.write(b"HTTP/1.1 206 Partial Content\r\n" if how == "headers" else b"")
        while True:
            self.wfile.write((b"X-More: " + b"x" * 1000 + b"\r\n" if how == "headers" else b"HTTP/1.1 100 Continue\r\n\r\n") * 40)

    def serve(self, file, how):
        size = os.fstat(file.fileno()).st_size
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None or how == "whole":
            first, end, status = 0, size, 200
        else:
            first, end, status = int(asked[1]), min(int(asked[2]) + 1, size), 206
            if how == "shifted":
                first, end = first + 1, min(end + 1, size)
            if first >= size:
                return self.plain(416, [("Content-Range", f"bytes */{size}")])
        self.send_response(status)
        self.send_header("Content-Length", str(end - first))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{size}")
        self.end_headers()
        file.seek(first)
        half = how in ("cut", "stall")
        left, sent = (end - first) // 2 if half else end - first, 0
        if how == "drip":
            self.note("drip", left)
        while left > 0 and (piece := file.read(min(left, 1 << 11 if how == "drip" else 1 << 18))):
            self.wfile.write(piece)
            if how == "drip":
                time.sleep(0.25)
            left -= len(piece)
            sent += len(piece)
        self.note(status, sent)
        if how == "stall":
            time.sleep(120)
        if half:
            self.close_connection = True


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    parent = os.getppid()

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)
    threading.Thread(target=watch, daemon=True).start()


def main():
    end_with_parent()
    os.makedirs(keys, exist_ok=True)
    make_certificate()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(keys, "server.pem"), os.path.join(keys, "server.key"))
    http.server.ThreadingHTTPServer.daemon_threads = True

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            pass  # a peer that breaks off is what some tests are about

        def get_request(self):
            connection, address = self.socket.accept()
            return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    server = Server(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
