import assert from 'node:assert/strict'
import { test } from 'node:test'
import { repository } from '../../test/support/installation.ts'
import { nameOf } from '../scenario.ts'
import { scenarios } from '../scenarios/pf-14.ts'
import { openWorker } from './workers.ts'

test('a worker measures what it is asked for, says what it cannot, and ends', async () => {
  const worker = openWorker(repository, '/nonexistent')
  const [scenario] = scenarios
  assert.ok(scenario)
  try {
    await assert.rejects(worker.ask({ do: 'sample' }), /nothing is open/)
    await assert.rejects(worker.ask({ do: 'open', name: 'PF-14 of nothing' }), /there is no PF-14 of nothing/)
    assert.equal(await worker.ask({ do: 'open', name: nameOf(scenario) }), 0)
    assert.ok((await worker.ask({ do: 'sample' })) > 0)
  } finally {
    await worker.close()
  }
  await assert.rejects(worker.ask({ do: 'sample' }), /its worker ended/)
})
