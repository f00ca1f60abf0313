// `mayfly run` as people start it: the program itself, the jailer as its child, real sandboxes. Needs root.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runLocally, startLocally } from '../../test/support/local-run.ts'
import { gitAsPerson } from '../../test/support/person-git.ts'

const repository = join(import.meta.dirname, '../..')
let root = ''
let project = ''

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-run-'))
  project = join(root, 'hello')
  await cp(join(repository, 'examples/hello'), project, { recursive: true })
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', project])
  execFileSync('git', ['-C', project, 'add', '--all'])
})
after(() => rm(root, { recursive: true, force: true }))

const startIn = (directory: string, words: readonly string[]) =>
  startLocally({ home: root, cwd: join(project, directory) }, words)
const start = (words: readonly string[]) => startIn('.', words)

/** Processes below `pid`, itself included. */
const family = (pid: number): readonly number[] => {
  const parents = readdirSync('/proc').flatMap((name) => {
    const path = `/proc/${name}/stat`
    if (!/^\d+$/.test(name) || !existsSync(path)) return []
    try {
      const stat = readFileSync(path, 'utf8')
      return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])] as const]
    } catch {
      return []
    }
  })
  const below = (of: number): number[] => [
    of,
    ...parents.filter(([, parent]) => parent === of).flatMap(([child]) => below(child)),
  ]
  return below(pid)
}

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}/stat`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

const until = async (what: string, condition: () => boolean, deadlineMs = 30_000): Promise<void> => {
  const end = performance.now() + deadlineMs
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

test('the example runs: a copy of the work tree, three jobs, a verdict, nothing left behind', async () => {
  await writeFile(join(project, 'poem.txt'), 'changed here\n')
  await writeFile(join(project, '.gitignore'), 'secret.txt\n')
  await writeFile(join(project, 'secret.txt'), 'not for jobs\n')
  const run = start(['run'])
  assert.equal(await run.ended, 0, run.output.stderr)
  assert.match(run.output.stdout, /^\[greet\] Hello, world!$/m)
  assert.match(run.output.stdout, /^\[count\] 2$/m, 'uncommitted changes go in')
  assert.match(run.output.stdout, /✓ passed\tdone/)
})

test('a failing job shows its output and the exit code is 1; ignored files and .git of a directory above stay outside', async () => {
  await mkdir(join(project, 'sub/.circleci'), { recursive: true })
  const script = 'ls -A; cat /etc/shadow; exit 4'
  await writeFile(
    join(project, 'sub/.circleci/config.yml'),
    `version: 2.1
jobs:
  a: {docker: [{image: x}], steps: [checkout, {run: "${script}"}]}
  b: {docker: [{image: x}], steps: [checkout]}
workflows: {w: {jobs: [a, {b: {requires: [a]}}]}}
`,
  )
  await writeFile(join(project, 'sub/secret.txt'), 'x')
  const inSub = spawnIn('sub', ['run', '--network', 'none'])
  assert.equal(inSub.code, 1, inSub.stderr)
  assert.match(inSub.stdout, /^\[a\] \.circleci$/m)
  assert.doesNotMatch(inSub.stdout, /^\[a\] (secret\.txt|\.git)$|root:/m)
  assert.match(inSub.stdout, /✗ exit code/)
  assert.match(inSub.stdout, /^- skipped\tb\t-\tSkipped because a failed$/m)
})

test('a job that names a context runs without it, and that is said', async () => {
  await mkdir(join(project, 'contexts/.circleci'), { recursive: true })
  const text = `version: 2.1
