// Orbs: what names inside and outside of one mean, where the text of a registry orb comes from, and what is said when
// it is not there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Plan, PlanJob, PlanRunStep } from '../../../protocol/plan.ts'
import { compile, type ProblemCode, problemCodes } from '../../index.ts'

type Extra = { readonly files?: Record<string, string>; readonly orbs?: Record<string, string> }

const compileText = (text: string, { files = {}, orbs = {} }: Extra = {}) =>
  compile({
    files: new Map(Object.entries({ '.circleci/config.yml': text, ...files })),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
    orbs: new Map(Object.entries(orbs)),
  })

const planOf = (text: string, extra?: Extra): Plan => {
  const result = compileText(text, extra)
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result.plan
}

const jobOf = (plan: Plan, name: string): PlanJob => {
  const job = plan.workflows.flatMap(({ jobs }) => jobs).find((candidate) => candidate.name === name)
  assert.ok(job, `no job ${name}`)
  return job
}

const commandsOf = (plan: Plan, name: string): readonly string[] =>
  (jobOf(plan, name).spec?.steps ?? [])
    .filter((step): step is PlanRunStep => step.kind === 'run')
    .map(({ command }) => command)

const problemsOf = (text: string, extra?: Extra) => {
  const { problems } = compileText(text, extra)
  const symbol = (code: string) =>
    (Object.keys(problemCodes) as ProblemCode[]).find((key) => problemCodes[key].number === code)
  return problems.map(({ code, message, help, at }) => ({ code: symbol(code), message, help, at }))
}

const greeter = `
commands:
  greet:
    parameters: {to: {type: string, default: world}}
    steps: [{run: "echo hello << parameters.to >>"}]
executors:
  small:
    parameters: {tag: {type: string, default: "12"}}
    docker: [{image: "debian:<< parameters.tag >>"}]
jobs:
  hello:
    parameters: {after: {type: steps, default: []}, place: {type: executor, default: small}}
    executor: << parameters.place >>
    steps: [greet, {steps: << parameters.after >>}]
`
const inline = `  g:${greeter.replaceAll('\n', '\n    ')}`

test('an inline orb gives commands, executors and jobs', () => {
  const plan = planOf(`
version: 2.1
orbs:
${inline}
jobs:
  own: {executor: {name: g/small, tag: "13"}, steps: [g/greet, {g/greet: {to: me}}]}
workflows:
  w: {jobs: [own, g/hello: {requires: [own]}]}
`)
  assert.deepEqual(commandsOf(plan, 'own'), ['echo hello world', 'echo hello me'])
  assert.deepEqual(jobOf(plan, 'own').spec?.image, { kind: 'container', ref: 'debian:13' })
  assert.deepEqual(commandsOf(plan, 'g/hello'), ['echo hello world'])
  assert.deepEqual(
    jobOf(plan, 'g/hello').needs.map(({ job }) => job),
    ['own'],
  )
})

test('names inside an orb never mean the project, names in arguments always do', () => {
  const plan = planOf(`
version: 2.1
orbs:
${inline}
commands:
  greet: {steps: [{run: project greets}]}
executors:
  small: {docker: [{image: project}]}
workflows:
  w:
    jobs:
      - g/hello: {name: plain, pre-steps: [greet], post-steps: [g/greet]}
      - g/hello: {name: given, place: small, after: [greet, {when: {condition: true, steps: [greet]}}]}
      - g/hello: {name: theirs, place: {name: g/small, tag: "11"}}
`)
  assert.deepEqual(commandsOf(plan, 'plain'), ['project greets', 'echo hello world', 'echo hello world'])
  assert.deepEqual(commandsOf(plan, 'given'), ['echo hello world', 'project greets', 'project greets'])
  assert.equal(jobOf(plan, 'plain').spec?.image.ref, 'debian:12')
  assert.equal(jobOf(plan, 'given').spec?.image.ref, 'project')
  assert.equal(jobOf(plan, 'theirs').spec?.image.ref, 'debian:11')
})

test('steps and executors keep their meaning through several orbs, also the same ones by an alias', () => {
  const plan = planOf(`
version: 2.1
orbs:
  inner:
    commands:
      twice: {parameters: {what: {type: steps}}, steps: [{steps: << parameters.what >>}, {steps: << parameters.what >>}]}
      say: {steps: [{run: inner says}]}
  outer:
    commands:
      say: {steps: [{run: outer says}]}
    jobs:
      run:
        parameters: {what: {type: steps, default: &same [say]}}
        machine: true
        steps: [{inner/twice: {what: << parameters.what >>}}, {inner/twice: {what: [say]}}]
commands:
  say: {steps: [{run: project says}]}
workflows:
  w: {jobs: [{outer/run: {name: theirs}}, {outer/run: {name: ours, what: *same}}]}
`)
  const outer = ['outer says', 'outer says']
  assert.deepEqual(commandsOf(plan, 'theirs'), [...outer, ...outer])
  assert.deepEqual(commandsOf(plan, 'ours'), ['project says', 'project says', ...outer])
})

