// Fetches one commit in a sandbox of its own: only there are the source host, the agent's socket or the local
// repository reachable. What comes out is bytes; agent and sandbox end at once, and what follows does not wait for the
// proof that they are gone: whoever asked does, before he is done.
import type { FaultCode } from '../../base/faults.ts'
import type { Log } from '../../base/log.ts'
import type { Secret } from '../../base/secret.ts'
import { openCommit, type Source } from '../../protocol/runner-wire.ts'
import {
  type AllowedSource,
  allowSource,
  type Driver,
  type Limits,
  type Sandbox,
  type SandboxSpec,
  type StepSpec,
} from '../../sandbox/index.ts'
import { configFilesMax, fetchMs, gitWordsBytes, packBytesMax } from '../limits.ts'
import { emptySandbox } from '../sandbox-spec.ts'
import { gatherStream, tailStream } from '../sink.ts'
import { openSshAgent, type SshAgent, underAlias } from './agent.ts'
import { type FetchedCommit, parseFetched } from './fetched.ts'
import { fetchScript, sourceMount } from './git-scripts.ts'

export type SourceDeps = {
  readonly driver: Driver
  readonly log: Log
  /** Class of fetch and refs sandboxes. */
  readonly limits: Limits
  /** The operator's exceptions for private source hosts. */
  readonly privateRanges: readonly string[]
  /** Where sockets of private agents may lie. */
  readonly agentDirectory: string
}

/** What opens the source: the deploy key and the pinned host keys; null for local repositories. */
export type SourceKey = { readonly key: Secret<string>; readonly hostKeys: readonly string[] }

export type FetchWant = {
  readonly attempt: string
  readonly source: Source
  readonly key: SourceKey | null
  readonly ref: string
  readonly commit: string
  /** 0: the whole history of the ref. */
  readonly depth: number
}

export type SourceFailure = { readonly ok: false; readonly code: FaultCode; readonly message: string }
/** `closed` resolves when the sandbox is proven gone, and rejects when it is not: to be awaited in every case. */
export type Fetched =
  | { readonly ok: true; readonly fetched: FetchedCommit; readonly closed: Promise<unknown> }
  | SourceFailure
export type Answered =
  | { readonly ok: true; readonly bytes: Uint8Array; readonly closed: Promise<unknown> }
  | SourceFailure

type Print = (bytes: Uint8Array) => Promise<void> | undefined

export const fetchCommit = async (
  deps: SourceDeps,
  want: FetchWant,
  print: Print,
  signal: AbortSignal,
): Promise<Fetched> => {
  const env = {
    MF_REF: want.ref,
    MF_COMMIT: want.commit === openCommit ? '' : want.commit,
    MF_DEPTH: String(want.depth),
    MF_FILES_MAX: String(configFilesMax),
  }
  const answer = await askSource(
    deps,
    { ...want, script: fetchScript, env, bytesMax: packBytesMax },
    print,
    signal,
  )
  if (!answer.ok) return answer
  const fetched = parseFetched(answer.bytes)
  const isWanted = want.commit === openCommit || fetched?.commit === want.commit
  if (fetched !== null && isWanted) return { ok: true, fetched, closed: answer.closed }
  await answer.closed
  return {
    ok: false,
    code: 'E_SOURCE_UNREACHABLE',
    message: 'the source host gave an answer that makes no sense',
  }
}

/** Runs one script in a cell that reaches the source and nothing else; answers its stdout. */
export const askSource = async (
  deps: SourceDeps,
  want: Pick<FetchWant, 'attempt' | 'source' | 'key'> & {
    readonly script: string
    readonly env: Readonly<Record<string, string>>
    readonly bytesMax: number
  },
  print: Print,
  signal: AbortSignal,
): Promise<Answered> => {
  const { source } = want
  const reach = source.kind === 'ssh' ? allowSource({ ...source, isTls: false }, deps.privateRanges) : null
  if (source.kind === 'ssh' && reach === null) {
    const message = `"${source.host}" is no host that a sandbox could reach`
    return { ok: false, code: 'E_SOURCE_NOT_ALLOWED', message }
  }
  const agent = want.key === null ? null : await openAgent(deps, want.key)
  try {
    const sandbox = await deps.driver.open(sourceSandbox(deps, want, reach), signal)
    try {
      const said = await execScript(sandbox, { ...want, agent, reach }, print, signal)
      if (!said.ok) return said
      const closed = sandbox.close('done')
      closed.catch(() => undefined)
      return { ...said, closed }
    } catch (error) {
      await sandbox.close('fault')
      throw error
    }
  } finally {
    await agent?.close()
  }
}

