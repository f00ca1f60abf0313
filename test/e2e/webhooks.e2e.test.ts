// From a push to somebody who is told of it, with every program real: a receiver on this machine, opened by the settings, checks
// both signatures with what the command line printed. A server that is killed between commit and sending has lost nothing.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { waitFor } from '../support/installation.ts'
import { openVessel, type Vessel } from '../support/vessel.ts'
import { believe, openReceiver, type Receiver } from '../support/webhook-receiver.ts'

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
})
