// PF-13, stored size: real logs as their runner packs them, everything that is stored for them included. The set is what the
// machines of Debian printed while they tested OpenJDK and GDB (11 MB in six logs, shipped in the documentation of those packages).
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { constants, gunzipSync, zstdCompressSync } from 'node:zlib'
import { formatId, uuid7 } from '../../src/base/ids.ts'
import { createFramer, createFrameStore, packLog } from '../../src/runner/index.ts'
import { generateLogKey } from '../../src/seal/index.ts'
import { createGcm, systemClock } from '../../src/sys/index.ts'
import type { Scenario } from '../scenario.ts'

type State = { readonly directory: string; readonly logs: readonly Buffer[] }

const sources = ['/usr/share/doc/openjdk-*-jre-headless/test-*/*.log.gz', '/usr/share/doc/gdb/check.log.gz']
const mib = 1024 * 1024
/** So much is printed in a second: a long build, whose times have to be kept as well. */
const bytesPerSecond = 8 * 1024

const readLogs = (): readonly Buffer[] => {
  const logs = sources.flatMap((pattern) => globSync(pattern)).map((path) => gunzipSync(readFileSync(path)))
  assert.ok(
    logs.length > 0,
    `no real logs on this machine: apt install gdb openjdk-17-jre-headless (${sources.join(', ')})`,
  )
  return logs
}

const zstd3 = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

/** Framed, sealed and packed as an attempt of one step. */
const packedBytes = async (log: Buffer, directory: string): Promise<number> => {
  const attempt = formatId('attempt', uuid7(1, new Uint8Array(10)))
  const logKey = generateLogKey()
  const gcm = createGcm(logKey)
  const store = createFrameStore(join(directory, 'frames'))
  let seconds = 0
  const framer = createFramer({
    ...{
      attempt,
      key: Promise.resolve(gcm.seal),
      clock: { ...systemClock, monotonicMs: () => seconds * 1_000 },
    },
    emit: (frame) => store.add(frame),
  })
  framer.setWatched(true)
  for (let at = 0; at < log.length; at += bytesPerSecond, seconds++) {
    framer.write(1, log.subarray(at, at + bytesPerSecond))
    await framer.room()
  }
  const lastSeq = await framer.finish()
  let bytes = 0
  for await (const piece of packLog({ attempt, logKey, openWith: gcm.open, frames: store.frames(), lastSeq }))
    bytes += piece.length
  await store.close()
  return bytes
}

const packAll = async ({ directory, logs }: State): Promise<number> => {
  let bytes = 0
  for (const log of logs) bytes += await packedBytes(log, directory)
  return bytes
}

const scenario: Scenario<State> = {
  ...{ id: 'PF-13', variant: '', unit: 'MiB', better: 'lower' },
  ...{ goal: { ratio: 1.1 }, gate: { ratio: 1.25 } },
  title: 'stored size of real build logs, all included; baseline zstd -3 of each whole log',
  setUp: async ({ directory }) => ({
    directory: await mkdtemp(join(directory, 'pf-13-')),
    logs: readLogs(),
  }),
  baseline: async ({ logs }) => sum(logs.map((log) => zstdCompressSync(log, zstd3).length)) / mib,
  subject: async (state) => (await packAll(state)) / mib,
  tearDown: ({ directory }) => rm(directory, { recursive: true, force: true }),
}

export const scenarios = [scenario]
