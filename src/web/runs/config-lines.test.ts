// Where a line of a plan came from, in words, and how one is found.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunConfig } from '../../protocol/api/shapes.ts'
import { findLines, jobsOf } from './config-lines.ts'

const at = (line: number, file = '.circleci/config.yml') => ({ file, line, column: 3 })
const plan: RunConfig['plans'][number] = {
  ...{ continued: false, digest: 'd', sources: [] },
  workflows: [
    {
      name: 'w',
      jobs: [
        {
          name: 'build',
          lines: [
            { indent: 1, text: 'build:', at: at(4), via: [] },
            { indent: 3, text: '- run: make', at: at(12), via: [at(30)] },
            { indent: 5, text: '# a remark', at: null, via: [] },
          ],
        },
        { name: 'ship', lines: [{ indent: 3, text: '- run: make ship', at: at(2, 'orb.yml'), via: [] }] },
      ],
    },
  ],
}

test('a line stands below its job, with its place and the invocations that brought it in', () => {
  const [build] = jobsOf(plan)
  assert.deepEqual(build?.lines, [
    { text: 'build:', place: '.circleci/config.yml:4:3', via: [] },
    { text: '    - run: make', place: '.circleci/config.yml:12:3', via: ['.circleci/config.yml:30:3'] },
    { text: '        # a remark', place: '', via: [] },
  ])
})

test('lines are found by text and by place, up to a number', () => {
  const jobs = jobsOf(plan)
  const found = (word: string, max = 100) => {
    const { jobs: of, count, isCut } = findLines(jobs, word, max)
    return [of.map(({ name, lines }) => [name, lines.length]), count, isCut]
  }
  assert.deepEqual(found(' MAKE'), [
    [
      ['build', 1],
      ['ship', 1],
    ],
    2,
    false,
  ])
  assert.deepEqual(found('config.yml:30'), [[['build', 1]], 1, false])
  assert.deepEqual(found('make', 1), [[['build', 1]], 2, true])
  assert.deepEqual(found('nothing'), [[], 0, false])
  const remark = {
    text: '        # a remark',
    place: '.circleci/config.yml:12:3',
    via: ['.circleci/config.yml:30:3'],
  }
  assert.deepEqual(findLines(jobs, 'remark', 100).jobs[0]?.lines, [remark], 'with the place of its step')
})
