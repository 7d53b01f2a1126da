// A small gateway on Node. It asks the idvgate guest about each request and makes the guest's callouts itself. README.md
// says how it is started; what it speaks with the guest is docs/schema/messages.schema.json.
import createPlugin from '@extism/extism';
import dns from 'node:dns';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { parseArgs } from 'node:util';

const MAX_BODY = 1 << 20; // bytes of a body that are held for the guest; a policy's maxBody is usually below it
const MAX_REPLY = 1 << 20; // bytes of a vendor's reply
const MAX_CALLOUT_MS = 120_000;
const MAX_PAGES = 4096; // of the guest's memory: 256 MiB
const CALL_MS = 5_000; // a call of the guest takes well under a millisecond; after this it hangs
const DECIDE_MS = 30_000; // a request that is not decided by then is a 503

// log writes one JSON line. Nothing of a request or of the configuration goes in.
const log = (event, more = {}) => process.stderr.write(JSON.stringify({ event, ...more }) + '\n');
const fatal = (text) => { process.stderr.write(`gateway: ${text}\n`); process.exit(2); };
const pairs = (raw) => Array.from({ length: raw.length / 2 }, (_, i) => [raw[2 * i], raw[2 * i + 1]]);
const words = (list) => new Set(String(list ?? '').toLowerCase().split(',').map((word) => word.trim()));
const failure = (kind) => Object.assign(new Error(kind), { kind });

// The guest in its sandbox, a worker thread: one call at a time. A call that fails costs the plugin, since it may be
// broken inside: its flows fail, and a fresh one takes over.
class Guest {
  flows = new Map(); // what is known of each request that is not decided: {limit, decision, raw, failed, wake}
  counts = new Map();
  queue = Promise.resolve();
  last = 0;
  epoch = 0; // of the plugin: what was meant for an earlier one is dropped
  pending = 0; // callouts and timers on their way

  constructor(module, config) { Object.assign(this, { module, config }); }

  async start() {
    this.plugin = await createPlugin({ wasm: [{ module: this.module }] }, {
      useWasi: true, runInWorker: true, config: this.config, allowedHosts: [], timeoutMs: CALL_MS, memory: { maxPages: MAX_PAGES },
    });
    const [[info]] = this.split((await this.plugin.call('info', '')).bytes());
    return info;
  }

  // split takes an output apart: lines of JSON, and the raw bytes that follow each.
  split(bytes) {
    const messages = [];
    for (let at = 0, end; at < bytes.length; at = end) {
      const line = bytes.indexOf(10, at);
      const message = JSON.parse(Buffer.from(bytes.subarray(at, line)).toString());
      end = line + 1 + (message.bytes ?? 0);
      if (line < 0 || end > bytes.length) throw new Error('a message is cut');
      messages.push([message, Buffer.from(bytes.subarray(line + 1, end))]);
    }
    return messages;
  }

  // send hands the guest a message and does what it says. It is over when all of the answer is taken.
  send(name, message, raw = Buffer.alloc(0), epoch = this.epoch) {
    this.queue = this.queue.then(async () => {
      if (epoch !== this.epoch) return this.change(message.flow, { failed: true });
      try {
        const line = JSON.stringify(raw.length ? { ...message, bytes: raw.length } : message) + '\n';
        const out = await this.plugin.call(name, Buffer.concat([Buffer.from(line), raw]));
        return this.split(out?.bytes() ?? []).forEach(([m, bytes]) => this.take(m, bytes));
      } catch {
        return this.replace();
      }
    });
    return this.queue;
  }

  async replace() {
    log('the guest failed and is replaced');
    this.epoch++;
    for (const id of this.flows.keys()) this.change(id, { failed: true });
    await this.plugin.close().catch(() => {});
    await this.start().catch((e) => fatal(`the guest does not start again: ${e.message}`));
  }

  change(id, what) {
    const flow = this.flows.get(id);
    if (flow) Object.assign(flow, what).wake?.();
    return flow;
  }

  take(m, raw) {
    if (m.audit) process.stdout.write(JSON.stringify(m.audit) + '\n');
    else if (m.metrics) m.metrics.forEach((one) => this.count(one));
    else if (m.decision) this.change(m.flow, { decision: m.decision, raw });
    else if (m.want === 'body' && !this.change(m.flow, { limit: m.limit })) this.send('resume', { flow: m.flow, body: 'gone' });
    else if (m.want === 'call') this.await(callout(this.allowed, m, raw));
    else if (m.want === 'timer') this.await(new Promise((done) => setTimeout(done, m.ms, [{ flow: m.flow, timer: m.timer }])));
  }

