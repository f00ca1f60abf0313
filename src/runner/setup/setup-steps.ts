// The steps of a setup configuration inside a job: which parameters and files the changed paths choose, one configuration of
// several, and to go on with one that lies in the sandbox by now. What lies there is the job's: hostile, and bounded when it
// is read.
import { continuationFilesMax, type SourceText } from '../../protocol/compile.ts'
import type { PlanContinueStep, PlanFilterStep, PlanMergeStep, PlanSetupStep } from '../../protocol/plan.ts'
import type { GuestPath, Sandbox } from '../../sandbox/index.ts'
import { guestPath } from '../guest-path.ts'
import { changedPathsBytesMax, continuationBytesMax, continuationParametersBytesMax } from '../limits.ts'
import { describeProblem, firstError } from '../problem-words.ts'
import { jobUser } from '../sandbox-spec.ts'
import { fromSandbox, nothingThere, readFile, writeInto } from '../stores/cells.ts'
import type { Continuing, FoundContinuation, Print } from './continuing.ts'
import { withVariables } from './with-variables.ts'

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
): Promise<SetupAnswer> => {
  switch (step.kind) {
    case 'filter-paths':
      return filterPaths(step, place, signal)
    case 'merge-configs':
      return mergeConfigs(step, place, signal)
    case 'continue':
      return goOn(step, place, signal)
  }
}

const filterPaths = async (
  written: PlanFilterStep,
  place: SetupPlace,
  signal: AbortSignal,
): Promise<SetupAnswer> => {
  const filled = await filledIn(written, place, signal)
  if (!filled.ok) return filled
  const step = { ...written, ...filled.texts }
  const { continuing, print } = place
  const changes = await continuing.changed(step, print, signal)
  if (!changes.ok) return changes
  const { from, paths } = changes
  await print(
    `${paths.length} paths differ from ${from.slice(0, 10)}${step.base === '' ? '' : ` (${step.base})`}`,
  )
  const mapping = await fileOr(step.mapping, 'mapping', place, signal)
  const exclude = await fileOr(step.exclude, 'exclude', place, signal)
  const chosen = await continuing.choose({ mapping, exclude, changed: paths }, signal)
  if (!chosen.ok) {
    for (const problem of chosen.problems) await print(describeProblem(problem))
    return { ok: false, message: firstError(chosen.problems) }
  }
  for (const { line, path } of chosen.hits) await print(`${line}    because of ${path}`)
  if (chosen.hits.length === 0) await print('no line of the mapping fits any of them')
  const parameters = `${JSON.stringify(chosen.parameters)}\n`
  await print(`parameters: ${parameters.trimEnd()}`)
  const files = chosen.files.length > 0 || step.file === '' ? chosen.files : [step.file]
  for (const [part, path, text] of [
    ['parameters', step.parametersPath, parameters],
    ['files', step.filesPath, linesOf(files)],
    ...(step.changedPath === '' ? [] : [['changed', step.changedPath, linesOf(paths)] as const]),
  ] as const) {
    const answer = await write(place, part, path, text, signal)
    if (!answer.ok) return answer
  }
  return { ok: true }
}

const filledIn = (
  { base, mapping, exclude, parametersPath, filesPath, file = '', changedPath = '' }: PlanFilterStep,
  place: SetupPlace,
  signal: AbortSignal,
) =>
  withVariables(
    { ...place, id: `${place.id}-variables` },
    { base, mapping, exclude, parametersPath, filesPath, file, changedPath },
    signal,
  )

/** One word may name a file that holds the lines. */
const fileOr = async (
  text: string,
  part: string,
  place: SetupPlace,
  signal: AbortSignal,
): Promise<string> => {
  const word = text.trim()
  if (word === '' || word.length > 1024 || /\s/.test(word)) return text
  const found = await read(place, part, word, continuationBytesMax, signal)
  return found.ok ? found.text : text
}

const linesOf = (paths: readonly string[]): string => paths.map((path) => `${path}\n`).join('')

const mergeConfigs = async (
  step: PlanMergeStep,
  place: SetupPlace,
  signal: AbortSignal,
): Promise<SetupAnswer> => {
  const list = await read(place, 'files', step.filesPath, listMax, signal)
  if (!list.ok) return list
  const sources = await readAll(namedIn(list.text), place, signal)
  if (!sources.ok) return sources
  if (sources.sources.length === 0) return write(place, 'merged', step.path, '', signal)
  const merged = await place.continuing.merge(sources.sources, signal)
  if (merged.ok) return write(place, 'merged', step.path, merged.text, signal)
  for (const problem of merged.problems) await place.print(describeProblem(problem))
  return { ok: false, message: firstError(merged.problems) }
}

const goOn = async (step: PlanContinueStep, place: SetupPlace, signal: AbortSignal): Promise<SetupAnswer> => {
  const { path, filesPath } = step
  if (path === null) return place.continuing.goOn(withNothing, place.print, signal)
  const parameters = await parametersOf(step, place, signal)
  if (!parameters.ok) return parameters
  const list = filesPath === null ? null : await read(place, 'files', filesPath, listMax, signal)
  if (list !== null && !list.ok && !list.isMissing) return list
  const named = list?.ok === true ? namedIn(list.text) : []
  const found = await readAll(named.length > 0 ? named : [path], place, signal)
  if (!found.ok) return found
  const { sources } = found
  return place.continuing.goOn({ sources, parameters: parameters.text }, place.print, signal)
}

const withNothing: FoundContinuation = {
  sources: [{ path: 'nothing.yml', text: 'version: 2.1\njobs: {}\n' }],
  parameters: '{}',
}

const namedIn = (list: string): readonly string[] => list.split('\n').flatMap((line) => line.trim() || [])

const readAll = async (
  paths: readonly string[],
  place: SetupPlace,
  signal: AbortSignal,
): Promise<{ readonly ok: true; readonly sources: FoundContinuation['sources'] } | NoText> => {
  if (paths.length > continuationFilesMax) {
    const message = `a run goes on with at most ${continuationFilesMax} files`
    return { ok: false, isMissing: false, message }
  }
  const sources: SourceText[] = []
  for (const [at, path] of paths.entries()) {
    const found = await read(place, `config-${at}`, path, continuationBytesMax, signal)
    if (!found.ok) return found
    sources.push({ path: path.replace(/^\.\//, ''), text: found.text })
  }
  return { ok: true, sources }
}

const listMax = continuationFilesMax * 4096

type Text = { readonly ok: true; readonly text: string }
type NoText = { readonly ok: false; readonly isMissing: boolean; readonly message: string }

const parametersOf = async (
  step: PlanContinueStep,
  place: SetupPlace,
  signal: AbortSignal,
): Promise<Text | NoText> => {
  const given = await givenParameters(step, place, signal)
  const { changed } = step
  if (!given.ok || changed === undefined) return given
  const paths = await read(place, 'changed', changed.path, changedPathsBytesMax, signal)
  if (!paths.ok) return paths.isMissing ? given : paths
  const names = namedIn(paths.text)
  const parsed = parseObject(given.text)
  // What is wrong with the parameters is the compiler's to say.
  if (names.length === 0 || parsed === null) return given
  return { ok: true, text: JSON.stringify({ ...parsed, [changed.parameter]: names.join(',') }) }
}

const parseObject = (text: string): object | null => {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && !Array.isArray(parsed) ? parsed : null
  } catch {
    return null
  }
}

/** As written when that is JSON, else out of the file that is meant. */
const givenParameters = async (
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
