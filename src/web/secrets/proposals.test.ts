// What a second person reads on the page before they sign.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as world from '../../../test/web/double/world.ts'
import { readProposal } from './proposals.ts'

const hostKey = 'SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU'
const host =
  'git.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'

test('the hosts of a key, the repository of a value and the host keys of a project are among the facts', async () => {
  const [, put] = world.proposals
  assert.ok(put !== undefined)
  const factsOf = async (statement: Record<string, unknown>) =>
    (await readProposal({ ...put, statement: { ...put.statement, ...statement } }, new Map()))?.facts
  const policy = { refs: ['refs/heads/main'], events: ['push'], min_tier: 'branch' }
  const repository = 'git@git.example.com:acme/web.git'
  const ofKey = await factsOf({
    body: { kind: 'ssh', expires_at: null, allow_unmaskable: false, policy, hosts: [host], repository },
  })
  for (const fact of [`for git.example.org ssh-ed25519 ${hostKey}`, `in jobs of ${repository}`])
    assert.ok(ofKey?.includes(fact), ofKey?.join('\n'))
  const source = { kind: 'ssh', url: repository, user: 'git', host: 'git.example.com', port: 22 }
  const admit = [
    { project: world.idOf('prj', 1), source: { ...source, path: 'acme/web.git' }, host_keys: [hostKey] },
  ]
  const ofProject = await factsOf({ type: 'project.admit', body: { admit, withdraw: [] } })
  assert.match(ofProject?.join('\n') ?? '', new RegExp(hostKey.replaceAll('+', '\\+')))
})
