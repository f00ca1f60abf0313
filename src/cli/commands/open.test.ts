// The address of a page: made of what the server says, opened where there is a desktop, printed where there is none.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import { waitFor } from '../../../test/support/installation.ts'
import { type CommandOptions, runCommand } from '../../../test/support/surroundings.ts'
import * as world from '../../../test/web/double/world.ts'
import { openerOf, openPage } from '../open-page.ts'

let organisation = 'acme'
const answer = (url: URL): unknown => {
  if (url.pathname.endsWith('/me'))
    return {
      ...{ claimed: true, user: null, token: null, version: '0' },
      organisation: { id: 'org_1', name: organisation },
    }
  if (url.pathname === '/api/v1/runs')
    return { items: world.summaries().filter(({ number }) => number === 412), next_cursor: null }
  return world.runById(world.idOf('run', 412))
}
const command = commandsAnsweredBy((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer(url)))
})
const printed = async (...words: readonly string[]) => {
  const { code, stdout, stderr } = await command([...words, '-R', 'web'])
  assert.equal(code, 0, stderr)
  return stdout.replace(/^http:\/\/127\.0\.0\.1:\d+/, '')
}

test('the address of a project, a run and a job, below the one that the command talks to', async () => {
  assert.equal(await printed('open'), '/acme/web\n')
  assert.equal(await printed('open', '412'), '/acme/web/runs/412\n')
  assert.equal(await printed('runs', 'open'), '/acme/web/runs/412\n')
  assert.equal(await printed('open', '-b', 'main'), '/acme/web/runs/412\n')
  assert.equal(await printed('runs', 'open', '412/unit.1'), '/acme/web/runs/412/jobs/unit.1\n')
  organisation = '../a?b'
  assert.equal(await printed('open'), '/..%2Fa%3Fb/web\n')
  organisation = 'acme'
})

test("over the operator's socket it is where hooks of the project are, if that is a place for a browser", async () => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-open-'))
  let hook = 'https://ci.example.org:8443/hooks/hok_1'
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const project = { ...world.projects[0], hook: { ...world.projects[0]?.hook, url: hook } }
    const found = pathname.endsWith('/projects/web') ? project : answer(new URL(pathname, 'http://localhost'))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found))
  })
  const operatorSocket = join(root, 's')
  await new Promise<void>((resolve) => server.listen(operatorSocket, resolve))
  const open = () => runCommand(['open', '-R', 'web'], { operatorSocket })
  assert.equal((await open()).stdout, 'https://ci.example.org:8443/acme/web\n')
  hook = 'file:///etc/passwd'
  const strange = await open()
  assert.deepEqual([strange.code, strange.stdout], [4, ''])
  server.close()
  await rm(root, { recursive: true })
})

test('it is opened on a terminal of a desktop only, and not when --print, --no-input or CI say so', async () => {
  const opened: string[] = []
  const desktop: CommandOptions = {
    isTerminal: true,
    openPage: async (address) => opened.push(address) > 0,
  }
  const done = await command(['open', '412', '-R', 'web'], desktop)
  assert.deepEqual([done.code, done.stdout], [0, ''])
  assert.match(done.stderr, /^opening http:\/\/127[\d.:]+\/acme\/web\/runs\/412\n$/)
  assert.equal(opened.length, 1)
  for (const words of [
    ['open', '--print'],
    ['open', '--no-input'],
  ])
    assert.match((await command([...words, '-R', 'web'], desktop)).stdout, /^http/)
  assert.match(
    (await command(['open', '-R', 'web'], { ...desktop, environment: { CI: '1' } })).stdout,
    /^http/,
  )
  assert.match((await command(['open', '-R', 'web'], { ...desktop, isTerminal: false })).stdout, /^http/)
  assert.match((await command(['open', '-R', 'web'], { isTerminal: true })).stdout, /^http/)
  assert.equal(opened.length, 1)
})

test('the opener is the one of the system, whatever variables name', () => {
  const exists = () => true
  const on = (platform: string, environment: Record<string, string>) =>
    openerOf({ platform, environment, exists })
  assert.equal(on('linux', {}), null)
  assert.equal(on('linux', { DISPLAY: ':0', BROWSER: '/tmp/evil' }), '/usr/bin/xdg-open')
  assert.equal(on('linux', { WAYLAND_DISPLAY: 'wayland-0' }), '/usr/bin/xdg-open')
  assert.equal(on('darwin', {}), '/usr/bin/open')
  assert.equal(on('darwin', { SSH_CONNECTION: 'a' }), null)
  assert.equal(openerOf({ platform: 'linux', environment: { DISPLAY: ':0' }, exists: () => false }), null)
})

test('it gets the address alone, and no variable that may hold a token or name a program', async () => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-open-'))
  const [opener, saw] = [join(root, 'opener'), join(root, 'saw')]
  await writeFile(
    opener,
    `#!/bin/sh\n{ printf '%s\\n' "$#" "$1"; env; } > ${saw}.new; mv ${saw}.new ${saw}\n`,
    {
      mode: 0o700,
    },
  )
  const environment = { DISPLAY: ':0', BROWSER: 'evil', MAYFLY_TOKEN: 'mfp_x', PATH: process.env.PATH }
  const here = { platform: 'linux', environment }
  const address = 'https://ci.example/acme/web?a=$(id)&b'
  assert.equal(await openPage(opener, here, address), true)
  const text = await waitFor('the opener', () => readFile(saw, 'utf8').catch(() => null))
  assert.ok(text.startsWith(`1\n${address}\n`))
  assert.match(text, /^DISPLAY=:0$/m)
  assert.doesNotMatch(text, /evil|mfp_x/)
  assert.equal(await openPage(opener, here, '--help'), false)
  assert.equal(await openPage(join(root, 'none'), here, address), false)
  assert.equal(await openPage(null, here, address), false)
  await rm(root, { recursive: true })
})
