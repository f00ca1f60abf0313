// Git as somebody who works in a tree: Ada, on `main`, without this machine's own settings.
import { execFileSync } from 'node:child_process'

export const person = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.invalid'] as const

/** What it printed, without the white space around it; throws when it fails. */
export const gitAsPerson = (cwd: string, ...args: readonly string[]): string =>
  execFileSync('git', [...person, '-c', 'init.defaultBranch=main', ...args], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '',
      ...{ HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_AUTHOR_DATE: '1790000000 +0000' },
    },
  }).trim()
