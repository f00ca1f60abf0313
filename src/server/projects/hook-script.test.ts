// The hook with the real sh, curl, openssl and git: what arrives is signed, a push never waits, nothing is lost.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '../../sys/index.ts'
import { hookScript } from './hook-script.ts'

type Arrival = { readonly body: string; readonly signature: string | undefined }
const arrivals: Arrival[] = []
let status = 202
let hold: Promise<void> = Promise.resolve()
let server: Server
let root = ''
let repository = ''
// Bytes that become NUL, percent and backslash under the pads: 0x36, 0x5c, 0x13 are not base64url, but `6` is.
const secret = '6abc-6_zZ09sixty6666_q-Xx%'

before(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const signature = request.headers['x-mayfly-signature']
      arrivals.push({ body: Buffer.concat(chunks).toString(), signature: signature as string | undefined })
      void hold.then(() => response.writeHead(status).end())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  root = await mkdtemp(join(tmpdir(), 'mf-hook-'))
  repository = join(root, 'web.git')
  await git('init', '-q', '--bare', repository)
  const { port } = server.address() as AddressInfo
  await writeFile(
    join(repository, 'hooks', 'post-receive'),
    hookScript(`http://127.0.0.1:${port}/hooks/generic/hok_x`),
    { mode: 0o755 },
  )
  await writeFile(join(repository, 'hooks', 'mayfly-secret'), `${secret}\n`, { mode: 0o600 })
  await git('init', '-q', '-b', 'main', join(root, 'work'))
})
after(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(root, { recursive: true, force: true })
})

