import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeShare, type Share, type Start, shareOf, spreadProjects } from './share.ts'

const starts = (organisation: string, ...at: readonly (number | null)[]): readonly Start[] =>
  at.map((startedMs, i) => ({ organisation, project: `${organisation}${i % 2}`, startedMs }))

test('one organisation has all projects, every tenth of them limited', () => {
  const projects = spreadProjects(20, ['own'])
  assert.ok(projects.every(({ organisation }) => organisation === 'own'))
  assert.deepEqual(
    projects.filter(({ isLimited }) => isLimited).map(({ name }) => name),
    ['project-10', 'project-20'],
  )
})

test('of several organisations each has as many projects, and only whole organisations are limited', () => {
  const ids = Array.from({ length: 20 }, (_, i) => `o${i}`)
  const projects = spreadProjects(60, ids)
  for (const id of ids) {
    const own = projects.filter(({ organisation }) => organisation === id)
    assert.equal(own.length, 3)
    assert.deepEqual(new Set(own.map(({ isLimited }) => isLimited)), new Set([id === 'o9' || id === 'o19']))
  }
})

test('what counts is what began until the first of them had nothing waiting any more', () => {
  const all = [...starts('a', 0, 10, 20, 30), ...starts('b', 1, 11, 21, 99), ...starts('c', 2, 12, 22, null)]
  assert.deepEqual(shareOf(all, 60_000), { windowMs: 30, starts: [4, 3, 3], projectsOfEach: 2 })
  assert.deepEqual(shareOf(all, 15), { windowMs: 15, starts: [2, 2, 2], projectsOfEach: 2 })
})

test('who has another amount of work is not compared, and one alone has no share', () => {
  const all = [...starts('a', 0, 1), ...starts('b', 0, 1), ...starts('c', 5, 6, 7)]
  assert.deepEqual(shareOf(all, 60_000)?.starts, [2, 2])
  assert.equal(shareOf(starts('a', 0, 1), 60_000), null)
  assert.equal(shareOf([], 60_000), null)
})

test('a share is fair within a tenth of the mean, or a job of each project', () => {
  const share = (projectsOfEach: number, ...counts: readonly number[]): Share => ({
    ...{ windowMs: 1, starts: counts, projectsOfEach },
  })
  assert.deepEqual(judgeShare(share(1, 90, 100, 110)), { apart: 0.1, holds: true })
  assert.equal(judgeShare(share(1, 88, 100, 112)).holds, false)
  assert.equal(judgeShare(share(4, 6, 10, 14)).holds, true)
  assert.equal(judgeShare(share(3, 6, 10, 14)).holds, false)
})
