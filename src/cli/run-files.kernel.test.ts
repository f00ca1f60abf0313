// Workspaces, artifacts and caches with `mayfly run`: real sandboxes, the steps that a server's runner carries out too.
// Needs root.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runLocally } from '../../test/support/local-run.ts'

let root = ''

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-files-'))
})
after(() => rm(root, { recursive: true, force: true }))

const run = async (configuration: string, ...words: readonly string[]) => {
  await mkdir(join(root, 'tree/.circleci'), { recursive: true })
  await writeFile(join(root, 'tree/.circleci/config.yml'), configuration)
  await writeFile(join(root, 'tree/lock.txt'), 'hello')
  const place = { home: root, cwd: join(root, 'tree') }
  const { code, stdout, stderr } = runLocally(place, ['run', '--network', 'none', ...words])
  return { code, stdout: code === 0 ? stdout : stdout + stderr }
}

const job = (...steps: readonly string[]) => `{docker: [{image: x}], steps: [${steps.join(', ')}]}`
const sh = (script: string) => `{run: ${JSON.stringify(script)}}`

test('a workspace goes from job to job along the graph, with modes and links', async () => {
  const made =
    'mkdir -p out/deep && echo one > out/a.txt && echo x > out/deep/.hidden && ln -s a.txt out/link && ln out/a.txt out/hard && chmod 755 out/a.txt && echo no > other'
  const looked =
    'cd /tmp/ws && cat out/a.txt out/link && stat -c %a out/a.txt && ls -A out/deep . && cat second'
  const { code, stdout } = await run(`version: 2.1
jobs:
  make: ${job(sh(made), '{persist_to_workspace: {root: ., paths: [out]}}')}
  more: ${job('{attach_workspace: {at: /tmp/ws}}', sh('echo two > /tmp/ws/second'), '{persist_to_workspace: {root: /tmp/ws, paths: ["sec*"]}}')}
  look: ${job('{attach_workspace: {at: /tmp/ws}}', sh(looked))}
  solo: ${job('{attach_workspace: {at: /tmp/ws}}', sh('ls -A /tmp/ws 2>&1 || true'))}
workflows: {w: {jobs: [make, {more: {requires: [make]}}, {look: {requires: [more]}}, solo]}}
`)
  assert.equal(code, 0, stdout)
  const said = stdout.split('\n').flatMap((line) => (line.startsWith('[look] ') ? [line.slice(7)] : []))
  assert.ok(said.join('\n').includes('one\none\n755\n.:\nout\nsecond\n\nout/deep:\n.hidden\ntwo'), stdout)
  assert.match(stdout, /\[solo\] no job that this one needs has persisted anything/)
})

test('what cannot be persisted or attached fails its step with the reason', async () => {
  const { code, stdout } = await run(`version: 2.1
jobs:
  none: ${job('{persist_to_workspace: {root: ., paths: ["no*thing"]}}')}
  nowhere: ${job('{persist_to_workspace: {root: /no/such, paths: [a]}}')}
  outside: ${job('{persist_to_workspace: {root: ., paths: [../up]}}')}
  left: ${job(sh('echo l > same'), '{persist_to_workspace: {root: ., paths: [same]}}')}
  right: ${job(sh('echo r > same'), '{persist_to_workspace: {root: ., paths: [same]}}')}
  both: ${job('{attach_workspace: {at: .}}')}
workflows: {w: {jobs: [none, nowhere, outside, left, right, {both: {requires: [left, right]}}]}}
`)
  assert.equal(code, 1, stdout)
  assert.match(stdout, /\[none *\] nothing matches "no\*thing" below "\."/)
  assert.match(stdout, /\[nowhere *\] there is no directory "\/no\/such"/)
  assert.match(stdout, /\[outside *\] "\.\.\/up" is not below "\."/)
  assert.match(
    stdout,
    /\[both *\] refused: "same" was persisted by left and right, and neither needs the other/,
  )
})

