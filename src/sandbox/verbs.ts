// What the runner half may ask of the jailer half, as a closed schema (isolation.md §1.1): ids, enum words and numbers
// inside the class file's maxima; never paths of the host, flags, user ids or command lines. An unknown verb or
// member ends the line. Handles travel as messages of their own, before the reply of the call they belong to.
import type { FaultCode } from '../base/faults.ts'
import type { Parsed } from '../base/problem.ts'
import {
  integer,
  list,
  object,
  oneOf,
  parseShape,
  type Shape,
  type Shaped,
  text,
  where,
} from '../base/shape.ts'
import { sourcesMax, toolsMax } from './limits.ts'
import { limitsMax } from './policy/classes.ts'

const serial = integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const nestId = text({ min: 8, max: 8, form: /^[a-z2-7]{8}$/ })
const cellNumber = integer({ min: 0, max: 1_000_000 })
const toolId = text({ max: 64, form: /^[a-z0-9][a-z0-9._-]*$/ })
/** Where a mount appears inside: one segment below /mnt or /opt, which are empty and root's in every nest. */
const place = text({ max: 64, form: /^(mnt|opt)\/[a-z0-9][a-z0-9._-]*$/ })
/** Relative to a root only the jailer knows; the jailer resolves it and checks that it stays inside. */
const relativePath = where(
  text({ max: 1024, form: /^[^\0\n\r]+$/ }),
  (path) => !path.startsWith('/') && !path.split('/').includes('..'),
  'must be relative without ".."',
)
const pids = integer({ min: 2, max: 4_194_304 })

const number =
  (max: number): Shape<number> =>
  (value, path, report) =>
    typeof value === 'number' && value > 0 && value <= max ? value : report(path, `must be up to ${max}`)

const limits = object({
  memory: integer({ min: 1024 * 1024, max: limitsMax.memory }),
  ramdisk: integer({ min: 1024 * 1024, max: limitsMax.ramdisk }),
  cpu: number(limitsMax.cpu),
  pids: integer({ min: 8, max: limitsMax.pids }),
  inodes: integer({ min: 1024, max: limitsMax.inodes }),
  shm: integer({ min: 4096, max: limitsMax.shm }),
  fds: integer({ min: 64, max: limitsMax.fds }),
  logBytes: integer({ min: 1, max: limitsMax.logBytes }),
  egressBytes: integer({ min: 0, max: limitsMax.egressBytes }),
  connections: integer({ min: 0, max: limitsMax.connections }),
})

/** By verb: the arguments. */
const verbs = {
  'host.probe': object({}),
  'nest.prepare': object({
    limits,
    net: oneOf('none', 'gateway'),
    seccomp: oneOf('strict', 'userns'),
    tools: list(object({ object: toolId, at: place }), { max: toolsMax }),
  }),
  'nest.bind': object({ nest: nestId, attempt: text({ max: 64, form: /^[a-z0-9_]+$/ }), limits }),
  'nest.usage': object({ nest: nestId }),
  /** `unused`: no step has begun in its job cell. */
  'nest.destroy': object({ nest: nestId, unused: oneOf(true, false) }),
  'net.listen': object({ ports: list(integer({ min: 1, max: 65_535 }), { max: 64 }) }),
  'net.cut': object({ nest: nestId }),
  'set.open': object({ nest: nestId, kind: oneOf('foreground', 'background') }),
  'set.stdin': object({ nest: nestId, set: cellNumber }),
  /** A socket where every step of the job cell finds it: an agent's, or the job's own. */
  'job.socket': object({ nest: nestId, kind: oneOf('job', 'ssh-agent') }),
  'step.signal': object({ nest: nestId, pid: pids, signal: oneOf('TERM', 'KILL') }),
  'cell.start': object({
    nest: nestId,
    files: oneOf('shared', 'clean'),
    net: oneOf('none', 'nest', 'own'),
    stdin: oneOf(true, false),
    socket: oneOf('none', 'job', 'ssh-agent'),
    sources: list(object({ root: integer({ min: 0, max: 1000 }), path: relativePath, at: place }), {
      max: sourcesMax,
    }),
  }),
  'cell.have': object({ nest: nestId, cell: cellNumber }),
  'cell.signal': object({ nest: nestId, cell: cellNumber, signal: oneOf('TERM', 'KILL') }),
  sweep: object({}),
  'canaries.plant': object({}),
  'canaries.clear': object({}),
} as const

export type VerbName = keyof typeof verbs
export type VerbArguments = { readonly [V in VerbName]: Shaped<(typeof verbs)[V]> }
export type Request = {
  readonly [V in VerbName]: { readonly call: number; readonly verb: V; readonly with: VerbArguments[V] }
}[VerbName]

/** The shape of what the runner half sends. */
export const parseRequest = (message: unknown): Parsed<Request> => {
  const envelope = parseShape(
    object({ call: serial, verb: oneOf(...verbNames), with: (value) => value }),
    message,
    'E_PROTOCOL',
  )
  if (!envelope.ok) return envelope
  const { call, verb } = envelope.value
  // SAFE: `with` is parsed here by the one shape that belongs to the verb.
  const parsed = parseShape(verbs[verb] as Shape<unknown>, envelope.value.with, 'E_PROTOCOL')
  if (!parsed.ok) return parsed
  return { ok: true, value: { call, verb, with: parsed.value } as Request, problems: [] }
}

// SAFE: the keys of a constant object literal.
const verbNames = Object.keys(verbs) as VerbName[]

/** Which end of which FIFO or socket a handle is. `pro` carries environment and script into the cell. */
export type HandlePart = 'in' | 'out' | 'err' | 'pro' | 'socket' | `tcp:${number}` | `udp:${number}`

/** What the jailer half sends. `handle` comes with a raw handle and belongs to the call `call`. */
export type Answer =
  | { readonly re: number; readonly value: unknown }
  | { readonly re: number; readonly fault: { code: FaultCode; public: string; detail: string } }
  | { readonly call: number; readonly part: HandlePart; readonly set: number }
  | { readonly cell: number; readonly nest: string; readonly code: number | null; readonly ran: boolean }

/** The jailer is trusted by the runner: this only tells a message of it from noise. */
export const isAnswer = (message: unknown): message is Answer =>
  typeof message === 'object' &&
  message !== null &&
  ('re' in message || 'part' in message || 'ran' in message)
