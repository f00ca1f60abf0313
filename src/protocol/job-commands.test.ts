// The commands that a job finds on its PATH, under every POSIX shell this machine has, with nothing on their PATH but what
// they say they need. In a real sandbox: runner/job-commands.kernel.test.ts.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { accessSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  failedTestsPath,
  freshTokensPath,
  identityVariable,
  jobCommands,
  testTimingsPath,
} from './job-commands.ts'

const shells = [['/bin/sh'], ['/usr/bin/dash'], ['/bin/bash', '--posix'], ['/usr/bin/busybox', 'sh']].filter(
  ([program = '']) => exists(program),
)

let root = ''
let timings = ''
let failed = ''
let fresh = ''

before(() => {
  root = mkdtempSync(join(tmpdir(), 'mayfly-commands-'))
  timings = join(root, 'timings')
  failed = join(root, 'failed')
  fresh = join(root, 'fresh')
  mkdirSync(join(root, 'bin'))
  for (const tool of ['sort', 'wc', 'xargs', 'printf'])
    symlinkSync(`/usr/bin/${tool}`, join(root, 'bin', tool))
})
after(() => rmSync(root, { recursive: true, force: true }))

function exists(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}

type Asked = { readonly input?: string; readonly env?: NodeJS.ProcessEnv; readonly cwd?: string }
type Said = { readonly code: number | null; readonly out: string; readonly err: string }

const circleci = (words: readonly string[], asked: Asked = {}): Said => command('circleci', words, asked)

/** The same in every shell. */
const command = (
  name: string,
  words: readonly string[],
  { input = '', env = {}, cwd = root }: Asked,
): Said => {
  const script = join(root, name)
  writeFileSync(
    script,
    (jobCommands[name] ?? '')
      .replaceAll(testTimingsPath, timings)
      .replaceAll(failedTestsPath, failed)
      .replaceAll(freshTokensPath, fresh),
  )
  const said = shells.map(([program = '', ...flags]) => {
    const options = { input, cwd, env: { PATH: join(root, 'bin'), ...env }, encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync(program, [...flags, script, ...words], options)
    return { code: status, out: stdout, err: stderr }
  })
  for (const one of said) assert.deepEqual(one, said[0])
  return said[0] ?? assert.fail('no shell')
}

const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '')

const tree = (name: string, files: readonly string[]): string => {
  const at = join(root, name)
  for (const file of files) {
    mkdirSync(dirname(join(at, file)), { recursive: true })
    writeFileSync(join(at, file), '')
  }
  return at
}

test('tests glob: each form of a pattern, sorted, each path once', () => {
  const cwd = tree('plain', [
    'a.js',
    'b.ts',
    'src/c.js',
    'src/deep/er/d.js',
    'src/.hid/e.js',
    'src/x1.js',
    'src/x2.js',
  ])
  symlinkSync('.', join(cwd, 'src/loop'))
  const of = (...patterns: string[]) => lines(circleci(['tests', 'glob', ...patterns], { cwd }).out)
  assert.deepEqual(of('*.js'), ['a.js'])
  assert.deepEqual(of('src/x?.js'), ['src/x1.js', 'src/x2.js'])
  assert.deepEqual(of('src/x[^1].js', 'src/[!xc].js'), ['src/x2.js'])
  assert.deepEqual(of('**/*.js'), [
    'a.js',
    'src/.hid/e.js',
    'src/c.js',
    'src/deep/er/d.js',
    'src/x1.js',
    'src/x2.js',
  ])
  assert.deepEqual(of('**/deep/**/**/*.js', './src/deep/**'), ['src/deep/er', 'src/deep/er/d.js'])
  assert.deepEqual(of('{a,b}.{js,ts}', 'src/{deep/{er,nothing}/,}{c,d}.js'), [
    'a.js',
    'b.ts',
    'src/c.js',
    'src/deep/er/d.js',
  ])
  assert.deepEqual(of(`${cwd}/src/[cd].js`), [`${cwd}/src/c.js`])
  assert.deepEqual(of('nothing/*', '*.nothing', 'a.js/*'), [])
})

