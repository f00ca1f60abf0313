// One sandbox: a nest with its job cell, its network, and what has been used of it. Steps go to steps.ts, bounds to
// supervise.ts; here is what the contract says about order, results and the receipt.
import type { Server } from 'node:net'
import { PassThrough, type Readable, Writable } from 'node:stream'
import type { Clock } from '../../../base/clock.ts'
import { fault } from '../../../base/faults.ts'
import type {
  CloseReason,
  EgressPolicy,
  GuestPath,
  Reading,
  Receipt,
  Sandbox,
  SandboxSpec,
  StepIo,
  StepResult,
  StepSpec,
  TarStream,
  Usage,
} from '../../driver.ts'
import { outputGraceMs } from '../../limits.ts'
import type { JailerClient } from './client.ts'
import { type NestHold, type NestUsage, requireGone } from './nest.ts'
import { digestOf, type Network } from './network.ts'
import { type Budget, firstWords, type Output, pumpOutput } from './output.ts'
import { prologue } from './prologue.ts'
import { type StartedStep, serveConnections, startInJobCell, startOwnCell } from './steps.ts'
import { type Cause, type StepEnd, supervise } from './supervise.ts'

export type SandboxDeps = {
  readonly client: JailerClient
  readonly clock: Clock
  readonly nest: NestHold
  readonly network: Network
  readonly spec: SandboxSpec
  readonly engine: Readonly<Record<string, string>>
  readonly swapOnHost: Receipt['swap']
  readonly measured: { readonly tier: Receipt['measuredTier']; readonly at: string | null }
  readonly onClosed: () => void
}

type State = {
  readonly deps: SandboxDeps
  readonly openedAt: number
  readonly budget: Budget
  readonly cells: { id: string; kind: string; ms: number; leftovers: number }[]
  /** Aborted by `close`: every step ends. */
  readonly closing: AbortController
  readonly running: Set<Promise<unknown>>
  used: NestUsage
  peakRamdisk: number
  foreground: boolean
  broken: boolean
  closed: Promise<Receipt> | null
  /** The sockets of the job cell, each from the first step that wants it to the end. */
  readonly sockets: Map<NonNullable<StepSpec['socket']>, Promise<Server>>
}

const noUsage: NestUsage = {
  ...{ peakMemory: 0, cpuSeconds: 0, peakPids: 0, oomKills: 0, throttledMs: 0, ramdisk: 0 },
  memory: null,
}

export const createSandbox = (deps: SandboxDeps): Sandbox => {
  const state: State = {
    ...{ deps, openedAt: deps.clock.now(), budget: { left: deps.spec.limits.logBytes } },
    ...{ cells: [], closing: new AbortController(), running: new Set(), used: noUsage, peakRamdisk: 0 },
    ...{ foreground: false, broken: false, closed: null, sockets: new Map() },
  }
  return {
    id: deps.nest.id,
    exec: (step, io, signal) =>
      track(
        state,
        exec(state, step, io, { signal, ...(io.isNoLog === true ? { budget: unbounded() } : {}) }),
      ),
    copyIn: (files, to, signal) => track(state, copyIn(state, files, to, signal)),
    copyOut: (from, limit, signal) => copyOut(state, from, limit, signal),
    usage: async () => usageOf(state, await sample(state)),
    reading: async () => readingOf(state, await sample(state)),
    egress: () => deps.network.records(),
    close: (reason) => {
      state.closed ??= close(state, reason)
      return state.closed
    },
  }
}

const track = <T>(state: State, work: Promise<T>): Promise<T> => {
  state.running.add(work)
  const done = () => void state.running.delete(work)
  work.then(done, (error) => {
    done()
    // A step that could not be described is the caller's mistake and breaks nothing.
    if ((error as { code?: string }).code !== 'E_INPUT') state.broken = true
  })
  return work
}

const exec = async (
  state: State,
  step: StepSpec,
  io: StepIo,
  stop: { readonly signal: AbortSignal; readonly budget?: Budget },
): Promise<StepResult> => {
  if (state.closed !== null || state.broken)
    throw fault('E_EXEC_FAILED', { detail: 'the sandbox is closed or broken' })
  refuseUnbuilt(step)
  const foreground = isForeground(step)
  if (foreground) claimForeground(state)
  const startedAt = state.deps.clock.now()
  try {
    return await runStep(state, step, io, { budget: state.budget, ...stop })
  } catch (error) {
    // Closing takes the nest away under a step that is just being started: to its caller it was cancelled.
    if (state.closed === null) throw error
    const ms = state.deps.clock.now() - startedAt
    const common = {
      startedAt: new Date(startedAt).toISOString(),
      ms,
      usage: usageOf(state, noUsage),
      leftovers: 0,
    }
    return { kind: 'cancelled', ...common }
  } finally {
    if (foreground) state.foreground = false
  }
}

