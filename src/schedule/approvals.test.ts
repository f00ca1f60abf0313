import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type ApprovalFacts,
  type ApprovalRules,
  approvalRefusal,
  approvalRest,
  approvalsGiven,
  type Candidate,
  isEnough,
} from './approvals.ts'

const usual: ApprovalRules = { people: 1, notSelf: false, role: 'developer' }
const nothing: ApprovalFacts = { began: [], given: [] }
const ada: Candidate = { person: 'ada', role: 'owner' }
const bob: Candidate = { person: 'bob', role: 'developer' }
const eve: Candidate = { person: 'eve', role: 'viewer' }
const token: Candidate = { person: null, role: null }
const operator: Candidate = { person: null, role: 'owner' }
const check = (
  rules: Partial<ApprovalRules>,
  facts: Partial<ApprovalFacts>,
  candidate: Candidate,
  expected: string | null,
) =>
  assert.equal(
    approvalRefusal({ ...usual, ...rules }, { ...nothing, ...facts }, candidate),
    expected,
    JSON.stringify([rules, facts, candidate]),
  )

test('where nobody said more, one of a writing role approves, who began it too, and nobody in particular', () => {
  for (const one of [ada, bob, token, operator]) check({}, { began: ['ada', 'bob'] }, one, null)
  check({}, {}, eve, 'role')
  assert.ok(isEnough(usual, nothing))
})

test('where owners are asked, others and service tokens are refused', () => {
  for (const one of [bob, eve, token]) check({ role: 'owner' }, {}, one, 'role')
  for (const one of [ada, operator]) check({ role: 'owner' }, {}, one, null)
})

test('where somebody else is asked, those whose run it is are refused, and those who are nobody', () => {
  check({ notSelf: true }, { began: ['ada'] }, ada, 'self')
  check({ notSelf: true }, { began: ['ada'] }, bob, null)
  for (const one of [token, operator]) check({ notSelf: true }, {}, one, 'nobody')
})

test('two people are two: the same one again, and nobody in particular, are not the second', () => {
  const rules = { ...usual, people: 2 }
  assert.ok(!isEnough(rules, nothing))
  check(rules, { given: [ada] }, ada, 'twice')
  check(rules, { given: [ada] }, bob, null)
  check(rules, { given: [ada] }, operator, 'nobody')
  assert.ok(isEnough(rules, { began: [], given: [ada] }))
  assert.equal(approvalsGiven(rules, { began: [], given: [ada, ada, token] }), 1)
  assert.equal(approvalRest(rules, { began: [], given: [ada] }), 'one person')
})

test('what was given counts by the rules and roles of now', () => {
  const rules = { people: 2, notSelf: true, role: 'owner' as const }
  const gone: Candidate = { person: 'zoe', role: null }
  const given = [bob, gone, { person: 'ada', role: 'owner' as const }]
  assert.equal(approvalsGiven(rules, { began: ['ada'], given }), 0)
  assert.equal(approvalsGiven({ ...usual, people: 3 }, { began: [], given: [gone, eve, bob] }), 1)
  assert.equal(approvalsGiven({ ...rules, notSelf: false }, { began: ['ada'], given }), 1)
  // Two were asked and one did; now one is asked: who did may let it go on.
  check({ people: 1, notSelf: true }, { given: [ada] }, ada, null)
  assert.equal(
    approvalRest(rules, nothing),
    '2 different owners who did not begin the run or write its commit',
  )
})

test('property: whatever the rules, n approvals that let go are by n different people, none of whom may not', () => {
  const people = [ada, bob, eve, token, operator, { person: 'kim', role: 'owner' as const }]
  for (let seed = 0; seed < 2_000; seed++) {
    const bit = (n: number) => (Math.imul(seed + 1, 2_654_435_761) >>> n) & 7
    const role = bit(3) % 2 === 0 ? ('owner' as const) : ('developer' as const)
    const rules = { people: 1 + (bit(1) % 3), notSelf: bit(2) > 3, role }
    const began = people.filter((_, i) => bit(i + 4) > 5).flatMap(({ person }) => person ?? [])
    let given: Candidate[] = []
    let isDone = false
    for (let turn = 0; turn < 12 && !isDone; turn++) {
      const one = people[(bit(turn + 6) + turn * 5) % people.length] as Candidate
      if (approvalRefusal(rules, { began, given }, one) !== null) continue
      isDone = isEnough(rules, { began, given })
      given = [...given, one]
    }
    if (!isDone || (rules.people === 1 && !rules.notSelf)) continue
    const names = given.map(({ person }) => person)
    assert.equal(new Set(names).size, rules.people, JSON.stringify([seed, rules, names]))
    assert.ok(names.every((name) => name !== null && (!rules.notSelf || !began.includes(name))))
    assert.ok(
      given.every((one) => one.role === 'owner' || (one.role === 'developer' && role === 'developer')),
    )
  }
})