test('tests glob: names that mean something to a shell are names', () => {
  const files = ['-rf', 'a b', '*', 'x[y]/z', '$(touch owned)', '`id`', "'", '"', '\\', '{a,b}', 'é']
  const cwd = tree('hostile', [...files, 'with\na line break'])
  const { out, err, code } = circleci(['tests', 'glob', '**'], { cwd })
  const expected = [...files.map((file) => (file === '-rf' ? './-rf' : file)), 'x[y]'].sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  )
  assert.deepEqual(lines(out), expected)
  assert.match(err, /line break/)
  assert.equal(code, 0)
  assert.ok(!exists(join(cwd, 'owned')))
  assert.deepEqual(lines(circleci(['tests', 'glob', 'x[[]y]/*', '\\{a,b\\}', '\\*', '{a,b'], { cwd }).out), [
    '*',
    'x[y]/z',
    '{a,b}',
  ])
})

const names = [
  'b',
  'a',
  '-n',
  '--',
  'with  blanks ',
  '*',
  '$(id)',
  '`id`',
  'back\\slash',
  "quo'te",
  '"',
  'é',
  '10',
  '9',
  '%s',
]

const shares = (options: readonly string[], total: number, input: string, asked: Asked = {}): string[][] =>
  Array.from({ length: total }, (_, index) => {
    const env = { CIRCLE_NODE_INDEX: String(index), CIRCLE_NODE_TOTAL: String(total), ...asked.env }
    const said = circleci(['tests', 'split', ...options], { ...asked, input, env })
    assert.equal(said.code, 0, said.err)
    return lines(said.out)
  })

test('tests split: every name goes to exactly one node, whatever it is and however the list is ordered', () => {
  writeFileSync(
    timings,
    names
      .slice(0, 9)
      .map((name, i) => `filename\t${i * 100}\t${name}\n`)
      .join(''),
  )
  for (const by of ['name', 'filesize', 'timings'])
    for (const total of [1, 4]) {
      const dealt = shares([`--split-by=${by}`], total, `${names.join('\n')}\n\na\n`)
      assert.deepEqual(dealt.flat().sort(), [...names].sort(), `${by} over ${total}`)
      assert.deepEqual(shares(['--split-by', by], total, [...names].reverse().join('\n')), dealt)
    }
  rmSync(timings)
})

test('tests split: by name in turns, from files, for another node than this one, counted', () => {
  assert.deepEqual(shares([], 2, 'c\nb\na\n'), [['a', 'c'], ['b']])
  const list = join(root, 'a list')
  writeFileSync(list, 'one\ntwo\n')
  writeFileSync(join(root, '-x'), 'three')
  const said = circleci(['tests', 'split', '--index', '1', '--total=2', '--show-counts', '--', list, '-x'])
  assert.deepEqual([said.out, said.err], ['three\n', 'circleci: node 1 of 2: 1 of 3 names\n'])
})

test('tests split: by file size, the largest first to whoever has least', () => {
  const cwd = join(root, 'sizes')
  mkdirSync(cwd)
  for (const [name, size] of [
    ['big', 100],
    ['mid', 60],
    ['small', 50],
    ['tiny', 1],
  ] as const)
    writeFileSync(join(cwd, name), 'x'.repeat(size))
  assert.deepEqual(shares(['--split-by=filesize'], 2, 'tiny\nsmall\nbig\nmid\nno file\n', { cwd }), [
    ['big', 'tiny', 'no file'],
    ['mid', 'small'],
  ])
})

test('tests split: by timings, of the type the names are of, or of the one that is asked for', () => {
  writeFileSync(
    timings,
    [
      'filename\t9000\ta.js',
      'filename\t08000\tb.js',
      'filename\t1000\tc.js',
      'classname\t1\ta.js',
      'classname\t5000\tK',
      'x',
      'filename\tNaN\tq.js',
    ].join('\n'),
  )
  const list = 'a.js\nb.js\nc.js\nnew.js\n'
  assert.deepEqual(shares(['--split-by=timings'], 2, list), [
    ['a.js', 'c.js'],
    ['b.js', 'new.js'],
  ])
  assert.deepEqual(shares(['--split-by=timings', '--time-default=8.5s'], 2, list), [
    ['a.js', 'c.js'],
    ['new.js', 'b.js'],
  ])
  assert.deepEqual(shares(['--split-by=timings'], 2, 'K\nL\nM\n'), [['K'], ['M', 'L']])
  assert.deepEqual(
    shares(['--split-by=timings', '--timings-type=classname', '--time-default=500ms'], 2, list),
    [
      ['new.js', 'b.js'],
      ['c.js', 'a.js'],
    ],
  )
  rmSync(timings)
})

test('tests split: without timings by name, and it says so', () => {
  const said = circleci(
    ['tests', 'split', '--split-by=timings', '--timings-type=name', '--total=2', '--index=0'],
    { input: 'b\na\n' },
  )
  assert.deepEqual(said, {
    code: 0,
    out: 'a\n',
    err: 'circleci: no timing data for this job: falling back to splitting by name\n',
  })
})

