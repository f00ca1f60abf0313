// The digest by which server, runner and vault mean the same job: fixed for ever, whoever computes it and in whatever order a
// database gives members back; every member counts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobSpec } from '../protocol/plan.ts'
import { specDigest } from './spec-digest.ts'

const spec: JobSpec = {
  ...{ v: 1, dialect: 'circleci', image: { kind: 'container', ref: 'cimg/base:stable' }, services: [] },
  ...{ resourceClass: null, workdir: '~/project', env: [['A', 'ü']], contexts: ['deploy'], egress: null },
  timeoutMs: 3_600_000,
  steps: [
    {
      ...{ kind: 'run', name: 'Deploy', when: 'on_success', command: './deploy.sh', shell: null, env: [] },
      ...{
        background: false,
        workdir: null,
        noOutputTimeoutMs: 600_000,
        maxAutoReruns: 0,
        autoRerunDelayMs: 0,
      },
    },
  ],
}

test('a job has one digest', async () => {
  assert.equal(await specDigest(spec), '8ac736cf5a4a182272e3b3c644f1431675baa1feb4a30750348b82bee85b3bd7')
  const reversed = Object.fromEntries(Object.entries(spec).reverse()) as JobSpec
  assert.equal(await specDigest(reversed), await specDigest(spec))
})

test('every change of a job is another job', async () => {
  const [step] = spec.steps
  const changes: readonly object[] = [
    { env: [] },
    { contexts: [] },
    { image: { kind: 'container', ref: 'cimg/base:edge' } },
    { egress: { mode: 'open', allow: [] } },
    { timeoutMs: 1 },
    { workdir: '/' },
    { setup: true },
    { audiences: [null] },
    { steps: [] },
    { steps: [step, step] },
    { steps: [{ ...step, command: './deploy.sh ' }] },
    { steps: [{ ...step, shell: ['/bin/sh', '-c'] }] },
    { services: [{ name: 'db', ref: 'postgres', env: [] }] },
  ]
  const digests = await Promise.all(
    [{}, ...changes].map((change) => specDigest({ ...spec, ...change } as JobSpec)),
  )
  assert.equal(new Set(digests).size, digests.length)
})