jobs: {a: {docker: [{image: x}], steps: [{run: 'echo "have \${KEY-nothing}"; exit 3'}]}}
workflows: {w: {jobs: [{a: {context: [deploy, deploy to europe]}}]}}
`
  await writeFile(join(project, 'contexts/.circleci/config.yml'), text)
  const run = spawnIn('contexts', ['run', '--network', 'none'])
  assert.equal(run.code, 1, run.stdout + run.stderr)
  assert.match(run.stderr, /^note: secrets of contexts \(deploy, deploy to europe\) are not here: -s NAME/m)
  assert.match(run.stdout, /^\[a\] have nothing$/m)
})

test('what a configuration knows of its run is what its jobs know, and the copies finish in order', async () => {
  await mkdir(join(project, 'facts/.circleci'), { recursive: true })
  const values = '<< pipeline.id >> << pipeline.number >> << pipeline.git.repo_name >>'
  const steps = [
    `run: '[ "${values}" = "$CIRCLE_PIPELINE_ID 1 $CIRCLE_PROJECT_REPONAME" ] && echo the same'`,
    `deploy: 'echo shipped by "$CIRCLE_NODE_INDEX"'`,
  ]
  const text = `version: 2.1
jobs: {a: {docker: [{image: x}], parallelism: 2, steps: [${steps.map((step) => `{${step}}`).join(', ')}]}}
workflows: {w: {when: << pipeline.git.branch.is_default >>, jobs: [a]}}
`
  await writeFile(join(project, 'facts/.circleci/config.yml'), text)
  const run = spawnIn('facts', ['run', '--network', 'none', '-n', '1'])
  assert.equal(run.code, 0, run.stdout + run.stderr)
  const said = run.stdout.split('\n').filter((line) => /^\[a\.\d\] (the same|shipped)/.test(line))
  assert.deepEqual(said, ['[a.1] the same', '[a.0] the same', '[a.0] shipped by 0'])
})

test('the copy is a repository of its own: history, branches of origin and tags, no configuration and no hooks', async () => {
  const { place, git, write } = await historyOf('history')
  await write('text', 'one\n')
  git('commit', '--quiet', '--all', '--message', 'Write one')
  git('tag', 'v1')
  git('update-ref', 'refs/remotes/origin/side', 'HEAD')
  await write('text', 'two\n')
  git('commit', '--quiet', '--all', '--message', 'Write two')
  git('config', 'user.secret', 'hidden')
  await write('.git/hooks/post-checkout', '#!/bin/sh\necho hook\n')
  await write('text', 'changed\n')
  const run = spawnIn(place, ['run', '--network', 'none'])
  assert.equal(run.code, 0, run.stdout + run.stderr)
  const said = run.stdout.split('\n').flatMap((line) => /^\[a\] (> .*)$/.exec(line)?.[1] ?? [])
  assert.deepEqual(said, [
    '> v1-1-g',
    '> Write two',
    '> Write one',
    '> origin/main',
    '> origin/side',
    '> M text',
    '> no',
  ])
  assert.doesNotMatch(run.stdout, /hidden|echo hook/)
})

test('where objects of the history are missing the commit goes along, which is enough for most', async () => {
  const { place, git, write } = await historyOf('broken')
  await write('text', 'one\n')
  git('commit', '--quiet', '--all', '--message', 'Write one')
  const lost = git('rev-parse', 'HEAD:text').trim()
  await write('text', 'two\n')
  git('commit', '--quiet', '--all', '--message', 'Write two')
  await rm(join(project, place, '.git/objects', lost.slice(0, 2), lost.slice(2)))
  const run = spawnIn(place, ['run', '--network', 'none'])
  assert.match(run.stdout, /only its commit goes along/)
  assert.match(run.stdout, /^\[a\] > Write two\n(?!.*Write one)/m)
})

/** A repository of its own, with a configuration that says what a job sees of it. */
const historyOf = async (place: string) => {
  const directory = join(project, place)
  const git = (...words: readonly string[]) => gitAsPerson(directory, ...words)
  const write = (name: string, text: string) => writeFile(join(directory, name), text)
  await mkdir(join(directory, '.circleci'), { recursive: true })
  const script = [
    'git describe --tags | sed "s/^/> /; s/-g.*/-g/" || true',
    'git log --format="> %s"',
    'git branch --remotes | sed "s/^ */> /"',
    'git status --porcelain | sed "s/^ */> /"',
    'cat .git/config; ls .git/hooks 2>/dev/null || echo "> no"',
  ]
  await write(
    '.circleci/config.yml',
    JSON.stringify({
      version: 2.1,
      jobs: { a: { docker: [{ image: 'x' }], steps: ['checkout', { run: script.join('\n') }] } },
      workflows: { w: { jobs: ['a'] } },
    }),
  )
  git('init', '--quiet', '--initial-branch=main')
  await write('text', '')
  git('add', '--all')
  return { place, git, write }
}

const spawnIn = (directory: string, words: readonly string[]) =>
  runLocally({ home: root, cwd: join(project, directory) }, words)

test('Ctrl-C ends jobs and sandboxes before the program', async () => {
  await mkdir(join(project, 'long/.circleci'), { recursive: true })
  await writeFile(
    join(project, 'long/.circleci/config.yml'),
    'version: 2.1\njobs: {a: {docker: [{image: x}], steps: [{run: "echo begun; sleep 600"}]}}\nworkflows: {w: {jobs: [a]}}\n',
  )
  const { child, output, ended } = startIn('long', ['run', '--network', 'none'])
  await until('the step', () => output.stdout.includes('[a] begun'))
  const processes = family(child.pid ?? 0)
  assert.ok(processes.length > 3, 'jailer and job are below us')
  child.kill('SIGINT')
  assert.equal(await ended, 130)
  assert.match(output.stdout, /cancelled/)
  assert.deepEqual(processes.filter(isAlive), [])
})

test('secrets reach steps of real sandboxes, and neither their output nor their arguments', async () => {
  await mkdir(join(project, 'secret/.circleci'), { recursive: true })
  const script =
    'printf %s "$TOKEN" | sha256sum; sha256sum <"$KEY"; echo "$TOKEN"; cat "$KEY"; cat /proc/*/cmdline | tr "\\\\0" " "'
  await writeFile(
    join(project, 'secret/.circleci/config.yml'),
    `version: 2.1\njobs: {a: {docker: [{image: x}], steps: [{run: '${script}'}]}}\nworkflows: {w: {jobs: [a]}}\n`,
  )
  await writeFile(join(project, 'secret/given.env'), 'TOKEN=correct horse battery\n')
  await writeFile(join(project, 'secret/key.pem'), 'staple correct battery\n')
  const words = ['run', '--network', 'none', '--secret-file', 'given.env', '-s', 'KEY=@key.pem']
  const { code, stdout, stderr } = spawnIn('secret', words)
  assert.equal(code, 0, `${stdout}${stderr}`)
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  assert.ok(
    stdout.includes(sha256('correct horse battery')) && stdout.includes(sha256('staple correct battery\n')),
  )
  assert.match(stdout, /^\[a\] \[secret TOKEN\]$/m)
  assert.doesNotMatch(stdout + stderr, /battery/)
})

test('jobs of a serial group run one after the other, and a workflow that fails is tried again by itself', async () => {
  await mkdir(join(project, 'serial/.circleci'), { recursive: true })
  const job = '{docker: [{image: x}], steps: [{run: "echo begins; sleep 0.3; echo ends"}]}'
  await writeFile(
    join(project, 'serial/.circleci/config.yml'),
    `version: 2.1
jobs: {a: ${job}, b: ${job}, red: {docker: [{image: x}], steps: [{run: "echo tried; exit 1"}]}}
workflows:
  one: {jobs: [{a: {serial-group: x}}, {b: {serial-group: x}}]}
  two: {max_auto_reruns: 1, jobs: [red]}
`,
  )
  const { code, stdout, stderr } = spawnIn('serial', ['run', '--network', 'none'])
  assert.equal(code, 1, stderr)
  const lines = stdout.match(/^\[[ab] *\] (begins|ends)$/gm) ?? []
  assert.equal(lines.length, 4, stdout)
  assert.equal(lines[0]?.slice(1, 2), lines[1]?.slice(1, 2), 'the first ends before the second begins')
  assert.equal(stdout.match(/^\[red\] tried$/gm)?.length, 2, stdout)
})
