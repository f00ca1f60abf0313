// The text a cell's shell reads: its golden form, and what a real shell makes of hostile values.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '../../../base/faults.ts'
import { Secret } from '../../../base/secret.ts'
import { run } from '../../../sys/index.ts'
import { stepScript, waitingScript } from '../../jailer/scripts.ts'
import { type PrologueOf, prologue } from './prologue.ts'

const of: PrologueOf = {
  script: { interpreter: ['/bin/bash', '-eo', 'pipefail'], text: 'echo "it\'s"' },
  env: new Map<string, string | Secret<string>>([
    ['A', "b'c"],
    ['x.y', '1'],
    ['TOKEN', new Secret('t0p')],
  ]),
  workdir: '/home/ci/a b',
  job: { stdin: false },
}

test('a step of the job cell', () => {
  assert.equal(
    prologue(of).toString(),
    `: 322          
exec >"$1/out" 2>"$1/err" </dev/null
echo "start $2 $3" >&3
exec 3>&- 5<&-
printf %s 'echo "it'\\''s"' >"$1/s/step" || exit 1
cd '/home/ci/a b' 2>/dev/null || { mkdir -p '/home/ci/a b' && cd '/home/ci/a b'; } || exit 1
export A='b'\\''c'
export TOKEN='t0p'
exec /usr/bin/env 'x.y=1' '/bin/bash' '-eo' 'pipefail' "$1/s/step"
`,
  )
})

const around = { before: 'cd "$1"', after: 'echo over >&2', args: ['/srv/a b'], text: 'true' }

test('a shell has what is before and after it around it, in the shell that reads it, or in one that `env` starts', () => {
  const script = { ...around, shell: ['/bin/sh', "it's"] }
  const plain = { ...of, script, env: new Map([['A', '1']]) }
  const launch = 'cd "$1"\nunset OLDPWD\nshift 1\n"$@" 2>&1\nset -- $?\necho over >&2\nexit $1'
  assert.equal(
    prologue(plain).toString().split("export A='1'\n")[1],
    `{\nset -- '/srv/a b' '/bin/sh' 'it'\\''s' "$1/s/step"\ntrap : TERM\n${launch}\n}\n`,
  )
  const odd = { ...plain, env: new Map([['x.y', '1']]) }
  assert.ok(
    prologue(odd)
      .toString()
      .includes(
        `exec /usr/bin/env 'x.y=1' '/bin/sh' '-c' 'trap : TERM\n${launch}' 'sh' '/srv/a b' '/bin/sh' 'it`,
      ),
  )
})

test('a bash that waits becomes the shell only where its variables come to the same', () => {
  const becomes = (env: Readonly<Record<string, string>>) =>
    prologue({ ...of, script: { ...around, shell: null }, env: new Map(Object.entries(env)) })
      .toString()
      .includes('waiting')
  for (const name of ['A', 'PATH', 'HOME', 'PS4', 'CDPATH'])
    assert.equal(becomes({ [name]: 'x' }), name !== 'PS4', name)
  for (const name of [
    'BASHPID',
    'BASH_XTRACEFD',
    'SHLVL',
    'SECONDS',
    'RANDOM',
    'IFS',
    'LC_ALL',
    'LANG',
    'x.y',
  ])
    assert.equal(becomes({ [name]: '1' }), false, name)
  assert.equal(becomes({ BASH_ENV: '/tmp/env' }), true)
  assert.equal(becomes({ BASH_ENV: '$HOME/env' }), false)
})

