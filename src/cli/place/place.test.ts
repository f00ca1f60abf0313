// Where a verb is at work: which installation, project and branch, by whose word; and that a token goes to no other.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type CommandOptions, type CommandResult, runCommand } from '../../../test/support/surroundings.ts'
import * as world from '../../../test/web/double/world.ts'

let root = ''
/** A work tree, and what Git needs to make commits. */
const work = () => join(root, 'work')
const git = (...args: readonly string[]) =>
  execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
    cwd: work(),
    stdio: 'pipe',
  })

type Asked = { readonly server: string; readonly line: string; readonly token: string | undefined }
const asked: Asked[] = []
const servers: Server[] = []
const addresses: string[] = []

const [one] = world.projects
const remote = 'git@git.example.org:acme/web.git'
const projects = ['web', 'web-nightly', 'docs'].map((name) => ({
  ...one,
  name,
  source: { kind: 'ssh', url: name === 'docs' ? 'git@git.example.org:acme/docs.git' : remote },
}))

const answer = (line: string): unknown => {
  // The one that is looked for may stand on any page.
  if (line.startsWith('GET /api/v1/projects?'))
    return line.includes('cursor=more')
      ? { items: projects.slice(1), next_cursor: null }
      : { items: projects.slice(0, 1), next_cursor: 'more' }
  const named = /^GET \/api\/v1\/projects\/([\w-]+)$/.exec(line)?.[1]
  if (named !== undefined) return projects.find(({ name }) => name === named) ?? null
  if (line === 'GET /api/v1/me')
    return {
      ...{ claimed: true, user: null, token: null, version: '0' },
      organisation: { id: 'org_1', name: 'acme' },
    }
  return line.startsWith('GET /api/v1/runs?') ? { items: [], next_cursor: null } : null
}

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-place-'))
  await mkdir(join(work(), 'deep/er'), { recursive: true })
  await mkdir(join(root, 'config/mayfly'), { recursive: true })
  git('init', '--quiet', '--initial-branch=main')
  for (const name of ['first', 'second']) {
    const server = createServer((request, response) => {
      const line = `${request.method} ${request.url}`
      asked.push({ server: name, line, token: request.headers.authorization })
      const body = answer(line)
      response.writeHead(body === null ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body ?? { title: 'Not found', detail: 'not found', code: 'MF4004' }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    servers.push(server)
    addresses.push(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  }
  await signIns(addresses)
})
after(async () => {
  for (const server of servers) server.close()
  await rm(root, { recursive: true, force: true })
})

const signIns = (urls: readonly string[]) =>
  writeFile(
    join(root, 'config/mayfly/sign-in.json'),
    JSON.stringify({ sign_ins: urls.map((url, i) => ({ url, token: `mfp_${i === 0 ? 'a' : 'b'}` })) }),
  )

const mayfly = async (
  words: string,
  options: CommandOptions = {},
): Promise<CommandResult & { readonly asked: readonly Asked[] }> => {
  asked.length = 0
  const environment = { XDG_CONFIG_HOME: join(root, 'config'), ...options.environment }
  const done = await runCommand(words.split(' '), { cwd: join(work(), 'deep/er'), ...options, environment })
  return { ...done, asked: [...asked] }
}
const linked = async (text: string) => {
  await mkdir(join(work(), '.mayfly'), { recursive: true })
  await writeFile(join(work(), '.mayfly/link.toml'), text)
  const accepted = await mayfly('link --yes')
  assert.equal(accepted.code, 0, accepted.stderr)
}
const origins = async (words = '', options: CommandOptions = {}) => {
  const { stdout, stderr } = await mayfly(`settings --json${words}`, options)
  const { items } = JSON.parse(stdout || assert.fail(stderr)) as {
    items: { name: string; value: string | null; origin: string }[]
  }
  return Object.fromEntries(items.map(({ name, value, origin }) => [name, [value, origin]]))
}

test('link writes a file that Git does not see, settings says who said what, and --remove takes it away', async () => {
  const done = await mayfly('link docs')
  assert.equal(done.code, 0, done.stderr)
  const text = await readFile(join(work(), '.mayfly/link.toml'), 'utf8')
  assert.match(text, new RegExp(`^url = "${addresses[0]}"\nproject = "docs"\n$`, 'm'))
  assert.equal(git('status', '--porcelain').toString(), '')
  assert.equal((await mayfly('link docs')).code, 0)
  const excluded = await readFile(join(work(), '.git/info/exclude'), 'utf8')
  assert.equal(excluded.split('/.mayfly/link.toml').length, 2, 'named once')
  const seen = await mayfly('settings --origin')
  assert.equal(seen.stdout, `url\t${addresses[0]}\tlink\nproject\tdocs\tlink\nbranch\tmain\tcheckout\n`)
  assert.equal((await mayfly('link --remove')).code, 0)
  assert.deepEqual((await origins(' -R web')).url, [addresses[0], 'sign-in'])
  assert.equal((await mayfly('link')).code, 2)
  assert.equal((await mayfly('link web --remove')).code, 2)
  assert.equal((await mayfly('link nothing')).code, 5)
  assert.equal((await mayfly('link web', { cwd: '/' })).code, 2)
})

test('the flag goes before the environment, this before the link, and the link before what Git says', async () => {
  git('remote', 'add', 'origin', 'git@git.example.org:acme/docs.git')
  assert.deepEqual((await origins()).project, ['docs', 'checkout'])
  await linked('project = "web-nightly"\n')
  assert.deepEqual((await origins()).project, ['web-nightly', 'link'])
  const environment = { MAYFLY_PROJECT: 'web', MAYFLY_BRANCH: 'next' }
  const said = await origins('', { environment })
  assert.deepEqual(
    [said.project, said.branch],
    [
      ['web', 'environment'],
      ['next', 'environment'],
    ],
  )
  const flags = await origins(' -R acme/docs -b old', { environment })
  assert.deepEqual(
    [flags.project, flags.branch],
    [
      ['docs', 'flag'],
      ['old', 'flag'],
    ],
  )
  const runs = await mayfly('runs view -b old', { environment })
  assert.equal(runs.asked.at(-1)?.line, 'GET /api/v1/runs?project=web&limit=1&branch=old')
  assert.match(runs.stderr, /no run of old in project web/)
  assert.equal((await mayfly('runs view 4 -b old')).code, 2)
  assert.equal((await mayfly('runs view -R other/web')).code, 5, 'another organisation')
  assert.equal((await mayfly('runs view -R a/b/c/d')).code, 2)
})

test('a repository of several projects is asked about, and a link answers', async () => {
  git('remote', 'set-url', 'origin', remote)
  await rm(join(work(), '.mayfly'), { recursive: true })
  const open = await mayfly('runs view')
  assert.match(open.stderr, /that of web, web-nightly: name one with -R, or for good with `mayfly link NAME`/)
  await linked('project = "web-nightly"\n')
  assert.match((await mayfly('runs view')).asked.at(-1)?.line ?? '', /project=web-nightly/)
})

test('a token goes to the installation it is of, whatever a flag, a variable or a link names', async () => {
  const [first = '', second = ''] = addresses
  const sentTo = async (words: string, environment = {}) => {
    const { asked } = await mayfly(words, { environment })
    return [...new Set(asked.map(({ server, token }) => `${server} ${token}`))]
  }
  assert.deepEqual(await sentTo('runs view -R web'), ['first Bearer mfp_a'])
  assert.deepEqual(await sentTo(`runs view -R ${new URL(second).host}/acme/web`), ['second Bearer mfp_b'])
  assert.deepEqual(await sentTo('runs view', { MAYFLY_URL: `${second}/` }), ['second Bearer mfp_b'])
  assert.deepEqual(await sentTo(`runs view ${second}/acme/web/runs/4`), ['second Bearer mfp_b'])
  await linked(`url = "${second}"\nproject = "web"\n`)
  assert.deepEqual(await sentTo('runs view'), ['second Bearer mfp_b'])
  const both = { MAYFLY_URL: first, MAYFLY_TOKEN: 'mfp_e' }
  assert.deepEqual(await sentTo('runs view', both), ['first Bearer mfp_e'])
  const alone = await mayfly('runs view', { environment: { MAYFLY_TOKEN: 'mfp_e' } })
  assert.deepEqual([alone.code, alone.asked], [2, []])
  assert.match(alone.stderr, /MAYFLY_TOKEN is set, but not MAYFLY_URL/)
  await signIns([first])
  const strange = await mayfly('runs view')
  assert.deepEqual([strange.code, strange.asked], [3, []])
  assert.match(strange.stderr, /not signed in to http:\/\/127[\d.:]+, which \S+\/link\.toml names/)
  assert.deepEqual(await sentTo(`runs view -R ${new URL(second).host}/acme/web`, both), [])
  await signIns([first, second])
})

test('a link counts as its person accepted it, to the letter, and only for that work tree', async () => {
  await linked('project = "docs"\n')
  const isRead = async () =>
    (await mayfly('runs view')).asked.some(({ line }) => line.includes('project=docs'))
  assert.equal(await isRead(), true)
  // As a branch, a patch or a package may change it.
  await writeFile(join(work(), '.mayfly/link.toml'), 'project = "docs" \n')
  assert.equal(await isRead(), false)
  const { stderr, asked } = await mayfly('runs view')
  assert.match(stderr, /^note: \.mayfly\/link\.toml is not read, .*`mayfly link` shows it$/m)
  assert.equal(stderr.match(/is not read/g)?.length, 1)
  assert.ok(asked.length > 0)
  const person = (stdin: string) => mayfly('link', { stdinIsTerminal: true, stdin })
  const refused = await person('n\n')
  assert.match(refused.stderr, /says: any installation, docs\. Is that right\? \[y\/N\] nothing was changed/)
  assert.deepEqual([refused.code, await isRead()], [6, false])
  assert.deepEqual([(await person('y\n')).code, await isRead()], [0, true])
  await rename(join(work(), '.mayfly/link.toml'), join(root, 'link.toml'))
  await mkdir(join(root, 'second/.mayfly'), { recursive: true })
  execFileSync('git', ['init', '--quiet', join(root, 'second')])
  await rename(join(root, 'link.toml'), join(root, 'second/.mayfly/link.toml'))
  const elsewhere = await mayfly('runs view', { cwd: join(root, 'second') })
  assert.match(elsewhere.stderr, /is not read/)
  assert.equal((await mayfly('link')).code, 2, 'there is none any more')
})

test('what a link says is checked, and named with its file', async () => {
  const write = (text: string) => writeFile(join(work(), '.mayfly/link.toml'), text)
  for (const text of [
    'project = 3',
    'nonsense',
    'projekt = "web"',
    'url = "file:///etc"',
    'project = "../x"',
  ]) {
    await write(`${text}\n`)
    const { code, stderr } = await mayfly('link --yes')
    assert.match(stderr, /\.mayfly\/link\.toml: .*`mayfly link PROJECT` writes it anew/)
    assert.equal(code, 7)
  }
  await write(`# ${'x'.repeat(5000)}\n`)
  assert.match((await mayfly('link --yes')).stderr, /longer than 4096 bytes/)
  // A file of somebody else keeps no verb from its work.
  const { stderr, asked } = await mayfly('runs view -R web')
  assert.match(stderr, /is not read/)
  assert.equal(asked.length, 1)
  await rm(join(work(), '.mayfly/link.toml'))
  await symlink('/dev/zero', join(work(), '.mayfly/link.toml'))
  assert.equal((await mayfly('runs view -R web')).asked.length, 1)
  await rm(join(work(), '.mayfly'), { recursive: true })
})

test('settings says what it knows when no server can be asked', async () => {
  await linked('project = "docs"\n')
  await signIns([])
  const { code, stdout, stderr } = await mayfly('settings --origin')
  assert.deepEqual([code, stdout], [0, 'url\t-\tdefault\nproject\tdocs\tlink\nbranch\tmain\tcheckout\n'])
  assert.match(stderr, /^note: no installation runs here/)
  await rm(join(work(), '.mayfly'), { recursive: true })
  await signIns(addresses)
})

test('logout forgets one installation, or all', async () => {
  const [first = '', second = ''] = addresses
  const file = join(root, 'config/mayfly/sign-in.json')
  assert.match((await mayfly(`logout ${second}/`)).stderr, new RegExp(`the token of ${second} is forgotten`))
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { sign_ins: [{ url: first, token: 'mfp_a' }] })
  assert.equal((await mayfly(`logout ${second}`)).code, 5)
  // As they were kept before there could be several.
  await writeFile(file, JSON.stringify({ url: first, token: 'mfp_old' }))
  assert.equal((await mayfly('runs view -R web')).asked[0]?.token, 'Bearer mfp_old')
  assert.equal((await mayfly('logout')).code, 0)
  assert.equal((await mayfly('runs view -R web')).code, 4)
  await writeFile(file, 'nonsense')
  assert.equal((await mayfly('runs view -R web')).code, 7)
  assert.equal((await mayfly('logout')).code, 0)
})
