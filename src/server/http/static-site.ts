// The web interface as a fixed map from exact URL to bytes, compressed once at the start. No URL ever names a file on
// disk: what is not in the map does not exist. Pages are one shell, given for every path that could be a page.

import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import * as z from 'zod'
import { fault } from '../../base/faults.ts'
import { reservedSegments } from '../../protocol/reserved-names.ts'
import { limits } from './limits.ts'

export type Encoding = 'br' | 'gzip' | 'identity'
export type Asset = {
  readonly contentType: string
  readonly cacheControl: string
  readonly etag: string
  readonly bytes: Readonly<Record<Encoding, Buffer>>
}

export type StaticSite = {
  /** What is at this path; null when nothing is. */
  find(path: string): Asset | null
}

/** Reserved, and yet a page: where the one-time link leads. */
const reservedPages = ['/claim']

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

const shellPath = '/index.html'
const immutable = 'public, max-age=31536000, immutable'

/** Reads Vite's output directory with its manifest. */
export const openStaticSite = async (directory: string): Promise<StaticSite> => {
  const hashed = await readHashedNames(directory)
  const assets = new Map<string, Asset>()
  let sizeBytes = 0
  for (const name of await listFiles(directory)) {
    const content = await readFile(join(directory, name))
    sizeBytes += content.length
    if (assets.size >= limits.staticSite.files || sizeBytes > limits.staticSite.bytes)
      throw fault('E_CONFIG_INVALID', { detail: 'the directory of the web interface is too large' })
    assets.set(`/${name}`, await createAsset(name, content, hashed.has(name)))
  }
  const shell = assets.get(shellPath)
  if (shell === undefined)
    throw fault('E_CONFIG_INVALID', {
      detail: `no index.html in ${directory}: the web interface is not built`,
    })
  return { find: (path) => assets.get(path) ?? (isPage(path) ? shell : null) }
}

/** Without a web interface: everything is 404. */
export const noSite: StaticSite = { find: () => null }

const isPage = (path: string): boolean => {
  if (reservedPages.includes(path)) return true
  const segments = path.split('/')
  const reserved = (reservedSegments as readonly string[]).includes(segments[1] ?? '')
  return (
    !reserved && (!(segments.at(-1) ?? '').includes('.') || isJobPage(segments) || isContextPage(segments))
  )
}

/** Whose last segment may have a dot: `/{org}/{project}/runs/{n}/jobs/{job}.{shard}`, … */
const isJobPage = (segments: readonly string[]): boolean =>
  segments.length === 7 && segments[3] === 'runs' && segments[5] === 'jobs'
/** … and `/settings/contexts/{name}`. */
const isContextPage = (segments: readonly string[]): boolean =>
  segments.length === 4 && segments[1] === 'settings' && segments[2] === 'contexts'

const manifest = z.record(
  z.string(),
  z.looseObject({
    file: z.string(),
    css: z.array(z.string()).optional(),
    assets: z.array(z.string()).optional(),
  }),
)

/** The files whose names carry the hash of their content. */
const readHashedNames = async (directory: string): Promise<ReadonlySet<string>> => {
  try {
    const entries = manifest.parse(JSON.parse(await readFile(join(directory, '.vite/manifest.json'), 'utf8')))
    return new Set(
      Object.values(entries).flatMap(({ file, css = [], assets = [] }) => [file, ...css, ...assets]),
    )
  } catch (cause) {
    throw fault('E_CONFIG_INVALID', { detail: `no valid .vite/manifest.json in ${directory}`, cause })
  }
}

const listFiles = async (directory: string): Promise<readonly string[]> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.replace(/\/+$/, '').length + 1))
    .filter((name) => !name.startsWith('.vite/'))
    .sort()
}

const brotli = promisify(brotliCompress)
const deflate = promisify(gzip)
/** 11 takes seconds for a script of 200 KiB and saves 3 %. */
const brotliQuality = 9

const createAsset = async (name: string, content: Buffer, isHashed: boolean): Promise<Asset> => ({
  contentType: contentTypes[extname(name)] ?? 'application/octet-stream',
  // Vite's workers are not in the manifest; everything below assets/ is named by its content all the same.
  cacheControl: isHashed || name.startsWith('assets/') ? immutable : 'no-cache',
  etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"`,
  bytes: {
    identity: content,
    gzip: await deflate(content, { level: 9 }),
    br: await brotli(content, { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } }),
  },
})

/** The best encoding the browser names; `q=0` and anything unusual gets the plain bytes. */
export const chooseEncoding = (header: string | undefined): Encoding => {
  const names = (header ?? '').split(',').map((part) => part.trim().toLowerCase())
  if (names.includes('br')) return 'br'
  return names.includes('gzip') ? 'gzip' : 'identity'
}