  // await gives the guest what a callout or a timer comes to.
  await(coming) {
    const { epoch } = this;
    this.pending++;
    coming.then(([message, raw]) => this.send('resume', message, raw, epoch)).finally(() => { this.pending--; });
  }

  async idle() {
    while (this.pending) await new Promise((done) => setTimeout(done, 20));
    await this.queue;
  }

  count({ name, type, value, labels = {} }) {
    const inner = Object.keys(labels).sort().map((k) => `${k}=${JSON.stringify(labels[k])}`).join(',');
    const add = (suffix, n) => {
      const key = name + suffix + (inner && `{${inner}}`);
      this.counts.set(key, (type === 'gauge' ? 0 : this.counts.get(key) ?? 0) + n);
    };
    if (type === 'histogram') add('_sum', value), add('_count', 1);
    else add('', value);
  }
}

const blockList = (...nets) => nets.reduce((blocks, n) => {
  const [address, bits] = n.split('/');
  blocks.addSubnet(address, Number(bits), net.isIPv6(address) ? 'ipv6' : 'ipv4');
  return blocks;
}, new net.BlockList());
// Where no callout goes: clouds' metadata and what is no address of a host. And what is not public (IANA special purpose).
const NEVER = blockList('0.0.0.0/8', '169.254.169.254/32', '169.254.170.2/32', '100.100.100.200/32', '168.63.129.16/32',
  '224.0.0.0/4', '::/128', 'fd00:ec2::254/128', 'ff00::/8');
const NOT_PUBLIC = blockList('10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24',
  '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '240.0.0.0/4',
  '::/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20', '5f00::/16',
  'fc00::/7', 'fe80::/10', 'fec0::/10');
const mayConnect = (ip, toPrivate) => {
  const family = net.isIPv6(ip) ? 'ipv6' : 'ipv4'; // a BlockList looks into ::ffff:a.b.c.d by itself
  return !NEVER.check(ip, family) && (toPrivate || !NOT_PUBLIC.check(ip, family));
};

// callout asks a vendor: only at the endpoints of the policy, at most once, without redirects. What it comes to is a
// message for the guest, with the reply's body.
async function callout(allowed, m, body) {
  const to = { flow: m.flow, callId: m.callId };
  const signal = AbortSignal.timeout(Math.min(m.timeoutMs, MAX_CALLOUT_MS));
  try {
    const [status, headers, raw] = await exchange(allowed, m, body, signal);
    return [{ ...to, status, headers }, raw];
  } catch (e) {
    return [{ ...to, error: signal.aborted ? 'timeout' : e.kind ?? 'unreachable' }];
  }
}

