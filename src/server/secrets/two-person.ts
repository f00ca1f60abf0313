// Loosening by two people, as the server sees it: the rule of the organisation, the list of what waits, and the second signature, which
// goes to the vault beside the first. A change that is made leaves the same rows as one that needed no second.
import { fault } from '../../base/faults.ts'
import { parseShape } from '../../base/shape.ts'
import type { SecretRules } from '../../protocol/api/proposals.ts'
import { countersignature, ruleSubject } from '../../protocol/statement.ts'
import type { RuleMetadata } from '../../protocol/vault.ts'
import type { Actor } from '../access/actor.ts'
import { writeAudit } from '../access/audit.ts'
import { changeAdmissions } from '../contexts/admissions.ts'
import { changeContext } from '../contexts/contexts.ts'
import type { TwoPerson } from '../use-cases.ts'
import { decide, getWaiting, listProposals, orProposed, type Proposed, type Waiting } from './proposals.ts'
import { changeSecret, type Deps } from './secrets.ts'
import { time } from './shape.ts'
import { orDenied, signed } from './statements.ts'

export const createTwoPerson = (deps: Deps): TwoPerson => ({
  rules: async ({ organisation: org }) => shapeOf(await deps.vault.call('rules.get', { org })),
  setRules: async (actor, input) => {
    const { organisation: org } = actor.scope
    const proposed = { verb: 'rules.set' as const, request: { org, ...signed(input) } }
    if (proposed.request.statement.sub !== ruleSubject(org))
      throw fault('E_INPUT', { public: 'The statement is about something else' })
    const about = { project: null, context: null }
    return orProposed(deps, actor, { ...proposed, about }, () => changeRules(deps, actor, proposed.request))
  },
  list: async (scope) => ({ items: [...(await listProposals(deps.database.db, scope))], next_cursor: null }),
  sign: async (actor, proposal, input) => {
    const { db } = deps.database
    const waiting = await getWaiting(db, actor.scope, proposal)
    const second = parseShape(countersignature, input)
    if (!second.ok)
      throw fault('E_INPUT', { public: second.problems.map(({ message }) => message).join('; ') })
    await apply(deps, actor, { ...waiting, request: { ...waiting.request, second: second.value } } as Waiting)
    await decide(db, actor, { id: waiting.id, state: 'accepted', signer: second.value.statement.iss })
  },
  withdraw: async (actor, proposal) => {
    const { id } = await getWaiting(deps.database.db, actor.scope, proposal)
    await decide(deps.database.db, actor, { id, state: 'withdrawn' })
  },
})

/** By the verb that it was proposed for; the value, where there is one, is of whoever proposed it. */
const apply = async (deps: Deps, actor: Actor, waiting: Waiting): Promise<void> => {
  const { proposedBy: by } = waiting
  switch (waiting.verb) {
    case 'rules.set':
      await changeRules(deps, actor, waiting.request)
      return
    case 'project.admit':
      await changeAdmissions(deps, actor, waiting.request)
      return
    case 'context.put':
      await changeContext(deps, actor, waiting)
      return
    case 'secret.put':
    case 'secret.set': {
      const { owner } = waiting.request
      await changeSecret(deps, actor, { ...waiting, owner, by })
    }
  }
}

type RulesRequest = Extract<Proposed, { verb: 'rules.set' }>['request']

const changeRules = async (deps: Deps, actor: Actor, request: RulesRequest): Promise<SecretRules> => {
  const { db } = deps.database
  const act = { action: 'secret_rules.set', target: actor.scope.organisation }
  const rules = await orDenied(db, actor, act, () => deps.vault.call('rules.set', request))
  const facts = { two_person: rules.twoPerson, signer: rules.signer }
  await writeAudit(db, actor, { ...act, result: 'ok', facts })
  return shapeOf(rules)
}

const shapeOf = ({ twoPerson, people, changedAt, head }: RuleMetadata): SecretRules => ({
  ...{ two_person: twoPerson, people, head },
  changed_at: changedAt === null ? null : time(changedAt),
})