test('results of tests are read out of reports, told, and change no verdict', async () => {
  const made = [
    'mkdir -p r/deep r/.hidden',
    `printf '%s' '<testsuite file="a.sh"><testcase name="one" time="1.5"/><testcase name="two"><failure message="no">x</failure></testcase></testsuite>' >r/a.xml`,
    `printf '%s' '<testsuite><testcase name="three"><skipped/></testcase>' >r/deep/b.XML`,
    `printf '%s' '<testsuite><testcase name="hidden"/></testsuite>' >r/.hidden/c.xml`,
    `printf '%s' '<testsuite><testcase name="text"/></testsuite>' >r/d.txt`,
    'mkfifo r/pipe.xml; ln -s /etc/passwd r/link.xml',
  ]
  const { code, stdout } = await run(`version: 2.1
jobs:
  t: ${job(sh(made.join('\n')), '{store_test_results: {path: r}}', '{store_test_results: {path: r/d.txt}}', '{store_test_results: {path: none}}', '{store_test_results: {path: /etc/hostname}}')}
  red: ${job(sh(`${made.join('\n')}\nfalse`), '{store_test_results: {path: ~/project/r}}')}
workflows: {w: {jobs: [t]}, v: {jobs: [red]}}
`)
  assert.equal(code, 1, stdout)
  const said = (of: string) =>
    stdout
      .split('\n')
      .flatMap((line) => (line.startsWith(`[${of}`) ? [line.replace(/^\[[^\]]*\] /, '')] : []))
  const t = said('t ').concat(said('t]')).join('\n')
  assert.match(t, /"deep\/b\.XML": line 1: unclosed tag/)
  assert.match(t, /3 tests: 1 failed, 1 skipped, 1 passed, in 2s/)
  assert.match(t, /failed: two \(a\.sh\)/)
  assert.match(t, /1 test: 0 failed, 0 skipped, 1 passed/)
  assert.match(t, /there is no none\nno test results are stored/)
  assert.match(t, /no test in 1 reports below \/etc\/hostname/)
  assert.match(said('red').join('\n'), /3 tests: 1 failed, 1 skipped, 1 passed/)
  assert.match(stdout, /t .*passed/)
})

test('with --cache the copies of a job deal their tests by the times of the run before', async () => {
  const cases = ['a', 'b', 'c', 'd'].map(
    (name, at) => `<testcase name="n" file="${name}" time="${[9, 1, 2, 3][at]}"/>`,
  )
  const configuration = `version: 2.1
jobs:
  t:
    docker: [{image: x}]
    parallelism: 2
    steps:
      - run: printf '%s\\n' a b c d | circleci tests split --split-by=timings --show-counts | sed "s/^/got $CIRCLE_NODE_INDEX /"
      - run: printf '%s' '<testsuite>${cases.join('')}</testsuite>' >r.xml
      - store_test_results: {path: r.xml}
workflows: {w: {jobs: [t]}}
`
  const dealt = (stdout: string) =>
    [...stdout.matchAll(/got (\d) (\w)$/gm)].map(([, node, name]) => `${node}${name}`).sort()
  const first = await run(configuration, '--cache')
  assert.equal(first.code, 0, first.stdout)
  assert.match(first.stdout, /no timing data for this job/)
  assert.deepEqual(dealt(first.stdout), ['0a', '0c', '1b', '1d'])
  const second = await run(configuration, '--cache')
  assert.deepEqual(dealt(second.stdout), ['0a', '1b', '1c', '1d'], second.stdout)
  assert.match((await run(configuration)).stdout, /times of tests are not kept here: --cache keeps them/)
})

