"""An upstream in Python: says what a handler reads of each request with what the standard library offers. A header's
value is given by its bytes, which http.server shows as latin-1. Prints its port, and ends when its input does."""
import json
import platform
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit


def text(v):
    if v is None:
        return None
    if isinstance(v, str):
        return "s:" + v
    if isinstance(v, bool):
        return "boolean"
    if isinstance(v, (int, float)):
        return "n:" + repr(v)
    return "array" if isinstance(v, list) else "object"


def raw(v):
    return v.encode("latin-1").decode("utf-8", "replace")


def read(handler, body):
    parts = urlsplit(handler.path)
    try:
        doc = json.loads(body)
        user = doc.get("user")
        doc = {
            "name": text(doc.get("name")),
            "idNumber": text(user.get("idCard") if isinstance(user, dict) else None),
            "amount": text(doc.get("amount")),
        }
    except (ValueError, AttributeError, RecursionError):
        doc = None
    kind = handler.headers.get_content_type()
    try:
        form = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    except ValueError:
        form = []
    query = parse_qsl(parts.query, keep_blank_values=True)
    return {
        "path": unquote(parts.path),
        "host": handler.headers.get("host"),
        "headers": [[k.lower(), raw(v)] for k, v in handler.headers.items()],
        "query": query,
        "rawQuery": query,
        "media": "json" if kind.endswith("json") else "form" if kind == "application/x-www-form-urlencoded" else "other",
        "form": form,
        "json": doc,
    }


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        reply = json.dumps(read(self, body)).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"port": server.server_port, "version": "Python " + platform.python_version()}), flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
