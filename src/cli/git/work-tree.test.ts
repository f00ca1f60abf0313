// What is known of the work tree that a command stands in.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gitAsPerson } from '../../../test/support/person-git.ts'
import type { Surroundings } from '../surroundings.ts'
import { findWorkTree } from './work-tree.ts'

const root = await mkdtemp(join(tmpdir(), 'mayfly-tree-'))
after(() => rm(root, { recursive: true }))
gitAsPerson(root, 'init', '--quiet')

for (const [address, told] of [
  ['https://oauth2:glpat-x@code.example/a/app.git', 'https://code.example/a/app.git'],
  ['https://ghp_x@code.example/a/app.git', 'https://code.example/a/app.git'],
  ['HTTP://a:b@c@code.example:8080/a@b.git', 'HTTP://code.example:8080/a@b.git'],
  ['ssh://git:word@code.example:2222/a/app.git', 'ssh://git@code.example:2222/a/app.git'],
  ['ssh://git@code.example/a/app.git', 'ssh://git@code.example/a/app.git'],
  ['git@code.example:a/app.git', 'git@code.example:a/app.git'],
  ['/srv/a@b/app.git', '/srv/a@b/app.git'],
  ['https://code.example/a@b/app.git', 'https://code.example/a@b/app.git'],
] as const)
  test(`of ${address} jobs are told ${told}`, async () => {
    gitAsPerson(root, 'config', 'remote.origin.url', address)
    // SAFE: Git is all that is looked at.
    const around = { cwd: root, environment: { PATH: process.env.PATH } } as unknown as Surroundings
    assert.equal((await findWorkTree(around))?.remote, told)
  })
