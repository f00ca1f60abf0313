// What `mayfly run --cache` keeps, when several jobs keep it at once; and what a run leaves behind.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
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

test('what a killed run left is gone after the next one', () => {
  const root = mkdtempSync(join(tmpdir(), 'mayfly-left-'))
  after(() => rmSync(root, { recursive: true }))
  const run = (end: string) =>
    spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { openLocalStores } = await import(${JSON.stringify(join(import.meta.dirname, 'local-stores.ts'))})
        const stores = await openLocalStores({ workflows: [], jobs: [] }, { artifacts: null, caches: null })
        ${end}`,
      ],
      {
        env: { PATH: process.env.PATH, TMPDIR: root },
        stdio: ['ignore', 'inherit', 'inherit'],
        timeout: 20_000,
      },
    )
  assert.equal(run("process.kill(process.pid, 'SIGHUP'); setInterval(() => {}, 1e6)").signal, 'SIGHUP')
  assert.equal(readdirSync(root).length, 1)
  assert.equal(run('await stores.close()').status, 0)
  assert.deepEqual(readdirSync(root), [])
})
