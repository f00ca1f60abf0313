import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandsOf, matching } from './commands.ts'

const nothing = () => undefined
const all = commandsOf({
  bindings: [
    { keys: 'c', label: 'Cancel the run', run: nothing },
    { keys: 'j', label: 'Next row', run: nothing, notACommand: true },
  ],
  own: [{ name: 'Sign out', group: 'Do', keys: null, act: { run: nothing } }],
  projects: [{ name: 'web' }, { name: 'web-docs' }],
  views: [{ id: 'viw_1', name: 'Red on main', query: 'status=failed&branch=main' }],
  organisation: 'acme',
})
const names = (typed: string) => matching(all, typed).map(({ name }) => name)

test('verbs of the page come first, with their keys; moves among rows are none', () => {
  assert.deepEqual([all[0]?.name, all[0]?.keys], ['Cancel the run', 'c'])
  assert.equal(names('next row').length, 0)
})

test('every word counts, wherever it stands; what begins so comes first', () => {
  assert.deepEqual(names('web'), ['web', 'web-docs'])
  assert.deepEqual(names('MAIN red'), ['Red on main'])
  assert.equal(names('run')[0]?.startsWith('Run'), true)
  assert.ok(names('run').includes('Cancel the run'))
  assert.deepEqual(names('no such thing'), [])
})

test('a view and a project lead to their addresses', () => {
  const toOf = (typed: string) => matching(all, typed)[0]?.act
  assert.deepEqual(toOf('red on main'), { to: '/runs?status=failed&branch=main' })
  assert.deepEqual(toOf('web-docs'), { to: '/acme/web-docs' })
})