/** Never something else than was asked for. */
const refuseUnbuilt = (step: StepSpec): void => {
  if (step.tty !== null) throw fault('E_INPUT', { public: 'this runner has no terminals for steps' })
  if (step.take.length > 0)
    throw fault('E_INPUT', { public: 'this runner cannot lend paths to a clean step' })
}

const claimForeground = (state: State): void => {
  if (state.foreground) throw fault('E_EXEC_FAILED', { detail: 'another step runs in the foreground' })
  state.foreground = true
}

const runStep = async (
  state: State,
  step: StepSpec,
  io: StepIo,
  stop: { readonly signal: AbortSignal; readonly budget: Budget },
): Promise<StepResult> => {
  const { deps } = state
  const startedAt = deps.clock.now()
  const begin = deps.clock.monotonicMs()
  const before = state.used
  const started = await startStep(state, step, io)
  try {
    const admitted = await admit(state, step, started.address).catch((error: unknown) => {
      for (const output of [started.out, started.err]) output.close()
      throw error
    })
    const { end, cause, after, words } = await seeThrough(state, step, io, { ...stop, started })
    admitted?.revoke()
    const ms = Math.round(deps.clock.monotonicMs() - begin)
    const kind = step.cell === 'job' ? `job:${step.kind}` : step.cell
    state.cells.push({ id: step.id, kind, ms, leftovers: 0 })
    const usage = { ...usageOf(state, after), ...since(before, after) }
    const common = { startedAt: new Date(startedAt).toISOString(), ms, usage, leftovers: 0 }
    return { ...common, ...describeEnd(end, { cause, oom: usage.oomKills > 0, words }) }
  } catch (error) {
    started.giveUp()
    throw error
  } finally {
    started.close()
  }
}

/** To the end of the step and of its output, what was used by then, and the first it said where its cell began with it. */
const seeThrough = async (
  state: State,
  step: StepSpec,
  io: StepIo,
  run: { readonly started: StartedStep; readonly signal: AbortSignal; readonly budget: Budget },
): Promise<{ end: StepEnd; cause: Cause; after: NestUsage; words: string }> => {
  const { deadlines } = state.deps.spec
  const watch = supervise(run.started, {
    deadlineMs: step.deadline,
    idleMs: isForeground(step) ? deadlines.idleOutput : Number.MAX_SAFE_INTEGER,
    termMs: deadlines.term,
    abort: AbortSignal.any([run.signal, state.closing.signal]),
  })
  const bounds = { budget: run.budget, onBytes: watch.heard, onExceeded: watch.exceeded }
  const words = firstWords()
  const hearWords = (bytes: Uint8Array) => {
    watch.heard()
    words.hear(bytes)
  }
  const outputs = [
    pumpOutput(run.started.out, io.stdout, bounds),
    // Of a step in the job cell nothing is kept: that cell is there already.
    pumpOutput(run.started.err, io.stderr, step.cell === 'job' ? bounds : { ...bounds, onBytes: hearWords }),
  ]
  const outcome = await watch.outcome
  const [after] = await Promise.all([sample(state), finishOutput(outputs, outcome.end)])
  return { ...outcome, after, words: words.text() }
}

const isForeground = (step: StepSpec): boolean => step.kind === 'run' || step.kind === 'checkout'

const startStep = async (state: State, step: StepSpec, io: StepIo): Promise<StartedStep> => {
  const { client, nest, spec } = state.deps
  if (step.cell === 'job' && step.socket !== null) await keepSocket(state, step.socket, io)
  const env = new Map([...spec.env, ...step.env, ...socketVariables(step)])
  const inJob = step.cell === 'job' ? { stdin: io.stdin !== null } : null
  const text = prologue({ script: step.script, env, workdir: step.workdir, job: inJob })
  if (step.cell === 'job')
    return startInJobCell(client, nest, { foreground: isForeground(step), stdin: io.stdin }, text)
  const sources = spec.mounts.flatMap((mount) =>
    mount.kind === 'source' && step.kind === 'checkout'
      ? [{ root: mount.root, path: mount.path, at: mount.at.slice(1) }]
      : [],
  )
  const net = nest.address === null ? 'none' : hasOwnNetwork(step) ? 'own' : 'nest'
  return startOwnCell(client, nest, { files: step.cell, net, sources, socket: step.socket, io }, text)
}

