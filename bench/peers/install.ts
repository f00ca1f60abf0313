// Programs of peers, put where they are found again by the next run: npm packages below `build/` (no manifest of ours names
// them), packages of the distribution by its own installer, which needs root.
import { existsSync, readFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { run } from '../../src/sys/index.ts'
import { repository } from '../../test/support/installation.ts'

const installMs = 5 * 60_000

/** Answers where the package lies. Its install scripts do not run. */
export const npmPackage = async (name: string, version: string): Promise<string> => {
  const prefix = join(repository, 'build/peers')
  const directory = join(prefix, 'node_modules', name)
  if (versionOf(directory) === version) return directory
  await mkdir(prefix, { recursive: true })
  const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--loglevel=error']
  await install('npm', ['install', '--prefix', prefix, ...quiet, `${name}@${version}`])
  return directory
}

const versionOf = (directory: string): string | null => {
  const path = join(directory, 'package.json')
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version : null
}

/** That each program is on the path; what is missing is installed from the packages of the distribution. */
export const debianPrograms = async (packages: Readonly<Record<string, string>>): Promise<void> => {
  const missing = Object.entries(packages).filter(([program]) => !isOnPath(program))
  if (missing.length === 0) return
  const names = missing.map(([, name]) => name)
  if (!isOnPath('apt-get')) throw new Error(`not installed: ${names.join(', ')}`)
  process.stderr.write(`installing ${names.join(', ')} … `)
  await install('apt-get', ['install', '--yes', '--no-install-recommends', ...names])
}

export const isOnPath = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, program)))

const install = async (program: string, args: readonly string[]): Promise<void> => {
  // As its caller's: where registries are and which certificates they have is set up there.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const { code, stderr } = await run(program, args, { timeoutMs: installMs, env })
  if (code !== 0)
    throw new Error(`${program} could not install: ${stderr.toString().trim().split('\n').at(-1)}`)
}