const identity = {
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b',
}
const git = async (...args: string[]) => {
  const env = { ...identity, HOME: root, GIT_CONFIG_NOSYSTEM: '1' }
  const result = await run('git', args, { timeoutMs: 20_000, env, cwd: root })
  assert.equal(result.code, 0, result.stderr.toString())
  return result
}
const push = async (ref = 'main', ...messages: string[]) => {
  const said = (messages.length === 0 ? ['x'] : messages).flatMap((message) => ['-m', message])
  await git('-C', 'work', 'commit', '-q', '--allow-empty', ...said)
  await git('-C', 'work', 'push', '-q', repository, `HEAD:${ref}`)
}
const spooled = async () => (await readdir(join(repository, 'mayfly-spool'))).sort()
const until = async (what: string, condition: () => boolean | Promise<boolean>) => {
  const late = Date.now() + 10_000
  while (!(await condition())) {
    assert.ok(Date.now() < late, `waited too long for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
const checkSigned = ({ body, signature }: Arrival) =>
  assert.equal(signature, `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`)

test('a push arrives, signed, with old, new, ref and time', async () => {
  arrivals.length = 0
  await push()
  await until('the delivery', async () => arrivals.length === 1 && (await spooled()).length === 0)
  checkSigned(arrivals[0]!)
  const { old, new: now, ref, sentAt } = JSON.parse(arrivals[0]!.body)
  assert.equal(old, '0'.repeat(40))
  assert.match(now, /^[0-9a-f]{40}$/)
  assert.equal(ref, 'refs/heads/main')
  assert.ok(Math.abs(Date.parse(sentAt) - Date.now()) < 60_000)
})

test('a commit whose message asks for no run says so, at its beginning only, and only of the newest', async () => {
  const skipOf = async (...messages: string[]) => {
    arrivals.length = 0
    await push('main', ...messages)
    await until('the delivery', async () => arrivals.length === 1 && (await spooled()).length === 0)
    checkSigned(arrivals[0]!)
    return JSON.parse(arrivals[0]!.body).skip
  }
  assert.equal(await skipOf('Mend a typo [ci skip]'), true)
  assert.equal(await skipOf('Mend a "typo" \\ %s', 'In the manual. [skip ci]'), true)
  assert.equal(await skipOf('Skip ci in words'), undefined)
  assert.equal(await skipOf('x'.repeat(300), '[skip ci]'), undefined)
  await git('-C', 'work', 'commit', '-q', '--allow-empty', '-m', 'older [skip ci]')
  assert.equal(await skipOf('newest'), undefined)
})

test('an annotated tag is told as the commit it points at, whose message counts', async () => {
  const told = async (...args: string[]) => {
    arrivals.length = 0
    await git('-C', 'work', 'push', '-q', repository, ...args)
    await until('the delivery', async () => arrivals.length === 1 && (await spooled()).length === 0)
    checkSigned(arrivals[0]!)
    const { ref, new: now, skip } = JSON.parse(arrivals[0]!.body)
    return [ref, now, skip]
  }
  const head = async () => (await git('-C', 'work', 'rev-parse', 'HEAD')).stdout.toString().trim()
  await git('-C', 'work', 'config', '--file', join(repository, 'config'), 'log.showSignature', 'true')
  await git('-C', 'work', 'tag', '-a', '-m', 'Release [ci skip]', 'v1')
  assert.deepEqual(await told('v1'), ['refs/tags/v1', await head(), undefined])
  assert.deepEqual(await told(':refs/tags/v1'), ['refs/tags/v1', '0'.repeat(40), undefined])
  await git('-C', 'work', 'commit', '-q', '--allow-empty', '-m', 'Mend a typo [ci skip]')
  await git('-C', 'work', 'tag', '-a', '-m', 'Release', 'v2')
  assert.deepEqual(await told('v2'), ['refs/tags/v2', await head(), true])
  const blob = (await git('-C', 'work', 'hash-object', '-w', '/etc/hostname')).stdout.toString().trim()
  await git('-C', 'work', 'tag', 'odd', blob)
  assert.deepEqual(await told('odd'), ['refs/tags/odd', blob, undefined])
})

test('a push does not wait for the delivery', async () => {
  arrivals.length = 0
  let release = () => {}
  hold = new Promise((resolve) => {
    release = resolve
  })
  await push()
  // The push is over although nobody has been answered.
  await until('the request', () => arrivals.length === 1)
  assert.equal((await spooled()).length, 1)
  release()
  await until('the answer', async () => (await spooled()).length === 0)
})

test('what cannot be delivered goes with the next push, or with --flush', async () => {
  status = 503
  arrivals.length = 0
  await push()
  await until(
    'the refusal',
    async () => arrivals.length > 0 && (await spooled()).every((name) => name.endsWith('.json')),
  )
  status = 202
  arrivals.length = 0
  await push()
  await until('both', async () => arrivals.length === 2 && (await spooled()).length === 0)
  for (const arrival of arrivals) checkSigned(arrival)
  status = 401
  await push()
  await until(
    'the third',
    async () => arrivals.length === 3 && (await spooled()).every((name) => name.endsWith('.json')),
  )
  status = 200
  const flushed = await run(join(repository, 'hooks', 'post-receive'), ['--flush'], { timeoutMs: 20_000 })
  assert.equal(flushed.code, 0)
  assert.equal(arrivals.length, 4)
  assert.deepEqual(await spooled(), [])
})

test('of a push with many refs that cannot be delivered, each waits for the next', async () => {
  status = 503
  arrivals.length = 0
  await push('main')
  const refs = Array.from({ length: 30 }, (_, n) => `HEAD:refs/heads/of-many-${n}`)
  await git('-C', 'work', 'push', '-q', repository, ...refs)
  await until(
    'all to wait',
    async () => (await spooled()).length === 31 && (await spooled()).every((name) => name.endsWith('.json')),
  )
  assert.ok(arrivals.length <= 3, 'a server that refuses is asked once by each push')
  status = 200
  arrivals.length = 0
  const flushed = await run(join(repository, 'hooks', 'post-receive'), ['--flush'], { timeoutMs: 20_000 })
  assert.equal(flushed.code, 0)
  assert.equal(new Set(arrivals.map(({ body }) => JSON.parse(body).ref)).size, 31)
  for (const arrival of arrivals) checkSigned(arrival)
  assert.deepEqual(await spooled(), [])
})

test('several refs of one push are several deliveries; a quote in a name stays inside its string', async () => {
  arrivals.length = 0
  await git('-C', 'work', 'push', '-q', repository, 'HEAD:refs/heads/a', 'HEAD:refs/heads/say"hi"')
  await until('both', () => arrivals.length === 2)
  for (const arrival of arrivals) checkSigned(arrival)
  assert.deepEqual(arrivals.map(({ body }) => JSON.parse(body).ref).sort(), [
    'refs/heads/a',
    'refs/heads/say"hi"',
  ])
})

test('a push succeeds when the secret is missing, and is delivered when it is there', async () => {
  arrivals.length = 0
  await rm(join(repository, 'hooks', 'mayfly-secret'))
  await push()
  assert.equal((await spooled()).length, 1)
  await writeFile(join(repository, 'hooks', 'mayfly-secret'), secret, { mode: 0o600 })
  // The push's own child may come late and deliver it, too.
  await run(join(repository, 'hooks', 'post-receive'), ['--flush'], { timeoutMs: 20_000 })
  await until('the delivery', async () => arrivals.length === 1 && (await spooled()).length === 0)
})

test('the key is never in the arguments of a program', async () => {
  // Stand-ins that write down how they were called, then become the program itself.
  const programs = join(root, 'recording')
  const calls = join(root, 'calls')
  await mkdir(programs)
  for (const name of ['sha256sum', 'curl', 'od', 'cat', 'mv', 'rm', 'find', 'sort', 'tail', 'mkdir']) {
    const text = `#!/bin/sh\nprintf '%s\\n' "${name} $*" >>'${calls}'\nexec /usr/bin/${name} "$@"\n`
    await writeFile(join(programs, name), text, { mode: 0o755 })
  }
  await flushedBy(['/bin/dash'], { PATH: programs })
  const lines = (await readFile(calls, 'utf8')).trim().split('\n')
  assert.ok(['sha256sum', 'curl', 'od'].every((name) => lines.some((line) => line.startsWith(name))))
  assert.ok(
    lines.every((line) => !line.includes(secret) && !line.includes('\\0')),
    lines.join('; '),
  )
})

