// The Git work tree a command stands in: its root, branch, commit, remote, and the files that belong to it. Reads
// only; a repository's own configuration can name programs, and none of those is started: who looks at a repository
// that came from somewhere does not run it.
import { basename } from 'node:path'
import { fault } from '../../base/faults.ts'
import { type RunResult, run } from '../../sys/index.ts'
import { passedOn } from '../passed-on.ts'
import type { Surroundings } from '../surroundings.ts'

export type WorkTree = {
  readonly root: string
  /** null on a detached head. */
  readonly branch: string | null
  readonly tag: string | null
  /** 40 zeros before the first commit. */
  readonly commit: string
  /** Without what a person signs in with: jobs are told of it. */
  readonly remote: string | null
  readonly name: string
}

const gitDeadlineMs = 30_000
const noCommit = '0'.repeat(40)

/** null outside of any work tree. */
export const findWorkTree = async (around: Surroundings): Promise<WorkTree | null> => {
  const ask = (...args: readonly string[]) => git(around, around.cwd, args)
  const root = await ask('rev-parse', '--show-toplevel')
  if (root === null || root === '') return null
  const [branch, commit, tag, address] = await Promise.all([
    ask('symbolic-ref', '--quiet', '--short', 'HEAD'),
    ask('rev-parse', '--verify', '--quiet', 'HEAD'),
    ask('describe', '--tags', '--exact-match', 'HEAD'),
    ask('config', '--get', 'remote.origin.url'),
  ])
  const remote = address && withoutSignIn(address)
  return {
    root,
    branch,
    tag: branch === null ? tag : null,
    commit: commit ?? noCommit,
    remote,
    name: nameOf(remote ?? root),
  }
}

/** A user alone is a token, too, but for SSH. */
const withoutSignIn = (address: string): string =>
  address
    .replace(/^(ssh:\/\/[^/:@]*):[^/]*@/i, '$1@')
    .replace(/^((?!ssh:)[a-z][a-z0-9+.-]*:\/\/)[^/]*@/i, '$1')

/** Why Git opens nothing here, though something may be there: of somebody else, or damaged. null: there is nothing. */
export const whyRefused = async (around: Surroundings): Promise<string | null> => {
  const { code, stderr } = await gitBytes(around, around.cwd, ['rev-parse', '--git-dir'])
  const words = stderr.toString('utf8').trim()
  return code === 0 || words.startsWith('fatal: not a git repository (or any ') ? null : words
}

/**
 * Tracked files and untracked ones that are not ignored, relative to `directory`, NUL-terminated as tar reads them. A list
 * that Git did not bring to its end is a fault: a job would pass with half of the files, or none.
 */
export const listFiles = async (around: Surroundings, directory: string): Promise<Uint8Array> => {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate']
  const [all, deleted] = await Promise.all([
    gitOutput(around, directory, args),
    gitOutput(around, directory, ['ls-files', '-z', '--deleted']),
  ])
  const gone = new Set(deleted.toString('latin1').split('\0'))
  const present = all
    .toString('latin1')
    .split('\0')
    .filter((path) => path !== '' && !gone.has(path))
  return Buffer.from(present.map((path) => `${path}\0`).join(''), 'latin1')
}

/** Directories among `files` (of `listFiles`) whose content is that of another repository. */
export const listRepositories = async (
  around: Surroundings,
  directory: string,
  files: Uint8Array,
): Promise<{ readonly submodules: readonly string[]; readonly others: readonly string[] }> => {
  const staged = (await gitOutput(around, directory, ['ls-files', '-z', '--stage'])).toString('utf8')
  const submodules = staged.split('\0').flatMap((line) => /^160000 [^\t]*\t(.*)$/s.exec(line)?.[1] ?? [])
  const paths = Buffer.from(files).toString('utf8').split('\0')
  // Git writes no other path with a slash at its end.
  return { submodules, others: paths.filter((path) => path.endsWith('/')) }
}