/** One of each kind for all steps of the job cell: whoever was given the name keeps it. */
const keepSocket = (
  { sockets, deps }: State,
  kind: NonNullable<StepSpec['socket']>,
  { onConnection }: StepIo,
): Promise<Server> => {
  const kept =
    sockets.get(kind) ?? deps.nest.jobSocket(kind).then((handle) => serveConnections(handle, onConnection))
  sockets.set(kind, kept)
  return kept
}

const hasOwnNetwork = (step: StepSpec): boolean => step.cell === 'clean' && step.egress !== null

const socketVariables = (step: StepSpec): readonly [string, string][] =>
  step.socket === 'ssh-agent'
    ? [['SSH_AUTH_SOCK', '/run/mayfly/agent.sock']]
    : step.socket === 'job'
      ? [['MAYFLY_JOB_SOCKET', '/run/mayfly/job.sock']]
      : []

const admit = async (state: State, step: StepSpec, address: string | null) => {
  const policy: EgressPolicy | null = hasOwnNetwork(step) ? step.egress : null
  return policy === null || address === null ? null : state.deps.network.admit(address, step.id, policy)
}

/** The end of the output, or a grace when a daemon of the step still holds it. */
const finishOutput = async (outputs: readonly Output[], end: StepEnd): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const isBroken = end.kind !== 'exit'
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), isBroken ? 200 : outputGraceMs)
  })
  const all = Promise.all(outputs.map((output) => output.ended))
  const first = await Promise.race([all, late])
  clearTimeout(timer)
  if (first === 'late') for (const output of outputs) isBroken ? output.destroy() : output.drain()
}

/**
 * sh and bwrap report a signal as 128 + n, so it cannot be told from an exit with that code; only the kernel's own
 * count says that memory ran out.
 */
const describeEnd = (
  end: StepEnd,
  { cause, oom, words }: { readonly cause: Cause; readonly oom: boolean; readonly words: string },
) => {
  if (cause !== null) return { kind: cause }
  const isOfSignal = end.kind === 'lost' || end.code === null || end.code === 137
  if (end.kind === 'lost' || (isOfSignal && oom)) return { kind: 'signal', signal: 'SIGKILL', oom } as const
  if (end.kind === 'not-started') throw notStarted(end.code, words)
  return { kind: 'exit', code: end.code } as const
}

/** A step that was never started said nothing itself: the words are those of who was to start it. */
const notStarted = (code: number | null, words: string) => {
  const how = code === null || code === 137 ? 'was killed' : `ended with ${code}`
  return fault('E_EXEC_FAILED', {
    detail: `the cell ${how} before its command${words === '' ? '' : `: ${words}`}`,
  })
}

const sample = async (state: State): Promise<NestUsage> => {
  // A nest that is being destroyed answers no questions; its last figures come with its end.
  if (state.closed !== null) return state.used
  const now = await state.deps.nest.usage()
  state.used = now
  state.peakRamdisk = Math.max(state.peakRamdisk, now.ramdisk)
  return now
}

const usageOf = (state: State, now: NestUsage): Usage => {
  const { up, down } = state.deps.network.usage()
  const { ramdisk: _disk, memory: _memory, ...rest } = now
  return { ...rest, peakRamdisk: state.peakRamdisk, egressUp: up, egressDown: down }
}

const readingOf = (state: State, now: NestUsage): Reading => {
  const { memory, ramdisk } = now
  const processes =
    memory === null ? null : { memory: Math.max(0, memory - ramdisk), cpuSeconds: now.cpuSeconds }
  return { processes, ramdisk, ...state.deps.network.usage() }
}

/** What is counted is a step's own share; what is a peak is the sandbox's. */
const since = (before: NestUsage, after: NestUsage) => ({
  cpuSeconds: after.cpuSeconds - before.cpuSeconds,
  oomKills: after.oomKills - before.oomKills,
  throttledMs: after.throttledMs - before.throttledMs,
})

// --owner names are dropped by tar itself when it is not root; sparse files and links stay what they are.
const unpack = 'mkdir -p "$MF_AT" && exec tar -x -f - -C "$MF_AT" --no-same-owner --delay-directory-restore'
const pack = 'exec tar -c -f - -C "$MF_AT" .'

const copyStep = (state: State, id: string, text: string, at: GuestPath): StepSpec => ({
  ...{ id, kind: 'service', cell: 'shared', script: { interpreter: ['/bin/sh'], text } },
  env: new Map([
    ['MF_AT', at],
    ['PATH', '/usr/bin:/bin'],
  ]),
  ...{
    workdir: '/',
    take: [],
    socket: null,
    egress: null,
    tty: null,
    deadline: state.deps.spec.deadlines.job,
  },
})

