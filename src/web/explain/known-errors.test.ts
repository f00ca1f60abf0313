// Each rule by lines that tools print; what they have in common with others goes to the rule that says more.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { text } from '../text/en.ts'
import { explainError, type KnownError } from './known-errors.ts'

const explain = (said: string, { exitCode = 1 as number | null, status = 'failed' } = {}) =>
  explainError({ status, exitCode, lines: said.split('\n').map((line, i) => ({ line: i + 10, text: line })) })

const printed: readonly (readonly [KnownError, what: string | null, line: string])[] = [
  ['noSpace', null, 'tar: ./a.bin: Cannot write: No space left on device'],
  ['noSpace', null, 'npm error code ENOSPC'],
  ['heap', null, 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'],
  ['heap', null, 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'],
  ['memory', null, 'fork: Cannot allocate memory'],
  ['memory', null, 'MemoryError'],
  ['memory', null, '  process did not exit successfully: `rustc` (signal: 9, SIGKILL: kill)'],
  ['carriageReturns', null, '/bin/sh^M: bad interpreter: No such file or directory'],
  ['carriageReturns', null, "./run.sh: line 2: $'\\r': command not found"],
  [
    'npmLock',
    null,
    'npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.',
  ],
  ['npmScript', 'build', 'npm error Missing script: "build"'],
  ['npmPeers', null, 'npm ERR! code ERESOLVE'],
  ['npmMissing', '@acme/nothing@1', "npm error 404  '@acme/nothing@1' is not in this registry."],
  ['pipVersion', 'nonesuch==9', 'ERROR: No matching distribution found for nonesuch==9'],
  [
    'cargoLock',
    null,
    'error: the lock file /src/Cargo.lock needs to be updated but --locked was passed to prevent this',
  ],
  ['gitKey', null, 'git@example.org: Permission denied (publickey).'],
  ['gitKey', null, 'Host key verification failed.'],
  [
    'gitSignIn',
    'https://example.org',
    "fatal: could not read Username for 'https://example.org': No such device or address",
  ],
  ['gitRef', 'refs/heads/gone', "fatal: couldn't find remote ref refs/heads/gone"],
  ['gitRef', 'nope', "error: pathspec 'nope' did not match any file(s) known to git"],
  ['gitOwner', '/src', "fatal: detected dubious ownership in repository at '/src'"],
  [
    'noDocker',
    null,
    'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?',
  ],
  ['dns', 'registry.example.org', 'Error: getaddrinfo ENOTFOUND registry.example.org'],
  ['dns', 'example.org', 'curl: (6) Could not resolve host: example.org'],
  ['dns', null, 'ssh: Could not resolve: Temporary failure in name resolution'],
  ['certificate', null, 'curl: (60) SSL certificate problem: self-signed certificate'],
  ['certificate', null, 'x509: certificate signed by unknown authority'],
  ['rateLimit', null, 'toomanyrequests: You have reached your pull rate limit'],
  ['refused', '127.0.0.1:5432', 'Error: connect ECONNREFUSED 127.0.0.1:5432'],
  ['refused', null, 'psql: error: connection to server failed: Connection refused'],
  ['unreachable', null, 'curl: (28) Connection timed out after 30001 milliseconds'],
  ['unreachable', null, 'connect: Network is unreachable'],
  ['portTaken', ':3000', 'Error: listen EADDRINUSE: address already in use :::3000'],
  ['nodeModule', './nothing.js', "Error: Cannot find module './nothing.js'"],
  ['pythonModule', 'requests', "ModuleNotFoundError: No module named 'requests'"],
  ['noCommand', 'pnpm', '/bin/sh: 1: pnpm: not found'],
  ['noCommand', 'yarn', 'bash: line 3: yarn: command not found'],
  ['noCommand', 'make', 'zsh: command not found: make'],
  ['noCommand', 'ffmpeg', 'Error: spawn ffmpeg ENOENT'],
  ['noCommand', 'go', 'exec: "go": executable file not found in $PATH'],
  ['readOnly', null, "touch: cannot touch '/usr/x': Read-only file system"],
  ['unset', 'DEPLOY_TOKEN', 'bash: line 1: DEPLOY_TOKEN: unbound variable'],
  ['unset', 'NAME', 'sh: 1: NAME: parameter not set'],
  ['denied', null, 'bash: ./run.sh: Permission denied'],
  ['noFile', 'a.json', "Error: ENOENT: no such file or directory, open 'a.json'"],
  ['noFile', 'gone.txt', 'cat: gone.txt: No such file or directory'],
]
for (const [error, what, line] of printed)
  test(`${error}: ${line.slice(0, 70)}`, () => {
    assert.deepEqual(explain(`it begins\n${line}`), { error, line: 11, what })
  })

test('where no line says it, the exit code does; a line that does says more', () => {
  const byCode: readonly (readonly [number, KnownError])[] = [
    ...([
      [127, 'noCommand'],
      [126, 'notExecutable'],
      [137, 'killed'],
      [139, 'crashed'],
      [143, 'ended'],
    ] as const),
  ]
  for (const [exitCode, error] of byCode)
    assert.deepEqual(explain('nothing', { exitCode }), { error, line: null, what: null })
  assert.equal(explain('fork: Cannot allocate memory', { exitCode: 137 })?.error, 'memory')
  assert.equal(explain('sh: yarn: not found', { exitCode: 127 })?.what, 'yarn')
})

test('a time limit explains whatever was printed before it', () => {
  assert.equal(explain('Connection refused', { status: 'timed_out', exitCode: null })?.error, 'timedOut')
})

test('what nobody knows is not explained', () => {
  for (const said of [
    '',
    'AssertionError: expected 1 to equal 2',
    '1 failed, 2 passed',
    'file not found in cache',
  ])
    assert.equal(explain(said), null, said)
})

test('what a rule names is bounded, whatever the line is', () => {
  for (const long of ['x', ' ', "'", ':', 'npm error '])
    for (const end of ['', ': command not found', 'No such file or directory'])
      assert.ok((explain(`${long.repeat(20_000)}${end}`)?.what?.length ?? 0) <= 253)
  assert.ok((explain(`Could not resolve host: ${'h'.repeat(500)}`)?.what?.length ?? 0) <= 253)
})

test('each failure we know has words and a next step', () => {
  const named = new Set<KnownError>([
    ...printed.map(([error]) => error),
    'timedOut',
    'killed',
    'notExecutable',
    'crashed',
    'ended',
  ])
  assert.deepEqual(Object.keys(text.explain.known).toSorted(), [...named].toSorted())
})