test('an orb sees pipeline values and not the parameters of the project', () => {
  const orb =
    'commands: {c: {steps: [{run: "on << pipeline.git.branch >>"}, {run: "<< pipeline.parameters.p >>"}]}}'
  const text = `
version: 2.1
parameters: {p: {type: string, default: x}}
orbs: {o: {${orb}}}
jobs: {j: {machine: true, steps: [o/c]}}
workflows: {w: {jobs: [j]}}
`
  assert.ok(problemsOf(text).some(({ code }) => code === 'E_PARAMETER_UNDECLARED'))
  assert.deepEqual(commandsOf(planOf(text.replace(', {run: "<< pipeline.parameters.p >>"}', '')), 'j'), [
    'on main',
  ])
})

const uses = (reference: string): string => `
version: 2.1
orbs: {g: ${reference}}
workflows: {w: {jobs: [g/hello]}}
`
const saying = (text: string): string => greeter.replace('hello <<', `${text} <<`)

test('the highest matching version is taken, the copy of the repository first, and the plan says which', () => {
  const orbs = {
    'acme/g@1.2.3': saying('1.2.3'),
    'acme/g@1.2.10': saying('1.2.10'),
    'acme/g@1.10.0': saying('1.10.0'),
    'acme/g@2.0.0': saying('2.0.0'),
    'acme/g@dev:x': saying('dev'),
  }
  const cases = { '1.2.3': '1.2.3', '1.2': '1.2.10', '1': '1.10.0', volatile: '2.0.0', 'dev:x': 'dev' }
  for (const [version, said] of Object.entries(cases)) {
    const plan = planOf(uses(`"acme/g@${version}"`), { orbs })
    assert.deepEqual(commandsOf(plan, 'g/hello'), [`echo ${said} world`], version)
  }
  const path = '.circleci/orbs/acme/g@1.2.10.yml'
  const plan = planOf(uses('acme/g@1.2'), { orbs, files: { [path]: saying('vendored') } })
  assert.deepEqual(commandsOf(plan, 'g/hello'), ['echo vendored world'])
  assert.deepEqual(
    plan.source.map((source) => source.path),
    ['.circleci/config.yml', path],
  )
  const other = planOf(uses('acme/g@1.2.10'), { orbs })
  assert.notEqual(other.source[1]?.sha256, plan.source[1]?.sha256)
})

test('an orb may import others, and only those that it imports', () => {
  const orbs = {
    'acme/outer@1.0.0': `
orbs: {g: acme/g@1}
jobs: {run: {executor: g/small, steps: [g/greet, {g/greet: {to: you}}]}}`,
    'acme/g@1.0.0': greeter,
  }
  const text = `
version: 2.1
orbs: {o: acme/outer@1.0.0}
workflows: {w: {jobs: [o/run]}}
`
  assert.deepEqual(commandsOf(planOf(text, { orbs }), 'o/run'), ['echo hello world', 'echo hello you'])
  // Elements of an imported orb are not exported again.
  const problems = problemsOf(text.replace('jobs: [o/run]', 'jobs: [g/hello]'), { orbs })
  assert.ok(problems.some(({ code }) => code === 'E_ORB_UNKNOWN'))
})

test('a reference may hold pipeline parameters', () => {
  const text = `
version: 2.1
parameters: {version: {type: string, default: "1.2.3"}}
orbs: {g: "acme/g@<< pipeline.parameters.version >>"}
workflows: {w: {jobs: [g/hello]}}
`
  assert.deepEqual(commandsOf(planOf(text, { orbs: { 'acme/g@1.2.3': greeter } }), 'g/hello'), [
    'echo hello world',
  ])
})

test('a missing orb is one problem that names everything needed from it, and where to put it', () => {
  const text = `
version: 2.1
orbs: {node: circleci/node@5.1, other: acme/other@1}
jobs:
  j: {executor: node/default, steps: [node/install, node/install]}
workflows: {w: {jobs: [j, node/test]}}
`
  const problems = problemsOf(text, { orbs: { 'circleci/node@5.0.2': greeter } })
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['E_ORB_MISSING', 'W_ORB_UNUSED'],
  )
  const [missing] = problems
  assert.match(
    missing?.message ?? '',
    /node\/default \(line 5\), node\/install \(line 5\), node\/test \(line 6\)/,
  )
  assert.match(missing?.help ?? '', /\.circleci\/orbs\/circleci\/node@5\.1\.yml; here are 5\.0\.2/)
  assert.equal(missing?.at?.line, 3)
})

