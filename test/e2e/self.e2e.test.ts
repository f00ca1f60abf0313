// Mayfly on itself: its own `.circleci/config.yml` (install, static check, unit tests) runs green in its own sandboxes,
// once by `mayfly run` in a clone and once by a push to an installation.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Run } from '../../src/protocol/api/shapes.ts'
import { createApi } from '../support/api.ts'
import { openInstallation, repository, runCli, waitFor } from '../support/installation.ts'
import { person } from '../support/person-git.ts'

const world = { directory: '', bare: '', clone: '' }
const selfRunDeadlineMs = 600_000

before(async () => {
  world.directory = await mkdtemp(join(tmpdir(), 'mayfly-self-'))
  await chmod(world.directory, 0o755)
  world.bare = join(world.directory, 'mayfly.git')
  world.clone = join(world.directory, 'clone')
  git('/', 'clone', '--quiet', '--no-hardlinks', repository, world.clone)
  git('/', 'clone', '--quiet', '--bare', '--no-hardlinks', repository, world.bare)
})

after(() => rm(world.directory, { recursive: true, force: true }))

test('`mayfly run` in a clone of this repository is green', () => {
  const done = runCli(join(world.directory, 'none'), ['run'], {
    cwd: world.clone,
    timeoutMs: selfRunDeadlineMs,
  })
  assert.equal(done.code, 0, lastLines(done.stdout + done.stderr))
  assert.match(done.stdout, /Unit tests/)
})

test('a push of this repository to an installation is green', async () => {
  const installation = await openInstallation({ args: ['--no-sample', '--local-repos', world.directory] })
  try {
    const added = installation.cli(
      'project',
      'add',
      'mayfly',
      '--path',
      world.bare,
      '--install-hook',
      world.bare,
    )
    assert.equal(added.code, 0, added.stderr)
    git(world.clone, 'remote', 'set-url', 'origin', world.bare)
    git(world.clone, ...person, 'commit', '--quiet', '--allow-empty', '--message', 'Run yourself')
    git(world.clone, 'push', '--quiet', 'origin', 'HEAD')
    const api = createApi(installation)
    const started = await waitFor('the run of the push', async () => {
      const { items } = await api.get<{ items: Run[] }>('/api/v1/runs?project=mayfly')
      return items[0]
    })
    const run = await api.finishedRun(started.id, selfRunDeadlineMs)
    assert.equal(run.status, 'passed', lastLines(installation.cli('logs', `#${run.number}`).stdout))
  } finally {
    await installation.close()
  }
})

const git = (cwd: string, ...args: readonly string[]): string =>
  execFileSync('git', args, {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' },
  })

const lastLines = (text: string): string => text.split('\n').slice(-60).join('\n')
