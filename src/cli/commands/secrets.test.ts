// What a person signs who changes one thing about a secret or a context, while the server may show them anything: the statement names
// all that was only shown, and the vault refuses it where that is not so (src/vault/taken-server.test.ts).
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'
import { toBase64Url } from '../../base/bytes.ts'
import { formatId } from '../../base/ids.ts'
import type { PutStatement, SealedSecret } from '../../protocol/statement.ts'
import { generateSealingKey, generateSigningKey, openSecret, signIngestKey } from '../../seal/index.ts'
import { ensureDirectory, run, systemClock, writeFileDurably } from '../../sys/index.ts'

const home = await mkdtemp(join(tmpdir(), 'mayfly-secrets-'))
after(() => rm(home, { recursive: true }))
const [vsign, ingest, own] = [
  await generateSigningKey(),
  await generateSealingKey(),
  await generateSigningKey(),
]
await ensureDirectory(join(home, 'mayfly'))
const keyFile = join(home, 'mayfly', 'signer.json')
await writeFileDurably(keyFile, JSON.stringify({ v: 1, pkcs8: toBase64Url(own.pkcs8) }))
await chmod(keyFile, 0o600)

type Sent = { readonly statement: PutStatement; readonly sealed: SealedSecret }
const sent: Sent[] = []
const thiefs = 'git@git.example.com:thief/web.git'
const project = {
  ...world.projects[0],
  source: { kind: 'ssh', url: thiefs },
  id: formatId('project', new Uint8Array(16).fill(1)),
}
const context = {
  ...{ id: formatId('context', new Uint8Array(16).fill(2)), name: 'deploy', state: 'active' },
  ...{ projects: null, refs: ['refs/**'], roles: null, head: 'a'.repeat(64) },
  ...{ created_at: '2026-11-10T09:00:00Z', changed_at: '2026-11-10T09:00:00Z' },
  signer: { id: 'sgn_0', name: 'laptop' },
}

const answer = async (line: string): Promise<unknown> => {
  const name = /\/secrets\/(\w+)/.exec(line)?.[1]
  if (line.endsWith('/vault/key')) {
    const exp = Math.floor(systemClock.now() / 1000) + 3600
    const key = await signIngestKey(
      { kid: 'ingest-1', pk: toBase64Url(ingest.publicKey), exp },
      vsign.privateKey,
    )
    return { ...key, vsign: toBase64Url(vsign.publicKey) }
  }
  if (name !== undefined) return world.secrets.find((secret) => secret.name === name) ?? null
  if (line.startsWith('POST') && line.endsWith('/secrets')) return world.secrets[0]
  if (/^GET .*\/secrets(?:\?|$)/.test(line)) return { items: world.secrets, next_cursor: null }
  if (line.includes('/projects?')) return { items: [world.projects[0]], next_cursor: null }
  return line.includes('/contexts/') ? context : line.includes('/projects/') ? project : null
}

const command = commandsAnsweredBy(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  if (request.method !== 'GET') sent.push(JSON.parse(text))
  const found = await answer(`${request.method} ${request.url}`)
  response.writeHead(found === null ? 404 : 200, { 'content-type': 'application/json' })
  response.end(JSON.stringify(found ?? { title: 'Not found', code: 'MF4004' }))
})
const mayfly = async (line: string, stdin = '', cwd = home) => {
  sent.length = 0
  const result = await command(line.split(' '), { cwd, stdin, environment: { XDG_CONFIG_HOME: home } })
  return { ...result, sent: [...sent] }
}
const keptBy = async (line: string, stdin = '') => {
  const { code, sent: statements, stderr } = await mayfly(line, stdin)
  assert.deepEqual([code, statements.length], [0, 1], stderr)
  return statements[0]?.statement.body.keeps
}

