import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AttemptId } from '../../base/ids.ts'
import { createWatchers } from './watchers.ts'

const attempt = 'att_a' as AttemptId

test('of several followers here the first and the last are news', () => {
  const watchers = createWatchers()
  const told: boolean[] = []
  watchers.onChange((which) => told.push(watchers.isWatched(which)))
  const stops = [watchers.watch(attempt), watchers.watch(attempt)]
  assert.deepEqual([told, watchers.here()], [[true], [attempt]])
  stops[0]?.()
  stops[0]?.()
  assert.equal(watchers.isWatched(attempt), true)
  stops[1]?.()
  assert.deepEqual([told, watchers.here()], [[true, false], []])
})

test('who follows at another server counts for the runner, and not for what is kept here', () => {
  const watchers = createWatchers()
  const told: AttemptId[] = []
  watchers.onChange((which) => told.push(which))
  watchers.noteElsewhere(attempt)
  watchers.noteElsewhere(attempt)
  assert.deepEqual(told, [attempt], 'once')
  assert.deepEqual([watchers.isWatched(attempt), watchers.isWatchedHere(attempt)], [true, false])
  assert.deepEqual([watchers.here(), watchers.all()], [[], [attempt]])
})

test('what another server does not say again is forgotten, and news the next time', async () => {
  const watchers = createWatchers({ elsewhereMs: 1 })
  const told: AttemptId[] = []
  watchers.onChange((which) => told.push(which))
  watchers.noteElsewhere(attempt)
  await sleep(10)
  assert.deepEqual([watchers.isWatched(attempt), watchers.all()], [false, []])
  watchers.noteElsewhere(attempt)
  assert.deepEqual(told, [attempt, attempt])
})
