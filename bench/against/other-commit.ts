// Another commit beside this one, ready to be measured: its sources with this commit's bench over them, so that both are
// measured by the same clock and the same steps.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { repository } from '../../test/support/installation.ts'

/** The bench, and what it uses of the tests. */
const measuring = ['bench', 'test/support']

/** null: there is no such commit here. */
export const resolveCommit = (revision: string): string | null => {
  try {
    const found = git('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`)
    return found.toString().trim()
  } catch {
    return null
  }
}

/** `directory` is made; what lies beside this repository lies beside it too. Packages are shared when both lock the same ones; else the launcher installs them. */
export const checkOutBeside = async (commit: string, directory: string): Promise<void> => {
  await mkdir(directory)
  const sources = git('archive', '--format=tar', commit)
  execFileSync('tar', ['-x', '-C', directory], { input: sources })
  for (const part of measuring)
    await cp(join(repository, part), join(directory, part), { recursive: true, force: true })
  const shared = join(repository, '../shared')
  if (existsSync(shared)) await symlink(shared, join(directory, '../shared'))
  const [own, other] = await Promise.all(
    [repository, directory].map((root) => readFile(join(root, 'package-lock.json'), 'utf8')),
  )
  if (own === other)
    execFileSync('cp', ['-a', join(repository, 'node_modules'), join(directory, 'node_modules')])
}

const megabytesMax = 500

const git = (...words: readonly string[]): Buffer =>
  execFileSync('git', ['-C', repository, ...words], {
    maxBuffer: megabytesMax * 1024 ** 2,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
