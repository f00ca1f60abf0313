// Fetching over ssh in real sandboxes from a real sshd: what waits, what is kept, and who may use it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type GitHost, openGitHost, type TestRepository } from '../../../test/support/git-host.ts'
import { waitFor } from '../../../test/support/installation.ts'
import { needsRoot } from '../../../test/support/jailer.ts'
import { person } from '../../../test/support/person-git.ts'
import { silentLog } from '../../base/log.ts'
import { Secret } from '../../base/secret.ts'
import { openLocalSandboxes } from '../../main/local-sandboxes.ts'
import type { Source } from '../../protocol/runner-wire.ts'
import { classes } from '../../sandbox/index.ts'
import { systemClock } from '../../sys/index.ts'
import { findChanges } from './changed-paths.ts'
import { createFetchers, type Fetchers, type FetchWant } from './fetch.ts'
import type { SourceKey } from './source-cell.ts'

type SshSource = Extract<Source, { kind: 'ssh' }>

let root = ''
let host: GitHost
let sandboxes: Awaited<ReturnType<typeof openLocalSandboxes>>
let remote: TestRepository
let source: SshSource
let hostKeys: readonly string[] = []
const opened: string[] = []

const addKey = async (name: string): Promise<{ readonly key: SourceKey; readonly fingerprint: string }> => {
  const file = join(root, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
  await host.authorize(await readFile(`${file}.pub`, 'utf8'))
  const shown = execFileSync('ssh-keygen', ['-l', '-f', `${file}.pub`], { encoding: 'utf8' })
  const key = { key: new Secret(await readFile(file, 'utf8')), hostKeys, tier: 'branch' }
  return { key, fingerprint: shown.split(' ')[1] ?? '' }
}

type Login = { readonly port: string; readonly isOpen: boolean }
/** Each connection that this key was let in on, by its port; whether it is open the kernel knows. */
const loginsOf = (fingerprint: string): readonly Login[] => {
  const open = establishedTo(host.port)
  return host
    .said()
    .split('\n')
    .filter((line) => line.includes(fingerprint))
    .flatMap((line) => /Accepted publickey .* port (\d+) /.exec(line)?.[1] ?? [])
    .map((port) => ({ port, isOpen: open.has(Number(port)) }))
}
const establishedTo = (port: number): ReadonlySet<number> =>
  new Set(
    readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/[\s:]+/))
      .filter(([, , from, , , state]) => Number.parseInt(from ?? '', 16) === port && state === '01')
      .map(([, , , , to]) => Number.parseInt(to ?? '', 16)),
  )
const untilAllClosed = (fingerprint: string) =>
  waitFor('the end of its connections', () => loginsOf(fingerprint).every(({ isOpen }) => !isOpen), 10_000)

const openFetchers = (keepMs = 60_000): Fetchers =>
  createFetchers({
    driver: {
      ...sandboxes.driver,
      open: (spec, signal) => {
        opened.push(spec.attempt)
        return sandboxes.driver.open(spec, signal)
      },
    },
    ...{ log: silentLog, limits: classes.small.limits, privateRanges: ['127.0.0.0/8'] },
    ...{
      agentDirectory: join(root, 'agents'),
      clock: systemClock,
      keepMs,
      onStuck: () => assert.fail('stuck'),
    },
  })

const fetchBy = async (fetchers: Fetchers, changes: Partial<FetchWant> & Pick<FetchWant, 'key'>) => {
  const want = {
    attempt: 'att',
    project: 'prj_a',
    source,
    ref: 'refs/heads/main',
    commit: remote.head(),
    depth: 1,
  }
  const found = await fetchers.fetch({ ...want, ...changes }, () => undefined, AbortSignal.timeout(60_000))
  if (found.ok) await found.end()
  return found.ok ? found.fetched : found.message
}
const commitBy = async (...args: Parameters<typeof fetchBy>) => {
  const found = await fetchBy(...args)
  return typeof found === 'string' ? found : found.commit
}