const openAgent = (deps: SourceDeps, key: SourceKey): Promise<SshAgent | null> | null =>
  key.hostKeys.length === 0 ? null : openSshAgent({ directory: deps.agentDirectory, ...key })

const sourceSandbox = (
  deps: SourceDeps,
  { attempt, source }: Pick<FetchWant, 'attempt' | 'source'>,
  reach: AllowedSource | null,
): SandboxSpec => {
  const spec = emptySandbox(attempt, deps.limits, fetchMs)
  if (source.kind === 'ssh') return reach === null ? spec : { ...spec, egress: reach.policy }
  return { ...spec, mounts: [{ kind: 'source', root: source.root, path: source.path, at: sourceMount }] }
}

const execScript = async (
  sandbox: Sandbox,
  want: {
    readonly source: Source
    readonly key: SourceKey | null
    readonly agent: SshAgent | null
    readonly reach: AllowedSource | null
    readonly script: string
    readonly env: Readonly<Record<string, string>>
    readonly bytesMax: number
  },
  print: Print,
  signal: AbortSignal,
): Promise<{ readonly ok: true; readonly bytes: Uint8Array } | SourceFailure> => {
  const stdout = gatherStream(want.bytesMax)
  const stderr = tailStream(print, gitWordsBytes)
  const { agent } = want
  const step: StepSpec = {
    id: 'source',
    kind: 'checkout',
    cell: 'clean',
    script: { interpreter: ['/bin/sh'], text: want.script },
    env: new Map([...Object.entries(sourceEnvironment(want)), ...Object.entries(want.env)]),
    workdir: '/',
    take: [],
    socket: agent === null ? null : 'ssh-agent',
    egress: null,
    tty: null,
    deadline: fetchMs,
  }
  const io = { stdin: null, stdout: stdout.stream, stderr: stderr.stream }
  const result = await sandbox.exec(step, agent === null ? io : { ...io, onConnection: agent.serve }, signal)
  signal.throwIfAborted()
  if (result.kind === 'exit' && result.code === 0) return { ok: true, bytes: stdout.bytes() }
  return explainFailure(result.kind === 'exit' ? result.code : -1, stderr.text())
}

/** The address is made from its parts and the name that the cell knows; what the user wrote is for people. */
const sourceEnvironment = ({
  source,
  key,
  reach,
}: {
  readonly source: Source
  readonly key: SourceKey | null
  readonly reach: AllowedSource | null
}): Readonly<Record<string, string>> => {
  if (source.kind === 'local' || reach === null)
    return { MF_PROTOCOL: 'file', MF_URL: sourceMount, MF_HOST_KEYS: '', MF_HOST: '', MF_PORT: '' }
  return {
    MF_PROTOCOL: 'ssh',
    MF_URL: `ssh://${source.user}@${reach.name}:${source.port}/${source.path.replace(/^\/+/, '')}`,
    MF_HOST_KEYS: (key?.hostKeys ?? []).map(underAlias).join('\n'),
    MF_HOST: reach.name,
    MF_PORT: String(source.port),
  }
}

const explanations: readonly (readonly [RegExp, FaultCode, string])[] = [
  [
    /Host key verification failed|no matching host key/i,
    'E_SOURCE_DENIED',
    'the host key is not the confirmed one',
  ],
  [
    /Permission denied|access denied|authentication failed/i,
    'E_SOURCE_DENIED',
    'the source host refused the deploy key',
  ],
  [
    /does not have commit|not our ref|unadvertised object/i,
    'E_COMMIT_MISSING',
    'the source host does not have this commit',
  ],
  [
    /couldn't find remote ref/i,
    'E_COMMIT_MISSING',
    'the source host does not have this branch or tag any more',
  ],
  [
    /not appear to be a git repository|no such file or directory|repository not found/i,
    'E_SOURCE_DENIED',
    'there is no such repository',
  ],
  [/out of memory|no space left/i, 'E_DISK_FULL', 'the repository is too large for the fetch sandbox'],
]

const explainFailure = (code: number, words: string): SourceFailure => {
  for (const [form, fault, message] of explanations)
    if (form.test(words)) return { ok: false, code: fault, message }
  const last =
    words
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? ''
  return {
    ok: false,
    code: 'E_SOURCE_UNREACHABLE',
    message: last === '' ? `git ended with ${code}` : `git: ${last.slice(0, 300)}`,
  }
}
