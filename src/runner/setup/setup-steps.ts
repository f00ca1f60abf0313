// The two steps of a setup configuration inside a job: which parameters and files the changed paths choose, and to go on with
// a configuration that lies in the sandbox by now. What lies there is the job's: hostile, and bounded when it is read.
import { continuationFilesMax } from '../../protocol/compile.ts'
import type { PlanContinueStep, PlanFilterStep, PlanSetupStep } from '../../protocol/plan.ts'
import type { GuestPath, Sandbox } from '../../sandbox/index.ts'
import { guestPath } from '../guest-path.ts'
import { continuationBytesMax, continuationParametersBytesMax } from '../limits.ts'
import { describeProblem, firstError } from '../problem-words.ts'
import { jobUser } from '../sandbox-spec.ts'
import { fromSandbox, nothingThere, readFile, writeInto } from '../stores/cells.ts'
import type { Continuing, Print } from './continuing.ts'

export type SetupPlace = {
  readonly sandbox: Sandbox
  readonly continuing: Continuing
  /** Unique within the sandbox. */
  readonly id: string
  readonly workdir: GuestPath
  readonly print: Print
}

export type SetupAnswer = { readonly ok: true } | { readonly ok: false; readonly message: string }

/** What is wrong with paths, mappings and configurations is an answer; rejects for faults of ours and when `signal` aborts. */
export const setupStep = (
  step: PlanSetupStep,
  place: SetupPlace,
  signal: AbortSignal,
): Promise<SetupAnswer> =>
  step.kind === 'filter-paths' ? filterPaths(step, place, signal) : goOn(step, place, signal)

const filterPaths = async (
  step: PlanFilterStep,
  place: SetupPlace,
  signal: AbortSignal,
): Promise<SetupAnswer> => {
  const { continuing, print } = place
  const changes = await continuing.changed(step, print, signal)
  if (!changes.ok) return changes
  const { from, paths } = changes
  await print(
    `${paths.length} paths differ from ${from.slice(0, 10)}${step.base === '' ? '' : ` (${step.base})`}`,
  )
  const { mapping, exclude } = step
  const chosen = await continuing.choose({ mapping, exclude, changed: paths }, signal)
  if (!chosen.ok) {
    for (const problem of chosen.problems) await print(describeProblem(problem))
    return { ok: false, message: firstError(chosen.problems) }
  }
  for (const { line, path } of chosen.hits) await print(`${line}    because of ${path}`)
  if (chosen.hits.length === 0) await print('no line of the mapping fits any of them')
  const parameters = `${JSON.stringify(chosen.parameters)}\n`
  await print(`parameters: ${parameters.trimEnd()}`)
  const written = await write(place, 'parameters', step.parametersPath, parameters, signal)
  if (!written.ok) return written
  return write(place, 'files', step.filesPath, chosen.files.map((path) => `${path}\n`).join(''), signal)
}

const goOn = async (step: PlanContinueStep, place: SetupPlace, signal: AbortSignal): Promise<SetupAnswer> => {
  const parameters = await parametersOf(step, place, signal)
  if (!parameters.ok) return parameters
  const list = step.filesPath === null ? null : await read(place, 'files', step.filesPath, listMax, signal)
  if (list !== null && !list.ok && !list.isMissing) return list
  const named = list?.ok === true ? list.text.split('\n').flatMap((line) => line.trim() || []) : []
  const paths = named.length > 0 ? named : [step.path]
  if (paths.length > continuationFilesMax)
    return { ok: false, message: `a run goes on with at most ${continuationFilesMax} files` }
  const sources: { readonly path: string; readonly text: string }[] = []
  for (const [at, path] of paths.entries()) {
    const found = await read(place, `config-${at}`, path, continuationBytesMax, signal)
    if (!found.ok) return found
    sources.push({ path: path.replace(/^\.\//, ''), text: found.text })
  }
  return place.continuing.goOn({ sources, parameters: parameters.text }, place.print, signal)
}

const listMax = continuationFilesMax * 4096

type Text = { readonly ok: true; readonly text: string }
type NoText = { readonly ok: false; readonly isMissing: boolean; readonly message: string }

/** As written when that is JSON, else out of the file that is meant. */
const parametersOf = async (
  { parameters }: PlanContinueStep,
  place: SetupPlace,
  signal: AbortSignal,
): Promise<Text | NoText> => {
  const text = parameters.trim()
  if (text === '' || text.startsWith('{')) return { ok: true, text: text === '' ? '{}' : text }
  const found = await read(place, 'given', text, continuationParametersBytesMax, signal)
  return found.ok || !found.isMissing
    ? found
    : { ...found, message: `the parameters are neither JSON nor a file: "${text.slice(0, 200)}"` }
}

const read = async (
  { sandbox, id, workdir }: SetupPlace,
  part: string,
  path: string,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Text | NoText> => {
  const at = guestPath(path, workdir, jobUser.home)
  const gather = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer | null> => {
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of bytes) {
      size += chunk.length
      if (size <= bytesMax) chunks.push(chunk)
    }
    return size > bytesMax ? null : Buffer.concat(chunks)
  }
  const answer = await fromSandbox({ sandbox, id: `${id}-${part}` }, readFile(at), gather, signal)
  if (answer.ok && answer.value !== null) return { ok: true, text: answer.value.toString('utf8') }
  if (answer.ok) return { ok: false, isMissing: false, message: `${path} has more than ${bytesMax} bytes` }
  const isMissing = answer.code === nothingThere
  return { ok: false, isMissing, message: isMissing ? `there is no file ${path}` : answer.message }
}

const write = async (
  { sandbox, id, workdir }: SetupPlace,
  part: string,
  path: string,
  text: string,
  signal: AbortSignal,
): Promise<SetupAnswer> => {
  const at = guestPath(path, workdir, jobUser.home)
  const answer = await writeInto({ sandbox, id: `${id}-${part}` }, at, text, signal)
  return answer.ok ? { ok: true } : { ok: false, message: answer.message }
}