describe('fetching over ssh', { skip: needsRoot, timeout: 180_000 }, () => {
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'mayfly-fetch-'))
    await chmod(root, 0o711)
    await mkdir(join(root, 'agents'))
    host = await openGitHost()
    remote = await host.createRepository('app', { '.circleci/config.yml': 'version: 2.1\n' })
    const url = host.sshUrl('app')
    const { hostname, port, username, pathname } = new URL(url)
    source = { kind: 'ssh', url, host: hostname, port: Number(port), user: username, path: pathname }
    const hostKey = await readFile(join(host.directory, 'host_key.pub'), 'utf8')
    hostKeys = [`any ${hostKey.split(' ').slice(0, 2).join(' ')}`]
    sandboxes = await openLocalSandboxes({ privateRanges: [], repositoryRoots: [], tools: {} })
  })
  after(async () => {
    await sandboxes?.close()
    await host?.close()
    await rm(root, { recursive: true, force: true })
  })

  test('the next fetch of a project uses its connection, sees what was pushed, and keeps nothing else', async () => {
    const { key, fingerprint } = await addKey('first')
    const fetchers = openFetchers()
    const of = { project: 'prj_a', source, key }
    try {
      assert.equal(fetchers.keeps(of), false)
      const old = remote.head()
      assert.equal(await commitBy(fetchers, { key }), old)
      assert.equal(fetchers.keeps(of), true)
      for (const text of ['2', '3']) {
        const commit = remote.push({ '.circleci/config.yml': `version: 2.1 # ${text}\n` }, `Push ${text}`)
        const found = await fetchBy(fetchers, { key })
        assert.ok(typeof found === 'object')
        assert.equal(found.commit, commit)
        assert.match(Buffer.from(found.files.get('.circleci/config.yml')!).toString(), new RegExp(text))
        assert.deepEqual(found.shallow, [commit], 'of the fetches before nothing is left')
      }
      assert.deepEqual(
        loginsOf(fingerprint).map(({ isOpen }) => isOpen),
        [true],
      )
      assert.equal(opened.filter((attempt) => attempt === 'att').length, 1)
      assert.deepEqual(await readdir(join(root, 'agents')), [], 'the key went with the fetch')
    } finally {
      await fetchers.close()
    }
    await untilAllClosed(fingerprint)
  })

  test('nobody else rides on it: no other project, tier, key, pinned host key or address', async () => {
    const { key, fingerprint } = await addKey('second')
    const other = await addKey('third')
    const fetchers = openFetchers()
    try {
      await commitBy(fetchers, { key })
      assert.equal(await commitBy(fetchers, { key, project: 'prj_b' }), remote.head())
      assert.equal(loginsOf(fingerprint).length, 2, 'a connection of its own')
      await commitBy(fetchers, { key: { ...key, tier: 'fork' } })
      assert.equal(loginsOf(fingerprint).length, 3, 'of its own tier')
      assert.equal(await commitBy(fetchers, { key: other.key }), remote.head())
      assert.equal(loginsOf(other.fingerprint).length, 1, 'with its own key')
      const stranger = { ...key, key: new Secret('no key at all') }
      await assert.rejects(commitBy(fetchers, { key: stranger }))
      const foreign = hostKeys.map((line) =>
        line.replace(
          / [A-Za-z0-9+/]+=*$/,
          ' AAAAC3NzaC1lZDI1NTE5AAAAIFZ71ANOaYlZcY7uxm3nq7Cv/6IrhZArUq9UpflFRsQ7',
        ),
      )
      const refused = await commitBy(fetchers, { key: { ...key, hostKeys: foreign } })
      assert.match(refused ?? '', /^the host key is not the confirmed one; .*mayfly project trust/)
      const elsewhere = { ...source, path: `${source.path}-not-there` }
      assert.equal(await commitBy(fetchers, { key, source: elsewhere }), 'there is no such repository')
      assert.equal(fetchers.keeps({ project: 'prj_a', source: elsewhere, key }), false)
      assert.equal(fetchers.keeps({ project: 'prj_b', source, key: other.key }), false)
    } finally {
      await fetchers.close()
    }
    await untilAllClosed(fingerprint)
  })

  test('it ends when its time is over, used or not, and is never kept where that is switched off', async () => {
    const { key, fingerprint } = await addKey('fourth')
    const [brief, never] = [openFetchers(3_000), openFetchers(0)]
    try {
      await commitBy(brief, { key })
      assert.equal(brief.keeps({ project: 'prj_a', source, key }), true)
      await untilAllClosed(fingerprint)
      assert.equal(brief.keeps({ project: 'prj_a', source, key }), false)
      assert.equal(await commitBy(brief, { key }), remote.head())
      assert.equal(loginsOf(fingerprint).length, 2)
      await commitBy(never, { key })
      assert.equal(never.keeps({ project: 'prj_a', source, key }), false)
      await waitFor('its end', () => loginsOf(fingerprint)[2]?.isOpen === false, 10_000)
    } finally {
      await Promise.all([brief.close(), never.close()])
    }
  })

  test('where a commit stands on its ref is asked over the same connection, by real parents', async () => {
    const { key, fingerprint } = await addKey('standing')
    const fetchers = openFetchers()
    const stands = async (commit: string, ref = 'refs/heads/main') => {
      const want = { attempt: 'att', project: 'prj_a', source, key, ref, commit }
      const found = await fetchers.standing(want, () => undefined, AbortSignal.timeout(60_000))
      if (!found.ok) return assert.fail(found.message)
      await found.end()
      return found.standing
    }
    try {
      const first = remote.head()
      const tip = remote.push({ a: '1' }, 'on top')
      assert.deepEqual(await stands(tip), { tip, isTip: true })
      assert.deepEqual(await stands(first), { tip, isTip: false })
      assert.equal(await stands(tip, 'refs/heads/not-there'), null)
      remote.git(...person, 'tag', '--annotate', '--message', 'one', 'v1', first)
      remote.git('push', '--quiet', 'origin', 'v1', `${tip}:refs/heads/team/main`)
      assert.deepEqual(
        await stands(first, 'refs/tags/v1'),
        { tip: first, isTip: true },
        'what the tag leads to',
      )
      assert.equal(await stands(tip, 'refs/tags/v1'), null, 'behind it')
      // The end of another name, or a pattern, is not this ref.
      assert.equal(await stands(tip, 'refs/heads/ma*'), null)
      assert.equal(await stands(tip, 'heads/main'), null)
      // The source host has it, and would give it to whoever asks by its name; on the branch it is not.
      remote.git('checkout', '--quiet', '--detach', first)
      remote.git(...person, 'commit', '--quiet', '--allow-empty', '--message', 'aside')
      const aside = remote.head()
      remote.git('push', '--quiet', 'origin', 'HEAD:refs/pull/1/head')
      remote.git('checkout', '--quiet', 'main')
      assert.equal(await stands(aside), null)
      assert.equal(await stands('f'.repeat(40)), null)
      assert.equal(await commitBy(fetchers, { key }), tip, 'and the next fetch finds its place empty')
      assert.deepEqual(
        loginsOf(fingerprint).map(({ isOpen }) => isOpen),
        [true],
      )
    } finally {
      await fetchers.close()
    }
    await untilAllClosed(fingerprint)
  })

  test('what a dead connection does not bring, a new one does; a commit that is not there is said', async () => {
    const { key, fingerprint } = await addKey('fifth')
    const fetchers = openFetchers()
    try {
      await commitBy(fetchers, { key })
      host.drop()
      await untilAllClosed(fingerprint)
      assert.equal(await commitBy(fetchers, { key }), remote.head())
      assert.equal(loginsOf(fingerprint).length, 2)
      assert.equal(
        await commitBy(fetchers, { key, commit: '1'.repeat(40) }),
        'the source host does not have this commit',
      )
      assert.equal(loginsOf(fingerprint).length, 3, 'asked again over a new one')
    } finally {
      await fetchers.close()
    }
  })

  test('two fetches at once have two connections, of which one is kept', async () => {
    const { key, fingerprint } = await addKey('sixth')
    const fetchers = openFetchers()
    try {
      const both = await Promise.all([commitBy(fetchers, { key }), commitBy(fetchers, { key })])
      assert.deepEqual(both, [remote.head(), remote.head()])
      await waitFor(
        'the end of one',
        () => loginsOf(fingerprint).filter(({ isOpen }) => isOpen).length === 1,
        10_000,
      )
      assert.equal(loginsOf(fingerprint).length, 2)
    } finally {
      await fetchers.close()
    }
    await untilAllClosed(fingerprint)
  })

  test('which paths changed is asked of the source, and only with its key', async () => {
    const { key } = await addKey('changes')
    const { key: stranger } = await addKey('no-changes')
    const base = remote.push({ 'web/a': '1', 'api/a': '1' }, 'base')
    remote.git('checkout', '--quiet', '-b', 'topic')
    await writeFile(join(remote.work, 'web/a'), '2')
    remote.git(...person, 'commit', '--quiet', '--all', '--message', 'topic')
    remote.git('push', '--quiet', 'origin', 'topic')
    const topic = remote.git('rev-parse', 'HEAD').trim()
    remote.git('checkout', '--quiet', 'main')
    const main = remote.push({ 'api/a': '2' }, 'main goes on')
    const deps = {
      ...{ driver: sandboxes.driver, log: silentLog, limits: classes.small.limits },
      ...{ privateRanges: ['127.0.0.0/8'], agentDirectory: join(root, 'agents') },
    }
    const ask = (commit: string, ref: string, given: string, by = key) =>
      findChanges(
        deps,
        { ...{ attempt: 'att', source, key: by, base: given, onBase: 'parent' }, event: { ref, commit } },
        () => undefined,
        AbortSignal.timeout(60_000),
      )
    const own = { ok: true, from: base, paths: ['web/a'] }
    assert.deepEqual(await ask(topic, 'refs/heads/topic', 'main'), own, 'where they parted')
    assert.deepEqual(await ask(main, 'refs/heads/main', 'main'), { ok: true, from: base, paths: ['api/a'] })
    const missing = await ask(topic, 'refs/heads/topic', 'gone')
    assert.match(missing.ok ? '' : missing.message, /no branch, tag or commit "gone"/)
    const foreign = { ...stranger, key: new Secret(await readFile(join(host.directory, 'host_key'), 'utf8')) }
    const refused = await ask(topic, 'refs/heads/topic', 'main', foreign)
    assert.match(refused.ok ? '' : refused.message, /refused the deploy key/)
  })
})
