// The steps that carry files, and SSH keys: what they become, and what is said of one that is not complete.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlanStep, RunEvent } from '../../../protocol/plan.ts'
import { compile } from '../../index.ts'

const event: RunEvent = {
  ...{ kind: 'push', ref: 'refs/heads/main', commit: 'a'.repeat(40), branch: 'main', tag: null },
}

const compiled = (step: string) => {
  const text = `version: 2.1\njobs:\n  a:\n    docker: [{image: x}]\n    steps:\n      - ${step}\nworkflows: {w: {jobs: [a]}}\n`
  const result = compile({ files: new Map([['.circleci/config.yml', text]]), event, parameters: {} })
  return { steps: result.ok ? result.plan.workflows[0]?.jobs[0]?.spec?.steps : undefined, result }
}
const becomes = (step: string, expected: PlanStep) => {
  const { steps, result } = compiled(step)
  assert.deepEqual(steps, [expected], JSON.stringify(result.problems))
  assert.deepEqual(result.problems, [])
}
const complains = (step: string, words: RegExp) => {
  const { result } = compiled(step)
  assert.ok(
    !result.ok && result.problems.some(({ message }) => words.test(message)),
    JSON.stringify(result.problems),
  )
}

test('each becomes a step of its own; lists may be scalars, templates in keys stay', () => {
  const usual = { when: 'on_success' } as const
  becomes('persist_to_workspace: {root: out, paths: [a, "b*/c"]}', {
    ...{ kind: 'persist', name: 'persist_to_workspace', ...usual, root: 'out', paths: ['a', 'b*/c'] },
  })
  becomes('persist_to_workspace: {root: ., paths: ., name: Hand on}', {
    ...{ kind: 'persist', name: 'Hand on', ...usual, root: '.', paths: ['.'] },
  })
  becomes('attach_workspace: {at: ~/ws}', {
    ...{ kind: 'attach', name: 'attach_workspace', ...usual, at: '~/ws' },
  })
  becomes('save_cache: {key: "v1-{{ checksum \\"a\\" }}", paths: [~/.m2], when: always}', {
    ...{
      kind: 'save-cache',
      name: 'save_cache',
      when: 'always',
      key: 'v1-{{ checksum "a" }}',
      paths: ['~/.m2'],
    },
  })
  becomes('restore_cache: {keys: [b, c], key: a}', {
    ...{ kind: 'restore-cache', name: 'restore_cache', ...usual, keys: ['a', 'b', 'c'] },
  })
  becomes('store_artifacts: {path: out}', {
    ...{ kind: 'store-artifacts', name: 'store_artifacts', when: 'always', path: 'out', destination: null },
  })
  becomes('store_artifacts: {path: out, destination: report}', {
    ...{
      kind: 'store-artifacts',
      name: 'store_artifacts',
      when: 'always',
      path: 'out',
      destination: 'report',
    },
  })
})

test('what is missing is named', () => {
  complains('persist_to_workspace: {paths: [a]}', /"persist_to_workspace" needs "root"/)
  complains('persist_to_workspace: {root: .}', /"persist_to_workspace" needs "paths"/)
  complains('attach_workspace', /"attach_workspace" needs "at"/)
  complains('save_cache: {key: a}', /"save_cache" needs "paths"/)
  complains('save_cache: {paths: [a]}', /"save_cache" needs "key"/)
  complains('restore_cache: {name: x}', /"restore_cache" needs "key" or "keys"/)
  complains('store_artifacts: {destination: x}', /"store_artifacts" needs "path"/)
})

test('SSH keys are all of them, or those with the fingerprints that are named', () => {
  const step = { kind: 'ssh-keys', name: 'add_ssh_keys', when: 'on_success' } as const
  becomes('add_ssh_keys', { ...step, fingerprints: null })
  becomes('add_ssh_keys: {fingerprints: []}', { ...step, fingerprints: null })
  becomes('add_ssh_keys: {fingerprints: ["SHA256:x", "aa:bb"], name: Keys}', {
    ...{ ...step, name: 'Keys', fingerprints: ['SHA256:x', 'aa:bb'] },
  })
  becomes('add-ssh-keys: {fingerprints: "aa:bb"}', { ...step, fingerprints: ['aa:bb'] })
})
