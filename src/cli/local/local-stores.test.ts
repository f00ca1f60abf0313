// What `mayfly run --cache` keeps, when several jobs keep it at once.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ExpandedJob } from '../../schedule/index.ts'
import { openLocalStores } from './local-stores.ts'

const caches = mkdtempSync(join(tmpdir(), 'mayfly-caches-'))
after(() => rmSync(caches, { recursive: true }))

test('jobs that save the same cache at once do not break each other', async () => {
  const stores = await openLocalStores({ workflows: [], jobs: [] }, { artifacts: null, caches })
  const { signal } = new AbortController()
  // SAFE: whose cache it is nobody asks.
  const of = stores.of({} as ExpandedJob, 'job')
  const text = 'x'.repeat(1024 * 1024)
  const content = async function* () {
    yield Buffer.from(text)
  }
  const save = async () => {
    const writing = await of.begin({ kind: 'cache', key: 'same' }, signal)
    assert.ok('put' in writing)
    await writing.put(content(), signal)
    return writing
  }
  const all = await Promise.all([save(), save(), save()])
  await Promise.all(all.map((writing) => writing.finish({}, signal)))
  const [found] = await of.restore({ kind: 'cache', keys: ['sa'] }, signal)
  const read: Uint8Array[] = []
  for await (const bytes of found?.read(signal) ?? []) read.push(bytes)
  assert.equal(Buffer.concat(read).toString(), text)
  assert.equal(readdirSync(caches).filter((name) => name.endsWith('.new')).length, 0)
  await stores.close()
})