test('what cannot be meant is refused, and nothing is printed', () => {
  const refused = (words: readonly string[], asked: Asked = {}) => {
    const { code, out, err } = circleci(words, { input: 'a\n', ...asked })
    assert.deepEqual([code, out], [1, ''], err)
    return err
  }
  assert.match(refused(['tests', 'split', '--split-by=luck']), /name, filesize or timings/)
  assert.match(refused(['tests', 'split', '--total=2', '--index=2']), /not below/)
  assert.match(refused(['tests', 'split', '--total=1;id']), /whole number/)
  assert.match(refused(['tests', 'split', '--index=-1']), /whole number/)
  assert.match(refused(['tests', 'split', '--time-default=soon']), /whole number/)
  assert.match(refused(['tests', 'split', '--total']), /needs a value/)
  assert.match(refused(['tests', 'split', 'no-such-file']), /cannot read no-such-file/)
  assert.match(refused(['tests', 'glob']), /pattern/)
  assert.match(refused(['tests', 'run']), /--command/)
  assert.match(refused(['orb', 'list']), /does not provide/)
})

test('an image without sort is told so', () => {
  for (const words of [['split'], ['glob', '*'], ['run', '--command=cat']]) {
    const script = join(root, 'circleci')
    writeFileSync(script, jobCommands.circleci ?? '')
    const { status, stdout, stderr } = spawnSync('/bin/sh', [script, 'tests', ...words], {
      input: 'a\n',
      env: { PATH: '/nowhere' },
      encoding: 'utf8',
    })
    assert.deepEqual([status, stdout], [1, ''])
    assert.match(stderr, /the program sort is needed/)
  }
})

test('tests run: the share goes to the command, whose end it is; without a share it is not run', () => {
  const run = (input: string, index: number, command: string) =>
    circleci(['tests', 'run', `--index=${index}`, '--total', '2', '--verbose', '--command', command], {
      input,
    })
  assert.deepEqual(run('c\nb\na\n', 0, 'xargs -n1 printf "<%s>"; exit 7'), {
    code: 7,
    out: '<a><c>',
    err: '',
  })
  const none = run('a\n', 1, 'echo ran')
  assert.deepEqual([none.code, none.out], [0, ''])
  assert.match(none.err, /no tests for node 1 of 2/)
})

test('env subst: names become values, once; everything else stays', () => {
  const env = { A: 'one', B: '$A `id` "\'\\', EMPTY: '' }
  const subst = (text: string) => circleci(['env', 'subst', text], { env }).out
  assert.equal(subst(`$A \${A}x $AB \${B}|$EMPTY|$NOT_SET|`), 'one onex  $A `id` "\'\\|||\n')
  const kept = `$ $$ \${ \${} $9 \${A:-x} \${A;id} \${A %s`
  assert.equal(subst(`${kept} \\$A`), `${kept} \\one\n`)
  const piped = circleci(['env', 'subst'], { env, input: '  $A\n\n\t$A' })
  assert.equal(piped.out, '  one\n\n\tone')
})

test('run release is accepted and says that it does nothing', () => {
  const { code, out, err } = circleci(['run', 'release', 'update', 'x', '--status=SUCCESS'])
  assert.deepEqual([code, out], [0, ''])
  assert.match(err, /nothing to do/)
})

test('tests run in a rerun of failed tests: this copy gets what failed of it, and all of its share when nothing did', () => {
  const input = 'b\na\nc d\n$(x)\n\\\n'
  const run = (...words: string[]) =>
    circleci(['tests', 'run', '--command=while read -r line; do printf "%s\\n" "$line"; done', ...words], {
      input,
    })
  writeFileSync(failed, 'c d\n$(x)\nsomething else\n\\\n')
  const again = run('--index=1', '--total=2')
  assert.deepEqual(lines(again.out), ['$(x)', '\\', 'c d'])
  assert.match(again.err, /only those that failed before/)
  assert.deepEqual(
    lines(circleci(['tests', 'split', '--index=1', '--total=2'], { input }).out),
    ['\\', 'b'],
    'not of split',
  )
  writeFileSync(failed, 'nobody\n')
  const none = run('--index=1', '--total=2')
  assert.deepEqual(lines(none.out), ['\\', 'b'])
  assert.match(none.err, /none of these names failed before/)
  rmSync(failed)
  assert.deepEqual(lines(run('--index=1', '--total=2').out), ['\\', 'b'])
})

