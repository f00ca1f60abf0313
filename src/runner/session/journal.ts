// The log of one attempt on this side: its keys, output into sealed frames, frames to the server and into the finished
// log. The attempt may begin before the keys are made; only its first frame waits for them.
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fault } from '../../base/faults.ts'
import { finishBundleBytesMax } from '../../protocol/finish-body.ts'
import type { FrameBatchItem } from '../../protocol/frames.ts'
import { generateLogKey } from '../../seal/index.ts'
import { createGcm, type Gcm } from '../../sys/index.ts'
import { keepPacked, packLog } from '../logs/archive.ts'
import { createFrameStore } from '../logs/frame-store.ts'
import { createFramer } from '../logs/framer.ts'
import type { AttemptSink } from '../sink.ts'
import type { Life } from './life.ts'
import type { FileBody } from './requests.ts'

/** The log as it is stored in the end; `object` null: there was no output. */
export type PackedLog = { readonly lastSeq: number; readonly object: Uint8Array | FileBody | null }

export interface Journal {
  readonly output: AttemptSink['output']
  readonly setWatched: (watched: boolean) => void
  /** Packs what there is, in the background until somebody waits for it: no more output is expected. */
  readonly pack: () => Promise<PackedLog>
  /** The frames that the server does not have, kept back for `finish`; the key when it knows nothing of this log. */
  readonly rest: () => Promise<{
    readonly frames: readonly FrameBatchItem[]
    readonly sealedKey: Uint8Array | null
  }>
  /** Everything up to `seq` is durable on the server, or the lease is lost. */
  readonly durable: (seq: number) => Promise<void>
  readonly close: () => Promise<void>
}

type Keys = {
  readonly logKey: Uint8Array
  readonly gcm: Gcm
  readonly sealedKey: Uint8Array
}

export const openJournal = (life: Life): Journal => {
  const { deps, grant } = life
  const { attempt, lease } = grant
  const path = (ending: string) => join(deps.spoolDirectory, `${attempt}.${ending}`)
  const made: { keys: Keys | null } = { keys: null }
  const making = makeKeys(life).then((keys) => {
    made.keys = keys
    return keys
  })
  making.catch((error: unknown) => {
    deps.log.error('no key for a log', { lease, error })
    life.onStop('lost')
  })
  const store = createFrameStore(path('frames'))
  const frames = deps.shipper.open({
    lease,
    sealedKey: () => made.keys?.sealedKey ?? new Uint8Array(0),
    onLost: () => life.onStop('lost'),
    onWatched: (watched) => life.watching.set(watched),
  })
  const framer = createFramer({
    attempt,
    key: making.then(({ gcm }) => gcm.seal),
    clock: deps.clock,
    emit: (frame) => {
      store.add(frame)
      frames.add(frame)
    },
  })
  const packAll = async (): Promise<PackedLog> => {
    const lastSeq = await framer.finish()
    if (lastSeq === 0) return { lastSeq, object: null }
    const { logKey, gcm } = await making
    const pieces = packLog({ attempt, logKey, openWith: gcm.open, frames: store.frames(), lastSeq })
    const object = await keepPacked(pieces, { path: path('log'), memoryBytes: finishBundleBytesMax })
    return { lastSeq, object }
  }
  let packing: Promise<PackedLog> | null = null
  let isCurrent = false
  return {
    output: (step, bytes) => {
      isCurrent = false
      framer.write(step, bytes)
      return waitForAll([framer.room(), store.room(), frames.room()])
    },
    setWatched: (watched) => {
      framer.setWatched(watched)
      if (watched) frames.hurry()
    },
    pack: () => {
      // Output after all makes it anew; one at a time, both write the same file.
      if (packing === null || !isCurrent) packing = settled(packing).then(packAll)
      isCurrent = true
      packing.catch(() => undefined)
      return packing
    },
    rest: async () => {
      const { items, wasSent } = frames.withhold()
      // Of a log that nobody can have read a part of, the object is enough.
      return wasSent
        ? { frames: items, sealedKey: null }
        : { frames: [], sealedKey: (await making).sealedKey }
    },
    durable: (seq) => frames.durable(seq),
    close: async () => {
      frames.close()
      const packed = await packing?.catch(() => null)
      framer.close()
      made.keys?.logKey.fill(0)
      await store.close()
      const isInMemory = packing === null || packed?.object === null || packed?.object instanceof Uint8Array
      if (!isInMemory) await unlink(path('log')).catch(() => undefined)
    },
  }
}

const makeKeys = async ({ deps, grant }: Life): Promise<Keys> => {
  const logKey = generateLogKey()
  const owner = { project: grant.spec.project.id, attempt: grant.attempt }
  const seal = await deps.logKeySeals.take()
  if (seal === null) throw fault('E_PROTOCOL', { detail: 'the ingest key cannot be used' })
  return { logKey, gcm: createGcm(logKey), sealedKey: await seal(logKey, owner) }
}

const settled = (promise: Promise<unknown> | null): Promise<void> =>
  Promise.resolve(promise).then(
    () => undefined,
    () => undefined,
  )

/** undefined when none of them has to be waited for. */
const waitForAll = (waits: readonly (Promise<unknown> | undefined)[]): Promise<void> | undefined =>
  waits.some((wait) => wait !== undefined) ? Promise.all(waits).then(() => undefined) : undefined
