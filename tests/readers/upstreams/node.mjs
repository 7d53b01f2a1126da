// An upstream in Node: says what a handler reads of each request with what Node itself offers. A header's value is
// given by its bytes, which Node shows as latin-1. Prints its port, and ends when its input does.
import http from 'node:http';

const text = (v) => v === undefined || v === null ? null : typeof v === 'string' ? 's:' + v : typeof v === 'number' ? 'n:' + v : Array.isArray(v) ? 'array' : typeof v;
const bytes = (v) => Buffer.from(v, 'latin1').toString('utf8');
const attempt = (f) => { try { return f(); } catch { return null; } };

function read(request, body) {
  const url = attempt(() => new URL(request.url, 'http://' + request.headers.host));
  const at = request.url.indexOf('?');
  const json = attempt(() => JSON.parse(body));
  const type = (request.headers['content-type'] ?? '').split(';')[0].trim().toLowerCase();
  const headers = [];
  for (const [name, value] of Object.entries(request.headers)) {
    for (const v of [value].flat()) headers.push([name, bytes(v)]);
  }
  return {
    path: url && attempt(() => decodeURIComponent(url.pathname)),
    host: request.headers.host,
    headers,
    query: url && [...url.searchParams],
    rawQuery: at < 0 ? [] : [...new URLSearchParams(request.url.slice(at))],
    media: type.endsWith('json') ? 'json' : type === 'application/x-www-form-urlencoded' ? 'form' : 'other',
    form: [...new URLSearchParams(body)],
    json: json !== null && typeof json === 'object' ? { name: text(json.name), idNumber: text(json.user?.idCard), amount: text(json.amount) } : null,
  };
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => response.end(JSON.stringify(read(request, Buffer.concat(parts).toString('utf8')))));
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, version: 'Node ' + process.versions.node })));
process.stdin.on('end', () => process.exit(0)).resume();
