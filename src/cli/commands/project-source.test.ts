// What `mayfly project trust` shows before a person says that a host key is the right one.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'

const run = commandsAnsweredBy((request, response) => {
  const one = world.projects.find(({ name }) => request.url === `/api/v1/projects/${name}`)
  response
    .writeHead(one ? 200 : 404, { 'content-type': 'application/json' })
    .end(JSON.stringify(one ?? { code: 'MF4004' }))
})

test('without a fingerprint it shows those that wait, each with the command that confirms it', async () => {
  const open = world.projects.find(({ name }) => name === 'api')?.host_keys[0] ?? assert.fail()
  const shown = await run(['project', 'trust', 'api'])
  assert.equal(shown.code, 0, shown.stderr)
  assert.equal(
    shown.stdout,
    `ssh-ed25519  ${open.fingerprint}\n  mayfly project trust api ${open.fingerprint}\n`,
  )
  const none = await run(['project', 'trust', 'web'])
  assert.match(none.stdout, /^no host key of web waits: mayfly project contact web/)
  const view = await run(['project', 'view', 'web'])
  assert.match(view.stdout, /^refused {3}84 calls too fast, the last one 20/m)
})
