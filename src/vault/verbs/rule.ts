// What an organisation demands of whoever loosens its rules about secrets: one signature, or those of two people. It is a statement
// itself, and ending it loosens. Whose key a signer is the operator says, who vouched for it with a code.
import type { Clock } from '../../base/clock.ts'
import { fault } from '../../base/faults.ts'
import { ruleSubject } from '../../protocol/statement.ts'
import type { RuleMetadata, VaultRequest } from '../../protocol/vault.ts'
import { acceptStatement, requireNext, requireSecond } from '../policy/statement.ts'
import type { Records } from '../store/records.ts'

type RuleDeps = { readonly records: Records; readonly clock: Clock }

export const tellRule = ({ records }: RuleDeps, { org }: VaultRequest<'rules.get'>): RuleMetadata => {
  const record = records.find('rule', org)
  return {
    twoPerson: record?.twoPerson ?? false,
    people: peopleOf(records),
    signer: record?.signer ?? null,
    changedAt: record?.changedAt ?? null,
    head: record?.head ?? null,
  }
}

export const setRule = async (
  deps: RuleDeps,
  { org, statement, proof, second }: VaultRequest<'rules.set'>,
): Promise<RuleMetadata> => {
  const { records } = deps
  if (statement.type !== 'rules.set') throw fault('E_INPUT', { public: 'The statement sets no rule' })
  const nowSeconds = Math.floor(deps.clock.now() / 1000)
  const expected = { type: statement.type, sub: ruleSubject(org), nowSeconds }
  const accepted = await acceptStatement(records, { statement, proof, second }, expected)
  const { two_person: twoPerson } = statement.body
  await records.change('rule', org, (current) => {
    if (current?.head === accepted.digest) return current
    requireNext(current?.head ?? null, accepted)
    if (!twoPerson) requireSecond(records, org, accepted)
    // With one nobody could loosen anything any more, nor end the rule.
    else if (peopleOf(records) < 2)
      throw fault('E_INPUT', {
        public:
          'It takes signers of two people: the operator says whose key each is, with `mayfly vault signer-person`',
      })
    return { org, twoPerson, changedAt: nowSeconds, signer: accepted.signer.signer, head: accepted.digest }
  })
  return tellRule(deps, { org })
}

const peopleOf = (records: Records): number => {
  const active = records.list('signer').filter(({ state }) => state === 'active')
  return new Set(active.flatMap(({ person }) => person ?? [])).size
}