function exchange(allowed, m, body, signal) {
  const url = new URL(URL.canParse(m.url) ? m.url : 'none:');
  const endpoint = !url.username && allowed.get(url.origin);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  if (!endpoint || (net.isIP(hostname) && !mayConnect(hostname, endpoint.private))) throw failure('blocked');
  const lookup = (host, options, done) => dns.lookup(host, { ...options, all: true }, (error, found = []) => {
    const good = found.filter((one) => mayConnect(one.address, endpoint.private));
    if (error || !good.length) done(error ?? failure('blocked'));
    else if (options.all) done(null, good);
    else done(null, good[0].address, good[0].family);
  });
  const headers = { 'user-agent': ['idvgate'] };
  for (const [name, value] of m.headers ?? []) (headers[name.toLowerCase()] ??= []).push(Buffer.from(value).toString('latin1'));
  headers['content-length'] = body.length;
  const path = /^https?:\/\/[^/?#]+([^#]*)/.exec(m.url)[1].replace(/^(?=\?|$)/, '/'); // as it was signed, not as URL writes it
  return new Promise((done, failed) => {
    const client = url.protocol === 'https:' ? https : http;
    const request = client.request({ method: m.method, hostname, port: url.port, path, headers, lookup, signal, agent: false }, (reply) => {
      const chunks = [];
      let size = 0;
      reply.on('data', (chunk) => {
        chunks.push(chunk);
        if ((size += chunk.length) > MAX_REPLY) failed(failure('too_large')), request.destroy();
      }).on('error', failed).on('end', () => done([
        reply.statusCode, pairs(reply.rawHeaders).map(([n, v]) => [n.toLowerCase(), Buffer.from(v, 'latin1').toString()]), Buffer.concat(chunks),
      ]));
    });
    request.on('error', failed).end(body);
  });
}

// headOf is the request as it came, for the guest. It throws where there is no single reading of it.
function headOf(req) {
  const utf8 = (latin1) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
  const headers = pairs(req.rawHeaders).map(([name, value]) => [name.toLowerCase(), utf8(value)]);
  const hosts = headers.filter(([name]) => name === 'host');
  if (hosts.length !== 1) throw new Error('not one host');
  return {
    id: crypto.randomUUID(), method: req.method, scheme: 'http', host: hosts[0][1], path: utf8(req.url),
    headers: headers.filter(([name]) => name !== 'host'), client: req.socket.remoteAddress.replace(/^::ffff:/, ''),
    noBody: !Number(req.headers['content-length'] ?? 0) && !req.headers['transfer-encoding'],
    upgrade: (req.headers.upgrade ?? '').trim().toLowerCase() === 'websocket',
  };
}

// readBody takes at most limit bytes off the request, and the chunk with which it is over. The rest stays where it is.
async function readBody(req, limit) {
  const chunks = [];
  let size = 0;
  if (Number(req.headers['content-length'] ?? 0) > limit) return [chunks, 'too_large'];
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk);
      if ((size += chunk.length) > limit) return [chunks, 'too_large'];
    }
  } catch { /* the client has left */ }
  return [chunks, req.complete ? true : 'gone'];
}

// answer is for what there is no decision about.
function answer(res, status, reason) {
  if (res.headersSent) return res.destroy();
  const body = JSON.stringify({ type: `urn:idvgate:problem:${reason}`, title: http.STATUS_CODES[status], status, reason });
  const headers = { 'content-type': 'application/problem+json', 'cache-control': 'no-store', connection: 'close' };
  return res.writeHead(status, status === 503 ? { ...headers, 'retry-after': '5' } : headers).end(body);
}

const HOP_BY_HOP = words('connection,keep-alive,proxy-connection,proxy-authenticate,proxy-authorization,te,trailer,transfer-encoding,upgrade,expect');

// forward sends the request on, its trailers apart, and the response back.
function forward(upstream, req, res, head, decision, chunks, body) {
  const gone = words(`host,${req.headers.connection},${(decision.remove ?? []).join()}`);
  const headers = {};
  for (const [name, value] of pairs(req.rawHeaders).map(([n, v]) => [n.toLowerCase(), v])) {
    if (!HOP_BY_HOP.has(name) && !gone.has(name) && !name.startsWith('x-forwarded-')) (headers[name] ??= []).push(value);
  }
  // Now that what the client named in Connection is gone, so that it cannot have these dropped.
  for (const [name, value] of decision.set ?? []) (headers[name.toLowerCase()] ??= []).push(value);
  Object.assign(headers, { host: req.headers.host, 'x-forwarded-for': head.client, 'x-forwarded-proto': 'http', 'x-request-id': head.id });
  if (req.headers['transfer-encoding']) headers['transfer-encoding'] = 'chunked';
  else if (head.noBody) delete headers['content-length'];
  else headers['content-length'] = body?.length ?? req.headers['content-length'];
  const out = http.request({ hostname: upstream.hostname, port: upstream.port, method: req.method, path: req.url, headers, agent: false });
  out.on('error', () => { log('the upstream does not answer'); answer(res, 502, 'upstream'); });
  out.on('response', (reply) => {
    const named = words(reply.headers.connection);
    const kept = pairs(reply.rawHeaders).filter(([n]) => !HOP_BY_HOP.has(n.toLowerCase()) && !named.has(n.toLowerCase()));
    const ours = decision.headers ?? []; // what the guest has for the client, in place of the upstream's
    const replaced = new Set(ours.map(([n]) => n));
    res.writeHead(reply.statusCode, kept.filter(([n]) => !replaced.has(n.toLowerCase())).concat(ours).flat());
    reply.on('error', () => res.destroy()).pipe(res);
  });
  res.on('close', () => out.destroy());
  (body ? [body] : chunks).forEach((chunk) => out.write(chunk)); // the guest's, where it has one
  if (req.readableEnded) out.end();
  else req.pipe(out);
}