/** What the session of a first step does, in a directory of the test's instead of the cell's. */
const runStep = async (
  { text, shell = null }: { readonly text: string; readonly shell?: readonly string[] | null },
  how: { readonly waits: boolean; readonly bash?: string; readonly env?: PrologueOf['env'] },
) => {
  const root = await mkdtemp(join(tmpdir(), 'mayfly-step-'))
  const moved = (text: string) =>
    text.replaceAll(/\/(run|etc)\/mayfly/g, root).replaceAll('/bin/bash', how.bash ?? '/bin/bash')
  const put = (name: string, text: string) => writeFile(join(root, name), moved(text))
  try {
    await mkdir(join(root, '1/s'), { recursive: true })
    const script = { before: 'cd "$1"', after: 'echo over >&2', args: [root], shell, text }
    const env = how.env ?? new Map()
    await put('1/pro', prologue({ script, env, workdir: '/', job: { stdin: false } }).toString())
    await put('waiting', waitingScript)
    await put('step', stepScript(false).replace('"1 1"', how.waits ? '"1 1"' : '"never"'))
    const clean = { PATH: '/usr/bin:/bin', HOME: '/tmp', LANG: 'C.UTF-8' }
    const command = `exec 3>${root}/status; exec setsid -w /bin/sh ${root}/step 1`
    const { code } = await run('/bin/sh', ['-c', command], { timeoutMs: 20_000, env: clean })
    const told = async (name: string) => (await readFile(join(root, name), 'utf8')).replaceAll(root, 'ROOT')
    return { code, out: await told('1/out'), err: await told('1/err'), status: await told('status') }
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

test('a bash that waited is what one would be that begins now', async () => {
  const text = `echo "$0|$#|$-|$_|$?|\${!-}|$((SECONDS < 60))|$LINENO|$BASH_SUBSHELL|$SHLVL|\${BASH_SOURCE[*]}|\${FUNCNAME[*]-}"
tr '\\0' ' ' </proc/$$/cmdline; echo; ls /proc/$$/fd; umask; ulimit -a; trap -p; jobs; alias; shopt; set -o; hash
env | sort; pwd; locale 2>&1; grep -E '^(Sig[^Q]|Shd)' /proc/self/status
declare -p | grep -vE '^declare -[-aiAr]+ (BASHPID|PPID|RANDOM|SECONDS|SRANDOM|EPOCH[A-Z]+|BASH_(LINENO|ARGC|ARGV|VERSINFO|CMDS))'
cd /; cd /tmp; env | grep OLDPWD; ps -o pid= -o sid= -o comm= -p $PPID | tr -d 0-9; [ "$(ps -o sid= -p $$)" -eq "$PPID" ]
no-such-command || echo "said $?" >&2; (exit 3); echo never`
  const env = new Map([
    ['CIRCLECI', 'true'],
    ['HOME', '/var'],
    ['BASH_ENV', '/tmp/.no-such-file'],
    ['CDPATH', '/usr'],
    ['PATH', '/bin:/usr/bin'],
  ])
  const waited = await runStep({ text }, { waits: true, env })
  const begun = await runStep({ text }, { waits: false, env })
  assert.deepEqual(waited, { ...begun, status: waited.status })
  assert.equal(waited.code, 3)
  assert.match(waited.out, /^ROOT\/1\/s\/step\|0\|ehB\|\/bin\/bash\|0\|\|1\|1\|0\|1\|ROOT\/1\/s\/step\|$/m)
  assert.match(waited.out, /step: line 6: no-such-command: command not found\nsaid 127\n$/)
  assert.equal(waited.err, 'over\n')
  assert.match(waited.status, /^start 1 \d+\n$/)
})

test('a file for BASH_ENV that holds something is read, in a bash that begins', async () => {
  const file = join(tmpdir(), `mayfly-bash-env-${process.pid}`)
  await writeFile(file, 'x=read; set -- changed\n')
  try {
    const env = new Map([['BASH_ENV', file]])
    for (const waits of [true, false])
      assert.equal((await runStep({ text: 'echo "$x $#"' }, { waits, env })).out, 'read 1\n')
  } finally {
    await rm(file)
  }
})

test('without bash, or with an old one, the default is sh -e, with pipefail where sh has it', async () => {
  const hasPipefail = (await run('/bin/sh', ['-c', 'set -o pipefail'], { timeoutMs: 10_000 })).code === 0
  const old = join(tmpdir(), `mayfly-old-bash-${process.pid}`)
  await writeFile(old, '#!/bin/sh\n[ -z "$BASH_ENV" ] || . "$BASH_ENV"\nexit 9\n', { mode: 0o755 })
  try {
    const without = { waits: true, bash: '/nonexistent/bash' }
    const one = await runStep({ text: 'echo one; false; echo two' }, without)
    assert.deepEqual([one.code, one.out, one.err], [1, 'one\n', 'over\n'])
    const piped = await runStep({ text: 'false | true; echo on' }, without)
    assert.deepEqual([piped.code, piped.out], hasPipefail ? [1, ''] : [0, 'on\n'])
    const given = await runStep(
      { text: 'echo "goes on $-"', shell: ['/bin/sh', '-u'] },
      { waits: true, bash: old },
    )
    assert.deepEqual([given.code, given.out, given.err], [0, 'goes on u\n', 'over\n'])
  } finally {
    await rm(old)
  }
})

test('a shell that is given is taken as it is, also by a bash that waits', async () => {
  for (const waits of [true, false]) {
    const { code, out, err } = await runStep(
      { text: 'false; echo "goes on $-"; exit 4', shell: ['/bin/sh', '-u'] },
      { waits },
    )
    assert.deepEqual({ code, out, err }, { code: 4, out: 'goes on u\n', err: 'over\n' })
  }
})

test('a script of the largest size and every character comes through a bash that waits', async () => {
  const text = `echo 'ü€\u{1f9ff}'\n: '${'x€'.repeat(500_000)}'\nwc -c <"$0"\n`
  const { code, out } = await runStep({ text }, { waits: true })
  assert.deepEqual([code, out], [0, `ü€\u{1f9ff}\n${Buffer.byteLength(text)}\n`])
})

test('whatever a value holds, a shell gives it back and runs none of it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-prologue-'))
  try {
    const hostile = [
      "'; touch pwned; '",
      '$(touch pwned)',
      '`touch pwned`',
      '\\',
      '\n\n',
      '"',
      '${x',
      '-n',
      '\u{1f9ff}\x01\x81',
    ]
    for (const value of hostile) {
      const env = new Map([
        ['V', value],
        ['v.w', value],
      ])
      const script = {
        argv: [
          process.execPath,
          '-e',
          'console.log(JSON.stringify([process.env.V, process.env["v.w"], process.argv[1]]))',
          '--',
          value,
        ],
      }
      await writeFile(join(directory, 'p'), prologue({ script, env, workdir: directory, job: null }))
      const result = await run('/bin/sh', [join(directory, 'p')], { timeoutMs: 10_000, cwd: directory })
      assert.equal(result.stderr.toString(), '')
      assert.deepEqual(JSON.parse(result.stdout.toString()), [value, value, value])
    }
    const left = await run('/bin/ls', [directory], { timeoutMs: 10_000 })
    assert.equal(left.stdout.toString(), 'p\n')
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('names and sizes no process can have are refused as input', () => {
  const refused = (more: Partial<PrologueOf>) =>
    assert.throws(
      () => prologue({ ...of, ...more }),
      (error) => isFault(error, 'E_INPUT'),
    )
  for (const name of ['', 'a=b', 'a\0']) refused({ env: new Map([[name, 'x']]) })
  refused({ env: new Map([['A', 'x'.repeat(131_072)]]) })
  refused({ env: new Map(Array.from({ length: 20 }, (_, i) => [`A${i}`, 'x'.repeat(100_000)])) })
  refused({ script: { interpreter: ['sh'], text: 'a\0' } })
  refused({ script: { interpreter: ['sh'], text: 'x'.repeat(5 * 1024 * 1024) } })
})

test('variables a shell keeps for itself go past it', () => {
  const text = prologue({
    ...of,
    env: new Map([
      ['IFS', ':'],
      ['OPTIND', 'x'],
      ['UID', '7'],
    ]),
  }).toString()
  assert.ok(!text.includes('export'))
  assert.ok(text.includes("/usr/bin/env 'IFS=:' 'OPTIND=x' 'UID=7'"))
})

test('a secret whose name no shell exports is refused: env would have it on its command line', () => {
  const secret = (name: string) =>
    prologue({
      script: { argv: ['/bin/true'] },
      env: new Map([[name, new Secret('hunter2')]]),
      workdir: '/',
      job: null,
    })
  assert.ok(secret('TOKEN').includes("export TOKEN='hunter2'"))
  for (const name of ['PS1', 'IFS', 'UID', 'a-b'])
    assert.throws(() => secret(name), /A secret cannot be called/)
})
