// What a policy says about a name or a destination (isolation.md §6.2–6.4). Pure: no socket, no clock. An empty or
// unknown policy allows nothing.
import { fault } from '../../base/faults.ts'
import {
  type AddressException,
  matchesHost,
  normalizeHostPattern,
  parseAddressExceptions,
} from '../../sys/index.ts'
import type { EgressPolicy, EgressRule } from '../driver.ts'

type Rule = EgressRule & { readonly exceptions: readonly AddressException[] }

export type Judge = {
  /** Whether the name may be known to the job. In `open` it still has to exist. */
  knowsName(name: string): boolean
  /** `resolvesFirst`: whether the name must be looked up before the job hears of it. */
  readonly resolvesFirst: boolean
  judge(destination: Destination): Judgement
}

export type Destination = { readonly name: string | null; readonly address: string; readonly port: number }

export type Judgement =
  | { readonly ok: false; readonly why: 'unlisted' | 'direct-ip' | 'port' | 'no-network' }
  | {
      readonly ok: true
      /** What to resolve, or the literal address itself. */
      readonly host: string
      readonly isSource: boolean
      readonly exceptions: readonly AddressException[]
      /** What has to be spoken, and to whom. */
      readonly speaks: 'tls' | 'http' | 'anything'
    }

export const createJudge = (policy: EgressPolicy): Judge => {
  const rules = policy.allow.map(parseRule)
  const exceptions = parseAddressExceptions(policy.privateRanges)
  const isNamed = (name: string) => rules.some((rule) => matchesHost(rule.host, name))
  const judgeListed = ({ name, port }: Destination): Judgement => {
    if (name === null) return { ok: false, why: 'direct-ip' }
    if (!isNamed(name)) return { ok: false, why: 'unlisted' }
    const rule = rules.find(
      (candidate) => matchesHost(candidate.host, name) && candidate.ports.includes(port),
    )
    if (rule === undefined) return { ok: false, why: 'port' }
    return {
      ok: true,
      host: rule.target?.host ?? name,
      isSource: rule.target !== undefined,
      exceptions: rule.target === undefined ? exceptions : rule.exceptions,
      speaks: speaks(rule, port),
    }
  }
  const judgeOpen = (destination: Destination): Judgement => ({
    ok: true,
    host: destination.name ?? destination.address,
    isSource: false,
    exceptions,
    speaks: 'anything',
  })
  switch (policy.mode) {
    case 'list':
      return { resolvesFirst: false, knowsName: isNamed, judge: judgeListed }
    case 'open':
      return {
        resolvesFirst: true,
        knowsName: () => true,
        judge: (destination) => {
          const listed = judgeListed(destination)
          return listed.ok ? { ...listed, speaks: 'anything' } : judgeOpen(destination)
        },
      }
    default:
      return { resolvesFirst: false, knowsName: () => false, judge: () => ({ ok: false, why: 'no-network' }) }
  }
}

const parseRule = (rule: EgressRule): Rule => {
  const host = normalizeHostPattern(rule.host)
  if (host === null) throw fault('E_CONFIG_INVALID', { public: `Not a host name: ${rule.host}` })
  if (rule.proto !== 'tcp')
    throw fault('E_SANDBOX_UNAVAILABLE', {
      public: `UDP to ${rule.host} cannot be allowed: only TCP is relayed`,
    })
  return { ...rule, host, exceptions: parseAddressExceptions(rule.target?.privateRanges ?? []) }
}

/** A source host under an inside name is reached as it is: its own protocol proves who it is. */
const speaks = (rule: EgressRule, port: number): 'tls' | 'http' | 'anything' => {
  if (rule.target !== undefined) return rule.tls === 'sni' ? 'tls' : 'anything'
  if (port === 80) return 'http'
  return port === 443 || rule.tls === 'sni' ? 'tls' : 'anything'
}