test('a new value keeps all that is not said', async () => {
  const all = ['kind', 'refs', 'events', 'min_tier', 'freshness', 'expires_at']
  const set = 'secrets set DEPLOY_TOKEN -R web'
  assert.deepEqual(await keptBy(set, 'hunter2hunter2'), all)
  assert.deepEqual(
    await keptBy(`${set} --ref refs/heads/main --event push --only-newest --expires 9d`, 'hunter2hunter2'),
    ['kind', 'min_tier'],
  )
  assert.deepEqual(await keptBy('secrets set RELEASE_KEY -R web', '-----BEGIN PRIVATE KEY-----\n'), [
    'kind',
    'hosts',
    ...all.slice(1),
  ])
  assert.equal(await keptBy('secrets set NEW_ONE -R web', 'hunter2hunter2'), undefined)
  assert.deepEqual(await keptBy('secrets rotate DEPLOY_TOKEN -R web --overlap 7d', 'hunter2hunter2'), all)
})

test('another date, or being disabled, keeps the rest', async () => {
  const of = 'DEPLOY_TOKEN -R web'
  assert.deepEqual(await keptBy(`secrets disable ${of}`), ['expires_at', 'rotate_after'])
  assert.deepEqual(await keptBy(`secrets edit ${of} --expires 9d`), ['state', 'rotate_after'])
  assert.deepEqual(await keptBy(`secrets edit ${of} --expires 9d --rotate-after never`), ['state'])
})

test('another rule of a context keeps the others', async () => {
  assert.deepEqual(await keptBy('context edit deploy --ref default'), ['projects', 'roles'])
  assert.deepEqual(await keptBy('context edit deploy --role owner'), ['projects', 'refs'])
  assert.deepEqual(await keptBy('context edit deploy --all-projects --any-role'), ['refs'])
})

test('what rotates is there, and a value that nobody chose is shown to nobody', async () => {
  const made = await mayfly('secrets rotate DEPLOY_TOKEN -R web --generate 32')
  assert.deepEqual([made.code, made.sent.length], [0, 1], made.stderr)
  const [{ sealed, statement }] = made.sent as [Sent]
  const value = Buffer.from((await openSecret(ingest, sealed, statement)) ?? []).toString()
  assert.match(value, /^[\w-]{43}$/)
  assert.equal(`${made.stdout}${made.stderr}`.includes(value), false)
  for (const [name, why] of [
    ['NEW_ONE', /there is no NEW_ONE/],
    ['OLD_PASSWORD', /there is no OLD_PASSWORD/],
    ['LEGACY_API_KEY', /is disabled/],
    ['RELEASE_KEY', /makes no keys/],
  ] as const) {
    const refused = await mayfly(`secrets rotate ${name} -R web --generate 32`)
    assert.deepEqual([refused.code === 0, refused.sent], [false, []], name)
    assert.match(refused.stderr, why)
  }
  assert.match((await mayfly('secrets rotate A -R web --generate 8')).stderr, /from 16 to 1024/)
})

test('what is disabled is there: a file that names it brings it back for nobody who does not say so', async () => {
  const line = 'LEGACY_API_KEY=a value that somebody has in a file'
  const { code, stdout, sent: statements } = await mayfly('secrets import - -R web', line)
  assert.deepEqual([code, statements], [1, []], stdout)
  assert.match(stdout, /LEGACY_API_KEY\s+1\s+exists/)
  const said = await mayfly('secrets import - -R web --replace', line)
  assert.deepEqual([said.code, said.sent.length], [0, 1], said.stderr)
})

test('the repository of a project is that of the work tree, whatever the server says, else what is printed', async () => {
  const tree = join(home, 'tree')
  const remote = 'git@git.example.com:acme/web.git'
  await ensureDirectory(tree)
  for (const words of ['init -q', `config remote.origin.url ${remote}`])
    assert.equal((await run('git', ['-C', tree, ...words.split(' ')], { timeoutMs: 30_000 })).code, 0)
  const here = await mayfly('secrets set DEPLOY_TOKEN', 'hunter2hunter2', tree)
  assert.equal(here.sent[0]?.statement.body.repository, remote, here.stderr)
  const named = await mayfly('secrets set DEPLOY_TOKEN -R web', 'hunter2hunter2', tree)
  assert.equal(named.sent[0]?.statement.body.repository, thiefs)
  assert.match(named.stdout, /in jobs of git@git\.example\.com:thief\/web\.git$/m)
})
