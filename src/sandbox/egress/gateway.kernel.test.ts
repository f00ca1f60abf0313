// The network wall with real namespaces (isolation.md §6, probes N01–N16): a nest's network made by jailer/net.ts, the
// gateway in this process, and programs of a "job" started inside as nobody. Everything outside is on loopback.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { run, spawn, systemClock } from '../../sys/index.ts'
import type { EgressPolicy, EgressRecord } from '../driver.ts'
import { type NestNet, openNestNet } from '../jailer/net.ts'
import { connectOutside, createGateway, type Gateway } from './gateway.ts'
import { allowSource } from './source.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root to make network namespaces'
const binder = [process.execPath, new URL('../../main/binder.ts', import.meta.url).pathname] as const
const limits = { egressBytes: 64 * 1024 ** 3, connections: 256 }

let net: NestNet
let gateway: Gateway
let server: Server
let serverPort = 0
const asked: string[] = []
const answers = new Map<string, () => readonly string[]>()
const accepted: Socket[] = []

/** Where a name leads is up to each test; the "outside" of public addresses is one listener on loopback. */
const dialled: string[] = []
before(async () => {
  if (skip) return
  net = await openNestNet({ nestId: 'test', ports: [80, 443, 2222, 8080], binder })
  server = createServer((socket) => {
    accepted.push(socket)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  serverPort = (server.address() as { port: number }).port
  gateway = createGateway({
    listeners: net.listeners,
    resolve: async (name) => {
      asked.push(name)
      const found = answers.get(name)?.() ?? []
      if (found.length === 0) throw Object.assign(new Error(name), { code: 'ENOTFOUND' })
      return found
    },
    connect: (address, port) => {
      dialled.push(`${address}:${port}`)
      const isLoopback = address.startsWith('127.')
      return isLoopback ? connectOutside(address, port) : connectOutside('127.0.0.1', serverPort)
    },
    hostAddresses: () => ['198.51.99.9', '127.0.0.1'],
    clock: systemClock,
  })
})
after(async () => {
  if (skip) return
  server.close()
  for (const socket of accepted) socket.destroy()
  await gateway.close()
  const gone = await net.close()
  assert.deepEqual(
    gone.filter((check) => !check.ok),
    [],
  )
  assert.equal(gone.length, 2)
  assert.deepEqual(await net.close(), gone, 'close is idempotent')
})

const list = (
  ...rules: readonly (readonly [host: string, port: number, tls?: 'sni' | 'any'])[]
): EgressPolicy => ({
  mode: 'list',
  allow: rules.map(([host, port, tls]) => ({ host, ports: [port], proto: 'tcp', tls: tls ?? 'any' })),
  privateRanges: [],
})
const open: EgressPolicy = { mode: 'open', allow: [], privateRanges: [] }

type Seen = {
  output: string
  records: readonly EgressRecord[]
  asked: readonly string[]
  dialled: readonly string[]
}

/** Runs a Node script in the job's network under a policy. `ask(name)` and `talk(host, port, text)` are given to it. */
const inside = async (policy: EgressPolicy, script: string): Promise<Seen> => {
  const cell = `cell-${performance.now()}`
  const admitted = gateway.admit({ ...limits, address: net.link.jobAddress, cell, policy })
  asked.length = 0
  dialled.length = 0
  const result = await run(
    'nsenter',
    [
      `--net=${net.link.nsPath}`,
      '-S',
      '65534',
      '-G',
      '65534',
      '--',
      process.execPath,
      '-e',
      prelude + script,
    ],
    { timeoutMs: 20_000 },
  )
  admitted.revoke()
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`)
  const records = gateway.records().filter((record) => record.cell === cell)
  return { output: result.stdout.toString().trim(), records, asked: [...asked], dialled: [...dialled] }
}

const prelude = `
const net = require('node:net'), dgram = require('node:dgram'), dns = require('node:dns/promises')
const { Resolver } = dns
const ask = async (name, type = 'A', at = '10.255.255.1') => {
  const resolver = new Resolver({ timeout: 1500, tries: 1 }); resolver.setServers([at])
  return resolver.resolve(name, type).then((a) => a.join(), (e) => e.code)
}
const talk = (host, port, text, end = true) => new Promise((resolve) => {
  let got = ''
  const socket = net.connect({ host, port, allowHalfOpen: true }, () => { for (const t of [].concat(text)) socket.write(t); if (end) socket.end() })
  socket.on('data', (d) => { got += d.toString('latin1'); if (!end) { socket.destroy(); resolve('got ' + got) } })
  socket.on('end', () => resolve('got ' + got))
  socket.on('error', (e) => resolve(e.code)); socket.setTimeout(5000, () => { socket.destroy(); resolve('timeout') })
})
const say = console.log;
`

test('a listed name has an address, an unlisted one does not exist and nobody is asked', {
  skip,
}, async () => {
  const seen = await inside(
    list(['good.example', 8080]),
    `(async () => {
      say(await ask('good.example'), await ask('GOOD.example', 'AAAA'), await ask('bad.example'))
      say(await ask('data.tunnel.example', 'TXT'), await ask('good.example', 'TXT'))
      say(await ask('good.example', 'A', '8.8.8.8'))
    })()`,
  )
  const [first, second, third] = seen.output.split('\n')
  assert.match(first ?? '', /^198\.18\.\d+\.\d+ ENODATA ENOTFOUND$/)
  assert.equal(second, 'ENOTFOUND EREFUSED')
  assert.equal(third, 'ECONNREFUSED', 'another resolver does not exist')
  assert.deepEqual(seen.asked, [])
  assert.deepEqual(
    seen.records.map(({ proto, host, verdict }) => `${proto} ${host} ${verdict}`),
    ['dns bad.example denied', 'dns data.tunnel.example denied'],
  )
})

test('bytes go both ways to a listed host, and half-close is kept', { skip }, async () => {
  answers.set('good.example', () => ['93.184.216.34'])
  const seen = await inside(
    list(['good.example', 8080]),
    `(async () => say(await talk(await ask('good.example'), 8080, 'hello')))()`,
  )
  assert.equal(seen.output, 'got hello')
  assert.deepEqual(seen.dialled, ['93.184.216.34:8080'])
  assert.deepEqual(
    seen.records.map(({ host, ip, port, verdict, up, down }) => ({ host, ip, port, verdict, up, down })),
    [{ host: 'good.example', ip: '93.184.216.34', port: 8080, verdict: 'allowed', up: 5, down: 5 }],
  )
})

test('literal addresses, metadata, loopback and the gateway itself are not reachable in a list', {
  skip,
}, async () => {
  const seen = await inside(
    list(['good.example', 8080]),
    `(async () => { for (const a of ['169.254.169.254', '10.255.0.1', '93.184.216.34', '198.18.77.77', '10.0.0.1', '192.168.1.1', '${'127.0.0.1'}'])
      say(a, await talk(a, 80, 'x')) })()`,
  )
  for (const line of seen.output.split('\n')) assert.match(line, /ECONNRESET|ECONNREFUSED|got $/, line)
  assert.deepEqual(seen.dialled, [])
  assert(seen.records.every(({ verdict, why }) => verdict === 'denied' && why === 'direct-ip'))
  assert.equal(seen.records.length, 6, 'all but the job’s own loopback')
})

test('open: public literals pass, denied ranges do not, whichever way they are written', {
  skip,
}, async () => {
  for (const bad of [
    '10.0.0.1',
    '127.0.0.1',
    '169.254.169.254',
    '::ffff:10.0.0.1',
    '64:ff9b::a00:1',
    '198.51.99.9',
  ])
    answers.set('bad.example', () => [bad]) && assert.deepEqual(await dialBad(), [], bad)
  const seen = await inside(
    open,
    `(async () => { say(await talk('93.184.216.34', 8080, 'literal')); for (const a of ['169.254.169.254', '192.168.0.1', '3232235521', '0xa000001', '198.51.99.9'])
      say(a, await talk(a, 8080, 'x')) })()`,
  )
  const [literal, ...others] = seen.output.split('\n')
  assert.equal(literal, 'got literal')
  for (const line of others) assert.match(line, /ECONNRESET|got $/, line)
  assert.deepEqual(seen.dialled, ['93.184.216.34:8080'])
})
const dialBad = async () =>
  (await inside(open, `(async () => say(await talk(await ask('bad.example'), 8080, 'x')))()`)).dialled

test('open: a name that does not exist outside does not exist inside', { skip }, async () => {
  const seen = await inside(open, `(async () => say(await ask('missing.example')))()`)
  assert.equal(seen.output, 'ENOTFOUND')
  assert.deepEqual(seen.asked, ['missing.example'])
})

test('one bad answer among good ones spoils all', { skip }, async () => {
  answers.set('mixed.example', () => ['93.184.216.34', '10.0.0.7'])
  const seen = await inside(
    list(['mixed.example', 8080]),
    `(async () => say(await talk(await ask('mixed.example'), 8080, 'x')))()`,
  )
  assert.deepEqual(seen.dialled, [])
  assert.equal(seen.records.at(-1)?.why, 'address: private')
})

test('rebinding has no window: each connection asks once and connects to what it checked', {
  skip,
}, async () => {
  let times = 0
  answers.set('rebind.example', () => [times++ % 2 === 0 ? '93.184.216.34' : '127.0.0.1'])
  const seen = await inside(
    list(['rebind.example', 8080]),
    `(async () => { const a = await ask('rebind.example'); for (let i = 0; i < 4; i++) say(await talk(a, 8080, 'x')) })()`,
  )
  assert.equal(seen.asked.length, 4)
  assert.deepEqual(seen.dialled, ['93.184.216.34:8080', '93.184.216.34:8080'])
  assert.equal(seen.output.split('\n').filter((line) => line === 'got x').length, 2)
})

test('443: the name in the hello must be the name that was dialled', { skip }, async () => {
  answers.set('tls.example', () => ['93.184.216.34'])
  const seen = await inside(
    list(['tls.example', 443, 'sni']),
    `const tls = require('node:tls')
     const hello = (host, servername) => new Promise((resolve) => {
       const s = tls.connect({ host, port: 443, servername, rejectUnauthorized: false })
       s.on('error', (e) => resolve(servername + ' ' + (e.code === 'ECONNRESET' ? 'reset' : 'answered'))) })
     ;(async () => { const a = await ask('tls.example')
       say(await hello(a, 'tls.example')); say(await hello(a, 'other.example')); say(await hello(a, ''))
       say('plain', await talk(a, 443, 'GET / HTTP/1.1\\r\\nHost: tls.example\\r\\n\\r\\n', false)) })()`,
  )
  assert.deepEqual(seen.output.split('\n'), [
    'tls.example answered',
    'other.example reset',
    ' reset',
    'plain ECONNRESET',
  ])
  assert.equal(seen.dialled.length, 1)
  assert.deepEqual(
    seen.records.filter(({ verdict }) => verdict === 'denied').map(({ why }) => why),
    ['sni: another name', 'sni: none', 'sni: not-tls'],
  )
})

test('80: every request of a connection must name the host', { skip }, async () => {
  answers.set('web.example', () => ['93.184.216.34'])
  const request = (host: string) => `'GET / HTTP/1.1\\r\\nHost: ${host}\\r\\n\\r\\n'`
  const seen = await inside(
    list(['web.example', 80]),
    `(async () => { const a = await ask('web.example')
      say(JSON.stringify(await talk(a, 80, ${request('web.example')})))
      say(await talk(a, 80, [${request('web.example')}, ${request('other.example')}].join('')))
      say(await talk(a, 80, 'CONNECT other.example:443 HTTP/1.1\\r\\nHost: web.example\\r\\n\\r\\n')) })()`,
  )
  assert.match(seen.output.split('\n')[0] ?? '', /^"got GET \/ HTTP/)
  assert.deepEqual(
    seen.records.map(({ verdict, why }) => `${verdict} ${why}`),
    ['allowed ok', 'denied http-host', 'denied http-connect'],
  )
})

test('UDP has no other end, IPv6 has no way out, and ::1 works', { skip }, async () => {
  const seen = await inside(
    open,
    `const udp = (host, port) => new Promise((resolve) => { const s = dgram.createSocket('udp4')
       s.connect(port, host, () => { s.send('x'); const t = setTimeout(() => { s.close(); resolve('silence') }, 1000)
       s.on('error', (e) => { clearTimeout(t); s.close(); resolve(e.code) }) }) })
     ;(async () => { say(await udp('93.184.216.34', 443)); say(await udp('8.8.8.8', 53)); say(await talk('2606:2800:220:1::1', 443, 'x'))
       const s = net.createServer((c) => c.end('local')).listen(0, '::1', async () => { say(await talk('::1', s.address().port, 'x')); s.close() }) })()`,
  )
  assert.deepEqual(seen.output.split('\n'), ['ECONNREFUSED', 'ECONNREFUSED', 'ENETUNREACH', 'got local'])
})

test('ports without a listener, ping and a foreign source address get nothing', { skip }, async () => {
  const seen = await inside(open, `(async () => say(await talk('93.184.216.34', 8081, 'x')))()`)
  assert.equal(seen.output, 'ECONNREFUSED')
  const ping = `$_ = pack('CCnnn', 8, 0, 0xf7fd, 1, 1); socket(S, 2, 3, 1) or die; send(S, $_, 0, pack_sockaddr_in(0, inet_aton('10.255.0.1')));
    vec($r, fileno(S), 1) = 1; print select($r, undef, undef, 0.3) ? 'answered' : 'silence'`
  const pinged = await run('nsenter', [`--net=${net.link.nsPath}`, 'perl', '-MSocket', '-e', ping], {
    timeoutMs: 5_000,
  })
  assert.equal(pinged.stdout.toString(), 'silence', pinged.stderr.toString())
  // Even root of the job's network cannot borrow an address: replies and requests from others are dropped.
  const spoof = `ip addr add 10.255.7.2/32 dev lo; exec ${process.execPath} -e 'require("node:net").connect({ host: "93.184.216.34", port: 8080, localAddress: "10.255.7.2", timeout: 400 }).on("timeout", () => { console.log("dropped"); process.exit() }).on("error", (e) => console.log(e.code)).on("connect", () => console.log("through"))'`
  const other = await run('nsenter', [`--net=${net.link.nsPath}`, 'sh', '-c', spoof], { timeoutMs: 5_000 })
  assert.equal(other.stdout.toString().trim(), 'dropped', other.stderr.toString())
})

test('a second link has its own policy, and does not outlive its close', { skip }, async () => {
  answers.set('good.example', () => ['93.184.216.34'])
  const link = await net.addLink()
  const script = `${prelude} (async () => { const a = await ask('good.example'); say(a.includes('.') ? await talk(a, 8080, 'x') : a) })()`
  const from = () =>
    run('nsenter', [`--net=${link.nsPath}`, '--', process.execPath, '-e', script], { timeoutMs: 9_000 })
  assert.match((await from()).stdout.toString(), /^ETIMEOUT/, 'not admitted yet')
  const admitted = gateway.admit({
    ...limits,
    address: link.jobAddress,
    cell: 'clean',
    policy: list(['good.example', 8080]),
  })
  assert.equal((await from()).stdout.toString().trim(), 'got x')
  admitted.revoke()
  link.close()
  assert.notEqual((await from()).code, 0, 'the namespace cannot be entered any more')
})

test('the handles pass on to an unprivileged process, which is then the gateway', { skip }, async () => {
  const other = await openNestNet({ nestId: 'hop', ports: [8080], binder })
  const source = `
    import { createGateway, connectOutside } from '${new URL('./gateway.ts', import.meta.url)}'
    const listeners = []
    process.on('message', ({ port, proto, done }, handle) => {
      if (!done) return listeners.push({ port, proto, handle })
      const clock = { now: () => Date.now(), monotonicMs: () => performance.now() }
      const gateway = createGateway({ listeners, clock, hostAddresses: () => [], resolve: async () => ['93.184.216.34'],
        connect: () => connectOutside('127.0.0.1', ${serverPort}) })
      gateway.admit({ address: '${other.link.jobAddress}', cell: 'x', egressBytes: 1e6, connections: 9,
        policy: { mode: 'open', allow: [], privateRanges: [] } })
      process.send({ uid: process.getuid() })
    })
    process.on('disconnect', () => process.exit(0))`
  const runner = spawn(process.execPath, ['--input-type=module', '-e', source], {
    uid: 65534,
    gid: 65534,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  for (const { port, proto, handle } of other.listeners) {
    await new Promise((resolve) => runner.send({ port, proto }, handle as never, {}, resolve))
    handle.close()
  }
  runner.send({ done: true })
  assert.deepEqual(await once(runner, 'message').then(([message]) => message), { uid: 65534 })
  const script = `${prelude} (async () => say(await talk(await ask('any.example'), 8080, 'hop')))()`
  const result = await run('nsenter', [`--net=${other.link.nsPath}`, '--', process.execPath, '-e', script], {
    timeoutMs: 9_000,
  })
  assert.equal(result.stdout.toString().trim(), 'got hop', result.stderr.toString())
  runner.disconnect()
  await once(runner, 'exit')
  assert.deepEqual(
    (await other.close()).filter((check) => !check.ok),
    [],
  )
})

test('a network whose process still runs, or whose listeners are held, is not called gone', {
  skip,
}, async () => {
  const other = await openNestNet({ nestId: 'held', ports: [8080], binder })
  const holder = spawn('nsenter', [`--net=${other.link.nsPath}`, 'sh', '-c', 'echo in; read -r _'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  assert(holder.stdout !== null && holder.stdin !== null)
  await once(holder.stdout, 'data')
  const gone = await other.close()
  assert.deepEqual(
    gone.map((check) => check.ok),
    [false, false],
  )
  assert.match(gone[1]?.detail ?? '', new RegExp(`process ${holder.pid} `))
  holder.stdin.end()
  await once(holder, 'exit')
})

test('a source host on loopback is reached under its inside name, and only on its port', {
  skip,
}, async () => {
  const allowed = allowSource({ host: '127.0.0.1', port: serverPort, isTls: false }, [
    `127.0.0.1:${serverPort}`,
  ])
  assert(allowed !== null)
  const [extra] = await net.listen([serverPort])
  assert(extra !== undefined)
  gateway.addListener(extra)
  const talk = `(async () => { const a = await ask('${allowed.name}'); say(await talk(a, ${serverPort}, 'git')); say(await talk(a, 8080, 'x')); say(await ask('127.0.0.1.example')) })()`
  const seen = await inside(allowed.policy, talk)
  assert.deepEqual(seen.dialled, [`127.0.0.1:${serverPort}`])
  assert.equal(seen.output.split('\n')[0], 'got git')
  const refused = allowSource({ host: '127.0.0.1', port: serverPort, isTls: false }, ['127.0.0.1:1'])
  assert(refused !== null)
  assert.deepEqual((await inside(refused.policy, talk)).dialled, [], 'the operator allowed another port')
})

test('bytes and connections are capped', { skip }, async () => {
  answers.set('good.example', () => ['93.184.216.34'])
  const policy = list(['good.example', 8080])
  const admitted = gateway.admit({
    address: net.link.jobAddress,
    cell: 'capped',
    policy,
    egressBytes: 1000,
    connections: 2,
  })
  const script = `${prelude} (async () => { const a = await ask('good.example'); const hold = [1, 2].map(() => net.connect(8080, a).on('error', () => 0))
    await new Promise((r) => setTimeout(r, 200)); say(await talk(a, 8080, 'x')); hold.forEach((s) => s.destroy()); await new Promise((r) => setTimeout(r, 200))
    say(await talk(a, 8080, 'x'.repeat(5000))) })()`
  const result = await run('nsenter', [`--net=${net.link.nsPath}`, '--', process.execPath, '-e', script], {
    timeoutMs: 9_000,
  })
  admitted.revoke()
  assert.deepEqual(result.stdout.toString().trim().split('\n'), ['ECONNRESET', 'ECONNRESET'])
  const whys = gateway
    .records()
    .filter(({ cell }) => cell === 'capped')
    .map(({ why }) => why)
  assert.deepEqual(
    whys.filter((why) => why !== 'ok' && !why.startsWith('failed')),
    ['connections', 'egress-bytes'],
  )
})

test('throughput is not a reason to go around it', { skip }, async (t) => {
  answers.set('good.example', () => ['93.184.216.34'])
  const seen = await inside(
    list(['good.example', 8080]),
    `(async () => { const a = await ask('good.example'), size = 256 * 2 ** 20, start = performance.now(); let left = size, got = 0
      const block = Buffer.alloc(2 ** 18), s = net.connect(8080, a)
      const pump = () => { while (left > 0) { left -= block.length; if (!s.write(block)) return s.once('drain', pump) } s.end() }
      s.on('connect', pump).on('data', (d) => { got += d.length }).on('close', () => say(got === size ? Math.round(size * 2 / 2 ** 20 / ((performance.now() - start) / 1000)) : 'lost')) })()`,
  )
  t.diagnostic(`${seen.output} MiB/s, both directions together, echo server and client on the same two cores`)
  assert(Number(seen.output) > 50, seen.output)
  const requests = await inside(
    list(['good.example', 8080]),
    `(async () => { const a = await ask('good.example'), start = performance.now(); for (let i = 0; i < 200; i++) if (await talk(a, 8080, 'x') !== 'got x') say('lost')
      say(((performance.now() - start) / 200).toFixed(2)) })()`,
  )
  t.diagnostic(`${requests.output} ms per connection, 200 one after the other`)
  assert(!requests.output.includes('lost'))
})
