// What a step prints, over a real pipe: to its end, up to its bound, and what of it is dropped.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawn } from '../../../sys/index.ts'
import { rawHandleOf } from '../../pipes.ts'
import { pumpOutput } from './output.ts'

/** A program of the shell, and its stdout as the driver gets it. */
const start = (text: string) => {
  const child = spawn('/bin/sh', ['-c', text], { stdio: ['ignore', 'pipe', 'ignore'] })
  assert.ok(child.stdout)
  const written = () => Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${child.pid}/io`, 'utf8'))?.[1])
  return { handle: rawHandleOf(child.stdout), end: () => child.kill('SIGKILL'), written }
}

const open = (bytes: number) => {
  let exceeded = 0
  const bounds = { budget: { left: bytes }, onBytes: () => undefined, onExceeded: () => void exceeded++ }
  return { bounds, exceeded: () => exceeded }
}

const discard = () => new Writable({ write: (_chunk, _encoding, done) => done() })

test('everything comes up to the bound, which is told once', async () => {
  const said: Buffer[] = []
  const { bounds, exceeded } = open(100_000)
  const { handle } = start('head -c 300000 /dev/zero')
  await pumpOutput(handle, (bytes) => void said.push(Buffer.from(bytes)), bounds).ended
  assert.equal(Buffer.concat(said).length, 100_000)
  assert.equal(exceeded(), 1)
})

for (const [kind, to] of [
  ['one who takes', () => undefined],
  ['a stream', discard()],
] as const)
  test(`what nobody hears any more is dropped to the end, and not as fast as it comes: ${kind}`, async () => {
    const { bounds, exceeded } = open(Number.MAX_SAFE_INTEGER)
    const { handle, end, written } = start('exec yes')
    const output = pumpOutput(handle, to, bounds)
    await sleep(100)
    output.drain()
    const before = written()
    await sleep(1_000)
    const count = written() - before
    end()
    // The drained end keeps no process alive; this test does.
    const alive = setInterval(() => undefined, 1_000)
    await output.ended
    clearInterval(alive)
    assert.ok(count > 0 && count < 64 * 1024 * 1024, `${count} bytes in a second`)
    assert.equal(exceeded(), 0)
  })
