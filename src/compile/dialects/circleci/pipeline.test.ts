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
  const result = compile({
    files: new Map([['.circleci/config.yml', text]]),
    event: { kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
    parameters: {},
    ...more,
  })
  assert.ok(result.ok)
  const step = result.plan.workflows[0]?.jobs[0]?.spec?.steps[0]
  return { command: step?.kind === 'run' ? step.command : null, inputs: result.plan.inputs }
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

test('only a plan that asks for them is of one run', () => {
  assert.deepEqual(compiled('<< pipeline.number >>').inputs.run, run)
  assert.equal('run' in compiled('<< pipeline.git.branch >> << pipeline.git.revision >>').inputs, false)
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
  assert.ok(judgeCompile(text).problems.some(({ code }) => code === 'MF2131'))
})
