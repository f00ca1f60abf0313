// Who may approve what waits for a person, and when that is enough: the rules of a project over what people did so far. What is asked is
// always somebody's account, never a name in a commit; nobody in particular (a service token, the operator) counts where any one person would do.

export type ApprovalRole = 'owner' | 'developer'
export type ApprovalRules = {
  /** So many different people. */
  readonly people: number
  /** Not those who began the run, wanted it again or wrote its commit. */
  readonly notSelf: boolean
  /** At least. */
  readonly role: ApprovalRole
}
export type Candidate = {
  /** Whose session or token it is; null: nobody's. */
  readonly person: string | null
  /** That they have now. A service token has none: its scope is all there is. */
  readonly role: ApprovalRole | 'viewer' | null
}
export type ApprovalFacts = {
  /** The people whose run it is. */
  readonly began: readonly string[]
  /** Who approved since it waits, with the roles they have now. */
  readonly given: readonly Candidate[]
}
export type ApprovalRefusal = 'role' | 'nobody' | 'self' | 'twice'

/** null: nothing stands against it. */
export const approvalRefusal = (
  rules: ApprovalRules,
  facts: ApprovalFacts,
  candidate: Candidate,
): ApprovalRefusal | null => {
  const refusal = refusalOf(rules, facts, candidate)
  if (refusal !== null) return refusal
  const isAgain = candidate.person !== null && approvers(rules, facts).has(candidate.person)
  // Where fewer are asked than before, somebody who did may still be the one who lets it go on.
  return isAgain && approvalsGiven(rules, facts) < rules.people ? 'twice' : null
}

/** By different people who may, as rules and roles are now. */
export const approvalsGiven = (rules: ApprovalRules, facts: ApprovalFacts): number =>
  rules.people === 1 && !rules.notSelf
    ? facts.given.filter((one) => refusalOf(rules, facts, one) === null).length
    : approvers(rules, facts).size

/** Whether it goes on with this one, who may. */
export const isEnough = (rules: ApprovalRules, facts: ApprovalFacts): boolean =>
  approvalsGiven(rules, facts) + 1 >= rules.people

const approvers = (rules: ApprovalRules, facts: ApprovalFacts): ReadonlySet<string> =>
  new Set(
    facts.given.flatMap((one) =>
      one.person !== null && refusalOf(rules, facts, one) === null ? [one.person] : [],
    ),
  )

const refusalOf = (
  rules: ApprovalRules,
  { began }: ApprovalFacts,
  { person, role }: Candidate,
): ApprovalRefusal | null => {
  // A person without a role is a member no more.
  if (role === 'viewer' || (role === null && person !== null)) return 'role'
  if (rules.role === 'owner' && role !== 'owner') return 'role'
  const asksWho = rules.people > 1 || rules.notSelf
  if (person === null) return asksWho ? 'nobody' : null
  return rules.notSelf && began.includes(person) ? 'self' : null
}

export const approvalWords = (refusal: ApprovalRefusal, { role, people }: ApprovalRules): string =>
  ({
    role: `Its project wants ${role === 'owner' ? 'an owner' : 'a developer or an owner'} to approve`,
    nobody:
      'Its project wants to know who approves: a service token and the operator are nobody in particular',
    self: 'You began this run, wanted it again or wrote its commit, and its project wants somebody else to approve',
    twice: `You approved it already, and its project wants ${people} different people`,
  })[refusal]

/** What is still asked for, for everybody. */
export const approvalRest = (rules: ApprovalRules, facts: ApprovalFacts): string => {
  const left = Math.max(1, rules.people - approvalsGiven(rules, facts))
  const who = rules.role === 'owner' ? ['owner', 'owners'] : ['person', 'people']
  const others = rules.notSelf ? ' who did not begin the run or write its commit' : ''
  return left === 1 ? `one ${who[0]}${others}` : `${left} different ${who[1]}${others}`
}
