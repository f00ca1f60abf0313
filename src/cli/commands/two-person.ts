// Loosening by two people: whether the organisation demands it, what waits, and the second signature. What is signed is read here
// from the statement itself, and named by the digest that this machine computed: the server can show nothing else for it.
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import type { Proposal, SecretRules } from '../../protocol/api/proposals.ts'
import {
  hostWords,
  ruleSubject,
  type Statement,
  statement as statementShape,
} from '../../protocol/statement.ts'
import type { ProjectSource } from '../../protocol/vault.ts'
import { signStatement, statementDigest } from '../../seal/index.ts'
import type { ApiClient } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { inertText } from '../inert.ts'
import { writeTable } from '../look.ts'
import { idOf } from '../secrets/home.ts'
import { requireSignerKey, statementHead } from '../secrets/signer-key.ts'
import type { Surroundings } from '../surroundings.ts'

type Json = { readonly json?: boolean }

export const twoPerson = async (around: Surroundings, flags: Json, wanted?: string): Promise<number> => {
  const api = await connect(around)
  if (wanted === undefined) return show(around, flags, await api.call('secretRules', {}))
  if (wanted !== 'on' && wanted !== 'off') throw fault('E_INPUT', { public: 'say on or off' })
  const key = await requireSignerKey(around)
  const { head: prev } = await api.call('secretRules', {})
  const org = idOf('organisation', (await api.call('organisation', {})).id)
  const statement = {
    ...statementHead(around, key, { sub: ruleSubject(org), prev }),
    ...{ type: 'rules.set' as const, body: { two_person: wanted === 'on' } },
  }
  const proof = await signStatement(statement, key.privateKey)
  return show(around, flags, await api.call('secretRulesSet', { body: { statement, proof } }))
}

const show = (around: Surroundings, { json }: Json, rules: SecretRules): number => {
  const what = rules.two_person
    ? 'what lets more jobs have a secret, or for longer, takes two people'
    : 'one signature is enough'
  around.stdout.write(
    json
      ? `${JSON.stringify(rules)}\n`
      : inertText`${what}; the operator named ${rules.people} people among the signers\n`,
  )
  return 0
}

export const listProposals = async (around: Surroundings, flags: Json): Promise<number> => {
  const api = await connect(around)
  const page = await api.all('proposals', {})
  if (flags.json) around.stdout.write(`${JSON.stringify(page)}\n`)
  else {
    const names = await projectNames(api, page.items)
    const rows = await Promise.all(page.items.map(readOf))
    writeTable(
      around.stdout,
      ['DIGEST', 'BY', 'UNTIL', 'CHANGE'],
      rows.map(({ proposal, digest, statement }) => [
        ...[digest.slice(0, digestShown), proposal.proposed_by, proposal.expires_at],
        wordsOf(proposal, statement, names),
      ]),
    )
  }
  return 0
}

export const countersignProposal = async (
  around: Surroundings,
  flags: Json,
  wanted: string,
): Promise<number> => {
  const key = await requireSignerKey(around)
  const api = await connect(around)
  const { proposal, digest, statement } = await findProposal(api, wanted)
  if (statement.iss === key.id)
    throw fault('E_STMT_SECOND', { public: 'this machine signed it already: it waits for somebody else' })
  const second = {
    ...statementHead(around, key, { sub: digest, prev: null }),
    ...{ type: 'countersign' as const, body: {} },
  }
  const body = { statement: second, proof: await signStatement(second, key.privateKey) }
  const answer = await api.call('proposalSign', { params: { proposal: proposal.id }, body })
  if (flags.json) around.stdout.write(`${JSON.stringify(answer)}\n`)
  else
    around.stderr.write(
      inertText`made: ${wordsOf(proposal, statement, await projectNames(api, [proposal]))}\n`,
    )
  return 0
}

export const withdrawProposal = async (
  around: Surroundings,
  flags: Json,
  wanted: string,
): Promise<number> => {
  const api = await connect(around)
  const { proposal } = await findProposal(api, wanted)
  const answer = await api.call('proposalWithdraw', { params: { proposal: proposal.id }, body: {} })
  if (flags.json) around.stdout.write(`${JSON.stringify(answer)}\n`)
  else around.stderr.write('taken back: it waits for nobody any more\n')
  return 0
}

