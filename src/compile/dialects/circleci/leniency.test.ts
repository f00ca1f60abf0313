// What the platform's own compiler takes although its documents do not say so, and what it makes of it: read from its editor
// support, which its people write (decision record 0044). Each case is a small file of our own.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../../../test/support/damaged-configurations.ts'
import type { PlanRunStep, PlanStep } from '../../../protocol/plan.ts'

const where = 'docker: [{image: i}]'
const job = (steps: string, more = '') => `{${where}, ${more}steps: ${steps}}`
const config = (jobs: string, workflow: string, more = '') =>
  `version: 2.1\n${more}\njobs: ${jobs}\nworkflows: {w: ${workflow}}\n`
const ofSteps = (steps: string, more = '') => config(`{a: ${job(steps)}}`, '{jobs: [a]}', more)

const read = (text: string) => {
  const result = judgeCompile(text)
  const said = (severity: string) =>
    result.problems
      .filter((each) => each.severity === severity)
      .map(({ code, message }) => `${code} ${message}`)
  const jobs = result.ok ? (result.plan.workflows[0]?.jobs ?? []) : []
  return { jobs, errors: said('error'), warnings: said('warning') }
}
const stepsOf = (text: string): readonly PlanStep[] => {
  const { jobs, errors } = read(text)
  assert.deepEqual(errors, [])
  return jobs[0]?.spec?.steps ?? []
}
const runsOf = (text: string) => (stepsOf(text) as readonly PlanRunStep[]).map(({ command }) => command)

test('plain yes, no, on and off are booleans wherever any type may stand; y, n and what is quoted are texts', () => {
  const env = (value: string) => {
    const { jobs } = read(config(`{a: ${job('[checkout]', `environment: {V: ${value}}, `)}}`, '{jobs: [a]}'))
    return jobs[0]?.spec?.env[0]?.[1]
  }
  assert.deepEqual(['yes', 'On', 'OFF', 'no'].map(env), ['true', 'true', 'false', 'false'])
  assert.deepEqual(['"yes"', "'off'", 'y', 'N', 'onward'].map(env), ['yes', 'off', 'y', 'N', 'onward'])
  const given = (type: string, value: string) =>
    read(
      config(
        `{a: ${job('[checkout]', `parameters: {p: {type: ${type}}}, `)}}`,
        `{jobs: [{a: {p: ${value}}}]}`,
      ),
    )
  assert.match(given('string', 'yes').errors.join(), /MF2135 .*must be a text, but is a boolean: yes/)
  for (const [type, value] of [
    ['string', '"yes"'],
    ['boolean', 'Off'],
    ['boolean', 'y'],
  ] as const)
    assert.deepEqual(given(type, value).errors, [], `${type} ${value}`)
  const when = (condition: string) =>
    read(config(`{a: ${job('[checkout]')}}`, `{when: ${condition}, jobs: [a]}`)).jobs.length
  assert.deepEqual(
    ['{equal: [yes, true]}', '{equal: [off, false]}', '{equal: [on, "on"]}'].map(when),
    [1, 1, 0],
  )
})

test('a command with nothing after its name is invoked, and what stands beside it is ignored', () => {
  const greet =
    'commands: {greet: {parameters: {who: {type: string, default: world}}, steps: [run: echo << parameters.who >>]}}'
  const beside = ofSteps('[{greet: , who: me}]', greet)
  assert.deepEqual(runsOf(beside), ['echo world'])
  assert.match(
    read(beside).warnings.join(),
    /MF2043 "who" stands beside "greet" and not below it; it is ignored/,
  )
  for (const wrong of [
    '[{run: , command: x}]',
    '[{who: me, greet: }]',
    '[{when: , condition: true, steps: [checkout]}]',
  ])
    assert.match(read(ofSteps(wrong, greet)).errors.join(), /MF2104/, wrong)
})

test('another name stands for an element of an orb, and of executors for one beside it', () => {
  const orb = `orbs: {o: {commands: {c: {parameters: {p: {type: string}}, steps: [run: echo << parameters.p >>]}}, jobs: {j: ${job('[run: of the orb]')}}, executors: {e: {docker: [{image: of-orb}]}}}}`
  assert.deepEqual(runsOf(ofSteps('[{also: {p: x}}]', `${orb}\ncommands: {also: o/c}`)), ['echo x'])
  assert.deepEqual(runsOf(config('{mine: o/j}', '{jobs: [mine]}', orb)), ['of the orb'])
  const image = (executors: string) => {
    const { jobs, errors } = read(
      config('{a: {executor: x, steps: [checkout]}}', '{jobs: [a]}', `${orb}\nexecutors: ${executors}`),
    )
    return jobs[0]?.spec?.image.ref ?? errors.join()
  }
  assert.equal(image('{x: o/e}'), 'of-orb')
  assert.equal(image('{x: y, y: {docker: [{image: beside}]}}'), 'beside')
  assert.match(image('{x: y, y: x}'), /MF2064 executor "x" is the text "y"/)
  assert.match(image('{x: o/none}'), /MF2063/)
  assert.match(
    read(ofSteps('[also]', 'commands: {also: 45m}')).errors.join(),
    /MF2064 command "also" is the text "45m"/,
  )
  assert.deepEqual(read(config(`{a: ${job('[checkout]')}, b: o/j}`, '{jobs: [a]}', orb)).errors, [], 'unused')
})