async function serve(guest, upstream, req, res) {
  req.on('error', () => {});
  let head;
  try { head = headOf(req); } catch { return answer(res, 400, 'invalid_request'); }
  const id = ++guest.last;
  const flow = {};
  guest.flows.set(id, flow);
  const timer = setTimeout(() => guest.change(id, { failed: true }), DECIDE_MS);
  const left = () => { if (!flow.decision) guest.send('cancel', { flow: id }); guest.change(id, { failed: true }); };
  res.on('close', left);
  let chunks = [];
  guest.send('begin', { flow: id, head });
  while (flow.limit || !(flow.decision || flow.failed)) { // a body first: after the decision it is the upstream's
    if (flow.limit) {
      const limit = Math.min(flow.limit, MAX_BODY);
      flow.limit = 0;
      let result;
      [chunks, result] = await readBody(req, limit);
      await guest.send('resume', { flow: id, body: result }, result === true ? Buffer.concat(chunks) : undefined);
    } else {
      await new Promise((wake) => { flow.wake = wake; });
    }
  }
  guest.flows.delete(id);
  clearTimeout(timer);
  res.off('close', left);
  const { decision: d, raw } = flow;
  if (res.destroyed) return undefined;
  if (d?.action === 'allow') return forward(upstream, req, res, head, d, chunks, raw?.length ? raw : undefined);
  if (!['deny', 'challenge'].includes(d?.action) || !(d.status >= 300 && d.status <= 599)) return answer(res, 503, 'verification_unavailable');
  if (!req.complete) d.headers.push(['connection', 'close']); // what is left of the body is never read
  return res.writeHead(d.status, d.headers.flat()).end(raw);
}

// variables reads lines of NAME=value: what the policy names, secrets among them.
const variables = (text) => Object.fromEntries(text.split('\n').map((line) => line.trim()).filter((line) => /^[^#=]+=/.test(line))
  .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));

async function listen(server, where, event) {
  const at = where.lastIndexOf(':');
  await new Promise((done, failed) => server.on('error', failed).listen(Number(where.slice(at + 1)), where.slice(0, at), done));
  log(event, { address: server.address().address, port: server.address().port });
}

async function main() {
  const env = process.env;
  const { values: flags } = parseArgs({ options: {
    guest: { type: 'string', default: env.IDVGATE_GUEST }, policy: { type: 'string', default: env.IDVGATE_POLICY },
    upstream: { type: 'string', default: env.IDVGATE_UPSTREAM }, 'env-file': { type: 'string', default: env.IDVGATE_ENV_FILE },
    listen: { type: 'string', default: env.IDVGATE_LISTEN ?? '127.0.0.1:8080' },
    admin: { type: 'string', default: env.IDVGATE_ADMIN ?? '127.0.0.1:8083' },
  } });
  for (const name of ['guest', 'policy', 'upstream']) if (!flags[name]) fatal(`--${name} is missing`);
  const upstream = new URL(flags.upstream);
  if (upstream.protocol !== 'http:') fatal('--upstream is not http://HOST:PORT');
  const config = variables(flags['env-file'] ? await readFile(flags['env-file'], 'utf8') : '');
  const guest = new Guest(await WebAssembly.compile(await readFile(flags.guest)), { ...config, policy: await readFile(flags.policy, 'utf8') });
  const info = await guest.start();
  if (info.name !== 'idvgate' || info.abi !== 1) fatal('the guest is not idvgate, ABI 1');
  if (!info.policy.ok) fatal(`the policy does not load:\n  ${info.policy.errors.join('\n  ')}`);
  guest.allowed = new Map(info.endpoints.map((one) => [new URL(one.url).origin, one]).filter(([origin, one]) => /^https:/.test(origin) || one.plaintext));
  const server = http.createServer((req, res) => serve(guest, upstream, req, res).catch(() => answer(res, 503, 'verification_unavailable')));
  await listen(server, flags.listen, 'listening');
  await listen(http.createServer((req, res) => {
    if (req.url === '/metrics') res.end([...guest.counts].map(([key, value]) => `${key} ${value}\n`).join(''));
    else res.writeHead(req.url === '/live' ? 200 : 404).end();
  }), flags.admin, 'admin');
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => { server.close(); guest.idle().then(() => process.exit(0)); });
}

main().catch((e) => fatal(e.message));
