// The workspace of a workflow: what jobs persist, for the jobs that need them. Layers are put down in the order of the
// graph; a file that two jobs persisted of which neither needs the other has no right content, so attaching it fails.
import { posix } from 'node:path'
import { plural } from '../../../base/plural.ts'
import type { PlanAttachStep, PlanPersistStep } from '../../../protocol/plan.ts'
import { guestPath } from '../../guest-path.ts'
import { jobUser } from '../../sandbox-spec.ts'
import { packArchive, unpackArchive } from '../../stores/archive.ts'
import { fromSandbox, missingDirectory, missingIn, packPaths, unpackInto } from '../../stores/cells.ts'
import { refused, shown } from '../../stores/tar-rules.ts'
import { done, type FilesAnswer, type FilesPlace, notKept, sizeText } from './place.ts'

export const persist = async (
  step: PlanPersistStep,
  place: FilesPlace,
  signal: AbortSignal,
): Promise<FilesAnswer> => {
  const root = guestPath(step.root, place.workdir, jobUser.home)
  const paths = step.paths.map((path) => posix.normalize(path).replace(/\/+$/, ''))
  const outside = paths.find((path) => path.startsWith('/') || path.split('/').includes('..'))
  if (outside !== undefined) return { ok: false, message: `"${outside}" is not below "${step.root}"` }
  const writing = await place.stores.begin({ kind: 'workspace' }, signal)
  if ('why' in writing) return notKept(place, writing)
  const count = { files: 0, bytes: 0 }
  const packed = await fromSandbox(
    place,
    packPaths(root, paths, 'globs'),
    (tar) =>
      writing.put(
        packArchive(tar, ({ kind, size }) => {
          if (kind === 'file') count.files++
          count.bytes += size
        }),
        signal,
      ),
    signal,
  )
  if (!packed.ok)
    return packed.code === missingDirectory
      ? { ok: false, message: `there is no directory "${step.root}"` }
      : packed
  const [missing] = missingIn(packed.words)
  if (missing !== undefined)
    return { ok: false, message: `nothing matches "${missing}" below "${step.root}"` }
  await writing.finish({}, signal)
  await place.print(`persisted ${plural(count.files, 'file')}, ${sizeText(count.bytes)}`)
  return done
}

export const attach = async (
  step: PlanAttachStep,
  place: FilesPlace,
  signal: AbortSignal,
): Promise<FilesAnswer> => {
  const at = guestPath(step.at, place.workdir, jobUser.home)
  const layers = await place.stores.restore({ kind: 'workspace' }, signal)
  const check = createOverlapCheck(layers)
  for (const [index, layer] of layers.entries()) {
    const count = { files: 0 }
    const tar = unpackArchive(layer.read(signal), ({ kind, path }) => {
      if (kind === 'directory') return
      count.files++
      check(path, index)
    })
    const unpacked = await unpackInto({ ...place, id: `${place.id}-${index + 1}` }, at, tar, signal)
    if (!unpacked.ok) return unpacked
    await place.print(`attached ${plural(count.files, 'file')} of ${layer.from}`)
  }
  if (layers.length === 0) await place.print('no job that this one needs has persisted anything')
  return done
}

const createOverlapCheck = (
  layers: readonly { readonly from: string; readonly after: readonly number[] }[],
) => {
  const writers = new Map<string, number>()
  return (path: string, index: number): void => {
    const before = writers.get(path)
    writers.set(path, index)
    if (before === undefined || before === index || layers[index]?.after.includes(before)) return
    const names = [layers[before]?.from, layers[index]?.from].join(' and ')
    throw refused(`${shown(path)} was persisted by ${names}, and neither needs the other`)
  }
}
