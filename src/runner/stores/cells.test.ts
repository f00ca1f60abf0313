// What becomes of an archive whose process in the sandbox did not do its work.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sandbox, StepResult } from '../../sandbox/index.ts'
import { fromSandbox, unpackInto } from './cells.ts'
import { refused } from './tar-rules.ts'

type End =
  | { kind: 'exit'; code: number }
  | { kind: 'signal'; signal: string; oom: boolean }
  | { kind: 'deadline' }

/** Every step prints `words` and ends like this, or when it is told to. */
const placeOf = (end: End, words = '') => {
  const exec: Sandbox['exec'] = async (_step, io, signal) => {
    io.stderr.write(words)
    if (typeof io.stdout !== 'function') io.stdout.write('half of it')
    await new Promise((resolve) => setTimeout(resolve, 20))
    // SAFE: nobody reads what was used.
    return (signal.aborted ? { kind: 'cancelled' } : end) as StepResult
  }
  // SAFE: of a sandbox only this is asked for.
  return { id: 's1', sandbox: { exec } as Sandbox }
}

const pack = async (end: End, words = '', consume = allOf) => {
  const script = { text: 'tar', env: {} }
  const answer = await fromSandbox(placeOf(end, words), script, consume, new AbortController().signal)
  return answer.ok ? 'ok' : answer.message
}
const allOf = async (bytes: AsyncIterable<Uint8Array>): Promise<void> => {
  for await (const _ of bytes);
}

test('a job hears what tar could not do, not that it could not do something', async () => {
  const words =
    'tar: ./key: Cannot open: Permission denied\ntar: Exiting with failure status due to previous errors\n'
  assert.equal(await pack({ kind: 'exit', code: 2 }, words), 'tar: ./key: Cannot open: Permission denied')
  const lost = 'tar: Unexpected EOF in archive\ntar: Error is not recoverable: exiting now\n'
  assert.equal(await pack({ kind: 'exit', code: 2 }, lost), 'tar: Unexpected EOF in archive')
  assert.equal(await pack({ kind: 'exit', code: 126 }), 'it ended with exit code 126')
  assert.equal(await pack({ kind: 'exit', code: 1 }, words), 'ok', 'a file that changed meanwhile')
})

test('memory of the job that runs out while it is packed or unpacked is no fault of ours', async () => {
  const oom = { kind: 'signal', signal: 'SIGKILL', oom: true } as const
  assert.match(await pack(oom), /^out of memory/)
  assert.equal(await pack({ kind: 'deadline' }), 'it ended with deadline')
  const nothing = async function* () {}
  const answer = await unpackInto(placeOf(oom), '/x', nothing(), new AbortController().signal)
  assert.match(answer.ok ? '' : answer.message, /^out of memory/)
})

test('of an archive that is refused the reason is told, however its process ends then', async () => {
  const refusing = async () => {
    throw refused('it is too long')
  }
  assert.equal(await pack({ kind: 'exit', code: 0 }, '', refusing), 'refused: it is too long')
})
