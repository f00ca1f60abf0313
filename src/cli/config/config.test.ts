// `mayfly config` as people use it: in a terminal and in a pipe, with hostile names.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runCommand } from '../../../test/support/surroundings.ts'

let root = ''

const configuration = `version: 2.1
parameters: {deep: {type: boolean, default: false}, count: {type: integer, default: 1}, word: {type: string, default: ""}}
commands:
  greet: {parameters: {whom: {type: string}}, steps: [{run: "echo << parameters.whom >>"}]}
jobs:
  a: &job
    docker: [{image: debian:12}]
    environment: {YES: "yes", PLAIN: text}
    steps: [checkout, {greet: {whom: you}}, {run: {name: Two, command: "one\\ntwo"}}, {save_cache: {key: k, paths: [p]}}]
  b: {<<: *job, parallelism: << pipeline.parameters.count >>}
  c: *job
workflows:
  all:
    jobs:
      - a
      - hold: {type: approval, requires: [a]}
      - b: {requires: [hold], filters: {branches: {only: main}}}
      - c: {name: 'c "]; <x>', requires: [a, {b: [failed]}]}
  deep:
    when: << pipeline.parameters.deep >>
    jobs: [a]
`

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-config-'))
  await mkdir(join(root, '.circleci'))
  await writeFile(join(root, '.circleci/config.yml'), configuration)
  await writeFile(join(root, 'bad.yml'), 'version: 2.1\njobs: {}\n')
})
after(() => rm(root, { recursive: true, force: true }))

const mayfly = (line: string, isTerminal = false) =>
  runCommand(line.split(' '), { cwd: root, isTerminal, environment: { NO_COLOR: '1' } })