const copyIn = async (state: State, files: TarStream, to: GuestPath, signal: AbortSignal): Promise<void> => {
  const words = tail()
  const io = { stdin: files, stdout: words, stderr: words }
  const result = await exec(state, copyStep(state, 'copy-in', unpack, to), io, { signal })
  if (result.kind === 'exit' && result.code === 0) return
  throw fault('E_EXEC_FAILED', { detail: `files could not be copied in (${result.kind}): ${words.text()}` })
}

const copyOut = async (
  state: State,
  from: GuestPath,
  limit: number,
  signal: AbortSignal,
): Promise<TarStream> => {
  const bytes = new PassThrough()
  let left = limit
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      left -= chunk.length
      if (left < 0) return done(fault('E_TOO_LARGE', { detail: `more than ${limit} bytes in ${from}` }))
      bytes.write(chunk, done)
    },
  })
  stdout.on('error', (error) => bytes.destroy(error))
  const words = tail()
  const io = { stdin: null, stdout, stderr: words }
  const work = exec(state, copyStep(state, 'copy-out', pack, from), io, {
    signal: AbortSignal.any([signal, abortedBy(stdout), abortedBy(bytes)]),
    // What is copied out is no log.
    budget: unbounded(),
  })
  track(state, work).then(
    (result) =>
      result.kind === 'exit' && result.code === 0
        ? bytes.end()
        : bytes.destroy(fault('E_EXEC_FAILED', { detail: `files could not be copied out: ${words.text()}` })),
    (error) => bytes.destroy(error),
  )
  return bytes
}

const unbounded = (): Budget => ({ left: Number.MAX_SAFE_INTEGER })

const abortedBy = (stream: Writable | Readable): AbortSignal => {
  const controller = new AbortController()
  stream.once('error', () => controller.abort())
  stream.once('close', () => controller.abort())
  return controller.signal
}

const tail = (): Writable & { text(): string } => {
  let kept = Buffer.alloc(0)
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      kept = Buffer.concat([kept, chunk]).subarray(-2000)
      done()
    },
  })
  return Object.assign(stream, { text: () => kept.toString('utf8') })
}

const close = async (state: State, reason: CloseReason): Promise<Receipt> => {
  const { deps } = state
  const begin = deps.clock.monotonicMs()
  // The end of the nest is what ends the steps: no TERM, the job is over.
  const destroying = deps.nest.destroy()
  deps.network.close()
  for (const socket of state.sockets.values()) socket.then((server) => server.close()).catch(() => undefined)
  let destroyed: Awaited<typeof destroying>
  try {
    destroyed = await destroying
  } finally {
    // A word: without a reason an exception is made, with its stack.
    state.closing.abort('closed')
    await Promise.allSettled(state.running)
    deps.onClosed()
  }
  const receipt = receiptOf(state, reason, destroyed, Math.round(deps.clock.monotonicMs() - begin))
  requireGone(receipt.gone)
  return receipt
}

const receiptOf = (
  state: State,
  reason: CloseReason,
  destroyed: Awaited<ReturnType<NestHold['destroy']>>,
  destroyMs: number,
): Receipt => {
  const { deps } = state
  const { spec, nest } = deps
  const iso = (ms: number) => new Date(ms).toISOString()
  state.peakRamdisk = Math.max(state.peakRamdisk, destroyed.usage.ramdisk)
  return {
    ...{ v: 1, attempt: spec.attempt, driver: 'namespace', engine: deps.engine, shape: spec.shape },
    ...{ measuredTier: deps.measured.tier, measuredAt: deps.measured.at, image: spec.image.kind, reason },
    ...{ seccomp: nest.kind.seccomp, limits: spec.limits, storage: 'ram', destroyMs, gone: destroyed.gone },
    swap: deps.swapOnHost === 'off' ? 'off' : nest.noswap ? 'noswap' : deps.swapOnHost,
    preparedAt: iso(nest.preparedAt),
    openedAt: iso(state.openedAt),
    closedAt: iso(deps.clock.now()),
    cells: state.cells.map((cell, i) =>
      // What still lived at the end is nobody's in particular: counted with the last one.
      i === state.cells.length - 1 ? { ...cell, leftovers: destroyed.leftovers } : cell,
    ),
    egressDigest: digestOf(deps.network.records()),
    usage: usageOf(state, destroyed.usage),
  }
}