test('the condition of a step may be an expression over the pipeline and the body around it', () => {
  const maybe = (condition: string, argument = 'x') =>
    runsOf(
      ofSteps(
        `[{maybe: {p: ${argument}}}]`,
        `commands: {maybe: {parameters: {p: {type: string}}, steps: [{when: {condition: '${condition}', steps: [run: yes it is]}}, run: end]}}`,
      ),
    ).length === 2
  assert.equal(maybe('parameters.p starts-with "x"'), true)
  assert.equal(maybe('parameters.p == "y"'), false)
  assert.equal(maybe('pipeline.git.branch == "main" and not pipeline.git.tag'), true)
  assert.equal(maybe('pipeline.git.branch == "dev"'), false)
  for (const text of ['$DEPLOY', 'on_fail', 'always and pipeline.git.tag', '"$BRANCH" != "main"'])
    assert.equal(maybe(text), true, text)
  const condition = (text: string) =>
    read(ofSteps(`[{when: {condition: '${text}', steps: [run: x]}}, run: end]`))
  assert.match(condition('on_fail').warnings.join(), /MF2140 "on_fail" is no expression/)
  assert.match(condition('parameters.none == 1').errors.join(), /MF2136 .*parameters\.none/)
})

test('"condition" below the condition of a workflow is a value, which is true', () => {
  const { jobs, errors, warnings } = read(
    config(`{a: ${job('[checkout]')}}`, '{when: {condition: false}, jobs: [a]}'),
  )
  assert.deepEqual([jobs.length, errors], [1, []])
  assert.match(warnings.join(), /MF2140 what is below "condition" is not looked at here/)
})

test('where a run cannot be continued, that is said of the step and not of its arguments', () => {
  const orb = 'orbs: {go-on: circleci/continuation@1}'
  const [step] = stepsOf(ofSteps('[{go-on/continue: {configuration_path: "", when: on_fail}}]', orb))
  assert.deepEqual([step?.kind, step?.when], ['refused', 'on_fail'])
})

test('steps that are passed see the parameters of where they were written, in their conditions as well', () => {
  const wrap =
    'wrap: {parameters: {p: {type: string, default: inner}, s: {type: steps}}, steps: [{steps: << parameters.s >>}]}'
  const pass = (condition: string) =>
    `pass: {parameters: {p: {type: string}}, steps: [{wrap: {s: [{when: {condition: '${condition}', steps: [run: it is]}}, run: end]}}]}`
  const runs = (condition: string) =>
    runsOf(ofSteps('[{pass: {p: outer}}]', `commands: {${wrap}, ${pass(condition)}}`))
  assert.deepEqual(runs('parameters.p == "outer"'), ['it is', 'end'])
  assert.deepEqual(runs('parameters.p == "inner"'), ['end'])
})

test('a value that no pipeline has is empty and warned of; a parameter that none has is an error', () => {
  const text = ofSteps('[run: "x<< pipeline.git.brnach >>y", run: "<< pipeline.nothing or 1 >>"]')
  assert.deepEqual(runsOf(text), ['xy', '1'])
  const { warnings } = read(text)
  assert.match(warnings.join(), /MF2049 there is no value "pipeline\.git\.brnach"/)
  assert.match(warnings.join(), /MF2049 there is no value "pipeline\.nothing"/)
  const filtered = read(
    config(`{a: ${job('[checkout]')}}`, '{jobs: [{a: {filters: pipeline.git.tagg == "v1"}}]}'),
  )
  assert.deepEqual([filtered.jobs.length, filtered.errors], [0, []])
  assert.match(read(ofSteps('[run: << pipeline.parameters.none >>]')).errors.join(), /MF2131/)
})

test('a text parameter takes any value of the pipeline, and no number of a parameter', () => {
  const command = 'commands: {say: {parameters: {p: {type: string}}, steps: [run: echo << parameters.p >>]}}'
  const { errors } = read(ofSteps('[{say: {p: << pipeline.number >>}}]', command))
  assert.deepEqual(errors, [])
  const more = `parameters: {n: {type: integer, default: 3}}\n${command}`
  assert.match(read(ofSteps('[{say: {p: << pipeline.parameters.n >>}}]', more)).errors.join(), /MF2135/)
})

test('a gate ignores what it does not know; a slip in what it requires stays an error', () => {
  const gate = (options: string) =>
    read(config(`{a: ${job('[checkout]')}}`, `{jobs: [a, {hold: {type: approval, ${options}}}]}`))
  const ignored = gate('env: prod, pre-steps: [checkout]')
  assert.deepEqual([ignored.jobs.length, ignored.errors], [2, []])
  assert.match(ignored.warnings.join(), /MF2043 "hold" is of type approval and takes no "env"; it is ignored/)
  assert.match(gate('requires_: [a]').errors.join(), /MF2134/)
})