/** One delivery in a spool of its own, flushed by this shell. */
const flushedBy = async ([shell = 'sh', ...options]: readonly string[], env: Record<string, string> = {}) => {
  arrivals.length = 0
  const own = await mkdtemp(join(root, 'spool-'))
  await mkdir(join(own, 'hooks'))
  await mkdir(join(own, 'mayfly-spool'))
  await copyFile(join(repository, 'hooks', 'post-receive'), join(own, 'hooks', 'post-receive'))
  await writeFile(join(own, 'hooks', 'mayfly-secret'), secret, { mode: 0o600 })
  await writeFile(join(own, 'mayfly-spool', 'x.json'), '{"any":"bytes \\u0000 %s %b \\\\045"}')
  const flushed = await run(shell, [...options, join(own, 'hooks', 'post-receive'), '--flush'], {
    timeoutMs: 20_000,
    env,
  })
  assert.equal(flushed.code, 0, flushed.stderr.toString())
  assert.deepEqual(await readdir(join(own, 'mayfly-spool')), [])
  assert.equal(arrivals.length, 1)
  return flushed
}

for (const shell of ['dash', 'bash'])
  test(`${shell} computes the same signature as everybody else`, async () => {
    await flushedBy([shell])
    checkSigned(arrivals[0] as Arrival)
  })

test('without sha256sum, openssl computes the same signature', async () => {
  const programs = join(root, 'programs')
  await mkdir(programs)
  for (const name of ['openssl', 'curl', 'od', 'cat', 'mv', 'rm', 'find', 'sort', 'tail', 'mkdir'])
    await symlink(join('/usr/bin', name), join(programs, name))
  await flushedBy(['/bin/dash'], { PATH: programs })
  checkSigned(arrivals[0] as Arrival)
})
