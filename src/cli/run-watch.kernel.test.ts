// `mayfly run --watch` as people start it, with real sandboxes. Needs root.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startLocally } from '../../test/support/local-run.ts'

let root = ''
let project = ''

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'mayfly-watch-'))
  project = join(root, 'project')
  await mkdir(join(project, '.circleci'), { recursive: true })
  await configure('cat word.txt')
  await writeFile(join(project, 'word.txt'), 'first\n')
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', project])
})
after(() => rm(root, { recursive: true, force: true }))

const configure = (command: string) =>
  writeFile(
    join(project, '.circleci/config.yml'),
    `version: 2.1
jobs:
  build:
    docker: [{ image: debian:12 }]
    steps:
      - checkout
      - run: ${command}
      - store_artifacts: { path: word.txt }
workflows: { all: { jobs: [build] } }
`,
  )

const start = (...words: readonly string[]) => {
  const { child, output, ended } = startLocally({ home: root, cwd: project }, ['run', '--watch', ...words])
  /** What was said up to these words, which is not looked at again. */
  const until = async (words: RegExp): Promise<string> => {
    const end = performance.now() + 30_000
    for (;;) {
      const found = words.exec(output.all)
      if (found !== null) {
        const before = output.all.slice(0, found.index + found[0].length)
        output.all = output.all.slice(before.length)
        return before
      }
      if (performance.now() > end) throw new Error(`waited in vain for ${words} in:\n${output.all}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return { until, ended, interrupt: () => void child.kill('SIGINT'), end: () => void child.kill('SIGKILL') }
}

test('it runs again with each change, a broken configuration too, until it is interrupted', async (t) => {
  const run = start('--artifacts', 'kept')
  t.after(run.end)
  assert.match(await run.until(/watching .*; Ctrl-C ends\n/), /\] first\n/)
  await writeFile(join(project, 'word.txt'), 'second\n')
  // What it stored below the project itself was no change.
  assert.match(await run.until(/watching /), /^changed: word\.txt\n.*\] second\n/s)
  await configure('[')
  assert.match(await run.until(/watching /), /changed: \.circleci\/config\.yml\n.*error\[MF/s)
  await configure('echo mended')
  assert.match(await run.until(/watching /), /\] mended\n/)
  run.interrupt()
  assert.equal(await run.ended, 130)
})

test('a change overtakes the run under way', async (t) => {
  await configure('cat word.txt; exec sleep 600')
  const run = start()
  t.after(run.end)
  await run.until(/\] second\n/s)
  await writeFile(join(project, 'word.txt'), 'third\n')
  assert.match(await run.until(/\] third\n/), /cancelled.*changed: word\.txt/s)
  run.interrupt()
  assert.equal(await run.ended, 130)
})

test('what was typed wrong ends it; it shows nothing', async (t) => {
  for (const [words, code, said] of [
    [['nothing-of-that-name'], 5, /nothing-of-that-name/],
    [['--list'], 2, /--watch carries out/],
  ] as const) {
    const run = start(...words)
    t.after(run.end)
    await run.until(said)
    assert.equal(await run.ended, code)
  }
})

test('it ends with whoever reads it', async (t) => {
  await configure('cat word.txt')
  const { child, output, ended } = startLocally({ home: root, cwd: project }, ['run', '--watch'])
  t.after(() => void child.kill('SIGKILL'))
  const until = async (words: RegExp) => {
    for (const end = performance.now() + 30_000; !words.test(output.all); ) {
      if (performance.now() > end) throw new Error(`waited in vain for ${words} in:\n${output.all}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await until(/Ctrl-C ends/)
  child.stdout.destroy()
  await writeFile(join(project, 'word.txt'), 'unread\n')
  const late = setTimeout(() => void child.kill('SIGKILL'), 30_000)
  assert.equal(await ended, 130)
  clearTimeout(late)
})