test('"run oidc get" prints the token of an audience that the step was given, and nothing else', () => {
  const env = {
    [identityVariable]: 'sts.example.com eyJ.a.b https://x/* eyJ.c.d',
    CIRCLE_OIDC_TOKEN_V2: 'eyJ.own.v2',
  }
  const get = (claims: readonly string[], given: NodeJS.ProcessEnv = env) =>
    circleci(['run', 'oidc', 'get', ...claims], { env: given })
  assert.deepEqual(get(['--claims', '{"aud":"sts.example.com"}']), { code: 0, out: 'eyJ.a.b\n', err: '' })
  assert.deepEqual(get(['--claims={ "aud" : "https://x/*" }']).out, 'eyJ.c.d\n')
  assert.deepEqual(get([]).out, 'eyJ.own.v2\n')
  for (const [claims, given, why] of [
    [['--claims', '{"aud":"sts.example"}'], env, /no token for the audience sts\.example/],
    [['--claims', '{"aud":"eyJ.a.b"}'], env, /no token for the audience/],
    [['--claims', '{"aud":"x"}'], {}, /no token for the audience x/],
    [['--claims', '{"sub":"x"}'], env, /"aud" can be chosen/],
    [['--claims'], env, /needs a value/],
    [['--root-issuer'], env, /does not know --root-issuer/],
    [[], {}, /has no identity token/],
  ] as const) {
    const said = get(claims, given)
    assert.deepEqual([said.code, said.out], [1, ''])
    assert.match(said.err, why)
  }
  assert.equal(circleci(['run', 'oidc', 'put'], { env }).code, 1)
})

test('"mayfly sign" says what it takes, before it asks anybody', () => {
  const sign = (...words: readonly string[]) => command('mayfly', ['sign', ...words], {})
  const hex = 'a'.repeat(64)
  for (const [words, why] of [
    [[], /sign NAME FILE\|--digest/],
    [['RELEASE'], /sign NAME FILE/],
    [['A"B', '--digest', `sha256:${hex}`], /sign NAME FILE/],
    [['RELEASE', 'a', 'b'], /b is one too many/],
    [['RELEASE', '--digest'], /--digest needs a value/],
    [['RELEASE', '--armour'], /--armour is not known/],
    [['RELEASE', 'a', '--digest', `sha256:${hex}`], /a file or a digest, not both/],
    [['RELEASE', 'a', '--hash=md5'], /md5 is not known: sha256/],
    [['RELEASE', '--digest', `md5:${hex}`], /a digest is sha256:, sha384: or sha512:/],
    [['RELEASE', '--digest', 'sha256:","verb":"x'], /in hexadecimal digits/],
    [['RELEASE', '--digest', `sha256:${hex}`], /the program perl is needed/],
  ] as const) {
    const said = sign(...words)
    assert.deepEqual([said.code, said.out], [1, ''], words.join(' '))
    assert.match(said.err, why)
  }
})

test('what is not ours to do, the next "mayfly" on the PATH does; without one it is said', () => {
  const alone = command('mayfly', ['up'], { env: { PATH: `/etc/mayfly/bin:${join(root, 'bin')}` } })
  assert.deepEqual([alone.code, alone.out], [1, ''])
  assert.match(alone.err, /in a job there is mayfly sign/)
  const own = join(root, 'own')
  mkdirSync(own)
  writeFileSync(join(own, 'mayfly'), '#!/bin/sh\nprintf "%s|" "$PATH" "$@"\n', { mode: 0o755 })
  const path = `/etc/mayfly/bin:${own}:/etc/mayfly/bin:${join(root, 'bin')}`
  assert.equal(command('mayfly', ['run', 'a b'], { env: { PATH: path } }).out, `${path}|run|a b|`)
})

test('"run oidc get" prints what was renewed while its step ran, and what was not as it was', () => {
  const env = { [identityVariable]: 'sts eyJ.old other eyJ.other', CIRCLE_OIDC_TOKEN_V2: 'eyJ.own' }
  const get = (...claims: readonly string[]) => circleci(['run', 'oidc', 'get', ...claims], { env }).out
  writeFileSync(fresh, 'sts eyJ.new\n- eyJ.own.new\n')
  try {
    assert.equal(get('--claims', '{"aud":"sts"}'), 'eyJ.new\n')
    assert.equal(get('--claims', '{"aud":"other"}'), 'eyJ.other\n')
    assert.equal(get(), 'eyJ.own.new\n')
  } finally {
    rmSync(fresh)
  }
})
