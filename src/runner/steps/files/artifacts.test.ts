// What artifacts are called, with the real tar: plain processes instead of cells.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { ArtifactEntry } from '../../../protocol/stored-wire.ts'
import type { Sandbox, StepResult } from '../../../sandbox/index.ts'
import { run } from '../../../sys/index.ts'
import { storeArtifacts } from './artifacts.ts'
import type { FilesPlace } from './place.ts'

let workdir = ''
before(async () => {
  workdir = await mkdtemp(join(tmpdir(), 'mayfly-artifacts-'))
  await mkdir(join(workdir, 'out/deep'), { recursive: true })
  for (const name of ['one.txt', 'out/two.txt', 'out/deep/three.txt'])
    await writeFile(join(workdir, name), name)
})
after(() => rm(workdir, { recursive: true, force: true }))

const exec: Sandbox['exec'] = async (step, io) => {
  assert.ok('interpreter' in step.script && typeof io.stdout !== 'function')
  const env = Object.fromEntries([...step.env].map(([name, value]) => [name, String(value)]))
  const done = await run('/bin/sh', ['-c', step.script.text], { env, timeoutMs: 10_000 })
  io.stderr.write(done.stderr)
  io.stdout.write(done.stdout)
  // SAFE: nobody reads what was used.
  return { kind: 'exit', code: done.code } as StepResult
}

const namesOf = async (path: string, destination: string | null): Promise<readonly string[]> => {
  let stored: readonly ArtifactEntry[] = []
  const writing = {
    put: async (content: AsyncIterable<Uint8Array>) => {
      for await (const _ of content);
    },
    finish: async ({ entries = [] }: { readonly entries?: readonly ArtifactEntry[] }) => {
      stored = entries
    },
  }
  // SAFE: of the job nothing is asked for.
  const place = {
    ...{ id: 's1', workdir, sandbox: { exec }, stores: { begin: async () => writing } },
    print: async () => undefined,
  } as unknown as FilesPlace
  const step = { kind: 'store-artifacts', name: 'Store', when: 'always', path, destination } as const
  assert.deepEqual(await storeArtifacts(step, place, AbortSignal.timeout(10_000)), { ok: true })
  return stored.map((entry) => entry.path).sort()
}

test('a file is called as its destination says, or as it is in one that is a directory', async () => {
  assert.deepEqual(await namesOf('one.txt', null), ['one.txt'])
  assert.deepEqual(await namesOf('one.txt', 'report.txt'), ['report.txt'])
  for (const [destination, name] of [
    ['reports/', 'reports/one.txt'],
    ['a/reports/./', 'a/reports/one.txt'],
    ['/', 'one.txt'],
    ['.', 'one.txt'],
    ['./', 'one.txt'],
  ] as const)
    assert.deepEqual(await namesOf('one.txt', destination), [name], destination)
})

test('files of a directory lie in what its destination says', async () => {
  const inside = ['deep/three.txt', 'two.txt']
  assert.deepEqual(
    await namesOf('out', null),
    inside.map((name) => `out/${name}`),
  )
  for (const destination of ['x', 'x/', '/x'])
    assert.deepEqual(
      await namesOf('out', destination),
      inside.map((name) => `x/${name}`),
      destination,
    )
  assert.deepEqual(await namesOf('out/', '.'), inside)
})
