// A driver without processes, for the fast twins of scenarios: a real member of the family, steered by the environment
// of each step. It isolates nothing and claims nothing. Not in release bundles.
//
// FAKE_EXIT_CODE (default 0), FAKE_OUTPUT and FAKE_STDERR (text to print), FAKE_REPEAT (how often, default 1),
// FAKE_SLEEP_MS (before it ends), FAKE_SIGNAL (ends by it), FAKE_OOM=1 (by SIGKILL, memory ran out).
import { PassThrough, type Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import type { Clock } from '../../../base/clock.ts'
import { fault } from '../../../base/faults.ts'
import { Secret } from '../../../base/secret.ts'
import type {
  Capabilities,
  CloseReason,
  Driver,
  HostFacts,
  Receipt,
  Sandbox,
  SandboxSpec,
  StepIo,
  StepResult,
  StepSpec,
  Take,
  Usage,
} from '../../driver.ts'

export type FakeDriverDeps = {
  readonly clock: Clock
  /** Called with every step before it runs: scenarios look at what the runner asks for. */
  readonly onStep?: (spec: SandboxSpec, step: StepSpec) => void
}

const can: Capabilities = {
  images: 'host-only',
  services: false,
  multiUid: false,
  shapes: ['user'],
  seccomp: ['strict', 'userns'],
  egress: ['none', 'list', 'open'],
  debugShell: false,
  snapshots: false,
  limits: ['cpu', 'memory', 'pids', 'disk', 'inodes', 'fds'],
}

const facts: HostFacts = {
  ...{
    kernel: 'none',
    cgroups: 'none',
    controllers: [],
    root: false,
    swap: 'off',
    corePattern: '',
    kvm: false,
  },
  sysctls: {},
}

const noUsage: Usage = {
  ...{ peakMemory: 0, cpuSeconds: 0, peakRamdisk: 0, peakPids: 0, oomKills: 0, egressUp: 0, egressDown: 0 },
  throttledMs: 0,
}

type State = {
  readonly deps: FakeDriverDeps
  readonly spec: SandboxSpec
  readonly openedAt: number
  readonly closing: AbortController
  readonly cells: { id: string; kind: string; ms: number; leftovers: number }[]
  readonly running: Set<Promise<unknown>>
  logLeft: number
  foreground: boolean
  closed: Promise<Receipt> | null
}

export const createFakeDriver = (deps: FakeDriverDeps): Driver => {
  const open = new Set<Sandbox>()
  let opened = 0
  return {
    ...{ name: 'fake', stops: [], can },
    probe: async () => ({ ok: true, versions: {}, facts, notes: ['the fake driver isolates nothing'] }),
    measure: async () => ({
      ...{ at: new Date(deps.clock.now()).toISOString(), tier: 'none', stops: [], probes: [] },
      startMs: { p50: 0, p95: 0, n: 0 },
    }),
    sweep: async () => ({ removed: [], stuck: [] }),
    prepare: async () => undefined,
    open: async (spec, signal) => {
      refuse(spec)
      // As with real ones, an abort right after the call is an abort before the answer.
      await Promise.resolve()
      signal.throwIfAborted()
      const sandbox = createFakeSandbox(deps, spec, `fake${++opened}`, () => open.delete(sandbox))
      open.add(sandbox)
      return sandbox
    },
    close: async () => {
      await Promise.all([...open].map((sandbox) => sandbox.close('runner-stop')))
    },
  }
}

const refuse = (spec: SandboxSpec): void => {
  const weaker = spec.image.kind !== 'host' || spec.shape !== 'user' || spec.storage !== 'ram'
  if (weaker || spec.exclusive || spec.services.length > 0)
    throw fault('E_SANDBOX_UNAVAILABLE', {
      public: 'the fake driver has host image, shape user and ram only',
    })
}

const createFakeSandbox = (
  deps: FakeDriverDeps,
  spec: SandboxSpec,
  id: string,
  onClosed: () => void,
): Sandbox => {
  const state: State = {
    ...{
      deps,
      spec,
      openedAt: deps.clock.now(),
      closing: new AbortController(),
      cells: [],
      running: new Set(),
    },
    ...{ logLeft: spec.limits.logBytes, foreground: false, closed: null },
  }
  const close = async (reason: CloseReason): Promise<Receipt> => {
    state.closing.abort()
    await Promise.allSettled(state.running)
    onClosed()
    return receiptOf(state, reason)
  }
  return {
    id,
    exec: (step, io, signal) => {
      const work = exec(state, step, io, signal)
      state.running.add(work)
      const done = () => void state.running.delete(work)
      work.then(done, done)
      return work
    },
    copyIn: async (files) => finished(files.resume()),
    copyOut: async () => new PassThrough().end(Buffer.alloc(1024)),
    usage: async () => noUsage,
    reading: async () => ({
      processes: { memory: 1024 * 1024, cpuSeconds: 0.01 },
      ...{ ramdisk: 4096, up: 0, down: 0 },
    }),
    egress: () => [],
    close: (reason) => {
      state.closed ??= close(reason)
      return state.closed
    },
  }
}

const exec = async (state: State, step: StepSpec, io: StepIo, signal: AbortSignal): Promise<StepResult> => {
  const foreground = step.kind === 'run' || step.kind === 'checkout'
  if (state.closed !== null) throw fault('E_EXEC_FAILED', { detail: 'the sandbox is closed' })
  if (foreground && state.foreground)
    throw fault('E_EXEC_FAILED', { detail: 'another step runs in the foreground' })
  if (foreground) state.foreground = true
  try {
    state.deps.onStep?.(state.spec, step)
    return await play(state, step, io, signal)
  } finally {
    if (foreground) state.foreground = false
  }
}

const play = async (state: State, step: StepSpec, io: StepIo, signal: AbortSignal): Promise<StepResult> => {
  const { clock } = state.deps
  const [startedAt, begin] = [clock.now(), clock.monotonicMs()]
  const wish = (name: string): string => {
    const value = step.env.get(name) ?? state.spec.env.get(name) ?? ''
    return value instanceof Secret ? value.reveal('steers the fake driver') : value
  }
  io.stdin?.resume()
  const repeat = Number(wish('FAKE_REPEAT') || 1)
  const within =
    (await print(state, io.stdout, wish('FAKE_OUTPUT'), repeat)) &&
    (await print(state, io.stderr, wish('FAKE_STDERR'), repeat))
  const stop = AbortSignal.any([signal, state.closing.signal])
  const cause = within ? await rest(Number(wish('FAKE_SLEEP_MS') || 0), step.deadline, stop) : 'log-limit'
  const ms = Math.round(clock.monotonicMs() - begin)
  state.cells.push({ id: step.id, kind: step.cell, ms, leftovers: 0 })
  const common = { startedAt: new Date(startedAt).toISOString(), ms, usage: noUsage, leftovers: 0 }
  if (cause !== null) return { ...common, kind: cause }
  if (wish('FAKE_OOM') !== '') return { ...common, kind: 'signal', signal: 'SIGKILL', oom: true }
  if (wish('FAKE_SIGNAL') !== '')
    return { ...common, kind: 'signal', signal: wish('FAKE_SIGNAL'), oom: false }
  return { ...common, kind: 'exit', code: Number(wish('FAKE_EXIT_CODE') || 0) }
}

/** False when the log is full. */
const print = async (state: State, to: Writable | Take, text: string, repeat: number): Promise<boolean> => {
  const chunk = Buffer.from(text)
  for (let i = 0; i < repeat && chunk.length > 0; i++) {
    const part = chunk.subarray(0, state.logLeft)
    state.logLeft -= part.length
    if (part.length > 0) await give(to, part)
    if (part.length < chunk.length) return false
  }
  return true
}

const give = async (to: Writable | Take, bytes: Buffer): Promise<void> => {
  if (typeof to !== 'function') return new Promise((resolve) => to.write(bytes, () => resolve()))
  const lent = Buffer.from(bytes)
  const wait = to(lent)
  // Ours again: whoever kept it instead of a copy reads this.
  lent.fill('!')
  await wait
}

const rest = (
  sleepMs: number,
  deadlineMs: number,
  stop: AbortSignal,
): Promise<'cancelled' | 'deadline' | null> =>
  new Promise((resolve) => {
    const settle = (cause: 'cancelled' | 'deadline' | null) => {
      clearTimeout(timer)
      stop.removeEventListener('abort', onAbort)
      resolve(cause)
    }
    const onAbort = () => settle('cancelled')
    const late = deadlineMs < sleepMs
    const timer = setTimeout(
      () => settle(late ? 'deadline' : null),
      Math.min(sleepMs, deadlineMs, 0x7fffffff),
    )
    if (stop.aborted) settle('cancelled')
    else stop.addEventListener('abort', onAbort)
  })

const receiptOf = (state: State, reason: CloseReason): Receipt => {
  const { spec, deps } = state
  const iso = (ms: number) => new Date(ms).toISOString()
  return {
    ...{ v: 1, attempt: spec.attempt, driver: 'fake', engine: {}, measuredTier: 'none', measuredAt: null },
    ...{
      image: spec.image.kind,
      shape: spec.shape,
      limits: spec.limits,
      storage: 'ram',
      swap: 'off',
      reason,
    },
    ...{ seccomp: 'none', cells: state.cells, egressDigest: '', usage: noUsage, gone: [], destroyMs: 0 },
    ...{ preparedAt: iso(state.openedAt), openedAt: iso(state.openedAt), closedAt: iso(deps.clock.now()) },
  }
}
