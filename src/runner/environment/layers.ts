// Who wins when two layers name the same variable (config-dialects.md §2.14): step over job over built-in over secrets.
// The base below all of them is what any Linux account has.

import { hostCommandsPath } from '../../protocol/host-commands.ts'
import { jobCommandsPath } from '../../protocol/job-commands.ts'
import type { Dialect, Env } from '../../protocol/plan.ts'
import type { JobFacts } from '../../protocol/runner-wire.ts'
import type { SandboxSpec } from '../../sandbox/index.ts'
import { relayCommandsPath } from '../setup/relay-program.ts'
import { circleciEnvironment } from './circleci.ts'

type BuiltIns = (facts: JobFacts, more: Pick<Layers, 'workdir' | 'continuationKey'>) => Env

/** Dialects that promise variables of their own. */
const builtIns: Partial<Record<Dialect, BuiltIns>> = { circleci: circleciEnvironment }

export type Layers = {
  readonly dialect: Dialect
  readonly facts: JobFacts
  readonly workdir: string
  readonly env: Env
  /** Of an attempt that may continue its run. */
  readonly continuationKey?: string | undefined
}

export const jobEnvironment = (job: Layers, user: SandboxSpec['user']): ReadonlyMap<string, string> =>
  new Map([...accountEnvironment(user, job), ...aboveSecrets(job)])

/** What no secret of the same name replaces. */
export const aboveSecrets = ({ dialect, facts, env, ...more }: Layers): Env => [
  ...(builtIns[dialect]?.(facts, more) ?? []),
  ...env,
]

/** What a job installs goes before what is there: `npm install -g`, `pip install` and `go install` end below the home. */
const ownPrograms = ['bin', '.local/bin', 'go/bin']

const accountEnvironment = (user: SandboxSpec['user'], { continuationKey }: Layers): Env => [
  [
    'PATH',
    [
      ...(continuationKey === undefined ? [] : [relayCommandsPath]),
      ...[jobCommandsPath, hostCommandsPath, ...ownPrograms.map((name) => `${user.home}/${name}`)],
      '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ].join(':'),
  ],
  ['HOME', user.home],
  ['USER', 'ci'],
  ['LOGNAME', 'ci'],
  ['SHELL', user.shell],
  ['LANG', 'C.UTF-8'],
  ['TERM', 'dumb'],
  ['GOPATH', `${user.home}/go`],
]
