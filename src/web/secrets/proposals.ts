// What waits for a second person, read from what was signed: its digest is computed here, so that nothing else can be shown for it.

import { parseId } from '../../base/ids.ts'
import { parseShape } from '../../base/shape.ts'
import type { Proposal } from '../../protocol/api/proposals.ts'
import type { Signer } from '../../protocol/api/secrets.ts'
import {
  hostWords,
  type PutStatement,
  ruleSubject,
  type Statement,
  statement as statementShape,
} from '../../protocol/statement.ts'
import { statementDigest } from '../../seal/index.ts'
import { placeOf } from '../contexts/admissions.ts'
import type { Api } from '../state/api.ts'
import { text } from '../text/en.ts'
import { statementHead } from './changes.ts'
import { signByPasskey } from './passkey-signer.ts'

/** `title` and `facts`: what it says, in words. */
export type ReadProposal = {
  readonly proposal: Proposal
  readonly digest: string
  readonly signer: string
  readonly title: string
  readonly facts: readonly string[]
}

/** null: it is none that anybody could sign. */
export const readProposal = async (
  proposal: Proposal,
  projects: ReadonlyMap<string, string>,
): Promise<ReadProposal | null> => {
  const parsed = parseShape(statementShape, proposal.statement)
  const words = parsed.ok ? wordsOf(parsed.value, projects) : null
  if (!parsed.ok || words === null) return null
  const home = proposal.secret?.context ?? proposal.secret?.project ?? null
  const facts = [...(home === null ? [] : [text.twoPerson.of(home)]), ...words.facts]
  const { iss: signer } = parsed.value
  return { proposal, digest: await statementDigest(parsed.value), signer, title: words.title, facts }
}

export const signProposal = async (
  api: Api,
  { proposal, digest }: ReadProposal,
  signer: Signer,
): Promise<void> => {
  const statement = { ...statementHead(signer, digest, null), type: 'countersign' as const, body: {} }
  const body = { statement, proof: await signByPasskey(signer, statement) }
  await api.call('proposalSign', { path: { proposal: proposal.id }, body })
}

export const setTwoPerson = async (
  api: Api,
  of: {
    readonly organisation: string
    readonly isOn: boolean
    readonly signer: Signer
    readonly prev: string | null
  },
): Promise<void> => {
  const organisation = parseId('organisation', of.organisation)
  if (organisation === null) throw new TypeError('the server answered a malformed id')
  const head = statementHead(of.signer, ruleSubject(organisation), of.prev)
  const statement = { ...head, type: 'rules.set' as const, body: { two_person: of.isOn } }
  const proof = await signByPasskey(of.signer, statement)
  await api.call('secretRulesSet', { body: { statement, proof } })
}

const words = text.twoPerson

const wordsOf = (
  statement: Statement,
  projects: ReadonlyMap<string, string>,
): Pick<ReadProposal, 'title' | 'facts'> | null => {
  const name = statement.sub.slice(statement.sub.lastIndexOf('/') + 1)
  switch (statement.type) {
    case 'rules.set':
      return { title: words.rules(statement.body.two_person), facts: [] }
    case 'context.put': {
      const { projects: ids, refs, roles, name: context } = statement.body
      const which = ids === '*' ? words.everyProject : words.projects(ids.map((id) => projects.get(id) ?? id))
      return { title: words.context(context), facts: [which, words.refs(refs), words.roles(roles)] }
    }
    case 'project.admit': {
      const { admit, withdraw } = statement.body
      const nameOf = (id: string) => projects.get(id) ?? id
      return {
        title: words.admissions,
        facts: [
          ...admit.map(({ project, source, host_keys: keys }) =>
            words.admits(nameOf(project), placeOf(source), keys),
          ),
          ...withdraw.map((project) => words.withdraws(nameOf(project))),
        ],
      }
    }
    case 'secret.put':
      return { title: words.value(name, statement.body.kind), facts: factsOfPut(statement.body) }
    case 'secret.set': {
      const { state, expires_at: at, on_leak: onLeak } = statement.body
      return { title: words.state(name, state), facts: [words.ends(day(at)), ...leak(onLeak)] }
    }
    default:
      return null
  }
}

const factsOfPut = ({
  policy,
  hosts = [],
  repository,
  expires_at: at,
  on_leak: onLeak,
}: PutStatement['body']): readonly string[] => [
  ...[words.refs(policy.refs), words.events(policy.events), words.tier(policy.min_tier)],
  ...(policy.freshness === 'tip' ? [words.newest] : []),
  ...(repository === undefined ? [] : [words.repository(repository)]),
  ...new Set(hosts.map((line) => words.host(hostWords(line)))),
  ...[words.ends(day(at)), ...leak(onLeak)],
]

const leak = (onLeak: 'tell' | 'revoke' | undefined) => (onLeak === undefined ? [] : [words.onLeak[onLeak]])

const day = (seconds: number | null): string | null =>
  seconds === null ? null : new Date(seconds * 1000).toISOString().slice(0, 10)
