// Contact with a source host: which host keys it shows, and, once one is confirmed, which branches and tags it has.
// For first contact, polling and checking access.
import { createHash } from 'node:crypto'
import { fault, isFault } from '../base/faults.ts'
import type { RefsLease, RefsResult, Source } from '../protocol/runner-wire.ts'
import { type AttemptResult, stopped } from './attempt.ts'
import { refsScript } from './checkout/git-scripts.ts'
import { openSourceCell, refuseSource, type SourceDeps, type SourceKey } from './checkout/source-cell.ts'
import { refsBytesMax, refsMax } from './limits.ts'
import { type AttemptSink, say } from './sink.ts'

export type RefsAttempt = {
  readonly attempt: string
  readonly lease: RefsLease
  readonly key: SourceKey | null
}
export type RefsAttemptResult = AttemptResult & { readonly result: RefsResult }

/** Resolves always, like `runJobAttempt`. */
export const runRefsAttempt = async (
  deps: SourceDeps,
  job: RefsAttempt,
  sink: AttemptSink,
  signal: AbortSignal,
): Promise<RefsAttemptResult> => {
  const empty: RefsResult = { kind: 'refs', refs: [], hostKeys: [] }
  const base = { receipt: null, destroyed: true, reason: null }
  sink.event({ kind: 'phase', phase: 'fetching' })
  try {
    const { source } = job.lease
    const want = { attempt: job.attempt, source, script: refsScript, bytesMax: refsBytesMax }
    const print = (bytes: Uint8Array) => sink.output(1, bytes)
    const answer =
      refuseSource(deps, source) ??
      (await (await openSourceCell(deps, want, signal)).ask({ key: job.key, lines: [], print }, signal))
    if (answer.ok) {
      await answer.end()
      return { ...base, outcome: 'passed', result: parseRefs(answer.bytes, keyName(source)) }
    }
    await say(sink, 1, answer.message)
    const hostKeys = await shownKeys(deps, job, signal)
    return {
      ...base,
      outcome: 'failed',
      reason: { code: answer.code, message: answer.message },
      result: { ...empty, hostKeys },
    }
  } catch (error) {
    if (signal.aborted) return { ...base, ...stopped(signal), result: empty }
    const known = isFault(error) ? error : fault('E_DEFECT', { cause: error })
    deps.log.error('refs attempt broke', { code: known.code, error })
    const destroyed = known.code !== 'E_DESTROY_UNVERIFIED'
    return {
      receipt: null,
      destroyed,
      outcome: 'errored',
      reason: { code: known.code, message: known.public },
      result: empty,
    }
  }
}

const refLengthMax = 255
/** Which keys a host shows that could not be read with the confirmed ones: it may have new ones, for a person to compare. */
const shownKeys = async (
  deps: SourceDeps,
  { attempt, lease: { source }, key }: RefsAttempt,
  signal: AbortSignal,
): Promise<RefsResult['hostKeys']> => {
  const isPinned = source.kind === 'ssh' && key !== null && key.hostKeys.length > 0
  if (!isPinned || refuseSource(deps, source) !== null) return []
  const cell = await openSourceCell(
    deps,
    { attempt, source, script: refsScript, bytesMax: refsBytesMax },
    signal,
  )
  const answer = await cell.ask({ key: null, lines: [], print: () => undefined }, signal)
  if (!answer.ok) return []
  await answer.end()
  return parseRefs(answer.bytes, keyName(source)).hostKeys
}

const hostKeyLine =
  /^key \S+ ((?:ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa) ([A-Za-z0-9+/]+={0,2}))$/
const refLine = /^([0-9a-f]{40}|[0-9a-f]{64})\t(refs\/(?:heads|tags)\/\P{C}+)$/u

/** Hostile lines: what does not have the form is left out. */
export const parseRefs = (bytes: Uint8Array, name: string): RefsResult => {
  const lines = Buffer.from(bytes).toString('utf8').split('\n')
  const hostKeys = lines.flatMap((text) => {
    const [, typeAndKey, key] = hostKeyLine.exec(text) ?? []
    return typeAndKey === undefined || key === undefined
      ? []
      : [{ line: `${name} ${typeAndKey}`, fingerprint: fingerprint(key) }]
  })
  const refs = lines.flatMap((text) => {
    const [, commit, ref] = refLine.exec(text) ?? []
    // `refs/tags/x^{}` is what an annotated tag points at: the commit we want for it.
    return commit === undefined || ref === undefined || ref.length > refLengthMax ? [] : [{ ref, commit }]
  })
  const peeled = new Map(
    refs.filter(({ ref }) => ref.endsWith('^{}')).map(({ ref, commit }) => [ref.slice(0, -3), commit]),
  )
  return {
    kind: 'refs',
    refs: refs
      .filter(({ ref }) => !ref.endsWith('^{}'))
      .slice(0, refsMax)
      .map(({ ref, commit }) => ({ ref, commit: peeled.get(ref) ?? commit })),
    hostKeys,
  }
}

/** As known_hosts has it; the cell knows the host by another name. */
const keyName = (source: Source): string => {
  if (source.kind === 'local') return 'local'
  return source.port === 22 ? source.host : `[${source.host}]:${source.port}`
}

/** As OpenSSH prints it. */
const fingerprint = (base64: string): string =>
  `SHA256:${createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64').replace(/=+$/, '')}`
