// What the suites of sandboxes begin with: the smallest sandbox, a step of a few words, and how it is run with all that it
// prints. The suite that every driver passes is driver.contract.ts.
import { Writable } from 'node:stream'
import type { Sandbox, SandboxSpec, StepIo, StepResult, StepSpec } from './driver.ts'
import { classes } from './policy/classes.ts'

export const contractSpec: SandboxSpec = {
  attempt: 'att_contract',
  image: { kind: 'host' },
  limits: { ...classes.tiny.limits, memory: 256 * 1024 ** 2, logBytes: 64 * 1024 ** 2 },
  shape: 'user',
  user: { uid: 1000, gid: 1000, home: '/home/ci', shell: '/bin/bash' },
  workdir: '/home/ci/project',
  env: new Map([['FROM_SPEC', 'spec']]),
  mounts: [],
  egress: { mode: 'none', allow: [], privateRanges: [] },
  seccomp: 'strict',
  services: [],
  deadlines: { open: 20_000, pull: 1_000, job: 60_000, idleOutput: 60_000, term: 300, close: 30_000 },
  storage: 'ram',
  exclusive: false,
}

let lastStep = 0
export const contractStep = (text: string, more: Partial<StepSpec> = {}): StepSpec => ({
  id: `step-${++lastStep}`,
  kind: 'run',
  cell: 'job',
  script: { interpreter: ['/bin/sh', '-e'], text },
  env: new Map(),
  workdir: '/home/ci/project',
  take: [],
  socket: null,
  egress: null,
  tty: null,
  deadline: 20_000,
  ...more,
})

export type Gathered = Writable & { bytes(): Buffer; text(): string }
export const gather = (): Gathered => {
  const chunks: Buffer[] = []
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk)
      done()
    },
  })
  const bytes = () => Buffer.concat(chunks)
  return Object.assign(stream, { bytes, text: () => bytes().toString('utf8') })
}

export type Ran = {
  readonly result: StepResult
  readonly out: string
  readonly err: string
  readonly bytes: Buffer
}

/** Runs one step and gathers what it printed. */
export const runIn = async (
  sandbox: Sandbox,
  step: StepSpec,
  io: Partial<StepIo> = {},
  signal: AbortSignal = AbortSignal.timeout(30_000),
): Promise<Ran> => {
  const [stdout, stderr] = [gather(), gather()]
  const result = await sandbox.exec(step, { stdin: null, stdout, stderr, ...io }, signal)
  return { result, out: stdout.text(), err: stderr.text(), bytes: stdout.bytes() }
}
