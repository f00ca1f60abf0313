// Runs the probes inside a sandbox and judges what they saw. What never said that it finished is `not-run`, with the
// reason: an error must not read as "held".
import { Writable } from 'node:stream'
import type { GuestPath, ProbeResult, Sandbox, StepResult, StepSpec } from '../driver.ts'
import type { SeccompArch } from '../policy/seccomp.ts'
import { fileProbes } from './files.ts'
import type { ProbeHost } from './host.ts'
import { kernelProbes } from './kernel.ts'
import { networkProbes } from './network.ts'
import { listenerNames, type Probe, type Seen } from './probe.ts'
import { buildProgram, guardExit, type ProgramBounds } from './program.ts'
import { syscallProbes } from './syscalls.ts'

export const allProbes: readonly Probe[] = [
  ...fileProbes,
  ...kernelProbes,
  ...syscallProbes,
  ...networkProbes,
]

export type ProbeOptions = {
  readonly probes?: readonly Probe[]
  /** Steps of a job cell inherit other descriptors than those with a cell of their own. Default: `shared`. */
  readonly cell?: StepSpec['cell']
  readonly workdir?: GuestPath
  readonly signal: AbortSignal
}

const outputMax = 4 * 1024 * 1024
const suiteMs = 60_000

export const runProbes = async (
  sandbox: Pick<Sandbox, 'exec' | 'egress'>,
  host: ProbeHost,
  options: ProbeOptions,
): Promise<readonly ProbeResult[]> => {
  const probes = options.probes ?? allProbes
  const stdout = createCollector()
  const stderr = createCollector()
  const io = { stdin: null, stdout: stdout.stream, stderr: stderr.stream }
  const watch = watchHost(host)
  const seenBefore = sandbox.egress().length
  const result = await sandbox.exec(stepOf(probes, host, options), io, options.signal)
  const seen = watch(sandbox.egress().slice(seenBefore))
  return judgeOutput(probes, stdout.text(), seen, whyNothingRan(result, stderr.text()))
}

/** Who arrives at the host's listeners between the two calls counts. */
export const watchHost = (host: ProbeHost) => {
  const before = new Map(listenerNames.map((name) => [name, host.accepted(name)]))
  return (records: Seen['records']): Omit<Seen, 'lines'> => {
    const arrived = new Map(
      listenerNames.map((name) => [name, host.accepted(name) - (before.get(name) ?? 0)]),
    )
    const { planted, shadow } = host
    return { planted, shadow, accepted: (name) => arrived.get(name) ?? 0, records }
  }
}

/** What the program printed, judged; `failure` says why a probe that printed nothing may have none. */
export const judgeOutput = (
  probes: readonly Probe[],
  output: string,
  seen: Omit<Seen, 'lines'>,
  failure: string,
): readonly ProbeResult[] => {
  const lines = groupById(output)
  return probes.map((probe) => judge(probe, lines.get(probe.id) ?? [], seen, failure))
}

/** The program for this host, and the environment without which it refuses to run. */
export const programFor = (
  probes: readonly Probe[],
  { targets, secret }: ProbeHost,
  bounds?: ProgramBounds,
) => {
  const arch: SeccompArch = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  return {
    text: buildProgram(probes, targets, arch, bounds),
    env: { MAYFLY_HOST_NS: targets.hostNamespaces.join(' '), MAYFLY_PROBE_SECRET: secret },
  }
}

const stepOf = (probes: readonly Probe[], host: ProbeHost, options: ProbeOptions): StepSpec => {
  const { text, env } = programFor(probes, host)
  return {
    id: `probes-${options.cell ?? 'shared'}`,
    kind: 'run',
    cell: options.cell ?? 'shared',
    script: { interpreter: ['perl'], text },
    env: new Map(Object.entries(env)),
    workdir: options.workdir ?? '/tmp',
    take: [],
    socket: null,
    egress: null,
    tty: null,
    deadline: suiteMs,
  }
}

const createCollector = () => {
  const chunks: Buffer[] = []
  let size = 0
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      size += chunk.length
      if (size <= outputMax) chunks.push(chunk)
      done()
    },
  })
  return { stream, text: () => Buffer.concat(chunks).toString('latin1') }
}

const groupById = (text: string): ReadonlyMap<string, readonly string[]> => {
  const groups = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [id = '', rest] = line.split('\t')
    if (rest === undefined) continue
    const group = groups.get(id) ?? []
    group.push(rest)
    groups.set(id, group)
  }
  return groups
}

/** Why probes without an answer have none. */
const whyNothingRan = (result: StepResult, stderr: string): string => {
  if (result.kind !== 'exit') return `the suite ended by ${result.kind}`
  if (result.code === guardExit) return 'the guard refused: not in namespaces of its own'
  return `no answer; exit ${result.code}; ${stderr.slice(0, 200).trim()}`
}

const judge = (
  probe: Probe,
  all: readonly string[],
  seen: Omit<Seen, 'lines'>,
  failure: string,
): ProbeResult => {
  const result = (verdict: ProbeResult['verdict'], detail: string): ProbeResult => ({
    id: probe.id,
    verdict,
    detail: detail.slice(0, 300),
  })
  const isOurs = (line: string) => line === 'end' || /^(died|warned|signal): /.test(line)
  const broken = all.find((line) => isOurs(line) && line !== 'end')
  const lines = all.filter((line) => !isOurs(line))
  // What was open stays open, even when the program broke after it.
  const open = lines.length > 0 ? probe.judge({ ...seen, lines }) : null
  if (open !== null) return result('open', open)
  if (broken !== undefined) return result('not-run', broken)
  if (!all.includes('end')) return result('not-run', failure)
  if (lines.length === 0) return result('not-run', 'nothing was there to try')
  return result('held', lines.slice(0, 4).join('; '))
}
