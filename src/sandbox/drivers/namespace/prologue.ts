// The prologue of a step: shell text that a cell's POSIX sh, or a bash that waits, reads from a FIFO (jailer/scripts.ts; there
// $1 is the step's directory, $2 its number, $3 its session, $4 `waiting` for that bash). It brings directory, script and
// environment, and ends in what starts the script. So no value ever stands on a command line of ours, and the jailer sees
// none of it. Pure; everything from outside is quoted.
import { fault } from '../../../base/faults.ts'
import { Secret } from '../../../base/secret.ts'
import { shellQuote } from '../../../base/shell-quote.ts'
import type { ShellScript, StepSpec } from '../../driver.ts'
import { environmentBytesMax, prologueHeadBytes, scriptBytesMax, variableBytesMax } from '../../limits.ts'

export type PrologueOf = {
  readonly script: StepSpec['script']
  readonly env: ReadonlyMap<string, Secret<string> | string>
  readonly workdir: string
  /** In the job cell: whether the step has a stdin. null in a cell of its own, whose pipes are there from the start. */
  readonly job: { readonly stdin: boolean } | null
}

/** Rejects with E_INPUT, in words, what no Linux process could be started with. */
export const prologue = (of: PrologueOf): Buffer => {
  const variables = [...of.env].map(([name, value]): [string, string] => [name, reveal(value)])
  checkVariables(variables)
  checkSecretNames(of.env)
  const plain = variables.filter(([name]) => isExportable(name))
  const others = variables.filter(([name]) => !isExportable(name))
  const lines = [
    ...(of.job === null ? [] : jobHead(of.job)),
    ...scriptLines(of.script),
    ...directoryLines(of.workdir),
    // After everything that needs a PATH, before the one command that wants it.
    ...plain.map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    ...startLines(of, variables, others),
  ]
  const text = `${lines.join('\n')}\n`
  return Buffer.from(of.job === null ? text : `${headOf(text)}${text}`, 'utf8')
}

/** A command that does nothing, and a number for a bash that waits. */
const headOf = (text: string): string =>
  `: ${Buffer.byteLength(text)}`.padEnd(prologueHeadBytes - 1).concat('\n')

/** Output first, so that every complaint reaches the step's log; then the number of its session. */
const jobHead = (job: { readonly stdin: boolean }): readonly string[] => [
  `exec >"$1/out" 2>"$1/err" <${job.stdin ? '"$1/in"' : '/dev/null'}`,
  'echo "start $2 $3" >&3',
  'exec 3>&- 5<&-',
]

const scriptLines = (script: StepSpec['script']): readonly string[] => {
  if ('argv' in script) return []
  if (script.text.includes('\0')) throw fault('E_INPUT', { public: 'A script cannot hold a NUL character.' })
  if (Buffer.byteLength(script.text) > scriptBytesMax)
    throw fault('E_INPUT', { public: `A script may have at most ${scriptBytesMax} bytes.` })
  return [`printf %s ${shellQuote(script.text)} >"$1/s/step" || exit 1`]
}

const directoryLines = (workdir: string): readonly string[] => {
  if (workdir === '/') return ['cd /']
  return [
    `cd ${shellQuote(workdir)} 2>/dev/null || { mkdir -p ${shellQuote(workdir)} && cd ${shellQuote(workdir)}; } || exit 1`,
  ]
}

/** A shell script is seen through by this very shell, which saves a program, unless only `env` can set a variable. */
const startLines = (
  { script, job }: PrologueOf,
  all: readonly (readonly [string, string])[],
  others: readonly (readonly [string, string])[],
): readonly string[] => {
  if (!('before' in script) || others.length > 0)
    return [['exec', ...viaEnv(others), ...command(script)].join(' ')]
  const words = [...script.args, ...(script.shell ?? [])].map(shellQuote).join(' ')
  const launch = [`set -- ${words} ${path}`, launchText(script)]
  // A compound command, so that all of it is read before any of it runs.
  if (job === null || script.shell !== null || !all.every(bashTakesLater)) return ['{', ...launch, '}']
  return [
    `if [ "$4" = waiting ] && [ ! -s "\${BASH_ENV-}" ]; then`,
    `printf %s ${shellQuote(script.after)} >"$1/s/after" || exit 1`,
    `set -- ${script.args.map(shellQuote).join(' ')}`,
    script.before,
    handOver,
    ...['else', ...launch, 'fi'],
  ]
}

const path = '"$1/s/step"'

