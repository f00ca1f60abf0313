// What holds for every configuration, tried with ones that are made from a seed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../test/support/damaged-configurations.ts'
import { createRandom } from '../../test/support/random.ts'
import type { Plan } from '../protocol/plan.ts'

const planOf = (text: string, parameters: Record<string, string | number | boolean> = {}): Plan => {
  const result = judgeCompile(text, { parameters })
  assert.ok(result.ok, `${text}\n${JSON.stringify(result.problems)}`)
  return result.plan
}

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i))

const pieces = [
  '<< parameters.a >>',
  '<<',
  '>>',
  '\\<<',
  '<<# parameters.b >>',
  '<</ parameters.b >>',
  '{{ x }}',
  '$(id)',
  '"',
  '\n',
  'z',
]

test('substitution never scans its own output', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = createRandom(seed)
    const text = () => times(1 + random(5), () => pieces[random(pieces.length)]).join('')
    const [a, b] = [text(), text()]
    const plan = planOf(
      `version: 2.1
parameters: {a: {type: string, default: ""}, b: {type: string, default: ""}}
commands:
  say: {parameters: {a: {type: string}, b: {type: string}}, steps: [{run: "[<< parameters.a >>|<< parameters.b >>]"}]}
jobs:
  build: {machine: true, steps: [{say: {a: << pipeline.parameters.a >>, b: << pipeline.parameters.b >>}}]}
`,
      { a, b },
    )
    const [step] = plan.workflows[0]?.jobs[0]?.spec?.steps ?? []
    assert.equal(step?.kind === 'run' && step.command, `[${a}|${b}]`, `seed ${seed}`)
  }
})

test('a matrix makes the product of its values, less what it excludes, under names of their own', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = createRandom(seed)
    const sizes = times(1 + random(3), () => 1 + random(4))
    const product = sizes.reduce((all, size) => all * size, 1)
    const numbers = new Set(times(random(4), () => random(product)))
    const combination = (number: number): string => {
      let rest = number
      const values = sizes.map((size, i) => {
        const value = rest % size
        rest = Math.floor(rest / size)
        return `p${i}: v${value}`
      })
      return `{${values.join(', ')}}`
    }
    const parameters = sizes.map((size, i) => `p${i}: [${times(size, (v) => `v${v}`).join(', ')}]`).join(', ')
    const declared = sizes.map((_, i) => `p${i}: {type: string}`).join(', ')
    const text = `version: 2.1
jobs: {a: {parameters: {${declared}}, machine: true, steps: [checkout]}}
workflows: {w: {jobs: [{a: {matrix: {parameters: {${parameters}}, exclude: [${[...numbers].map(combination).join(', ')}]}}}]}}
`
    if (numbers.size === product) continue
    const jobs = planOf(text).workflows[0]?.jobs ?? []
    assert.equal(jobs.length, product - numbers.size, text)
    assert.equal(new Set(jobs.map(({ key }) => key)).size, jobs.length)
  }
})

/** Every job after those it needs, or null. */
const inOrder = ({ workflows }: Plan): boolean =>
  workflows.every(({ jobs }) => {
    const done = new Set<string>()
    for (let size = -1; size !== done.size; ) {
      size = done.size
      for (const job of jobs) if (job.needs.every((need) => done.has(need.job))) done.add(job.key)
    }
    return done.size === jobs.length
  })

test('what is planned has no circle and needs only what is there; a circle is refused', () => {
  let refused = 0
  for (let seed = 1; seed <= 200; seed++) {
    const random = createRandom(seed)
    const count = 2 + random(8)
    const entries = times(count, (i) => {
      const requires = times(random(3), () => `n${random(count)}`).filter((name) => name !== `n${i}`)
      const filters = random(4) === 0 ? ', filters: {branches: {ignore: main}}' : ''
      return `{a: {name: n${i}, requires: [${[...new Set(requires)].join(', ')}]${filters}}}`
    })
    const text = `version: 2.1\njobs: {a: {machine: true, steps: [checkout]}}\nworkflows: {w: {jobs: [${entries.join(', ')}]}}\n`
    const result = judgeCompile(text)
    if (result.ok) assert.ok(inOrder(result.plan), text)
    else refused++
    assert.deepEqual(judgeCompile(text), result, 'the same again')
  }
  assert.ok(refused > 20 && refused < 180, `${refused} of 200 were refused`)
})