/** What it says, without the line end; null when it fails. */
export const git = async (
  around: Surroundings,
  cwd: string,
  args: readonly string[],
): Promise<string | null> => {
  const done = await gitBytes(around, cwd, args)
  // A directory may be called by white space, too.
  return done.code === 0 ? done.stdout.toString('utf8').replace(/\n$/, '') : null
}

/** What it printed; a fault, in its own words, when it failed. */
export const gitOutput = async (
  around: Surroundings,
  cwd: string,
  args: readonly string[],
): Promise<Buffer> => {
  const { code, signal, stdout, stderr } = await gitBytes(around, cwd, args)
  if (code === 0) return stdout
  const words = stderr.toString('utf8').trim() || `it ended by ${signal ?? `exit code ${code}`}`
  throw fault('E_INPUT', { public: `git ${args[0]} failed: ${words}` })
}

/** Whose repositories Git opens, where the same person says what is ignored everywhere, and what else they configure. */
const ofPerson = /^(SUDO_UID|XDG_CONFIG_HOME|GIT_CONFIG_GLOBAL|GIT_CONFIG_COUNT|GIT_CONFIG_(KEY|VALUE)_\d+)$/

/** What is set before them names no program of the repository's choice: monitor, hooks, who checks a signature. */
const starting = ['core.fsmonitor=false', 'core.hooksPath=/dev/null', 'log.showSignature=false']

/** A command of Git that starts no program of the repository's choice. What looks into files wants `withoutFilters`, too. */
export const gitCommand = ({ environment }: Surroundings, cwd: string, args: readonly string[]) => ({
  args: [...starting.flatMap((setting) => ['-c', setting]), ...args],
  options: {
    cwd,
    env: {
      HOME: environment.HOME ?? '/',
      PATH: environment.PATH ?? '/usr/bin:/bin',
      GIT_OPTIONAL_LOCKS: '0',
      // What a partial clone lacks is not asked for: the repository says by which program, and where.
      GIT_ALLOW_PROTOCOL: '',
      GIT_NO_LAZY_FETCH: '1',
      ...passedOn(environment, ofPerson),
    },
  },
})

/** Where filters of the repository's own configuration are no programs: files are compared as they lie there. */
export const withoutFilters = async (around: Surroundings, cwd: string): Promise<Surroundings> => {
  const listed = await gitOutput(around, cwd, ['config', '--null', '--show-scope', '--name-only', '--list'])
  const words = listed.toString('utf8').split('\0')
  const filters = words.flatMap((key, at) => {
    // Scope and key take turns.
    const isOfRepository = at % 2 === 1 && /^(local|worktree)$/.test(words[at - 1] ?? '')
    return isOfRepository && key.startsWith('filter.') ? [key.slice(0, key.lastIndexOf('.'))] : []
  })
  const { environment } = around
  const own = Number(environment.GIT_CONFIG_COUNT ?? 0)
  const set = [...new Set(filters)].flatMap((filter) => [
    [`${filter}.clean`, ''],
    [`${filter}.process`, ''],
    [`${filter}.required`, 'false'],
  ])
  const named = set.flatMap(([key, value], at) => [
    [`GIT_CONFIG_KEY_${own + at}`, key],
    [`GIT_CONFIG_VALUE_${own + at}`, value],
  ])
  const count = String(own + set.length)
  return { ...around, environment: { ...environment, ...Object.fromEntries(named), GIT_CONFIG_COUNT: count } }
}

export const gitBytes = (around: Surroundings, cwd: string, args: readonly string[]) => {
  const command = gitCommand(around, cwd, args)
  const limits = { timeoutMs: gitDeadlineMs, limitBytes: 256 * 1024 * 1024 }
  return run('git', command.args, { ...command.options, ...limits }).catch(notThere)
}

const notThere = (error: unknown): RunResult => {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  const [stdout, stderr] = [Buffer.alloc(0), Buffer.from('there is no program git on this machine')]
  return { code: 127, signal: null, stdout, stderr }
}

/** `git@host:team/app.git` → `app`. */
const nameOf = (address: string): string =>
  basename(address.replace(/\/+$/, '')).replace(/\.git$/, '') || 'local'