const command = (script: StepSpec['script']): readonly string[] => {
  if ('argv' in script) return script.argv.map(shellQuote)
  if ('interpreter' in script) return [...script.interpreter.map(shellQuote), path]
  const words = [...script.args, ...(script.shell ?? [])]
  return [...['/bin/sh', '-c', launchText(script), 'sh', ...words].map(shellQuote), path]
}

/**
 * Text that gets the arguments, the words of a given shell and the path of the script. `trap : TERM` keeps this shell until
 * the user's shell has cleaned up; children get the default action back. Positional parameters instead of variables: the
 * job's own environment may use any name. It starts no program besides the user's shell.
 */
const launchText = ({ shell, before, after, args }: ShellScript): string =>
  [
    ...['trap : TERM', before, 'unset OLDPWD', `shift ${args.length}`],
    ...(shell === null ? [chooseShell] : []),
    ...['"$@" 2>&1', 'set -- $?', after, 'exit $1'],
  ].join('\n')

const chooseShell = `if [ -x /bin/bash ]; then set -- /bin/bash -eo pipefail "$@"
elif (set -o pipefail) 2>/dev/null; then set -- /bin/sh -eo pipefail "$@"
else set -- /bin/sh -e "$@"
fi`

/** What tells a bash that waited from one that begins: its streams, what `cd` leaves, its clock, its options. */
const handOver = `exec 2>&1
unset OLDPWD
export OLDPWD
SECONDS=0
hash -r
set -eo pipefail
set --`

/**
 * Whether a variable comes to the same in bash whether it finds it when it begins or is told of it then. Not those that bash
 * makes itself, those of which it only then does or says something, nor a BASH_ENV that it would still have to expand.
 */
const bashTakesLater = ([name, value]: readonly [string, string]): boolean =>
  name === 'BASH_ENV'
    ? /^[\w./-]*$/.test(value)
    : !/^(BASH|COMP_|READLINE_|LC_|LANG)/.test(name) && !bashsOwn.has(name)

const bashsOwn = new Set([
  ...['DIRSTACK', 'EPOCHREALTIME', 'EPOCHSECONDS', 'FUNCNAME', 'FUNCNEST', 'GROUPS', 'HISTCMD', 'RANDOM'],
  ...['REPLY', 'SECONDS', 'SHLVL', 'SRANDOM'],
  ...['EXECIGNORE', 'GLOBIGNORE', 'IGNOREEOF', 'OPTERR', 'POSIXLY_CORRECT', 'TMOUT'],
])

/** Names a shell cannot export: `env` sets them. Its command line is seen by the job's own processes only. */
const viaEnv = (variables: readonly (readonly [string, string])[]): readonly string[] =>
  variables.length === 0
    ? []
    : ['/usr/bin/env', ...variables.map(([name, value]) => shellQuote(`${name}=${value}`))]

/** Variables that mean something to a shell itself, or that some shells keep read-only. */
const shellsOwn = new Set(
  'BASHOPTS BASH_VERSINFO ENV EUID IFS LINENO OLDPWD OPTIND OPTARG PPID PS1 PS2 PS4 PWD SHELLOPTS UID _'.split(
    ' ',
  ),
)
const isExportable = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !shellsOwn.has(name)

/** `env` would have the value on its command line. */
const checkSecretNames = (env: PrologueOf['env']): void => {
  for (const [name, value] of env)
    if (value instanceof Secret && !isExportable(name))
      throw fault('E_INPUT', {
        public: `A secret cannot be called ${name}: shells keep that name for themselves.`,
      })
}

const checkVariables = (variables: readonly (readonly [string, string])[]): void => {
  let total = 0
  for (const [name, value] of variables) {
    if (name === '' || /[=\0]/.test(name) || value.includes('\0'))
      throw fault('E_INPUT', {
        public: `The variable ${JSON.stringify(name)} has a name or value no process can have.`,
      })
    const bytes = Buffer.byteLength(name) + Buffer.byteLength(value) + 2
    if (bytes > variableBytesMax)
      throw fault('E_INPUT', {
        public: `The variable ${name} is longer than the ${variableBytesMax} bytes Linux allows.`,
      })
    total += bytes
  }
  if (total > environmentBytesMax)
    throw fault('E_INPUT', {
      public: `All variables of a step together may have ${environmentBytesMax} bytes.`,
    })
}

const reveal = (value: Secret<string> | string): string =>
  value instanceof Secret ? value.reveal('environment of the step, by FIFO into its cell') : value
