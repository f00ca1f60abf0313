// Rules about the tree itself: zones, names, sizes, forbidden words in code. A rule that is not checked is a wish.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { test } from 'node:test'
import { extraDoors, openZones, zones } from '../../boundaries.js'

const root = join(import.meta.dirname, '../..')

/** What Git knows; in a copy of the work tree without `.git` (a sandbox of `mayfly run`), what lies there. */
const listFiles = (): string[] => {
  const ask = ['ls-files', '--cached', '--others', '--exclude-standard']
  if (existsSync(join(root, '.git')))
    return execFileSync('git', ask, { cwd: root, encoding: 'utf8' }).split('\n')
  const made = /^(node_modules|build[^/]*|tmp)(\/|$)/
  return readdirSync(root, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !made.test(path))
}

const files = listFiles().filter((path) => path !== '' && existsSync(join(root, path)))
const sources = files.filter((path) => path.startsWith('src/') && /\.(ts|svelte)$/.test(path))
const production = sources.filter((path) => !/\.(test|contract|e2e)\.ts$|\/testdata\//.test(path))
const read = (path: string) => readFileSync(join(root, path), 'utf8')

const offenders = (paths: readonly string[], pattern: RegExp): string[] =>
  paths.flatMap((path) =>
    read(path)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  )

test('every folder of src is a zone of the table, and every zone exists', () => {
  assert.deepEqual(readdirSync(join(root, 'src')).sort(), Object.keys(zones).sort())
})

test('every zone has its door', () => {
  for (const name of Object.keys(zones)) {
    if (openZones.includes(name) || name === 'main' || name === 'web') continue
    for (const door of ['index.ts', ...((extraDoors as Record<string, string[]>)[name] ?? [])])
      assert.ok(existsSync(join(root, 'src', name, door)), `src/${name}/${door} is missing`)
  }
})

test('the import table of ARCHITECTURE.md is the one the lint reads', () => {
  const text = read('ARCHITECTURE.md')
  for (const [name, zone] of Object.entries(zones)) {
    const row = `| \`${name}\` | ${zone.trustedWith} | ${zone.mayImport.join(', ') || '–'} | ${zone.mustNever} |`
    assert.ok(text.includes(row), `ARCHITECTURE.md lacks this row:\n${row}`)
  }
})

test('every place that ARCHITECTURE.md sends a reader to exists', () => {
  const gone = [...read('ARCHITECTURE.md').matchAll(/`([a-z][a-z-]*\/[a-z0-9./-]*)`/g)]
    .flatMap(([, path]) => (path === undefined || path === 'jailer/index.ts' ? [] : [path]))
    .filter((path) => !existsSync(join(root, 'src', path)) && !existsSync(join(root, path)))
  assert.deepEqual(gone, [])
})

test('every file that a document of ours leads to exists', () => {
  const documents = files.filter((path) => path.endsWith('.md') && !path.includes('/testdata/'))
  assert.ok(documents.length > 50)
  const gone = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\((?<to>[^)#:\s]+)(#[^)]*)?\)/g)]
      .map(({ groups }) => groups?.to ?? '')
      .filter((to) => !existsSync(join(root, path, '..', to)))
      .map((to) => `${path}: ${to}`),
  )
  assert.deepEqual(gone, [])
})

test('every decision that code or a document names was written down', () => {
  const written = files.flatMap((path) => /^docs\/decisions\/(\d{4})-/.exec(path)?.[1] ?? [])
  const named = files
    .filter((path) => /\.(ts|svelte|sql|md)$/.test(path))
    .flatMap((path) => [...read(path).matchAll(/\bdecisions? (?<number>0\d{3})\b/g)])
    .flatMap(({ groups }) => groups?.number ?? [])
  assert.ok(named.length > 20)
  assert.deepEqual(
    [...new Set(named)].filter((number) => !written.includes(number)),
    [],
  )
})

test('process.env and process.exit are read in main only', () => {
  assert.deepEqual(
    offenders(
      production.filter((path) => !path.startsWith('src/main/')),
      /\bprocess\.(env|exit)\b/,
    ),
    [],
  )
})

test('processes are started by sys/spawn.ts only', () => {
  assert.deepEqual(
    offenders(
      production.filter((path) => path !== 'src/sys/spawn.ts'),
      /from '(node:)?child_process'/,
    ),
    [],
  )
})

test('zod is a namespace: of its names a program takes those that it uses', () => {
  assert.deepEqual(offenders(production, /^import (type )?(\{|z\b).* from 'zod'/m), [])
})

test('no markup from strings in the web', () => {
  assert.deepEqual(
    offenders(
      production.filter((path) => path.startsWith('src/web/')),
      /\{@html|innerHTML\s*=|\sstyle="/,
    ),
    [],
  )
})

test('files stay under 500 lines', () => {
  const long = production
    .filter((path) => !/\.json$|\/text\/|-table\.ts$/.test(path))
    .filter((path) => read(path).split('\n').length > 501)
  assert.deepEqual(long, [])
})

test('file names say one idea, in kebab-case', () => {
  const banned = new Set(['utils', 'helpers', 'common', 'lib', 'misc', 'manager', 'types'])
  const bad = production.filter((path) => {
    const name = (path.split('/').at(-1) ?? '').replace(/\.(config|svelte)?\.?(ts|svelte)$/, '')
    return banned.has(name) || (path.endsWith('.ts') && !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(name))
  })
  assert.deepEqual(bad, [])
})

test('every source file says at its top what it is', () => {
  const silent = production.filter(
    (path) => path.endsWith('.ts') && !/^(#!.*\n)?(\/\/|\/\*)/.test(read(path)),
  )
  assert.deepEqual(silent, [])
})

test('tests do not sleep a fixed time and hope, and none is reserved for one machine', () => {
  assert.deepEqual(
    offenders(
      files.filter((path) => path.endsWith('.test.ts')),
      /\b(test|it|describe)\.only\(/,
    ),
    [],
  )
})

test('every decision record has its four parts', () => {
  for (const path of files.filter((name) => /^docs\/decisions\/\d{4}-.*\.md$/.test(name)))
    for (const part of ['## Context', '## Options', '## Decision', '## What would change our mind'])
      assert.ok(read(path).includes(part), `${path} lacks "${part}"`)
})
