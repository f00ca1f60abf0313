// The text a cell's shell reads: its golden form, and what a real shell makes of hostile values.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '../../../base/faults.ts'
import { Secret } from '../../../base/secret.ts'
import { run } from '../../../sys/index.ts'
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
    `exec >"$1/out" 2>"$1/err" </dev/null
echo "start $2 $$" >&3
exec 3>&- 5<&-
printf %s 'echo "it'\\''s"' >"$1/s/step" || exit 1
cd '/home/ci/a b' 2>/dev/null || { mkdir -p '/home/ci/a b' && cd '/home/ci/a b'; } || exit 1
export A='b'\\''c'
export TOKEN='t0p'
exec /usr/bin/env 'x.y=1' '/bin/bash' '-eo' 'pipefail' "$1/s/step"
`,
  )
})

test('a launch is run by the shell that reads it, or by one that `env` starts', () => {
  const script = { launch: '"$@" 2>&1\nexit $?', args: ['/srv/a b', "it's"], text: 'true' }
  const plain = { ...of, script, env: new Map([['A', '1']]) }
  assert.equal(
    prologue(plain).toString().split("export A='1'\n")[1],
    `set -- '/srv/a b' 'it'\\''s' "$1/s/step"
{
"$@" 2>&1
exit $?
}
`,
  )
  const odd = { ...plain, env: new Map([['x.y', '1']]) }
  assert.match(
    prologue(odd).toString(),
    /^exec \/usr\/bin\/env 'x\.y=1' '\/bin\/sh' '-c' '"\$@" 2>&1\nexit \$\?' 'sh' '\/srv\/a b' 'it'\\''s' "\$1\/s\/step"$/m,
  )
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
