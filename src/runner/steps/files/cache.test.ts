import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jobGrant } from '../../../../test/support/job-lease.ts'
import { type FaultCode, fault, isFault } from '../../../base/faults.ts'
import { restoreCache } from './cache.ts'
import type { FilesPlace } from './place.ts'

const step = {
  kind: 'restore-cache',
  name: 'Restore',
  when: 'on_success',
  keys: ['deps-v1', 'deps-'],
} as const
const { spec } = jobGrant('true')

/** A cache was found, and reading it fails at once. */
const restore = async (code: FaultCode) => {
  const said: string[] = []
  const read = async function* (): AsyncGenerator<Uint8Array> {
    yield* []
    throw fault(code)
  }
  // SAFE: nothing is put into a sandbox, and nothing else of the job is asked for.
  const place = {
    ...{ id: 's1', workdir: '/home/ci', nowMs: () => 0, print: async (text: string) => void said.push(text) },
    job: { facts: spec, spec: spec.kind === 'job' ? spec.spec : assert.fail(), secrets: [] },
    stores: { restore: async () => [{ key: 'deps-v1', from: 'build', after: [], read }] },
  } as unknown as FilesPlace
  return { answer: await restoreCache(step, place, AbortSignal.timeout(10_000)), said }
}

test('a cache that goes in the moment it is restored is a miss, and fails no job', async () => {
  for (const code of ['E_NOT_FOUND', 'E_OBJECT_MISSING'] as const)
    assert.deepEqual(await restore(code), {
      answer: { ok: true, cache: 'miss' },
      said: ['the cache under the key deps-v1 was removed in this moment'],
    })
})

test('one that nobody can read is none of that', async () => {
  await assert.rejects(restore('E_UNREACHABLE'), (error) => isFault(error, 'E_UNREACHABLE'))
})
