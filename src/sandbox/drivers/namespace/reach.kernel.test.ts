// What a sandbox may reach beyond itself, and nothing else: tools and repositories the operator named, a socket the
// runner answers, names its policy lists.
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { needsRoot, type StartedJailer, startJailer } from '../../../../test/support/jailer.ts'
import { isFault } from '../../../base/faults.ts'
import { silentLog } from '../../../base/log.ts'
import { systemClock } from '../../../sys/index.ts'
import type { Driver, EgressPolicy, Sandbox, SandboxSpec } from '../../driver.ts'
import { contractSpec, contractStep, runIn } from '../../steps.contract.ts'
import { openNamespaceDriver } from './index.ts'

describe('reach', { skip: needsRoot, timeout: 120_000 }, () => {
  let root: string
  let jailer: StartedJailer
  let driver: Driver
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'mayfly-reach-'))
    // Readable by everybody, as an operator's repositories are.
    await mkdir(join(root, 'repos/group/a b.git'), { recursive: true })
    await mkdir(join(root, 'tool'))
    await writeFile(join(root, 'tool/hello'), '#!/bin/sh\necho tool\n', { mode: 0o755 })
    await writeFile(join(root, 'repos/group/a b.git/HEAD'), 'ref\n')
    await writeFile(join(root, 'secret'), 'secret\n')
    await symlink(root, join(root, 'repos/out'))
    for (const path of ['', 'repos', 'repos/group', 'repos/group/a b.git', 'tool'])
      await chmod(join(root, path), 0o755)
    jailer = await startJailer({
      repositoryRoots: [join(root, 'repos')],
      tools: { release: join(root, 'tool') },
    })
    driver = openNamespaceDriver({
      ...{ channel: jailer.channel, clock: systemClock, log: silentLog },
      resolve: async (name) => (name === 'good.example' ? ['127.0.0.1'] : []),
    })
  })
  after(async () => {
    await driver.close()
    await jailer.stop()
    await rm(root, { recursive: true })
  })

  const inside = async (spec: Partial<SandboxSpec>, use: (sandbox: Sandbox) => Promise<void>) => {
    const sandbox = await driver.open({ ...contractSpec, ...spec }, AbortSignal.timeout(30_000))
    try {
      await use(sandbox)
    } finally {
      assert.ok((await sandbox.close('done')).gone.every((entry) => entry.ok))
    }
  }

  test('a tool is there, read-only, in every cell', () =>
    inside({ mounts: [{ kind: 'tool', object: 'release', at: '/opt/mayfly' }] }, async (sandbox) => {
      for (const cell of ['job', 'shared', 'clean'] as const) {
        const { out, err } = await runIn(
          sandbox,
          contractStep('/opt/mayfly/hello; : >/opt/mayfly/x', { cell }),
        )
        assert.equal(out, 'tool\n')
        assert.match(err, /Read-only file system/)
      }
    }))

  test('a tool the operator did not name does not exist', () =>
    assert.rejects(
      inside({ mounts: [{ kind: 'tool', object: 'other', at: '/opt/x' }] }, async () => undefined),
      (error) => isFault(error, 'E_SANDBOX_UNAVAILABLE'),
    ))

  test('a repository is there, read-only, for the checkout and for no other step', () =>
    inside({ mounts: [source('group/a b.git')] }, async (sandbox) => {
      const look = 'cat /mnt/source/HEAD; : >/mnt/source/x'
      const seen = await runIn(sandbox, contractStep(look, { cell: 'clean', kind: 'checkout' }))
      assert.equal(seen.out, 'ref\n')
      assert.match(seen.err, /Read-only file system/)
      for (const cell of ['job', 'shared', 'clean'] as const)
        assert.equal(
          (await runIn(sandbox, contractStep('ls -A /mnt/source 2>&1; true', { cell }))).out.includes('HEAD'),
          false,
        )
    }))

  test('a path that leads out of its root is refused', async () => {
    for (const path of ['out', 'out/secret', 'nothing', 'group/../../secret'])
      await assert.rejects(
        inside({ mounts: [source(path)] }, async (sandbox) => {
          await runIn(sandbox, contractStep('true', { cell: 'clean', kind: 'checkout' }))
        }),
        (error) => isFault(error),
        path,
      )
  })

  test('the socket of a step is answered by the runner, and reachable in that cell only', () =>
    inside({}, async (sandbox) => {
      const perl = `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK} // "/run/mayfly/agent.sock") or do { print "none"; exit };
        print $s "ping\\n"; $s->flush; print scalar <$s>`
      const step = contractStep('', { script: { interpreter: ['perl'], text: perl } })
      const asked = await runIn(
        sandbox,
        { ...step, id: 'a', cell: 'clean', kind: 'checkout', socket: 'ssh-agent' },
        { onConnection: (connection) => connection.pipe(connection) },
      )
      assert.equal(asked.out, 'ping\n')
      for (const cell of ['job', 'shared', 'clean'] as const)
        assert.equal((await runIn(sandbox, { ...step, id: 'b', cell })).out, 'none')
    }))

  test('an agent asked for by a step of the job cell is there for the steps after it, and for no other cell', () =>
    inside({}, async (sandbox) => {
      const perl = `use IO::Socket::UNIX; my $s = IO::Socket::UNIX->new("/run/mayfly/agent.sock") or do { print "none"; exit };
        print $s "ping\\n"; $s->flush; print scalar <$s>`
      const step = contractStep('', { script: { interpreter: ['perl'], text: perl } })
      const onConnection = (connection: Socket) => void connection.pipe(connection)
      assert.equal((await runIn(sandbox, { ...step, id: 'a', cell: 'job' })).out, 'none')
      for (const id of ['b', 'c'])
        assert.equal(
          (await runIn(sandbox, { ...step, id, cell: 'job', socket: 'ssh-agent' }, { onConnection })).out,
          'ping\n',
        )
      for (const cell of ['shared', 'clean'] as const)
        assert.equal((await runIn(sandbox, { ...step, id: 'd', cell })).out, 'none')
      const other = contractStep('', {
        script: { interpreter: ['perl'], text: perl.replace('agent', 'job') },
      })
      const say = (connection: Socket) => void connection.end('the job\n')
      for (const socket of ['job', null] as const)
        assert.equal(
          (await runIn(sandbox, { ...other, id: 'e', cell: 'job', socket }, { onConnection: say })).out,
          'the job\n',
        )
    }))

  test('a listed name is reached through the gateway, others do not exist, and the records say so', async () => {
    const server = createServer((socket) => socket.end('hello\n')).listen(0, '127.0.0.1')
    server.unref()
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const egress: EgressPolicy = {
      mode: 'list',
      // Loopback is for the operator's sources only: the name stands for one.
      allow: [
        {
          ...{ host: 'good.example', ports: [port], proto: 'tcp', tls: 'any' },
          target: { host: '127.0.0.1', privateRanges: ['127.0.0.1'] },
        },
      ],
      privateRanges: [],
    }
    const ask = (name: string) =>
      `use IO::Socket::INET; my $s = IO::Socket::INET->new("${name}:${port}") or do { print "no\\n"; exit }; print <$s>`
    await inside({ egress }, async (sandbox) => {
      const run = (name: string, cell: 'job' | 'clean') =>
        runIn(sandbox, contractStep('', { cell, script: { interpreter: ['perl'], text: ask(name) } }))
      assert.equal((await run('good.example', 'job')).out, 'hello\n')
      assert.equal((await run('bad.example', 'job')).out, 'no\n')
      assert.equal((await run('good.example', 'clean')).out, 'hello\n')
      const verdicts = sandbox
        .egress()
        .map(({ cell, proto, host, verdict }) => `${cell} ${proto} ${host} ${verdict}`)
      assert.deepEqual(
        new Set(verdicts),
        new Set(['job tcp good.example allowed', 'job dns bad.example denied']),
      )
      assert.ok((await sandbox.usage()).egressDown >= 12)
    })
    server.close()
  })

  test('a clean step may have a list of its own, shorter than that of the job', async () => {
    const none: EgressPolicy = { mode: 'list', allow: [], privateRanges: [] }
    const open: EgressPolicy = { mode: 'open', allow: [], privateRanges: [] }
    await inside({ egress: open }, async (sandbox) => {
      const text = 'use Socket; my $a = inet_aton("good.example"); print $a ? "known" : "unknown"'
      const step = contractStep('', { script: { interpreter: ['perl'], text } })
      assert.equal((await runIn(sandbox, step)).out, 'known')
      assert.equal((await runIn(sandbox, { ...step, id: 'own', cell: 'clean', egress: none })).out, 'unknown')
    })
  })
})

const source = (path: string) => ({ kind: 'source', root: 0, path, at: '/mnt/source' }) as const
