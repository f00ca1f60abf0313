// Artifacts of a run: listed, and fetched into a directory. Their names are a job's words: a name that leads out of the
// directory is refused, no link is followed, and what is there already is not overwritten by something that came only half.
import { createHash, randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { posix, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fault } from '../../base/faults.ts'
import type { Artifact } from '../../protocol/api/artifacts.ts'
import type { ExpiredOfJob } from '../../protocol/api/expired.ts'
import type { Run } from '../../protocol/api/shapes.ts'
import type { ApiClient } from '../api/client.ts'
import { expiredWords } from '../api/expired-words.ts'
import { jobName, jobNames } from '../api/job-name.ts'
import { findNamedRun } from '../api/named-run.ts'
import { makeArtifactPlace } from '../artifact-place.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly project?: string
  readonly job?: string
  readonly name?: string
  readonly json?: boolean
}

export const listArtifacts = async (
  around: Surroundings,
  flags: Flags,
  ref: string | undefined,
): Promise<number> => {
  const { artifacts, expired } = await find(around, flags, ref)
  if (flags.json === true)
    around.stdout.write(`${JSON.stringify({ items: artifacts, next_cursor: null, expired })}\n`)
  else
    writeTable(
      around.stdout,
      ['JOB', 'PATH', 'SIZE', 'SHA-256'],
      artifacts.map((artifact) => [
        jobName(artifact.job),
        artifact.path,
        String(artifact.size),
        artifact.sha256.slice(0, 16),
      ]),
    )
  for (const one of expired) around.stderr.write(inertText`${expiredWords('artifacts', one)}\n`)
  return 0
}

export const downloadArtifacts = async (
  around: Surroundings,
  flags: Flags & { readonly path?: string; readonly dir: string },
  ref: string | undefined,
): Promise<number> => {
  const { api, artifacts, expired, run } = await find(around, flags, ref)
  const names = namesIn(run)
  const wanted = artifacts.filter(({ path }) => isBelow(path, flags.path))
  if (wanted.length === 0 && expired[0] !== undefined)
    throw fault('E_EXPIRED', { public: expiredWords('artifacts', expired[0]) })
  if (wanted.length === 0) throw fault('E_NOT_FOUND', { public: `#${run.number} has no artifact that fits` })
  const directory = resolve(around.cwd, flags.dir)
  for (const artifact of wanted) {
    const path = await placeOf(directory, artifact, names)
    await download(around, api, artifact, path)
    if (flags.json !== true) around.stdout.write(inertText`${path}\n`)
  }
  if (flags.json === true) around.stdout.write(`${JSON.stringify(wanted)}\n`)
  return 0
}

const find = async (around: Surroundings, flags: Flags, given: string | undefined) => {
  const { api, run, job } = await findNamedRun(around, flags, given)
  const artifacts: Artifact[] = []
  const expired: ExpiredOfJob[] = []
  let cursor: string | undefined
  do {
    const page = await api.call('runArtifacts', { params: { run: run.id }, query: { limit: 100, cursor } })
    artifacts.push(...page.items)
    expired.push(...page.expired)
    cursor = page.next_cursor ?? undefined
  } while (cursor !== undefined)
  const fits = (of: Pick<Artifact, 'job'>) =>
    job === undefined || [of.job.name, jobName(of.job)].includes(job)
  const isNamed = ({ path }: Artifact) => flags.name === undefined || hasName(path, flags.name)
  return {
    ...{ api, run },
    artifacts: artifacts.filter((each) => fits(each) && isNamed(each)),
    expired: expired.filter(fits),
  }
}

/** A pattern without `/` is of the name of a file, in whatever directory. */
const hasName = (path: string, pattern: string): boolean =>
  posix.matchesGlob(pattern.includes('/') ? path : posix.basename(path), pattern)

const isBelow = (path: string, wanted: string | undefined): boolean =>
  wanted === undefined || path === wanted || path.startsWith(`${wanted.replace(/\/+$/, '')}/`)

const placeOf = async (
  directory: string,
  { job, path }: Artifact,
  names: ReadonlyMap<string, string>,
): Promise<string> => {
  const place = await makeArtifactPlace(directory, names.get(job.id) ?? jobName(job), path)
  if (!place.ok) throw fault('E_PROTOCOL', { public: place.why })
  return place.path
}

const namesIn = ({ jobs, workflows }: Run): ReadonlyMap<string, string> => {
  const nameOf = new Map(workflows.map(({ id, name }) => [id, name]))
  return jobNames(
    jobs.map((job) => ({ ...job, workflow: job.workflow_id && (nameOf.get(job.workflow_id) ?? null) })),
  )
}

const download = async (
  around: Surroundings,
  api: ApiClient,
  artifact: Artifact,
  path: string,
): Promise<void> => {
  const half = `${path}.${randomUUID()}.part`
  const hash = createHash('sha256')
  const checked = async function* (bytes: AsyncIterable<Uint8Array>) {
    for await (const chunk of bytes) {
      hash.update(chunk)
      yield chunk
    }
  }
  try {
    const bytes = await api.stream('artifact', { params: { artifact: artifact.id } }, around.interrupted)
    await pipeline(Readable.from(checked(bytes), { objectMode: false }), createWriteStream(half))
    if (hash.digest('hex') !== artifact.sha256) throw fault('E_OBJECT_TAMPERED', { detail: path })
    await rename(half, path)
  } finally {
    await rm(half, { force: true })
  }
}
