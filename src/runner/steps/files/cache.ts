// Caches: files under a key, for later runs. A key is written once; what a job may read and where it writes is decided by
// what its run stands for (protocol/stored-object.ts), never here. That there is none never fails a job.
import { createHash } from 'node:crypto'
import { begun } from '../../../base/begun.ts'
import { isFault } from '../../../base/faults.ts'
import type { PlanRestoreCacheStep, PlanSaveCacheStep } from '../../../protocol/plan.ts'
import { cacheKeyCharactersMax } from '../../../protocol/stored-object.ts'
import { buildNumber } from '../../environment/circleci.ts'
import { aboveSecrets } from '../../environment/layers.ts'
import { guestPath } from '../../guest-path.ts'
import { jobUser } from '../../sandbox-spec.ts'
import { packArchive, unpackArchive } from '../../stores/archive.ts'
import { fromSandbox, missingIn, packPaths, readFile, unpackInto } from '../../stores/cells.ts'
import type { Restorable } from '../../stores/stores.ts'
import { type FilledKey, fillKey } from './cache-key.ts'
import { done, type FilesAnswer, type FilesPlace, notKept, sizeText } from './place.ts'

export const saveCache = async (
  step: PlanSaveCacheStep,
  place: FilesPlace,
  signal: AbortSignal,
): Promise<FilesAnswer> => {
  const filled = await keyOf(step.key, place, signal)
  if (!filled.ok) return filled
  const writing = await place.stores.begin({ kind: 'cache', key: filled.key }, signal)
  if ('why' in writing) return notKept(place, writing)
  const paths = step.paths.map((path) => guestPath(path, place.workdir, jobUser.home).slice(1) || '.')
  const count = { entries: 0, bytes: 0 }
  const packed = await fromSandbox(
    place,
    packPaths('/', paths, 'names'),
    (tar) =>
      writing.put(
        packArchive(tar, ({ size }) => {
          count.entries++
          count.bytes += size
        }),
        signal,
      ),
    signal,
  )
  if (!packed.ok) return packed
  for (const path of missingIn(packed.words)) await place.print(`there is no /${path}: left out`)
  if (count.entries === 0) {
    await place.print('nothing to save')
    return done
  }
  await writing.finish({}, signal)
  await place.print(`saved ${count.entries} entries, ${sizeText(count.bytes)}, under the key ${filled.key}`)
  return done
}

export const restoreCache = async (
  step: PlanRestoreCacheStep,
  place: FilesPlace,
  signal: AbortSignal,
): Promise<FilesAnswer> => {
  const keys: string[] = []
  for (const template of step.keys) {
    const filled = await keyOf(template, place, signal)
    if (!filled.ok) return filled
    keys.push(filled.key)
  }
  // Who may prove whose job this is takes no files from where others of less trust write (trust-model.md §5.4).
  const isTrusted = place.job.spec.audiences !== undefined
  const want = { kind: 'cache' as const, keys, ...(isTrusted ? { only: 'protected' as const } : {}) }
  const [found] = await place.stores.restore(want, signal)
  if (found === undefined) {
    await place.print(`no cache begins with ${keys.join(' or ')}${isTrusted ? ofTrunk : ''}`)
    return { ok: true, cache: 'miss' }
  }
  const content = await opened(found, signal)
  if (content === null) {
    await place.print(`the cache under the key ${found.key} was removed in this moment`)
    return { ok: true, cache: 'miss' }
  }
  const count = { entries: 0, bytes: 0 }
  const tar = unpackArchive(content, ({ size }) => {
    count.entries++
    count.bytes += size
  })
  const unpacked = await unpackInto(place, '/', tar, signal)
  if (!unpacked.ok) return unpacked
  await place.print(
    `restored ${count.entries} entries, ${sizeText(count.bytes)}, from the key ${found.key} (${found.from})`,
  )
  return { ok: true, cache: keys.includes(found.key) ? 'exact' : 'prefix' }
}

/** null: it went since it was found, to make room for another one. */
const opened = async (found: Restorable, signal: AbortSignal): Promise<AsyncIterable<Uint8Array> | null> => {
  try {
    return await begun(found.read(signal))
  } catch (error) {
    if (isFault(error, 'E_NOT_FOUND') || isFault(error, 'E_OBJECT_MISSING')) return null
    throw error
  }
}

const ofTrunk =
  ', of those that pushes to the default branch saved: a job with identity tokens restores no others'

const keyOf = async (template: string, place: FilesPlace, signal: AbortSignal): Promise<FilledKey> => {
  const { facts, spec, secrets, checkoutKey } = place.job
  const { event } = facts.run
  const builtIn = { dialect: spec.dialect, facts, workdir: place.workdir, env: [] }
  let read = 0
  const filled = await fillKey(template, {
    branch: event.branch,
    revision: event.commit,
    buildNumber: buildNumber(facts),
    checkoutKey: checkoutKey ?? null,
    nowSeconds: Math.floor(place.nowMs() / 1000),
    variables: new Map([
      // SAFE: a key is no secret, so a value never becomes part of one; it changes when the value does, which is its use.
      ...secrets.map(
        ({ name, value }) =>
          [name, digestOf(facts.project.id, name, value.reveal('only its digest'))] as const,
      ),
      ...aboveSecrets(builtIn),
    ]),
    checksum: (path) => checksumOf(path, { ...place, id: `${place.id}-k${++read}` }, signal),
  })
  if (!filled.ok) return filled
  if (filled.key.length > cacheKeyCharactersMax || filled.key === '' || /\p{Cc}/u.test(filled.key))
    return { ok: false, message: `a key has 1 to ${cacheKeyCharactersMax} characters on one line` }
  return filled
}

const digestOf = (project: string, name: string, value: Uint8Array): string =>
  createHash('sha256').update(`${project}\0${name}\0`).update(value).digest('hex').slice(0, 16)

const checksumOf = async (path: string, place: FilesPlace, signal: AbortSignal): Promise<string | null> => {
  const file = guestPath(path, place.workdir, jobUser.home)
  const hash = createHash('sha256')
  const read = await fromSandbox(
    place,
    readFile(file),
    async (bytes) => {
      for await (const chunk of bytes) hash.update(chunk)
    },
    signal,
  )
  return read.ok ? hash.digest('base64') : null
}
