"""A small gateway on Python and libextism. It asks the idvgate guest about each request and makes the guest's callouts itself.
README.md says how it is started; what it speaks with the guest is docs/schema/messages.schema.json."""
import argparse, http.client, ipaddress, json, os, queue, re, select, signal, socket, ssl, sys, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import extism

MAX_BODY = 1 << 20  # bytes of a body that are held for the guest; a policy's maxBody is usually below it
MAX_REPLY = 1 << 20  # bytes of a vendor's reply
MAX_CALLOUT_MS = 120_000
MAX_PAGES = 4096  # of the guest's memory: 256 MiB
CALL_MS = 5_000  # a call of the guest takes well under a millisecond; after this it hangs
DECIDE_S = 30  # a request that is not decided by then is a 503
CHUNK = 64 << 10
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer",
              "transfer-encoding", "upgrade", "expect"}
# Where no callout goes, private or not: where clouds tell a machine its credentials.
METADATA = {ipaddress.ip_address(a) for a in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")}
output = threading.Lock()


def write(stream, document):
    """One line of JSON: audit lines to stdout, the log to stderr. Nothing of a request or of the configuration is logged."""
    with output:
        print(json.dumps(document, ensure_ascii=False), file=stream, flush=True)


class Guest:
    """The guest in its sandbox: one call at a time. A call that fails costs the plugin, since it may be broken inside: its flows
    fail, and a fresh one takes over."""

    def __init__(self, wasm, config):
        manifest = {"wasm": [{"data": wasm}], "memory": {"max_pages": MAX_PAGES}, "timeout_ms": CALL_MS, "allowed_hosts": []}
        self.compiled, self.config = extism.extism.CompiledPlugin(manifest, wasi=True, functions=[]), config
        self.plugin, self.lock = extism.Plugin(self.compiled, config=config), threading.RLock()
        self.info = json.loads(self.plugin.call("info", b""))
        self.flows, self.last = {}, 0  # the queue of each request that is not decided
        self.epoch = 0  # of the plugin: what was meant for an earlier one is dropped
        self.pending = 0  # callouts and timers on their way
        self.counts, self.allowed = {}, {}

    def begin(self, head):
        with self.lock:
            self.last += 1
            flow = self.flows[self.last] = queue.SimpleQueue()
            self.send("begin", {"flow": self.last, "head": head})
            return self.last, flow

    def send(self, name, message, raw=b"", epoch=None):
        """Hands the guest a message and does what it says."""
        line = json.dumps({**message, "bytes": len(raw)} if raw else message, ensure_ascii=False).encode() + b"\n"
        with self.lock:
            if epoch not in (None, self.epoch):
                return
            try:
                said = list(split(self.plugin.call(name, line + raw)))
            except (extism.Error, ValueError):
                return self.replace()
            # A body that is wanted beside a decision comes first: afterwards it is the upstream's.
            for m, data in sorted(said, key=lambda one: one[0].get("want") != "body"):
                self.take(m, data)

    def replace(self):
        write(sys.stderr, {"event": "the guest failed and is replaced"})
        self.epoch += 1
        for flow in self.flows.values():
            flow.put({})
        self.flows.clear()
        self.plugin = extism.Plugin(self.compiled, config=self.config)

    def take(self, m, raw):
        flow = self.flows.get(m.get("flow"))
        if "audit" in m:
            write(sys.stdout, m["audit"])
        for one in m.get("metrics", []):
            self.count(one)
        if m.get("want") == "call":
            self.wait(lambda: callout(self.allowed, m, raw))
        elif m.get("want") == "timer":
            self.wait(lambda: time.sleep(m["ms"] / 1000) or ({"flow": m["flow"], "timer": m["timer"]}, b""))
        elif m.get("want") == "body":
            flow.put(m) if flow else self.send("resume", {"flow": m["flow"], "body": "gone"})
        elif "decision" in m and flow:
            self.flows.pop(m["flow"]).put({**m["decision"], "raw": raw})

    def wait(self, come):
        """Gives the guest what a callout or a timer comes to, which is waited for without the lock."""
        def run(epoch=self.epoch):
            self.send("resume", *come(), epoch)
            with self.lock:
                self.pending -= 1
        self.pending += 1
        threading.Thread(target=run, daemon=True).start()

    def count(self, one):
        labels = ",".join(f"{k}={json.dumps(v)}" for k, v in sorted(one.get("labels", {}).items()))
        for suffix, value in (("_sum", one["value"]), ("_count", 1)) if one["type"] == "histogram" else (("", one["value"]),):
            key = one["name"] + suffix + ("{" + labels + "}" if labels else "")
            self.counts[key] = value + (0 if one["type"] == "gauge" else self.counts.get(key, 0))


def split(out):
    """An output is lines of JSON, each with the raw bytes that follow it."""
    while out:
        line, _, out = out.partition(b"\n")
        m = json.loads(line)
        size = m.get("bytes", 0)
        if size > len(out):
            raise ValueError("a message is cut")
        yield m, out[:size]
        out = out[size:]


class Blocked(Exception):
    """What the policy does not allow is not sent."""


def may_connect(address, private):
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return not (ip in METADATA or ip.is_unspecified or ip.is_multicast) and (private or ip.is_global)


def origin(url):
    return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def callout(allowed, m, body):
    """Asks a vendor: only at the endpoints of the policy, at most once, without redirects. What it comes to is a message for the
    guest, and the reply's body."""
    to, deadline = {"flow": m["flow"], "callId": m["callId"]}, time.monotonic() + min(m["timeoutMs"], MAX_CALLOUT_MS) / 1000
    try:
        status, headers, raw = exchange(allowed, m, body, deadline)
    except Blocked:
        return {**to, "error": "blocked"}, b""
    except Exception:  # whatever it is: the guest waits for a word
        return {**to, "error": "timeout" if time.monotonic() >= deadline else "unreachable"}, b""
    return ({**to, "error": "too_large"}, b"") if len(raw) > MAX_REPLY else ({**to, "status": status, "headers": headers}, raw)


def exchange(allowed, m, body, deadline):
    url = urlsplit(m["url"])
    endpoint = allowed.get(origin(url))
    if not endpoint or url.username is not None:
        raise Blocked
    scheme, host, port = origin(url)
    found = [a[4][0] for a in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    good = [a for a in found if may_connect(a, endpoint["private"])]
    if not good:
        raise Blocked
    sock = socket.create_connection((good[0], port), timeout=max(0.001, deadline - time.monotonic()))
    if scheme == "https":
        sock = ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    # The time is for all of it, however slowly bytes drip in.
    watch = threading.Timer(max(0, deadline - time.monotonic()), sock.shutdown, [socket.SHUT_RDWR])
    watch.start()
    try:
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        named = {name.lower() for name, _ in m.get("headers", [])}
        target = (url.path or "/") + ("?" + url.query if url.query else "")
        connection.putrequest(m["method"], target, skip_host="host" in named, skip_accept_encoding=True)
        for name, value in m.get("headers", []) + ([] if "user-agent" in named else [["user-agent", "idvgate"]]):
            connection.putheader(name, value.encode())
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        lines = [[n.lower(), v.encode("latin-1").decode("utf-8", "replace")] for n, v in reply.getheaders()]
        raw = reply.read(MAX_REPLY + 1)
        if reply.length and len(raw) <= MAX_REPLY:
            raise http.client.IncompleteRead(raw)
        return reply.status, lines, raw
    finally:
        watch.cancel()
        sock.close()


class Handler(BaseHTTPRequestHandler):
    """One client's connection."""
    protocol_version, timeout, guest, upstream = "HTTP/1.1", 60, None, None

    def __getattr__(self, name):
        if name.startswith("do_"):  # any method
            return self.serve
        raise AttributeError(name)

    def log_message(self, *args): pass  # it would name the path

    def head(self):
        """The request as it came, for the guest. ValueError where there is no single reading of it."""
        if self.headers.defects or any(not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", n) or "\n" in v for n, v in self.headers.items()):
            raise ValueError("malformed headers")
        lines = [[n.lower(), v.strip(" \t").encode("latin-1").decode()] for n, v in self.headers.items()]
        hosts, length, coding = ([v for n, v in lines if n == name] for name in ("host", "content-length", "transfer-encoding"))
        if len(hosts) != 1 or coding not in ([], ["chunked"]) or len(length) > (0 if coding else 1) or not re.fullmatch("[0-9]{0,15}", "".join(length)):
            raise ValueError("malformed framing")
        self.left = None if coding else int(length[0]) if length else 0  # bytes of the body to come; None: chunked
        return {"id": str(uuid.uuid4()), "method": self.command, "scheme": "http", "host": hosts[0],
                "path": self.requestline.split()[1].encode("latin-1").decode(), "headers": [line for line in lines if line[0] != "host"],
                "client": self.client_address[0].removeprefix("::ffff:"), "noBody": self.left == 0,
                "upgrade": self.headers.get("upgrade", "").strip().lower() == "websocket"}

    def body(self):
        """What of the body has not been read yet, in pieces. Trailers are read and dropped."""
        while self.left != 0:
            size = int(self.rfile.readline(1024).partition(b";")[0], 16) if self.left is None else self.left
            last = self.left is None and size == 0
            while size:
                piece = self.rfile.read(min(size, CHUNK))
                if not piece:
                    raise ConnectionError("the client has left")
                size -= len(piece)
                self.left = self.left and self.left - len(piece)
                yield piece
            while self.left is None and self.rfile.readline(CHUNK).strip() and last:
                pass
            self.left = 0 if last else self.left

    def serve(self):
        try:
            head = self.head()
        except ValueError:
            return self.problem(400, "invalid_request")
        number, flow = self.guest.begin(head)
        pieces, body, deadline = [], self.body(), time.monotonic() + DECIDE_S
        while True:
            try:
                event = flow.get(timeout=0.5)
            except queue.Empty:
                gone = select.select([self.connection], [], [], 0)[0] and not self.connection.recv(1, socket.MSG_PEEK)
                if not gone and time.monotonic() < deadline:
                    continue
                self.guest.send("cancel", {"flow": number})
                return self.problem(503, "verification_unavailable")
            if event.get("want") != "body":
                break
            result = self.read(body, pieces, min(event["limit"], MAX_BODY))
            self.guest.send("resume", {"flow": number, "body": result}, b"".join(pieces) if result is True else b"")
        if event.get("action") == "allow":
            return self.forward(head, event, [event["raw"]] if event["raw"] else pieces, body)
        if event.get("action") not in ("deny", "challenge") or not 300 <= event.get("status", 0) <= 599:
            return self.problem(503, "verification_unavailable")
        self.reply(event["status"], event["headers"], event["raw"])

    def read(self, body, pieces, limit):
        """Takes at most limit bytes off the body, and the piece with which it is over. The rest stays where it is."""
        size = self.left or 0
        try:
            while size <= limit and (piece := next(body, None)):
                pieces.append(piece)
                size = sum(map(len, pieces))
        except (OSError, ValueError):
            return "gone"
        return True if size <= limit else "too_large"

    def problem(self, status, reason):
        """Answers what there is no decision about."""
        self.left = None
        body = json.dumps({"type": "urn:idvgate:problem:" + reason, "title": http.client.responses[status], "status": status, "reason": reason})
        headers = [["content-type", "application/problem+json"], ["cache-control", "no-store"]] + [["retry-after", "5"]] * (status == 503)
        self.reply(status, headers, body.encode())

    def reply(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers + [["content-length", str(len(body))]] + [["connection", "close"]] * (self.left != 0):
            self.send_header(name, value)  # what is left of a body is never read
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    def forward(self, head, decision, pieces, body):
        """Sends the request on, its trailers apart, and the response back."""
        named = {name.strip().lower() for name in ",".join(self.headers.get_all("connection", [])).split(",")}
        gone = HOP_BY_HOP | named - {"content-length"} | {name.lower() for name in decision.get("remove", [])} | {"host"}
        lines = [(n, v) for n, v in self.headers.items() if n.lower() not in gone and not n.lower().startswith("x-forwarded-")]
        # Now that what the client named in Connection is gone, so that it cannot have these dropped.
        lines += decision.get("set", []) + [("host", self.headers["host"]), ("x-forwarded-for", head["client"]), ("x-request-id", head["id"])]
        chunked = "transfer-encoding" in self.headers
        connection = http.client.HTTPConnection(self.upstream.hostname, self.upstream.port or 80, timeout=60)
        try:
            connection.putrequest(self.command, self.requestline.split()[1], skip_host=True, skip_accept_encoding=True)
            for name, value in lines + [("transfer-encoding", "chunked")] * chunked:
                connection.putheader(name, value)
            connection.endheaders((piece for part in (pieces, body) for piece in part), encode_chunked=chunked)
            response = connection.getresponse()
        except ValueError:  # a header that is none
            return self.problem(503, "verification_unavailable")
        except (OSError, http.client.HTTPException):
            write(sys.stderr, {"event": "the upstream does not answer"})
            return self.problem(502, "upstream")
        self.send_response_only(response.status)
        ours = decision.get("headers", [])  # what the guest has for the client, in place of the upstream's
        dropped = HOP_BY_HOP | {name for name, _ in ours}
        for name, value in [line for line in response.getheaders() if line[0].lower() not in dropped] + ours + [("connection", "close")]:
            self.send_header(name, value)
        self.end_headers()
        while piece := response.read1(CHUNK):
            self.wfile.write(piece)


class Admin(BaseHTTPRequestHandler):
    log_message, guest = Handler.log_message, None

    def do_GET(self):
        self.send_response_only(200 if self.path in ("/live", "/metrics") else 404)
        self.end_headers()
        if self.path == "/metrics":
            self.wfile.write("".join(f"{key} {value}\n" for key, value in sorted(self.guest.counts.copy().items())).encode())


def listen(handler, where, event):
    ThreadingHTTPServer.request_queue_size, ThreadingHTTPServer.handle_error = 128, lambda *_: None  # that of a client that has left
    server = ThreadingHTTPServer((where.rpartition(":")[0], int(where.rpartition(":")[2])), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    write(sys.stderr, {"event": event, "address": server.server_address[0], "port": server.server_address[1]})


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("guest", None), ("policy", None), ("upstream", None), ("env-file", os.devnull),
                          ("listen", "127.0.0.1:8080"), ("admin", "127.0.0.1:8083")):
        value = os.environ.get("IDVGATE_" + name.upper().replace("-", "_"), default)
        flags.add_argument("--" + name, default=value, required=value is None)
    o = flags.parse_args()
    with open(o.env_file, encoding="utf-8") as variables, open(o.policy, encoding="utf-8") as policy, open(o.guest, "rb") as wasm:
        lines = [line.strip().partition("=") for line in variables if not line.lstrip().startswith("#")]
        guest = Guest(wasm.read(), {**{name: value for name, _, value in lines if name}, "policy": policy.read()})
    if guest.info["name"] != "idvgate" or guest.info["abi"] != 1:
        sys.exit("gateway: the guest is not idvgate, ABI 1")
    if not guest.info["policy"]["ok"]:
        sys.exit("gateway: the policy does not load:\n  " + "\n  ".join(guest.info["policy"]["errors"]))
    for one in guest.info["endpoints"]:
        if one["url"].startswith("https:") or one["plaintext"]:
            guest.allowed[origin(urlsplit(one["url"]))] = one
    Handler.guest, Admin.guest, Handler.upstream = guest, guest, urlsplit(o.upstream)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    listen(Handler, o.listen, "listening")
    listen(Admin, o.admin, "admin")
    stop.wait()
    while guest.pending:
        time.sleep(0.02)


if __name__ == "__main__": main()
