// `mayfly api METHOD PATH`: any request of the HTTP API, with the sign-in of every other verb. The address is always one below /api/
// of the installation that this command talks to: a token goes nowhere else.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fault } from '../../base/faults.ts'
import { type ApiClient, parseAnswer, type RawAnswer, type RawRequest, readAll } from '../api/client.ts'
import { connect } from '../api/connect.ts'
import { guardedJson } from '../inert.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = {
  readonly field: readonly string[]
  readonly input?: string
  readonly paginate?: boolean
  readonly json?: boolean
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const itemsMax = 10_000

export const callApi = async (
  around: Surroundings,
  flags: Flags,
  given: string,
  path: string,
): Promise<number> => {
  const method = given.toUpperCase()
  if (!methods.includes(method))
    throw fault('E_INPUT', { public: `a method is one of ${methods.join(', ')}` })
  const request = await requestOf(around, flags, { method, path })
  const api = await connect(around)
  if (flags.paginate === true) return writeText(around, await allPages(around, api, request))
  const answer = await api.raw(request, around.interrupted)
  const isJson = /\bjson\b/.test(answer.headers['content-type'] ?? '')
  if (isJson) return writeText(around, await textOf(answer))
  if (flags.json === true) throw fault('E_INPUT', { public: 'the answer is no JSON: leave --json out' })
  // On a terminal it passes as text, which the door before it makes harmless; bytes are for files.
  const decoder = new TextDecoder()
  for await (const piece of answer.bytes)
    around.stdout.write(around.stdout.isTerminal ? decoder.decode(piece, { stream: true }) : piece)
  return 0
}

const requestOf = async (
  around: Surroundings,
  { field, input, paginate }: Flags,
  { method, path }: { readonly method: string; readonly path: string },
): Promise<RawRequest> => {
  const url = addressOf(path)
  const isBodyless = ['GET', 'HEAD', 'DELETE'].includes(method)
  if (paginate === true && method !== 'GET') throw fault('E_INPUT', { public: '--paginate is for GET' })
  if (input !== undefined && (isBodyless || field.length > 0))
    throw fault('E_INPUT', { public: '--input is the whole body: not of GET or DELETE, and not with -f' })
  const fields = field.map(readField)
  if (isBodyless)
    for (const [name, value] of fields)
      url.searchParams.append(name, typeof value === 'string' ? value : JSON.stringify(value))
  const body = input === undefined ? JSON.stringify(Object.fromEntries(fields)) : await read(around, input)
  return { method, path: `${url.pathname}${url.search}`, payload: isBodyless ? null : Buffer.from(body) }
}

/** `runs`, `/runs` and `/api/v1/runs` are the same; where it leads is judged after `..` was followed. */
const addressOf = (path: string): URL => {
  const below = /^\/?api\//.test(path) ? path.replace(/^\//, '') : `api/v1/${path.replace(/^\/+/, '')}`
  const base = 'http://localhost/'
  const url = /^[a-z][a-z0-9+.-]*:/i.test(path) || !URL.canParse(below, base) ? null : new URL(below, base)
  if (url === null || url.origin !== 'http://localhost' || !url.pathname.startsWith('/api/'))
    throw fault('E_INPUT', { public: `"${path}" is no path of the API, as /runs is` })
  return url
}

const readField = (word: string): readonly [name: string, value: unknown] => {
  const [, name = '', mark, text = ''] = /^([^=:]+)(:?=)(.*)$/s.exec(word) ?? []
  if (mark === undefined) throw fault('E_INPUT', { public: `-f ${word}: it is NAME=TEXT or NAME:=JSON` })
  if (mark === '=') return [name, text]
  try {
    return [name, JSON.parse(text)]
  } catch {
    throw fault('E_INPUT', { public: `-f ${word}: what stands after := is no JSON` })
  }
}

const read = async (around: Surroundings, input: string): Promise<string> => {
  if (input === '-') return around.readStdin()
  return readFile(resolve(around.cwd, input), 'utf8').catch((cause: unknown) => {
    throw fault('E_NOT_FOUND', { public: `${input} cannot be read`, cause })
  })
}

type Page = { readonly items?: unknown; readonly next_cursor?: unknown }

/** As one page: what `--json` of a list is. */
const allPages = async (around: Surroundings, api: ApiClient, request: RawRequest): Promise<string> => {
  const items: unknown[] = []
  for (let cursor: string | null = null; ; ) {
    const url = new URL(request.path, 'http://localhost')
    if (cursor !== null) url.searchParams.set('cursor', cursor)
    const asked = { ...request, path: `${url.pathname}${url.search}` }
    const page = parseAnswer(await readAll(await api.raw(asked, around.interrupted))) as Page | null
    if (!Array.isArray(page?.items))
      throw fault('E_INPUT', { public: 'the answer is no list: leave --paginate out' })
    items.push(...page.items)
    cursor = typeof page.next_cursor === 'string' ? page.next_cursor : null
    if (cursor === null || items.length >= itemsMax) return JSON.stringify({ items, next_cursor: cursor })
  }
}

const textOf = async (answer: RawAnswer): Promise<string> => (await readAll(answer)).toString('utf8')

const writeText = ({ stdout }: Surroundings, text: string): number => {
  guardedJson(stdout).write(text.endsWith('\n') ? text : `${text}\n`)
  return 0
}
