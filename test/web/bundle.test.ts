// What the browser is given: small enough, from our own origin, with nothing inside that belongs on the server.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { type BuiltWeb, buildWeb } from './double/build.ts'

type Chunk = { readonly file: string; readonly imports?: readonly string[]; readonly isEntry?: boolean }
const scriptBudgetBytes = 180 * 1024
let web: BuiltWeb
const read = (name: string): string => readFileSync(`${web.root}/${name}`, 'utf8')

before(async () => {
  web = await buildWeb()
})
after(() => web.remove())

test('the script of the first view fits its budget', () => {
  const manifest = JSON.parse(read('.vite/manifest.json')) as Record<string, Chunk>
  const needed = new Set<string>()
  const add = (name: string): void => {
    const chunk = manifest[name]
    if (chunk === undefined || needed.has(chunk.file)) return
    needed.add(chunk.file)
    chunk.imports?.forEach(add)
  }
  for (const [name, chunk] of Object.entries(manifest)) if (chunk.isEntry) add(name)
  const size = [...needed].reduce((sum, file) => sum + gzipSync(read(file)).length, 0)
  const brotli = [...needed].reduce((sum, file) => sum + brotliCompressSync(read(file)).length, 0)
  console.log(
    `first view: ${needed.size} scripts, ${(size / 1024).toFixed(1)} KiB gzip, ${(brotli / 1024).toFixed(1)} KiB brotli`,
  )
  assert.ok(size <= scriptBudgetBytes, `${size} bytes`)
})

test('no script brings the validation library, and no file names another origin', () => {
  for (const file of readdirSync(`${web.root}/assets`)) {
    if (!/\.(js|css)$/.test(file)) continue
    const source = read(`assets/${file}`)
    assert.doesNotMatch(source, /ZodError|\$ZodType/, file)
    // Namespaces and documentation links inside libraries are never fetched; everything else would be a leak.
    const foreign = [...source.matchAll(/https?:\/\/[\w.-]+/g)]
      .map(([url]) => url)
      .filter((url) => !/^https?:\/\/(www\.w3\.org|svelte\.dev|simplewebauthn\.dev|localhost)$/.test(url))
    assert.deepEqual([...new Set(foreign)], [], file)
  }
})

test('the shell has no inline script and no inline style', () => {
  const shell = read('index.html')
  for (const [, attributes, body] of shell.matchAll(/<script([^>]*)>([^<]*)<\/script>/g)) {
    assert.match(attributes ?? '', /src="\/assets\//)
    assert.equal(body, '')
  }
  assert.doesNotMatch(shell, /<style|style=|\son\w+=/)
})
