import assert from 'node:assert/strict'
import { test } from 'node:test'
import { breadthOf, nextRotation, type ViewedBeside, type ViewedSecret, viewsOf } from './secret-views.ts'
import { defaultPolicy, policyInContext, type SecretPolicy } from './statement.ts'

const day = 86_400
const now = 1_790_000_000
const fresh: ViewedSecret = {
  ...{ state: 'active', policy: defaultPolicy('main'), putAt: now - day, lastUsedAt: null },
  ...{ expiresAt: null, rotateAfter: null, leak: null },
}
const check = (
  secret: Partial<ViewedSecret>,
  expected: readonly string[],
  beside: Partial<ViewedBeside> = {},
) => {
  const about = { rules: null, isOfLeaver: false, nowSeconds: now, ...beside }
  assert.deepEqual(viewsOf({ ...fresh, ...secret }, about), expected, JSON.stringify([secret, beside]))
}

test('a secret that is used, narrow and not due stands in no queue', () => {
  check({}, [])
  check({ putAt: now - 400 * day, lastUsedAt: now - 89 * day }, [])
  check({ rotateAfter: now + 1, expiresAt: now + 1 }, [])
})

test('one that no job had for 90 days is unused, a new one is not', () => {
  check({ putAt: now - 90 * day }, ['unused'])
  check({ putAt: now - 90 * day + 1 }, [])
  check({ putAt: now - 400 * day, lastUsedAt: now - 90 * day }, ['unused'])
  check({ putAt: now - 400 * day, lastUsedAt: now - 90 * day + 1 }, [])
})

test('one whose time has come is overdue, by either date', () => {
  check({ rotateAfter: now }, ['overdue'])
  check({ expiresAt: now }, ['overdue'])
  check({ state: 'disabled', rotateAfter: now - day }, ['overdue'])
})

test('one that was seen is to be replaced, also where it is revoked already', () => {
  check({ leak: {} }, ['leaked'])
  check({ leak: {}, state: 'disabled' }, ['leaked'])
  check({ leak: {}, state: 'revoked', rotateAfter: now }, ['leaked'])
})

test('of a revoked one nothing is left to look after, and a disabled one reaches nothing', () => {
  const all = { putAt: 0, rotateAfter: 1, policy: policyInContext }
  check({ ...all, state: 'revoked' }, [], { isOfLeaver: true })
  check({ ...all, state: 'disabled' }, ['unused', 'overdue', 'left'], { isOfLeaver: true })
  check(all, ['unused', 'overdue', 'broad', 'left'], { isOfLeaver: true })
})

test('broad is what takes any branch or tag, or any project', () => {
  const of = (refs: string[]): SecretPolicy => ({ ...defaultPolicy('main'), refs })
  const cases: [string[], ViewedBeside['rules'], string[]][] = [
    [['refs/heads/main'], null, []],
    [['refs/heads/release/*', 'refs/tags/v*'], null, []],
    [['refs/heads/*'], null, ['branches']],
    [['refs/main', 'refs/heads/**'], null, ['branches']],
    [['refs/**'], null, ['branches', 'tags']],
    [['refs/tags/*'], null, ['tags']],
    [['refs/**'], { projects: [], refs: ['default'] }, []],
    [['refs/**'], { projects: [], refs: ['default', 'refs/tags/v*'] }, []],
    [['refs/**'], { projects: '*', refs: ['default'] }, ['projects']],
    [['refs/**'], { projects: [], refs: ['refs/**'] }, ['branches', 'tags']],
    [['refs/heads/main'], { projects: '*', refs: ['refs/**'] }, ['projects']],
  ]
  for (const [refs, rules, expected] of cases)
    assert.deepEqual(breadthOf(of(refs), rules), expected, `${refs} ${JSON.stringify(rules)}`)
})

test('a new value is due as long after it as the one before was', () => {
  assert.equal(nextRotation(null, now), null)
  assert.equal(nextRotation({ putAt: now - day, rotateAfter: null }, now), null)
  assert.equal(nextRotation({ putAt: now - 9 * day, rotateAfter: now - 2 * day }, now), now + 7 * day)
  assert.equal(nextRotation({ putAt: now, rotateAfter: now - day }, now), null, 'due at once is no interval')
})
