// The web interface as browsers get it: a fixed map from URL to bytes, one shell for every page.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { openTestApp } from '../../../test/support/http-app.ts'
import { isFault } from '../../base/faults.ts'
import { reservedSegments } from '../../protocol/reserved-names.ts'
import { chooseEncoding, openStaticSite } from './static-site.ts'

const shell = '<!doctype html><title>Mayfly</title>'
const script = 'console.log("hello")\n'.repeat(50)

const builtSite = async (): Promise<string> => {
  const root = await mkdtemp(join(tmpdir(), 'mf-web-'))
  after(() => rm(root, { recursive: true }))
  const directory = join(root, 'dist')
  await mkdir(join(directory, 'assets'), { recursive: true })
  await mkdir(join(directory, '.vite'))
  await writeFile(join(root, 'secret.txt'), 'outside')
  await symlink(join(root, 'secret.txt'), join(directory, 'assets', 'link.txt'))
  await writeFile(join(directory, 'index.html'), shell)
  await writeFile(join(directory, 'icon.svg'), '<svg/>')
  await writeFile(join(directory, 'assets/index-Dk3x.js'), script)
  await writeFile(
    join(directory, '.vite/manifest.json'),
    JSON.stringify({ 'index.html': { file: 'assets/index-Dk3x.js', isEntry: true } }),
  )
  return directory
}

test('hashed files are immutable and compressed, others are asked for again', async () => {
  const pages = await openStaticSite(await builtSite())
  const hashed = pages.find('/assets/index-Dk3x.js')
  assert.equal(hashed?.cacheControl, 'public, max-age=31536000, immutable')
  assert.equal(hashed?.contentType, 'text/javascript; charset=utf-8')
  assert.equal(brotliDecompressSync(hashed?.bytes.br ?? '').toString(), script)
  assert.equal(gunzipSync(hashed?.bytes.gzip ?? '').toString(), script)
  assert.equal(pages.find('/icon.svg')?.cacheControl, 'no-cache')
  assert.equal(pages.find('/')?.cacheControl, 'no-cache')
})

test('pages get the shell; files that are not there, reserved names and what lies beside do not', async () => {
  const pages = await openStaticSite(await builtSite())
  const shellAsset = pages.find('/index.html')
  for (const path of [
    '/',
    '/acme',
    '/acme/web/runs/412',
    '/acme/web/runs/412/jobs/test.2',
    '/claim',
    '/sign-in',
    '/docs/errors/MF4004',
    '/settings/contexts/deploy.eu',
  ])
    assert.equal(pages.find(path), shellAsset, path)
  for (const path of [
    '/assets/none.js',
    '/acme/web/test.2',
    '/assets/link.txt',
    '/.vite/manifest.json',
    '/acme/logo.png',
    '/settings/logo.png',
    '/claim/x',
    ...reservedSegments.filter((name) => name !== 'claim').flatMap((name) => [`/${name}`, `/${name}/x`]),
  ])
    assert.equal(pages.find(path), null, path)
})

test('a directory without a build stops the start with a reason', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'mf-web-'))
  after(() => rm(empty, { recursive: true }))
  await assert.rejects(openStaticSite(empty), (error) => isFault(error, 'E_CONFIG_INVALID'))
})

test('the encoding is one the browser names', () => {
  for (const [header, expected] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['', 'identity'],
    [undefined, 'identity'],
  ] as const)
    assert.equal(chooseEncoding(header), expected)
})

test('pages are served with validators, HEAD and the proper address; the API stays the API', async () => {
  const app = await openTestApp({ pages: await openStaticSite(await builtSite()) })
  const page = await app.call('GET', '/acme/web/runs/1?attempt=2')
  assert.deepEqual(
    [page.status, page.headers.get('content-type'), page.text],
    [200, 'text/html; charset=utf-8', shell],
  )
  const etag = page.headers.get('etag') ?? ''
  assert.equal((await app.call('GET', '/', { headers: { 'if-none-match': etag } })).status, 304)
  const head = await app.call('HEAD', '/assets/index-Dk3x.js', { headers: { 'accept-encoding': 'identity' } })
  assert.deepEqual(
    [head.status, head.headers.get('content-length'), head.text],
    [200, String(script.length), ''],
  )
  assert.equal((await app.call('GET', '/api/v1/none')).json.code, 'MF4004')
  assert.equal((await app.call('GET', '/assets/none.js')).json.code, 'MF4004')
})

test('who types 127.0.0.1 is led to localhost, where passkeys and the cookie live', async () => {
  const app = await openTestApp({ pages: await openStaticSite(await builtSite()) })
  const address = `${app.base.replace('localhost', '127.0.0.1')}/acme?x=1`
  const answer = await fetch(address, { redirect: 'manual' })
  assert.deepEqual([answer.status, answer.headers.get('location')], [307, `${app.base}/acme?x=1`])
})

test('security.txt is served from the settings, and not when it has expired', async () => {
  const at = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
  const get = async (expires: string | null) => {
    const settings = expires === null ? null : { contact: ['mailto:security@example.org'], expires }
    const app = await openTestApp({ securityTxt: settings })
    return app.call('GET', '/.well-known/security.txt')
  }
  const good = await get(at(300))
  assert.match(good.text, /^Contact: mailto:security@example\.org\nExpires: [^\n]+\nCanonical: http[^\n]+\n$/)
  assert.equal(good.headers.get('content-type'), 'text/plain; charset=utf-8')
  for (const expires of [null, at(-1), at(400)]) assert.equal((await get(expires)).status, 404)
})
