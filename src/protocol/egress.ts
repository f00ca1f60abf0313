// What a job may reach beyond its sandbox, as its pipeline says it (isolation.md §6). It stands in the job's spec, so
// that it is part of the spec's digest, and in the lease. Only TCP is relayed, so nothing else can be asked for.
import { integer, list, object, oneOf, type Shape, text, where } from '../base/shape.ts'
import type { EgressMode } from './receipt.ts'

export type JobEgress = {
  readonly mode: EgressMode
  /** Empty unless the mode is `list`; an empty list allows nothing. */
  readonly allow: readonly EgressTarget[]
}

export type EgressTarget = {
  /** A name in lower case, or `*.name` for every name below it. */
  readonly host: string
  readonly ports: readonly number[]
  /** `sni`: what is spoken must be TLS to this very name, also on other ports than 443. */
  readonly tls: 'sni' | 'any'
}

const targetsMax = 500
/** Of all targets together: the gateway listens on each. */
const portsMax = 64

/** A wildcard stands for no less than the names of one domain: `*.example.com`, never `*.com`. */
const hostForm = /^(\*\.(?!-)[a-z0-9_-]{1,63}\.)?(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})*$/

const target: Shape<EgressTarget> = object({
  host: text({ max: 255, form: hostForm }),
  ports: list(integer({ min: 1, max: 65_535 }), { max: portsMax }),
  tls: oneOf('sni', 'any'),
})

export const jobEgress: Shape<JobEgress> = where(
  where(
    object({ mode: oneOf('none', 'list', 'open'), allow: list(target, { max: targetsMax }) }),
    ({ mode, allow }) => mode === 'list' || allow.length === 0,
    'only a list names hosts',
  ),
  ({ allow }) => new Set(allow.flatMap(({ ports }) => ports)).size <= portsMax,
  `a list names at most ${portsMax} ports`,
)
