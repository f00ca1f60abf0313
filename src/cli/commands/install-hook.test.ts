// `project add` and `project rotate-hook` with --install-hook: what lies in the repository afterwards, and what is refused
// before the server is asked to change anything.
import assert from 'node:assert/strict'
import { chown, lstat, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'
import { fromBase64Url, toBase64Url, utf8 } from '../../base/bytes.ts'
import { parseId } from '../../base/ids.ts'
import { sealHookSecret } from '../../seal/index.ts'

const project = world.projects.find(({ name }) => name === 'api') ?? assert.fail()
const scriptOf = (hook: string) =>
  `#!/bin/sh\n# Mayfly: tells http://ci.test/hooks/generic/${hook} about every push.\nexit 0\n`
const changes: string[] = []

const run = commandsAnsweredBy((request, response) => {
  const answer = async () => {
    if (request.url?.endsWith('/hook-script')) return { script: scriptOf(project.hook.id) }
    changes.push(`${request.method} ${request.url}`)
    const { eph } = (await json(request)) as { readonly eph: string }
    const sealed = await sealHookSecret(
      fromBase64Url(eph)!,
      utf8('whs_new'),
      parseId('hook', project.hook.id)!,
    )
    return { project, hook_secret_sealed: toBase64Url(sealed!) }
  }
  void answer().then((body) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
})

const bareRepository = async (t: TestContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'hook-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, 'hooks'))
  changes.length = 0
  return directory
}

const rotate = (repository: string) => run(['project', 'rotate-hook', 'api', '--install-hook', repository])

test('a new secret comes with the hook that reads it', async (t) => {
  const repository = await bareRepository(t)
  const done = await rotate(repository)
  assert.equal(done.code, 0, done.stderr)
  assert.equal(done.stdout, '')
  const [secret, hook] = [join(repository, 'hooks/mayfly-secret'), join(repository, 'hooks/post-receive')]
  assert.equal(await readFile(secret, 'utf8'), 'whs_new\n')
  assert.equal(await readFile(hook, 'utf8'), scriptOf(project.hook.id))
  assert.equal((await stat(secret)).mode & 0o777, 0o600)
  assert.equal((await stat(hook)).mode & 0o777, 0o755)
})

test('an older script of the same hook is brought up to date', async (t) => {
  const repository = await bareRepository(t)
  const hook = join(repository, 'hooks/post-receive')
  await writeFile(hook, `${scriptOf(project.hook.id)}# of before\n`)
  assert.equal((await rotate(repository)).code, 0)
  assert.equal(await readFile(hook, 'utf8'), scriptOf(project.hook.id))
})

test("somebody else's hook stays, ours lies beside it, and how they are joined is said", async (t) => {
  const repository = await bareRepository(t)
  const hook = join(repository, 'hooks/post-receive')
  await writeFile(hook, '#!/bin/sh\necho theirs\n')
  const done = await rotate(repository)
  assert.notEqual(done.code, 0)
  assert.match(done.stderr, /is somebody else's and stays as it is[\s\S]*hooks\/post-receive-mayfly/)
  assert.equal(await readFile(hook, 'utf8'), '#!/bin/sh\necho theirs\n')
  assert.equal(await readFile(`${hook}-mayfly`, 'utf8'), scriptOf(project.hook.id))
  assert.equal(await readFile(join(repository, 'hooks/mayfly-secret'), 'utf8'), 'whs_new\n')
})

test('where it cannot be put, nothing is changed on the server', async (t) => {
  const repository = await bareRepository(t)
  await writeFile(join(repository, 'hooks/post-receive'), scriptOf('hok_of_another'))
  const another = await rotate(repository)
  assert.match(
    another.stderr,
    /tells another project or installation, http:\/\/ci\.test\/hooks\/generic\/hok_of_another/,
  )
  const added = await run(['project', 'add', 'api', '--path', repository, '--install-hook', repository])
  assert.match(added.stderr, /tells another project/)
  const nowhere = await rotate(join(repository, 'objects'))
  assert.match(nowhere.stderr, /has no directory hooks that you may write into/)
  assert.deepEqual(changes, [])
})

test('nothing is written through a link that waits in the repository', async (t) => {
  const repository = await bareRepository(t)
  const victim = join(repository, 'victim')
  await writeFile(victim, 'untouched')
  for (const name of ['mayfly-secret', 'mayfly-secret.new', 'post-receive.new'])
    await symlink(victim, join(repository, 'hooks', name))
  assert.equal((await rotate(repository)).code, 0)
  assert.equal(await readFile(victim, 'utf8'), 'untouched')
  assert.ok((await lstat(join(repository, 'hooks/mayfly-secret'))).isFile())
})

test('what root puts there belongs to whom the repository belongs to', {
  skip: process.getuid?.() === 0 ? false : 'only root gives files away',
}, async (t) => {
  const repository = await bareRepository(t)
  await chown(join(repository, 'hooks'), 1234, 1235)
  assert.equal((await rotate(repository)).code, 0)
  for (const name of ['mayfly-secret', 'post-receive']) {
    const { uid, gid } = await stat(join(repository, 'hooks', name))
    assert.deepEqual([uid, gid], [1234, 1235])
  }
})