const digestShown = 16

const findProposal = async (api: ApiClient, wanted: string) => {
  if (!/^[0-9a-f]{16,64}$/.test(wanted))
    throw fault('E_INPUT', {
      public: 'a change is named by its digest, as `mayfly secrets proposals` shows it',
    })
  const { items } = await api.all('proposals', {})
  const read = await Promise.all(items.map(readOf))
  const found = read.filter(({ digest }) => digest.startsWith(wanted))
  const [one] = found
  if (one === undefined || found.length > 1)
    throw fault('E_NOT_FOUND', { public: 'no such change waits for a second person' })
  return one
}

type Read = { readonly proposal: Proposal; readonly digest: string; readonly statement: Statement }

const readOf = async (proposal: Proposal): Promise<Read> => {
  const parsed = parseShape(statementShape, proposal.statement)
  if (!parsed.ok)
    throw fault('E_PROTOCOL', { public: 'the server shows a change that nobody could have signed' })
  return { proposal, digest: await statementDigest(parsed.value), statement: parsed.value }
}

/** Of those that are named; whoever has none is known by the id. */
const projectNames = async (
  api: ApiClient,
  proposals: readonly Proposal[],
): Promise<ReadonlyMap<string, string>> => {
  if (proposals.every(({ kind }) => kind !== 'context.put' && kind !== 'project.admit')) return new Map()
  const { items } = await api.all('projects', {})
  return new Map(items.map(({ id, name }) => [id, name]))
}

/** What was signed; where the secret is, the server says, which only the id in it proves. */
const wordsOf = ({ secret }: Proposal, statement: Statement, names: ReadonlyMap<string, string>): string => {
  const of = secret?.context ?? secret?.project ?? statement.sub.slice(0, statement.sub.indexOf('/'))
  const name = `${statement.sub.slice(statement.sub.lastIndexOf('/') + 1)} of ${of}`
  switch (statement.type) {
    case 'rules.set':
      return statement.body.two_person ? 'two people from now on' : 'one signature is enough from now on'
    case 'context.put': {
      const { projects, refs, roles } = statement.body
      const which =
        projects === '*'
          ? 'every project'
          : projects.map((id) => names.get(id) ?? id).join(', ') || 'no project'
      return `context ${statement.body.name}: ${which}; ${refs.join(', ')}; roles ${roles?.join(', ') ?? 'any'}`
    }
    case 'project.admit': {
      const { admit, withdraw } = statement.body
      const which = (id: string) => names.get(id) ?? id
      const admitted = admit.map(
        ({ project, source, host_keys: keys }) =>
          `${which(project)} (${[placeOf(source), ...keys].join(' ')})`,
      )
      return `contexts for every project: also for ${admitted.join(', ') || 'no other'}; not any more for ${withdraw.map(which).join(', ') || 'none'}`
    }
    case 'secret.put': {
      const { policy, kind, on_leak: onLeak, hosts = [], repository } = statement.body
      const { refs, events, min_tier: tier, freshness } = policy
      const newest = freshness === 'tip' ? ', the newest commit only' : ''
      const where = repository === undefined ? '' : `, in jobs of ${repository}`
      const only = hosts.length === 0 ? '' : `; signs for ${hosts.map(hostWords).join(', ')}`
      return `a value of ${name} (${kind}) for ${refs.join(', ')} on ${events.join(', ')}, tier ${tier}${newest}${where}${only}${until(statement.body)}${onLeak === undefined ? '' : `; when it leaks: ${onLeak}`}`
    }
    case 'secret.set': {
      const { state, on_leak: onLeak } = statement.body
      return `${name}: ${state}${until(statement.body)}${onLeak === undefined ? '' : `; when it leaks: ${onLeak}`}`
    }
    default:
      throw fault('E_PROTOCOL', { public: `the server shows a ${statement.type} that waits for nobody` })
  }
}

const placeOf = (source: ProjectSource): string =>
  source.kind === 'ssh' ? source.url : `${source.path} in local directory ${source.root + 1}`

const until = ({ expires_at: at }: { readonly expires_at: number | null }): string =>
  at === null ? ', without an end' : `, good until ${new Date(at * 1000).toISOString()}`