test('what is wrong with an orb or its use is said where it stands', () => {
  const wrongBody = greeter.replace('hello <<', 'hello << parameters.nobody >><<')
  const [inOrb] = problemsOf(uses('acme/g@1.0.0'), { orbs: { 'acme/g@1.0.0': wrongBody } })
  assert.deepEqual(
    [inOrb?.code, inOrb?.at?.file, inOrb?.at?.line],
    ['E_PARAMETER_UNDECLARED', 'acme/g@1.0.0', 5],
  )
  const codes = (text: string, orbs = {}) => problemsOf(text, { orbs }).map(({ code }) => code)
  assert.deepEqual(codes(uses('acme/g@1.0.0').replace('g/hello', 'g/hallo'), { 'acme/g@1.0.0': greeter }), [
    'E_ORB_ELEMENT',
  ])
  assert.deepEqual(codes(uses('just-a-name')), ['E_ORB_REFERENCE'])
  assert.deepEqual(codes(uses('https://example.com/orb.yml')), ['E_ORB_MISSING'])
  assert.deepEqual(codes(uses('acme/g@1.0.0'), { 'acme/g@1.0.0': `${greeter}\nworkflows: {}` }), [
    'E_ORB_BODY',
  ])
  assert.deepEqual(codes(uses('acme/g@1.0.0'), { 'acme/g@1.0.0': 'a: [' }), ['E_YAML_SYNTAX'])
})

test('orbs that call each other without end are stopped', () => {
  const callsBack = (other: string) =>
    `orbs: {other: acme/${other}@1}\ncommands: {c: {steps: [other/c]}}\njobs: {j: {machine: true, steps: [c]}}`
  const orbs = { 'acme/a@1.0.0': callsBack('b'), 'acme/b@1.0.0': callsBack('a') }
  const text = 'version: 2.1\norbs: {a: acme/a@1}\nworkflows: {w: {jobs: [a/j]}}\n'
  assert.deepEqual(
    problemsOf(text, { orbs }).map(({ code }) => code),
    ['E_COMMAND_RECURSION'],
  )
})

test('"override-with" of an orb that is not here stops the compile, of one that is not declared leaves the job, with a word', () => {
  const overridden = (by: string, declared: string) => `
version: 2.1
orbs: {${declared}}
jobs: {build: {docker: [{image: i}], steps: [{run: own}]}}
workflows: {w: {jobs: [{build: {override-with: ${by}}}]}}
`
  const codes = (by: string, declared = 'g: acme/g@1.0.0') =>
    problemsOf(overridden(by, declared)).map(({ code }) => code)
  assert.deepEqual(codes('g/build'), ['E_ORB_MISSING'], 'never the own job in silence')
  assert.deepEqual(codes('other/build', ''), ['W_ORB_UNDECLARED'])
  assert.deepEqual(codes('build', ''), ['E_VALUE'])
})

test('"override-with" takes the job of the orb where there is one', () => {
  const text = (job: string) => `
version: 2.1
orbs:
${inline}
jobs: {build: {machine: true, steps: [{run: local}]}}
workflows: {w: {jobs: [{build: {override-with: g/${job}}}]}}
`
  assert.deepEqual(commandsOf(planOf(text('hello')), 'build'), ['echo hello world'])
  assert.deepEqual(commandsOf(planOf(text('nothing')), 'build'), ['local'])
})

test('an orb by address is one that was put there under it, or that the repository brings', () => {
  const text = `
version: 2.1
orbs: {g: "https://example.com/team/greet.yml"}
jobs: {own: {machine: true, steps: [g/greet]}}
workflows: {w: {jobs: [own]}}
`
  const orbs = { 'https://example.com/team/greet.yml': greeter }
  assert.deepEqual(commandsOf(planOf(text, { orbs }), 'own'), ['echo hello world'])
  const files = { '.circleci/orbs/url/example.com/team/greet.yml': greeter }
  const plan = planOf(text, { files })
  assert.equal(plan.source[1]?.path, '.circleci/orbs/url/example.com/team/greet.yml')
  const [missing] = problemsOf(text)
  assert.match(missing?.help ?? '', /^mayfly orb add https:\/\/example.com\/team\/greet.yml FILE/)
})
