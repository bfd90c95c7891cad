"""A registry on the loopback address that serves one OCI layout and sends no more than so many bytes a second to all together.

Usage: limited_registry.py LAYOUT BYTES_A_SECOND     prints its port, and serves until it is ended
"""
import http.server, json, os, re, sys, threading, time

LAYOUT, RATE = sys.argv[1], float(sys.argv[2])
CHUNK = 64 << 10


class Bucket:
    """Hands out the right to send: each claim is paid with the time that it takes at the rate."""

    def __init__(self):
        self.lock, self.free_at = threading.Lock(), 0.0

    def take(self, count):
        with self.lock:
            # A pause earns at most 20 ms, so that no burst gets past the limit.
            self.free_at = max(self.free_at, time.monotonic() - 0.02) + count / RATE
            wait = self.free_at - time.monotonic()
        if wait > 0.001:
            time.sleep(wait)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # As the registries in use have it, which are written in Go. Otherwise a second answer by one connection is held back until
    # the first is acknowledged, for 40 ms.
    disable_nagle_algorithm = True
    bucket = Bucket()

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        if re.fullmatch(r"/v2/?", self.path):
            return self.send(b"{}")
        match = re.fullmatch(r"/v2/.+/(manifests|blobs)/([\w:.-]+)", self.path)
        with open(f"{LAYOUT}/index.json") as index:
            first = json.load(index)["manifests"][0]
        reference = match and (first["digest"] if match[2] == "latest" else match[2])
        path = reference and f"{LAYOUT}/blobs/{reference.replace(':', '/')}"
        if not path or not os.path.isfile(path):
            return self.send(b'{"errors":[{"code":"NOT_FOUND"}]}', status=404)
        if match[1] == "manifests":
            with open(path, "rb") as file:
                return self.send(file.read(), first["mediaType"], {"Docker-Content-Digest": reference})
        self.send_blob(path)

    def send(self, body, kind="application/json", headers=None, status=200):
        self.head(status, len(body), kind, headers)
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_blob(self, path):
        """The whole, or the one range that is asked for."""
        size = os.path.getsize(path)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(asked[1]), min(int(asked[2] or size - 1), size - 1)) if asked else (0, size - 1)
        if asked and start > end:
            return self.send(b"", status=416)
        headers = {"Accept-Ranges": "bytes", **({"Content-Range": f"bytes {start}-{end}/{size}"} if asked else {})}
        self.head(206 if asked else 200, end - start + 1, "application/octet-stream", headers)
        left = 0 if self.command == "HEAD" else end - start + 1
        with open(path, "rb") as file:
            while left > 0:
                sent = min(CHUNK, left)
                self.bucket.take(sent)
                sent = os.sendfile(self.connection.fileno(), file.fileno(), start, sent)
                start, left = start + sent, left - sent

    def head(self, status, length, kind, headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(length), "Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