test('artifacts become files where the person said, also of a job that failed', async () => {
  const made =
    'mkdir -p r/sub && echo page > r/sub/i.html && : > r/empty && head -c 3000000 /dev/zero | tr "\\\\0" z > big && exit 3'
  const configuration = `version: 2.1
jobs:
  a: ${job(sh(made), '{store_artifacts: {path: r, destination: report}}', '{store_artifacts: {path: big}}', '{store_artifacts: {path: missing}}', '{store_artifacts: {path: r/sub/i.html, destination: ../../../escape.html}}')}
workflows: {w: {jobs: [a]}}
`
  const { code, stdout } = await run(configuration, '--artifacts', 'kept')
  assert.equal(code, 1, stdout)
  assert.match(stdout, /\[a\] there is no missing: nothing is stored/)
  const kept = join(root, 'tree/kept/a')
  assert.equal(readFileSync(join(kept, 'report/sub/i.html'), 'utf8'), 'page\n')
  assert.equal(readFileSync(join(kept, 'report/empty'), 'utf8'), '')
  assert.ok(readFileSync(join(kept, 'big')).equals(Buffer.alloc(3_000_000, 'z')))
  assert.equal(readFileSync(join(kept, 'escape.html'), 'utf8'), 'page\n', 'a way out leads nowhere')
  assert.match((await run(configuration)).stdout, /artifacts are not kept here: --artifacts DIR/)
})

test('a secret in an artifact is told by its name; the file stays as it is', async () => {
  await writeFile(join(root, 'token'), 'a longer secret than most: 6 times 9')
  const write = 'mkdir out && gzip < "$TOKEN" > out/log.gz && echo clean > out/b.txt'
  const { code, stdout } = await run(
    `version: 2.1
jobs:
  leaks: ${job(sh(write), '{store_artifacts: {path: out}}')}
  keeps: ${job(sh('echo clean > b.txt'), '{store_artifacts: {path: b.txt}}')}
workflows: {w: {jobs: [leaks, keeps]}}
`,
    ...['-s', `TOKEN=@${join(root, 'token')}`, '--artifacts', join(root, 'leaky')],
  )
  assert.equal(code, 0, stdout)
  assert.match(stdout, /\[leaks\] ! the secret TOKEN is in this output or in an artifact/)
  assert.doesNotMatch(stdout, /\[keeps\] ! the secret/)
  assert.match(
    execFileSync('find', [join(root, 'leaky'), '-name', 'log.gz'], { encoding: 'utf8' }),
    /log\.gz/,
  )
})

test('a cache is kept when it was asked for, found by its prefix, and written once', async () => {
  const fill = 'mkdir -p ~/.deps && echo v1 > ~/.deps/lib'
  const save = '{save_cache: {key: "v1-{{ checksum \\"lock.txt\\" }}", paths: [~/.deps, ~/.gone]}}'
  const configuration = `version: 2.1
jobs:
  a: ${job('checkout', '{restore_cache: {keys: ["v1-{{ checksum \\"lock.txt\\" }}", v1-]}}', sh('cat ~/.deps/lib || true'), sh(fill), save)}
workflows: {w: {jobs: [a]}}
`
  const off = await run(configuration)
  assert.equal(off.code, 0, off.stdout)
  assert.match(off.stdout, /caches are off: --cache keeps them/)
  const first = await run(configuration, '--cache')
  assert.equal(first.code, 0, first.stdout)
  assert.match(first.stdout, /no cache begins with v1-LPJNul\+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ= or v1-/)
  assert.match(first.stdout, /there is no \/home\/ci\/\.gone: left out/)
  assert.match(first.stdout, /saved 2 entries/)
  const second = await run(configuration, '--cache')
  assert.match(second.stdout, /restored 2 entries/)
  assert.match(second.stdout, /^\[a\] v1$/m)
  assert.match(second.stdout, /there is a cache under the key v1-LPJ.* already: nothing is stored/)
  assert.ok(existsSync(join(root, '.cache/mayfly/caches')))
})

test('a file that is not there for its checksum, and a key that is no template, fail the step', async () => {
  const { code, stdout } = await run(`version: 2.1
jobs:
  a: ${job('{restore_cache: {key: "{{ checksum \\"none\\" }}"}}')}
  b: ${job('{restore_cache: {key: "{{ .Nothing }}"}}')}
  c: ${job('{restore_cache: {key: "v{{ .Branch"}}')}
workflows: {w: {jobs: [a, b, c]}}
`)
  assert.equal(code, 1, stdout)
  assert.match(stdout, /\[a\] there is no file "none" for its checksum/)
  assert.match(stdout, /\[b\] "\{\{ \.Nothing \}\}" is nothing that a key knows/)
  assert.match(stdout, /\[c\] the key "v\{\{ \.Branch" has a/)
})
