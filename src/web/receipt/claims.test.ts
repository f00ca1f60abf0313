import assert from 'node:assert/strict'
import { test } from 'node:test'
import { viewReceipt } from './claims.ts'

test('claims become words', () => {
  const view = viewReceipt({
    driver: 'namespace',
    measuredTier: 'container',
    image: 'host',
    destroyMs: 41,
    storage: 'ram',
    egressMode: 'none',
    secretNames: ['TOKEN'],
    evidence: { commit: 'c'.repeat(40), ref: 'refs/heads/main', repo: 'file:0/app', is_tip: false },
    usage: { peakMemory: 1024 * 1024 },
    gone: [{ check: 'no process is left', ok: true, detail: '' }, 'nonsense'],
    weak: ['swap is on', 7],
  })
  assert.equal(view.isolation, 'namespace, shown to be a container')
  assert.equal(view.ranOnHost, true)
  assert.equal(view.destroyTook, '41ms')
  assert.deepEqual(
    view.facts.map((fact) => fact.value),
    [
      ...['memory only', 'none', 'TOKEN'],
      'cccccccccccc, an older commit of refs/heads/main in file:0/app, compiled again by the runner',
      '1.0 MiB',
    ],
  )
  assert.deepEqual(
    view.gone.map((proof) => proof.ok),
    [true, false],
  )
  assert.deepEqual(view.weak, ['swap is on'])
})

test('what is missing or of another type is left out, not invented', () => {
  const view = viewReceipt({ image: 7, gone: 'yes', weak: null, usage: 3 })
  assert.deepEqual(view, {
    isolation: '',
    image: null,
    ranOnHost: false,
    openedAt: null,
    closedAt: null,
    destroyTook: null,
    facts: [],
    gone: [],
    weak: [],
  })
})
