// What a second person reads before they sign: each thing that lets more jobs, or somebody else, have a secret stands in the words.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsAnsweredBy } from '../../../test/support/command-server.ts'
import * as world from '../../../test/web/double/world.ts'

const [, put] = world.proposals
assert.ok(put !== undefined)
const project = world.idOf('prj', 1)
const hostKey = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU'
const source = {
  ...{ kind: 'ssh', url: 'git@git.example.com:acme/web.git', user: 'git' },
  ...{ host: 'git.example.com', port: 22, path: 'acme/web.git' },
}
const waiting = [
  {
    ...put,
    statement: {
      ...put.statement,
      body: {
        ...{
          kind: 'ssh',
          expires_at: null,
          allow_unmaskable: false,
          repository: 'git@git.example.com:acme/web.git',
        },
        policy: { refs: ['refs/heads/main'], events: ['push'], min_tier: 'branch' },
        hosts: [
          '[git.example.org]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
        ],
      },
    },
  },
  {
    ...{ ...put, id: world.idOf('prp', 3), kind: 'project.admit', secret: null },
    statement: {
      ...{ ...put.statement, type: 'project.admit', sub: `${world.idOf('org', 1)}/projects` },
      body: {
        admit: [{ project, source, host_keys: [hostKey] }],
        withdraw: [],
      },
    },
  },
]

const command = commandsAnsweredBy((request, response) => {
  const items = request.url?.includes('/proposals') ? waiting : world.projects
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ items, next_cursor: null }))
})

test('whoever signs as the second reads which hosts a key is for, and which host keys a project has', async () => {
  const { code, stdout, stderr } = await command(['secrets', 'proposals'])
  assert.equal(code, 0, stderr)
  const [key = '', admission = ''] = stdout.split('\n')
  assert.ok(key.includes(`[git.example.org]:2222 ssh-ed25519 ${hostKey}`), key)
  assert.ok(key.includes('in jobs of git@git.example.com:acme/web.git'), key)
  assert.ok(admission.includes(hostKey), admission)
})
