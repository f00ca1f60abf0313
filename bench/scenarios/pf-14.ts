// PF-14, masking on one core: 73 MB of log in the pieces that a pipe gives, in which 20 secrets are looked for in all
// encodings. The baseline is the least that a search can do: a loop that looks up every eighth pair of bytes and compares the hits.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createMasker } from '../../src/runner/index.ts'
import { startClock } from '../clock.ts'
import { logScript } from '../projects.ts'
import type { Scenario } from '../scenario.ts'

const linesOfLog = 1_000_000
const secretCount = 20
const secretCharacters = 40
const pieceBytes = 64 * 1024
const perSecond = (bytes: number, ms: number) => bytes / ms / 1_000

const secretsOf = (count: number) =>
  Array.from({ length: count }, (_, at) => ({
    name: `SECRET_${at}`,
    value: Buffer.from(
      createHash('sha512').update(`secret ${at}`).digest('base64url').slice(0, secretCharacters),
    ),
  }))

const readLog = (): Buffer => {
  const { stdout, status } = spawnSync('sh', ['-c', logScript(linesOfLog)], { maxBuffer: 2 ** 30 })
  if (status !== 0) throw new Error('the log could not be made')
  return stdout
}

/** Finds the 20 values as they are, and nothing else: no encodings, no borders between pieces. */
const skipLoop = (log: Buffer): number => {
  const pairs = new Uint8Array(2 ** 16)
  const places = new Map<number, { readonly value: Buffer; readonly offset: number }[]>()
  for (const { value } of secretsOf(secretCount))
    for (let offset = 0; offset < 8; offset++) {
      const pair = value.readUInt16LE(offset)
      pairs[pair] = 1
      places.set(pair, [...(places.get(pair) ?? []), { value, offset }])
    }
  const elapsed = startClock()
  let found = 0
  for (let at = 0; at < log.length - 1; at += 8) {
    const pair = (log[at] ?? 0) | ((log[at + 1] ?? 0) << 8)
    if (pairs[pair] !== 1) continue
    for (const { value, offset } of places.get(pair) ?? [])
      if (
        log[at - offset] === value[0] &&
        log.compare(value, 0, value.length, at - offset, at - offset + value.length) === 0
      )
        found++
  }
  const ms = elapsed()
  if (found > 0) throw new Error('a log without secrets holds one')
  return ms
}

const maskAll = (log: Buffer, secrets: number): number => {
  const masker = createMasker(secretsOf(secrets))
  if (masker === null) throw new Error('there is nothing to mask')
  const stream = masker.stream()
  const elapsed = startClock()
  let said = 0
  for (let at = 0; at < log.length; at += pieceBytes)
    said += stream.write(log.subarray(at, at + pieceBytes)).length
  said += stream.flush().length
  const ms = elapsed()
  if (said !== log.length) throw new Error('a log without secrets was changed')
  return ms
}

const scenario: Scenario<Buffer> = {
  ...{ id: 'PF-14', variant: '', unit: 'MB/s', better: 'higher' },
  ...{ goal: { ratio: 0.2, value: 350 }, gate: { value: 100 } },
  title:
    'Masking 73 MB, 20 secrets in all encodings, one core; baseline a loop over every eighth pair of bytes',
  // Twice the time at fifty times the secrets.
  growth: {
    ...{ of: 'secrets', sizes: [20, 100, 1_000], exponentMax: 0.18 },
    at: async (log, size) => maskAll(log, size),
  },
  setUp: async () => readLog(),
  baseline: async (log) => perSecond(log.length, skipLoop(log)),
  subject: async (log) => perSecond(log.length, maskAll(log, secretCount)),
}

export const scenarios = [scenario]