test('show gives the text, or the plan with the place that shaped each line', async () => {
  assert.equal((await mayfly('config show')).stdout, configuration)
  const compiled = await mayfly('config show --compiled -p count=3')
  const lines = compiled.stdout.split('\n')
  for (const line of [
    '    parallelism: 3',
    '    container: debian:12',
    '      YES: "yes"',
    '      PLAIN: text',
    '      - run: echo you',
    '          command: |',
    '            two',
    '      - save_cache: {key: k, paths: p}',
    '      - b: [failed, timed_out, errored]',
  ])
    assert.ok(lines.includes(line), `${line}\n${compiled.stdout}`)
  const places = (await mayfly('config show --with-origins')).stdout
  assert.match(places, /- run: echo you +# \.circleci\/config\.yml:4:\d+ by \.circleci\/config\.yml:9:/)
  const json = JSON.parse((await mayfly('config show --with-origins --json')).stdout)
  assert.deepEqual([json.plan.v, typeof json.origins['/workflows/0']], [1, 'object'])
})

test('graph draws a tree, and feeds drawing programs names that stay names', async () => {
  const text = await mayfly('config graph -p count=2')
  assert.deepEqual(text.stdout.trimEnd().split('\n'), [
    'all',
    '└─ a',
    '   └─ hold  approval',
    '      └─ b ×2',
    '         └─ c "]; <x>  on b: failed, also after a',
  ])
  const mermaid = (await mayfly('config graph --format mermaid')).stdout
  assert.match(mermaid, /w0j3\["c #quot;\]; #lt;x#gt;"\]\n/)
  assert.match(mermaid, /w0j2 -->\|"failed"\| w0j3\n/)
  const dot = (await mayfly('config graph --format dot')).stdout
  assert.match(dot, /w0j3 \[label="c \\"\]; <x>"\]\n/)
  assert.match(dot, /w0j2 -> w0j3 \[label="failed"\]\n/)
})

test('simulate says what runs and why the rest does not', async () => {
  const piped = await mayfly('config simulate --branch fix/x')
  assert.deepEqual(piped.stdout.trimEnd().split('\n'), [
    'all\t-\truns\t\t',
    'all\ta\truns\t\t',
    'all\thold\truns\t\t',
    'all\tb\tleft out\tfilters: branches.only is main; the branch is fix/x\t.circleci/config.yml:17',
    'all\tc "]; <x>\truns\t\t',
    'deep\t-\tleft out\twhen: << pipeline.parameters.deep >> is false: pipeline.parameters.deep is false\t.circleci/config.yml:20',
  ])
  assert.equal(piped.stderr, 'push of branch fix/x\n')
  const seen = (await mayfly('config simulate --branch fix/x -p deep=true', true)).stdout
  assert.match(seen, /^✓ all\n {4}✓ a\n/)
  assert.match(seen, /\n {4}✓ c "\]; <x> {2}without b, left out\n✓ deep\n/)
  const json = JSON.parse((await mayfly('config simulate --tag v1 --json')).stdout)
  assert.deepEqual([json.event.tag, json.workflows[0].leftOut.rule], ['v1', 'jobs'])
})

test('simulate takes the pull request that somebody would tell of', async () => {
  const text = `version: 2.1
jobs: {a: {machine: true, steps: [checkout]}}
workflows: {review: {when: pipeline.event.name == "pull_request" and pipeline.event.github.pull_request.number > 6, jobs: [a]}}
`
  await writeFile(join(root, 'review.yml'), text)
  const runs = async (flags: string) =>
    (await mayfly(`config simulate review.yml ${flags}`)).stdout.split('\n')[0]?.split('\t')[2]
  assert.equal(await runs('--branch fix/x --pull-request 7'), 'runs')
  assert.equal(await runs('--branch fix/x --pull-request 6'), 'left out')
  assert.equal(await runs('--branch fix/x'), 'left out')
  for (const wrong of ['--pull-request x', '--pull-request 0', '--event manual --pull-request 7'])
    assert.equal((await mayfly(`config simulate review.yml ${wrong}`)).code, 2)
})

test('wrong words and a broken file have their exit codes', async () => {
  assert.equal((await mayfly('config simulate --branch a --tag b')).code, 2)
  assert.match((await mayfly('config simulate -p count')).stderr, /write NAME=VALUE/)
  const undeclared = await mayfly('config simulate -p cuont=1')
  assert.deepEqual([undeclared.code, /did you mean "count"/.test(undeclared.stderr)], [7, true])
  assert.equal((await mayfly('config graph bad.yml')).code, 7)
  assert.equal((await mayfly('config show none.yml')).code, 5)
  assert.equal(JSON.parse((await mayfly('config schema')).stdout).required[0], 'version')
})

test('a picture needs no other program, and names stay text in it', async () => {
  const svg = (await mayfly('config graph --format svg -p count=2')).stdout
  assert.match(svg, /^<svg xmlns=/)
  assert.ok(svg.includes('>c &quot;]; &lt;x&gt;</text>') && svg.includes('>b ×2</text>'))
  assert.ok(!/<script|<x>|href=/.test(svg))
  assert.equal(svg.match(/<path /g)?.length, 4)
})

test('diff names the jobs that differ, and their lines', async () => {
  const other = configuration
    .replace('whom: you', 'whom: me')
    .replace('      - a\n', '      - a\n      - c: {name: more}\n')
  await writeFile(join(root, 'other.yml'), other)
  const same = await mayfly('config diff .circleci/config.yml .circleci/config.yml')
  assert.deepEqual([same.code, same.stdout], [0, ''])
  const { code, stdout } = await mayfly('config diff .circleci/config.yml other.yml')
  assert.equal(code, 1)
  assert.match(stdout, /~ all\/a\n {4}- - run: echo you\n {4}\+ - run: echo me\n/)
  assert.match(stdout, /\+ all\/more\n/)
})

test('simulate takes the files that changed for path filtering', async () => {
  const setup = `version: 2.1
setup: true
orbs: {path-filtering: circleci/path-filtering@1}
workflows: {w: {jobs: [{path-filtering/filter: {mapping: "web/.* web true", config-path: .circleci/next.yml}}]}}
`
  const next = `version: 2.1
parameters: {web: {type: boolean, default: false}}
jobs: {site: {machine: true, steps: [checkout]}}
workflows: {site: {when: << pipeline.parameters.web >>, jobs: [site]}}
`
  const folder = join(root, 'dynamic')
  await mkdir(join(folder, '.circleci'), { recursive: true })
  await writeFile(join(folder, '.circleci/config.yml'), setup)
  await writeFile(join(folder, '.circleci/next.yml'), next)
  assert.match(
    (await mayfly('config simulate dynamic --files web/a.ts,README.md')).stdout,
    /site\tsite\truns/,
  )
  assert.match((await mayfly('config simulate dynamic --files README.md')).stdout, /site\t-\tleft out\twhen/)
})
