// From a push to somebody who is told of it, with every program real: a receiver on this machine, opened by the settings, checks
// both signatures with what the command line printed. A server that is killed between commit and sending has lost nothing.
import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { node, repository, waitFor } from '../support/installation.ts'
import { processesNaming } from '../support/leftovers.ts'
import { openVessel, type Vessel } from '../support/vessel.ts'
import { believe, ok, openReceiver, type Receiver } from '../support/webhook-receiver.ts'

const configuration = `version: 2.1
jobs:
  build:
    docker: [{image: cimg/base:stable}]
    steps: [{run: "echo hello"}]
workflows: {main: {jobs: [build]}}
`
type Made = {
  readonly webhook: { readonly id: string; readonly public_key: string }
  readonly secret: string
}

describe('webhooks, from a push to somebody who is told', () => {
  let vessel: Vessel
  let receiver: Receiver
  let made: Made
  before(async () => {
    receiver = await openReceiver()
    vessel = await openVessel(
      { '.circleci/config.yml': configuration },
      { settings: `webhooks:\n  allow: ['${receiver.allow}']\n` },
    )
  })
  after(async () => {
    await vessel?.close()
    await receiver?.close()
  })
  const told = (type: string) => receiver.received.filter(({ body }) => JSON.parse(body).type === type)

  test('a run that ends is told to a receiver that believes both signatures', async () => {
    made = JSON.parse(vessel.succeeds('webhook', 'add', 'chat', receiver.url, '-R', 'vessel', '--json'))
    const commit = await vessel.repository.push({ 'a.txt': 'a\n' }, 'first')
    await vessel.ends(commit)
    await waitFor('run.finished', () => (told('run.finished').length > 0 ? true : null))
    for (const received of receiver.received) await believe(received, made)
    const types = receiver.received.map(({ body }) => JSON.parse(body).type)
    assert.deepEqual(types.toSorted(), [
      'job.finished',
      'job.started',
      'run.finished',
      'run.queued',
      'run.started',
    ])
    const { data } = JSON.parse(told('run.finished')[0]!.body)
    assert.deepEqual([data.run.status, data.run.commit, data.run.branch], ['passed', commit, 'main'])
    assert.equal(data.run.url, `${vessel.installation.url}/home/vessel/runs/${data.run.number}`)
  })

  /** Without standing still, so that the receiver can answer. */
  const cli = (words: string) =>
    new Promise<{ readonly code: number; readonly stdout: string }>((resolve) => {
      const env = {
        PATH: process.env.PATH ?? '',
        HOME: '/nonexistent',
        MAYFLY_DATA: vessel.installation.data,
      }
      const args = [join(repository, 'build/cli.js'), ...words.split(' '), '-R', 'vessel']
      execFile(node, args, { cwd: '/', env: { ...env, NO_COLOR: '1' } }, (error, stdout, stderr) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout: `${stdout}${stderr}` }),
      )
    })

  test('the command line sends a test and says what came of it, also what was answered to steer a terminal', async () => {
    const good = await cli('webhook test chat')
    assert.equal(good.code, 0, good.stdout)
    assert.match(good.stdout, /ping {2}- {2}delivered\n {2}try 1 {2}\S+ {2}200 in \d+ ms\n {4}thanks\n/)
    receiver.answers((response) => void response.writeHead(500).end('\u001b[2Jno\u202e'))
    const bad = await cli('webhook test chat')
    assert.equal(bad.code, 1)
    assert.match(bad.stdout, /waiting\n {2}try 1 {2}\S+ {2}500 in \d+ ms\n {4}\ufffd\[2Jno\ufffd\n {2}next /)
    receiver.answers(ok)
    const [, id = ''] = /^(msg_\w+)/.exec(bad.stdout) ?? []
    const again = await cli(`webhook redeliver chat ${id}`)
    assert.equal(again.code, 0, again.stdout)
    await believe(receiver.received.at(-1)!, made)
  })

  test('a server that is killed between commit and sending has lost nothing and says nothing under another id', async () => {
    receiver.answers(() => undefined)
    const before = receiver.received.length
    const commit = vessel.repository.push({ 'b.txt': 'b\n' }, 'second')
    const first = await waitFor('the first message', () => receiver.received[before] ?? null)
    const server = processesNaming([vessel.installation.data]).find(({ line }) =>
      /\/node .*\/server\.js/.test(line),
    )
    process.kill(server?.pid ?? 0, 'SIGKILL')
    receiver.answers(ok)
    await waitFor('another server', () => vessel.installation.cli('status').code === 0 || null)
    await vessel.ends(commit)
    const id = first.headers['webhook-id']
    const after = await waitFor(
      'it once more',
      () => receiver.received.slice(before + 1).find(({ headers }) => headers['webhook-id'] === id) ?? null,
      90_000,
    )
    assert.equal(after.body, first.body)
    await believe(after, made)
    const all = () => receiver.received.slice(before)
    await waitFor('the end', () => all().some(({ body }) => JSON.parse(body).type === 'run.finished') || null)
    const idsOf = new Map(all().map(({ headers, body }) => [headers['webhook-id'], JSON.parse(body)]))
    // A job may start twice: what ran while the server was away is asked for again.
    const types = [...idsOf.values()].flatMap(({ type }) => (type === 'job.started' ? [] : [type]))
    assert.deepEqual(types.toSorted(), [...new Set(types)].toSorted(), 'each event has one id')
  })

  test('nothing at rest holds the secret, and who is gone is told nothing more', async () => {
    const found = spawnSync('grep', [
      '-rlaF',
      '-e',
      made.secret.slice('whsec_'.length),
      vessel.installation.data,
    ])
    assert.deepEqual([found.status, String(found.stdout)], [1, ''])
    receiver.answers((response) => void response.writeHead(410).end())
    assert.equal((await cli('webhook test chat')).code, 1)
    assert.match(vessel.succeeds('webhook', 'show', 'chat', '-R', 'vessel'), /disabled \(it answered 410\)/)
    const refused = vessel.installation.cli(
      'webhook',
      'add',
      'meta',
      'http://169.254.169.254/',
      '-R',
      'vessel',
    )
    assert.match(refused.stderr, /webhooks\.allow/)
  })
})
