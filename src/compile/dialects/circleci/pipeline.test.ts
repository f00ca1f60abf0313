// Values of one run: shown where they are asked for, and part of the plan's inputs only then.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeCompile } from '../../../../test/support/damaged-configurations.ts'
import { compile } from '../../index.ts'

const run = {
  ...{ id: 'run_1', number: 17, organisation: 'acme', project: 'web' },
  ...{ defaultBranch: 'main', url: 'ssh://git.example/web.git' },
}
const compiled = (command: string, more: object = { run }) => {
  const text = `version: 2.1\njobs: {build: {machine: true, steps: [{run: '${command}'}]}}\n`
  const { plan } = planOf(text, more)
  const step = plan.workflows[0]?.jobs[0]?.spec?.steps[0]
  return { command: step?.kind === 'run' ? step.command : null, inputs: plan.inputs }
}
const planOf = (text: string, more: object) => {
  const result = compile({
    files: new Map([['.circleci/config.yml', text]]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
    ...more,
  })
  assert.ok(result.ok, JSON.stringify(result.problems))
  return result
}

test('number, id and names of the run are there, with their types', () => {
  const of = (name: string) => compiled(`<< pipeline.${name} >>.`).command
  assert.equal(of('number'), '17.')
  assert.equal(of('id'), 'run_1.')
  assert.equal(of('project.slug'), 'mayfly/acme/web.')
  assert.equal(of('git.branch.is_default'), 'true.')
  assert.equal(of('git.repo_url'), 'ssh://git.example/web.git.')
  assert.equal(compiled('<< pipeline.number == 17 >>.').command, 'true.')
  assert.equal(compiled('<< pipeline.number >>.', {}).command, '.')
})

test('a slug names serial groups, whatever the organisation is called', () => {
  const named = { run: { ...run, organisation: 'Ada & Söhne' } }
  assert.equal(compiled('<< pipeline.project.slug >>', named).command, 'mayfly/Ada-S-hne/web')
})

test('only a plan that asks for them is of one run', () => {
  assert.deepEqual(compiled('<< pipeline.number >>').inputs.run, run)
  assert.equal('run' in compiled('<< pipeline.git.branch >> << pipeline.git.revision >>').inputs, false)
  assert.equal('run' in compiled('echo pipeline.number # \\<< pipeline.number >>').inputs, false)
})

test('however a plan came to ask for them, it is of one run', () => {
  const asking = [
    'steps: [{run: "<< pipeline.\\x6eumber >>"}]',
    'steps: [{run: "<< pipeline.num\\\n  ber >>"}]',
    'steps: [{when: {condition: "pipeline.\\u006eumber == 17", steps: [{run: a}]}}]',
    'steps: [{when: {condition: {equal: ["<< pipeline.\\u0069d >>", run_1]}, steps: [{run: a}]}}]',
  ]
  for (const job of asking)
    for (const given of [{}, { withSelection: true }]) {
      const { plan } = planOf(`version: 2.1\njobs: {build: {machine: true, ${job}}}\n`, { run, ...given })
      assert.deepEqual(plan.inputs.run, run, job)
    }
})

test('whatever else a source host or a trigger may tell is there, and not set', () => {
  for (const name of [
    'event.github.pull_request.user.login',
    'trigger_parameters.github_app.repo_owner',
    'trigger_parameters.gitlab.is_fork_merge_request',
    'trigger_parameters.webhook.body',
    'deploy.environment_name',
  ]) {
    assert.equal(compiled(`<< pipeline.${name} >>.`).command, '.', name)
    assert.equal(compiled(`<< pipeline.${name} == "x" >>.`).command, 'false.', name)
  }
  const text =
    'version: 2.1\njobs: {build: {machine: true, steps: [{run: "<< pipeline.event.gitub.x >>."}]}}\n'
  const [slip] = judgeCompile(text).problems.filter(({ code }) => code === 'MF2049')
  assert.match(slip?.message ?? '', /there is no value "pipeline.event.gitub.x"; it is empty/)
})

const change = {
  commit: { url: 'https://code.example/acme/web/commit/1', author: 'ada-l' },
  base: 'b'.repeat(40),
  pullRequest: {
    ...{ number: 12, url: 'https://code.example/acme/web/pull/12', title: 'Fix "it"; rm -rf ~' },
    ...{ action: 'opened', author: 'ada', base: 'main', draft: true },
  },
}
const told = {
  run: { ...run, commit: { subject: 'Fix $(it)', author: 'Ada', body: 'Fix more\n`id`' }, change },
}

test('a pull request, the commit before and the message are there where somebody told of them', () => {
  const of = (name: string, more: object = told) => compiled(`<< pipeline.${name} >>.`, more).command
  assert.equal(of('event.name'), 'pull_request.')
  assert.equal(of('event.name', { run }), 'push.')
  assert.equal(of('event.action'), 'opened.')
  assert.equal(of('event.context.github.pr_url'), `${change.pullRequest.url}.`)
  assert.equal(of('event.github.pull_request.number'), '12.')
  assert.equal(of('event.github.pull_request.draft'), 'true.')
  assert.equal(of('event.github.pull_request.head.ref'), 'main.')
  assert.equal(of('event.github.pull_request.head.ref', { run }), '.')
  assert.equal(of('git.base_revision'), `${change.base}.`)
  assert.equal(of('git.base_revision', { run }), '.')
  assert.equal(of('git.commit.url'), `${change.commit.url}.`)
  assert.equal(of('git.commit.author_login'), 'ada-l.')
  for (const name of ['url', 'body', 'author_login']) assert.equal(of(`git.commit.${name}`, { run }), '.')
  assert.equal(of('trigger_parameters.circleci.event_type'), 'pull_request.')
  assert.deepEqual(compiled('<< pipeline.git.base_revision >>', told).inputs.run, told.run)
})

test('titles and messages are text of strangers: with unsafe characters they stand in no script', () => {
  for (const name of [
    'event.github.pull_request.title',
    'git.commit.subject',
    'git.commit.body',
    'trigger_parameters.github_app.commit_title',
  ]) {
    assert.equal(compiled(`echo << pipeline.${name} >>`, told).command, null, name)
    const allowed = compiled(`echo << pipeline.${name} >>`, { ...told, untrustedInScripts: true })
    assert.match(allowed.command ?? '', /^echo Fix /)
  }
  assert.equal(compiled('<< pipeline.git.commit.subject == "x" >>.', told).command, 'false.')
})

test('text from outside stops the step wherever its shell was written', () => {
  const words = 'bash -c "<< pipeline.git.branch >>; exec bash $0"'
  const shell = `shell: '${words}'`
  const ofExecutor =
    'executors: {e: {machine: true, parameters: {s: {type: string}}, shell: << parameters.s >>}}\n'
  for (const text of [
    `jobs: {build: {machine: true, ${shell}, steps: [{run: ls}]}}`,
    `jobs: {build: {machine: {${shell}}, steps: [{run: ls}]}}`,
    `jobs: {build: {machine: true, steps: [{run: {command: ls, shell: [bash, -c, << pipeline.git.branch >>]}}]}}`,
    `${ofExecutor}jobs: {build: {executor: {name: e, s: '${words}'}, steps: [{run: ls}]}}`,
  ]) {
    const of = (branch: string) =>
      compile({
        files: new Map([['.circleci/config.yml', `version: 2.1\n${text}\n`]]),
        event: { kind: 'push', ref: `refs/heads/${branch}`, commit: 'a'.repeat(40), branch, tag: null },
        parameters: {},
      })
    const kindOf = (result: ReturnType<typeof of>) =>
      result.ok && result.plan.workflows[0]?.jobs[0]?.spec?.steps[0]?.kind
    assert.equal(kindOf(of('main')), 'run', text)
    const unsafe = of('x;id')
    assert.equal(kindOf(unsafe), 'refused', text)
    assert.match(unsafe.problems.map(({ message }) => message).join(), /untrusted-in-script/)
  }
})

test('what is not set equals the empty text, as on its platform, and nothing else', () => {
  const isMet = (condition: string) => {
    const text = `version: 2.1\njobs: {build: {machine: true, steps: [{run: x}]}}\nworkflows: {w: {when: ${condition}, jobs: [build]}}\n`
    const result = judgeCompile(text)
    return result.ok && result.plan.workflows.length === 1
  }
  assert.equal(isMet('{equal: ["", << pipeline.git.tag >>]}'), true)
  assert.equal(isMet('{not: {equal: [<< pipeline.git.tag >>, ""]}}'), false)
  assert.equal(isMet('{equal: ["", << pipeline.git.branch >>]}'), false)
  assert.equal(isMet('{equal: [false, << pipeline.git.tag >>]}'), false)
  assert.equal(isMet('{equal: ["", null]}'), false)
})

test('a setup configuration knows that it is one, and what it goes on with that it is none', () => {
  const text = (more: string) =>
    `version: 2.1\n${more}jobs: {build: {machine: true, steps: [{run: "<< pipeline.in_setup >>."}]}}\n`
  const commandOf = (source: string) => {
    const result = judgeCompile(source)
    const step = result.ok && result.plan.workflows[0]?.jobs[0]?.spec?.steps[0]
    return step && step.kind === 'run' && step.command
  }
  assert.equal(commandOf(text('setup: true\n')), 'true.')
  assert.equal(commandOf(text('')), 'false.')
})
