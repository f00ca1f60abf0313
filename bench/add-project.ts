// Projects of the installation under test, added as a person adds them: through the CLI, the hook installed by it, the
// host key confirmed by its fingerprint.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Attempt, Project } from '../src/protocol/api/shapes.ts'
import { requestUnix } from '../src/sys/index.ts'
import { finalStatuses } from '../test/support/api.ts'
import { createRepository, type GitHost, type TestRepository } from '../test/support/git-host.ts'
import { waitFor } from '../test/support/installation.ts'
import { type ProjectKind, projectFiles } from './projects.ts'

export type BenchProject = {
  readonly name: string
  readonly repository: TestRepository
  readonly push: PushAddress
}

/** Where to push, and the environment that git needs for it. */
export type PushAddress = { readonly url: string; readonly env: Readonly<Record<string, string>> }

type Adding = {
  readonly cli: (...words: readonly string[]) => string
  readonly name: string
  readonly kind: ProjectKind
}

export const addLocalProject = async ({
  cli,
  name,
  kind,
  repositories,
}: Adding & { readonly repositories: string }): Promise<BenchProject> => {
  const repository = await createRepository(repositories, name, projectFiles(kind))
  cli(
    'project',
    'add',
    name,
    '--path',
    repository.bare,
    '--default-branch',
    'main',
    '--install-hook',
    repository.bare,
  )
  return { name, repository, push: { url: repository.bare, env: {} } }
}

export const addSshProject = async ({
  cli,
  name,
  kind,
  gitHost,
  operatorSocket,
}: Adding & { readonly gitHost: GitHost; readonly operatorSocket: string }): Promise<BenchProject> => {
  const repository = await gitHost.createRepository(name, projectFiles(kind))
  const url = gitHost.sshUrl(name)
  const hook = ['--default-branch', 'main', '--install-hook', repository.bare]
  const project = JSON.parse(cli('project', 'add', name, '--ssh', url, ...hook, '--json')) as Project
  await gitHost.authorize(project.deploy_key?.public_key ?? '')
  const call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const answer = await requestUnix({
      socketPath: operatorSocket,
      method,
      path,
      timeoutMs: 20_000,
      ...(body ? { body } : {}),
    })
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body as T
  }
  await contact(call, project.id)
  const fingerprint = gitHost.fingerprint
  await call('POST', `/api/v1/projects/${project.id}/host-keys`, { fingerprint })
  return { name, repository, push: sshAddress(gitHost, name) }
}

/** The first contact shows the host key, and ends without having believed it. */
const contact = async (
  call: <T>(method: 'GET' | 'POST', path: string, body?: unknown) => Promise<T>,
  project: string,
): Promise<void> => {
  const { attempt_id: id } = await call<{ attempt_id: string }>(
    'POST',
    `/api/v1/projects/${project}/refs`,
    {},
  )
  await waitFor('the first contact', async () =>
    finalStatuses.has((await call<Attempt>('GET', `/api/v1/attempts/${id}`)).status),
  )
}

/** OpenSSH as it comes: its own defaults, one connection for each push. */
export const sshAddress = (gitHost: GitHost, name: string): PushAddress => ({
  url: gitHost.sshUrl(name),
  env: {
    GIT_SSH_COMMAND: [
      ...['ssh', '-F', '/dev/null', '-i', join(gitHost.directory, 'person_key')],
      ...['-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=accept-new', '-o', 'LogLevel=ERROR'],
      ...['-o', `UserKnownHostsFile=${join(gitHost.directory, 'known_hosts')}`],
    ].join(' '),
  },
})

export const gitEnvironment = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }

/** Without the push: that is what gets measured. */
export const commit = (work: string): void => {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.invalid']
  execFileSync('git', [...identity, 'commit', '--quiet', '--allow-empty', '--message', 'Again'], {
    cwd: work,
    env: gitEnvironment,
  })
}