test('a matrix without values makes no jobs', () => {
  const parameters = 'parameters: {p: {type: string}}, '
  const { jobs, errors, warnings } = read(
    config(
      `{a: ${job('[checkout]', parameters)}, b: ${job('[checkout]')}}`,
      '{jobs: [b, {a: {matrix: {parameters: {p: }}}}]}',
    ),
  )
  assert.deepEqual([jobs.map(({ name }) => name), errors], [['b'], []])
  assert.match(warnings.join(), /MF2049 "p" has no value here; the matrix makes no jobs/)
})

test('every built-in step has a "when"', () => {
  const steps = stepsOf(
    ofSteps(
      '[{checkout: {when: on_fail}}, {add_ssh_keys: {when: always}}, {store_artifacts: {path: p, when: on_fail}}, {store_test_results: {path: p}}, {restore_cache: {key: k, when: always}}]',
    ),
  )
  assert.deepEqual(
    steps.map(({ when }) => when),
    ['on_fail', 'always', 'on_fail', 'always', 'always'],
  )
})

test('numbers and names where the documents have others', () => {
  const [persist] = stepsOf(ofSteps('[{persist_to_workspace: {root: ., path: bin}}]'))
  assert.deepEqual(persist?.kind === 'persist' && persist.paths, ['bin'])
  const [run] = stepsOf(ofSteps('[{run: {command: x, no_output_timeout: 600}}]'))
  assert.equal(run?.kind === 'run' && run.noOutputTimeoutMs, 600_000)
  assert.match(read(ofSteps('[{run: {command: x, no_output_timeout: "600"}}]')).errors.join(), /MF2046/)
  const kept = (days: string) =>
    read(config(`{a: ${job('[checkout]', `retention: {caches: ${days}}, `)}}`, '{jobs: [a]}'))
  assert.deepEqual([kept('30d').jobs[0]?.spec?.cacheDays, kept('30d').warnings.length], [15, 1])
  assert.match(kept('31d').errors.join(), /MF2041/)
  const reruns = `parameters: {n: {type: integer, default: 2}}`
  const text = config(
    `{a: ${job('[checkout]')}}`,
    '{max_auto_reruns: << pipeline.parameters.n >>, jobs: [a]}',
    reruns,
  )
  const result = judgeCompile(text)
  assert.equal(result.ok && result.plan.workflows[0]?.maxAutoReruns, 2)
})

test('what is below "with_tool_cache" runs without the cache', () => {
  const text = ofSteps('[{with_tool_cache: {tool: gradle, steps: [checkout, run: ./gradlew]}}]')
  assert.deepEqual(
    stepsOf(text).map(({ kind }) => kind),
    ['checkout', 'run'],
  )
  assert.match(read(text).warnings.join(), /MF2045 "with_tool_cache" keeps nothing here/)
})

test('the teardown of a run step follows it, and holds what saves and cleans up', () => {
  const teardown = (steps: string) => `[{run: {command: make, teardown: ${steps}}}, run: end]`
  const steps = stepsOf(
    ofSteps(
      teardown(
        '[run: clean, {store_test_results: {path: t, when: on_fail}}, {save_cache: {key: k, paths: [p]}}]',
      ),
    ),
  )
  assert.deepEqual(
    steps.map((step) => [step.kind, step.when, 'teardown' in step && step.teardown === true]),
    [
      ['run', 'on_success', false],
      ['run', 'always', true],
      ['store-tests', 'on_fail', true],
      ['save-cache', 'always', true],
      ['run', 'on_success', false],
    ],
  )
  for (const wrong of [
    '[{restore_cache: {key: k}}]',
    '[checkout]',
    '[{run: {command: x, background: true}}]',
  ])
    assert.match(read(ofSteps(teardown(wrong))).errors.join(), /MF2104 .* cannot stand in "teardown"/, wrong)
})

test('a function of the platform is named as what is missing', () => {
  const functions = 'functions: {setup-go: github.com/circleci-functions/setup-go@v0.5.1}'
  const { errors } = read(ofSteps('[{setup-go: {with: {version: "1.24"}}}, setup-go/cache]', functions))
  assert.deepEqual(errors.length, 2)
  assert.match(
    errors[0] ?? '',
    /MF2105 "setup-go" is a function of its platform \(github\.com\/circleci-functions\/setup-go@v0\.5\.1\)/,
  )
})

test('what its platform refuses is refused: setup in version 2, a background step that is tried again', () => {
  const old = `version: 2\nsetup: true\njobs: {build: ${job('[checkout]')}}\n`
  assert.match(read(old).errors.join(), /MF2022 a setup configuration needs version 2\.1/)
  const again = ofSteps('[{run: {command: x, background: true, max_auto_reruns: 2}}]')
  assert.match(read(again).errors.join(), /MF2041 a step in the background is not tried again/)
})
