// What `mayfly run` keeps of its jobs. Workspaces lie sealed in a directory that goes with the run, under keys that only
// this process has. Artifacts become files below the directory that the person named, caches and times of tests stay on this machine
// when they were asked for; without those words neither is kept, and the step says so.
import { createReadStream, createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Restorable, Stores, Writing } from '../../runner/index.ts'
import { type ExpandedJob, type ExpandedPlan, upstreamOf } from '../../schedule/index.ts'
import { decryptBlob, encryptBlob, generateLogKey } from '../../seal/index.ts'
import { type ArtifactsOfJob, writeArtifactFiles } from './artifact-files.ts'
import { createLocalCaches, type LocalCaches } from './local-caches.ts'
import { type LocalTests, openLocalTests } from './local-tests.ts'
import { openRunDirectory } from './run-directory.ts'

export type LocalPlaces = {
  /** null: artifacts are not kept. */
  readonly artifacts: string | null
  /** null: no caches. */
  readonly caches: string | null
}

type Layer = {
  readonly job: ExpandedJob
  readonly from: string
  readonly path: string
  readonly key: Uint8Array
}

export type LocalStores = {
  readonly of: (job: ExpandedJob, name: string) => Stores
  close(): Promise<void>
}

export const openLocalStores = async (plan: ExpandedPlan, places: LocalPlaces): Promise<LocalStores> => {
  const directory = await openRunDirectory()
  const tests = places.caches === null ? null : await openLocalTests(places.caches)
  const caches = places.caches === null ? null : createLocalCaches(places.caches)
  const layers: Layer[] = []
  let count = 0
  const next = () => join(directory.path, String(++count))
  return {
    of: (job, name) => ({
      begin: async (want) => {
        if (want.kind === 'workspace') return writeLayer(layers, { job, from: name, path: next() })
        if (want.kind === 'cache') return writeCache(caches, { key: want.key, path: next() })
        if (want.kind === 'tests') return writeTests(tests, job, next())
        return places.artifacts === null
          ? { why: 'artifacts are not kept here: --artifacts DIR says where to' }
          : writeArtifacts({ directory: places.artifacts, job: name }, next())
      },
      restore: async (want) => {
        if (want.kind === 'workspace') return upstreamLayers(plan, layers, job)
        if (want.kind === 'cache') return (await caches?.find(want.keys)) ?? []
        return want.of === 'timings' && tests !== null ? tests.restore(job.plan.name) : []
      },
    }),
    close: async () => {
      await tests?.close()
      await directory.close()
    },
  }
}

const writeTests = (
  tests: LocalTests | null,
  job: ExpandedJob,
  path: string,
): Writing | { readonly why: string } =>
  tests === null
    ? { why: 'times of tests are not kept here: --cache keeps them on this machine' }
    : {
        put: (content) => save(path, content),
        finish: async () => tests.keep(job.plan.name, path),
      }

const writeLayer = (layers: Layer[], layer: Omit<Layer, 'key'>): Writing => {
  const key = generateLogKey()
  const name = basename(layer.path)
  return {
    put: (content) => save(layer.path, encryptBlob(content, { key, keyId: name, objectId: name })),
    finish: async () => void layers.push({ ...layer, key }),
  }
}

/** In the order of the graph, and within one job as they came. */
const upstreamLayers = (
  plan: ExpandedPlan,
  layers: readonly Layer[],
  job: ExpandedJob,
): readonly Restorable[] => {
  const own = plan.jobs.filter(({ state }) => state.workflow === job.state.workflow)
  const needs = new Map(own.map((each) => [each.plan.key, each.plan.needs.map((need) => need.job)]))
  const found = upstreamOf(needs, job.plan.key).flatMap((key) =>
    layers.filter((layer) => layer.job.state.workflow === job.state.workflow && layer.job.plan.key === key),
  )
  return found.map((layer, at) => ({
    ...{ key: '', from: layer.from, read: () => openLayer(layer) },
    after: found.slice(0, at).flatMap((earlier, before) => {
      const isBelow = upstreamOf(needs, layer.job.plan.key).includes(earlier.job.plan.key)
      return isBelow || earlier.job === layer.job ? [before] : []
    }),
  }))
}

const openLayer = ({ path, key }: Layer): AsyncIterable<Uint8Array> =>
  decryptBlob(createReadStream(path), { keyFor: () => key, objectId: basename(path) })

const writeArtifacts = (of: ArtifactsOfJob, packed: string): Writing => ({
  put: (content) => save(packed, content),
  finish: async ({ entries = [] }) => {
    await writeArtifactFiles(of, packed, entries)
    await rm(packed)
  },
})

const writeCache = async (
  caches: LocalCaches | null,
  { key, path }: { readonly key: string; readonly path: string },
): Promise<Writing | { readonly why: string }> => {
  if (caches === null) return { why: 'caches are off: --cache keeps them on this machine' }
  if (await caches.has(key)) return { why: `there is a cache under the key ${key} already` }
  return { put: (content) => save(path, content), finish: () => caches.keep(key, path) }
}

const save = (path: string, content: AsyncIterable<Uint8Array>): Promise<void> =>
  pipeline(Readable.from(content, { objectMode: false }), createWriteStream(path, { mode: 0o600 }))
