// A real Git host for tests: OpenSSH's sshd on loopback with its own host key, one Git user's keys, and bare
// repositories below a directory of the test. Also plain local repositories.
import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { appendFile, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, waitFor } from './installation.ts'
import { person } from './person-git.ts'

export type GitHost = {
  readonly port: number
  readonly directory: string
  /** `SHA256:…` of the host key. */
  readonly fingerprint: string
  readonly sshUrl: (name: string) => string
  /** A bare repository with this content as its first commit on `main`, pushed over SSH as every later one. */
  readonly createRepository: (
    name: string,
    files: Readonly<Record<string, string>>,
  ) => Promise<TestRepository>
  /** Lets a deploy key in. */
  readonly authorize: (publicKey: string) => Promise<void>
  /** What sshd has said: who came with which key, who has gone. */
  readonly said: () => string
  /** Ends every connection from this side. */
  readonly drop: () => void
  readonly close: () => Promise<void>
}

export type TestRepository = {
  readonly bare: string
  readonly work: string
  /** Commits files and pushes to `main`; answers the commit. */
  readonly push: (files: Readonly<Record<string, string>>, message: string) => string
  readonly head: () => string
  /** Any git command in the work tree, whose `origin` is the bare repository. */
  readonly git: (...args: readonly string[]) => string
}

/** Where pushes go when not to the directory itself, and how ssh gets there. */
type Remote = { readonly url: string; readonly ssh: string }

export const openGitHost = async (): Promise<GitHost> => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-git-'))
  await chmod(directory, 0o755)
  const port = await freePort()
  const key = join(directory, 'host_key')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'person_key')])
  await writeFile(
    join(directory, 'authorized_keys'),
    execFileSync('cat', [join(directory, 'person_key.pub')]),
  )
  await writeFile(join(directory, 'sshd_config'), sshdConfig(directory, port))
  await mkdir('/run/sshd', { recursive: true })
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(directory, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lines: string[] = []
  sshd.stderr.on('data', (chunk) => lines.push(String(chunk)))
  await waitFor('sshd', () => {
    if (sshd.exitCode !== null) throw new Error(`sshd ended: ${lines.join('')}`)
    return lines.join('').includes('Server listening')
  })
  const fingerprint =
    execFileSync('ssh-keygen', ['-l', '-f', `${key}.pub`], { encoding: 'utf8' }).split(' ')[1] ?? ''
  const sshUrl = (name: string) => `ssh://root@127.0.0.1:${port}${directory}/${name}.git`
  const ssh = sshCommand(directory)
  return {
    port,
    directory,
    fingerprint,
    sshUrl,
    createRepository: (name, files) => createRepository(directory, name, files, { url: sshUrl(name), ssh }),
    authorize: (publicKey) =>
      appendFile(join(directory, 'authorized_keys'), `restrict ${publicKey.trim()}\n`),
    said: () => lines.join(''),
    drop: () => {
      const children = readFileSync(`/proc/${sshd.pid}/task/${sshd.pid}/children`, 'utf8')
      for (const pid of children.split(' ').filter(Boolean)) process.kill(Number(pid), 'SIGKILL')
    },
    close: async () => {
      sshd.kill('SIGTERM')
      await new Promise<void>((resolve) =>
        sshd.exitCode === null ? sshd.once('exit', () => resolve()) : resolve(),
      )
      await rm(directory, { recursive: true, force: true })
    },
  }
}

const sshdConfig = (directory: string, port: number): string => `
Port ${port}
ListenAddress 127.0.0.1
HostKey ${directory}/host_key
AuthorizedKeysFile ${directory}/authorized_keys
PidFile ${directory}/sshd.pid
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
`

/** As the person whose key the host knows; the host is the one that shows up first. */
const sshCommand = (directory: string): string =>
  [
    `ssh -F /dev/null -i ${directory}/person_key -o IdentitiesOnly=yes`,
    `-o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=${directory}/known_hosts`,
  ].join(' ')

export const createRepository = async (
  root: string,
  name: string,
  files: Readonly<Record<string, string>>,
  remote?: Remote,
): Promise<TestRepository> => {
  const bare = join(root, `${name}.git`)
  const work = join(root, `${name}-work`)
  git(root, ['init', '--quiet', '--bare', '--initial-branch=main', bare])
  git(root, ['init', '--quiet', '--initial-branch=main', work])
  const inWork = (...args: readonly string[]) => git(work, args, remote?.ssh)
  inWork('remote', 'add', 'origin', remote?.url ?? bare)
  const repository: TestRepository = {
    bare,
    work,
    push: (more, message) => {
      writeTree(work, more)
      inWork('add', '--all')
      inWork(...person, 'commit', '--quiet', '--allow-empty', '--message', message)
      inWork('push', '--quiet', 'origin', 'main')
      return repository.head()
    },
    head: () => inWork('rev-parse', 'HEAD').trim(),
    git: inWork,
  }
  repository.push(files, 'First commit')
  return repository
}

/** A branch with an empty commit of its own, made in the bare repository itself: no push, so no hook is called. */
export const commitOnBranch = (bare: string, branch: string): string => {
  const made = git(bare, [...person, 'commit-tree', '-p', 'main', '-m', branch, 'main^{tree}']).trim()
  git(bare, ['update-ref', `refs/heads/${branch}`, made])
  return made
}

/** The same with one file more, or another one. */
export const commitWithFile = (
  bare: string,
  branch: string,
  file: { readonly path: string; readonly text: string },
): string => {
  const index = join(bare, 'index-of-a-commit')
  const inIndex = (args: readonly string[], input?: string) =>
    execFileSync('git', args, {
      cwd: bare,
      encoding: 'utf8',
      input,
      env: { ...bareEnv, GIT_INDEX_FILE: index },
    })
  inIndex(['read-tree', 'main'])
  const blob = inIndex(['hash-object', '-w', '--stdin'], file.text).trim()
  inIndex(['update-index', '--add', '--cacheinfo', `100644,${blob},${file.path}`])
  const tree = inIndex(['write-tree']).trim()
  const made = git(bare, [...person, 'commit-tree', '-p', 'main', '-m', branch, tree]).trim()
  git(bare, ['update-ref', `refs/heads/${branch}`, made])
  return made
}

const writeTree = (work: string, files: Readonly<Record<string, string>>): void => {
  for (const [path, text] of Object.entries(files)) {
    execFileSync('mkdir', ['-p', join(work, path, '..')])
    execFileSync('tee', [join(work, path)], { input: text, stdio: ['pipe', 'ignore', 'inherit'] })
  }
}

const bareEnv = { PATH: process.env.PATH ?? '', HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1' }

const git = (cwd: string, args: readonly string[], ssh?: string): string =>
  execFileSync('git', args, {
    cwd,
    encoding: 'utf8',
    timeout: 60_000,
    env: {
      ...bareEnv,
      ...(ssh === undefined ? {} : { GIT_SSH_COMMAND: ssh }),
    },
  })
