// What a report says first, and how often.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Construct } from '../../protocol/api/shapes.ts'
import { countVerdicts } from '../../protocol/constructs.ts'
import { reportRows } from './compatibility.ts'

const path = '.circleci/config.yml'
const construct = (
  verdict: Construct['verdict'],
  line: number,
  more: Partial<Construct> = {},
): Construct => ({
  ...{ what: 'step x', verdict, text: verdict === 'honoured' ? null : 'why', instead: null },
  ...{ at: { file: path, line, column: 1, length: 1 }, ...more },
})

test('the worst comes first, the same once with all its lines, and what is honoured is only counted', () => {
  const constructs = [
    construct('honoured', 1),
    construct('ignored', 2),
    construct('ignored', 9),
    construct('refused', 5, { what: 'orb o', at: { file: 'orb.yml', line: 5, column: 1, length: 1 } }),
    construct('translated', 3, { what: 'image of docker' }),
  ]
  assert.deepEqual(countVerdicts(constructs), { honoured: 1, translated: 1, ignored: 2, refused: 1 })
  assert.deepEqual(
    reportRows(constructs, path).map(({ what, places }) => [what, places]),
    [
      ['orb o', 'orb.yml:5'],
      ['step x', '2, 9'],
      ['image of docker', '3'],
    ],
  )
  const many = Array.from({ length: 20 }, (_, i) => construct('ignored', i + 1))
  assert.equal(reportRows(many, path)[0]?.places, '1, 2, 3, 4, 5, 6, 7, 8, …')
})
