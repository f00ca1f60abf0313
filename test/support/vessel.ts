// One project in an installation of its own, for end-to-end tests that push to it and look at what became of that.
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRepository, type TestRepository } from './git-host.ts'
import { type InstallationOptions, openInstallation, type TestInstallation, waitFor } from './installation.ts'

export type EndedRun = {
  readonly id: string
  readonly number: number
  readonly status: string
  readonly headline: string | null
  readonly event: { readonly commit: string }
  readonly log: string
  /** As `runs view` says it. */
  readonly view: string
}

type Listed = Omit<EndedRun, 'log' | 'view'>

export type Vessel = {
  /** A directory that goes away with all of it. */
  readonly place: string
  readonly installation: TestInstallation
  /** Its hook tells the installation of pushes. */
  readonly repository: TestRepository
  /** Standard output of a command that has to end well. */
  readonly succeeds: (...words: readonly string[]) => string
  /** The run of a commit once it has ended, as it should. */
  readonly ends: (commit: string, status?: string) => Promise<EndedRun>
  readonly close: () => Promise<void>
}

/** The project is called `vessel`; `files` are its first commit. */
export const openVessel = async (
  files: Readonly<Record<string, string>>,
  options: Pick<InstallationOptions, 'settings'> = {},
): Promise<Vessel> => {
  const place = await mkdtemp(join(tmpdir(), 'mayfly-vessel-'))
  await chmod(place, 0o755)
  const repository = await createRepository(place, 'vessel', files)
  const installation = await openInstallation({
    ...{ args: ['--no-sample', '--local-repos', place], ...options },
  })
  const succeeds = (...words: readonly string[]): string => {
    const { code, stdout, stderr } = installation.cli(...words)
    assert.equal(code, 0, `mayfly ${words.join(' ')}: ${stderr}`)
    return stdout
  }
  const close = async () => {
    await installation.close()
    await rm(place, { recursive: true, force: true })
  }
  try {
    succeeds('project', 'add', 'vessel', '--path', repository.bare, '--install-hook', repository.bare)
  } catch (error) {
    await close()
    throw error
  }
  const ended = (commit: string): Listed | null => {
    const list: { readonly items: readonly Listed[] } = JSON.parse(
      succeeds('runs', 'list', '--project', 'vessel', '--json'),
    )
    const found = list.items.find((each) => each.event.commit === commit)
    return ['passed', 'failed', 'errored', 'cancelled'].includes(found?.status ?? '') ? (found ?? null) : null
  }
  return {
    ...{ place, installation, repository, succeeds, close },
    ends: async (commit, status = 'passed') => {
      const run = await waitFor(`the run of ${commit}`, () => ended(commit))
      const log = succeeds('logs', String(run.number), '--project', 'vessel')
      assert.equal(run.status, status, log)
      return { ...run, log, view: succeeds('runs', 'view', String(run.number), '--project', 'vessel') }
    },
  }
}
