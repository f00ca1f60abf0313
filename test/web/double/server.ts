// A development double of the server: serves build/web under the real policy, canned API answers and a scripted
// stream. It exists only below test/web/ and promises nothing about the real server.
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, normalize } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type WebSocket, WebSocketServer } from 'ws'
import { fromBase64Url, toBase64Url } from '../../../src/base/bytes.ts'
import type { Me } from '../../../src/protocol/api/shapes.ts'
import { parseFollowerFrame } from '../../../src/protocol/live.ts'
import { generateSealingKey, sealHookSecret } from '../../../src/seal/index.ts'
import { type Role, verbsOf } from '../../../src/server/access/roles.ts'
import { errorKinds } from '../../../src/server/http/error-kinds.ts'
import { bigLog, failureLineOf, indexOf, inZstd, joinFrames, scriptedFrames } from './log.ts'
import { webhookAnswer } from './world/webhooks.ts'
import * as world from './world.ts'

/** What a test changes while the double runs. */
export type Mode = {
  session: 'signed-in' | 'signed-out' | 'unclaimed'
  role: Role
  data: 'full' | 'empty' | 'failing' | 'slow'
  /** Refuse the stream, so that pages fall back to fetching. */
  stream: 'on' | 'off'
  logLines: number
  /** The attempt that runs has written all of its scripted log. */
  isLogWhole: boolean
}

/** What a page finds unless its test says otherwise: an owner, signed in, with something to see. */
export const usualMode: Mode = {
  session: 'signed-in',
  role: 'owner',
  data: 'full',
  stream: 'on',
  logLines: 0,
  isLogWhole: false,
}

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types mayfly svelte-trusted-html"

const mediaTypes: Readonly<Record<string, string>> = {
  js: 'text/javascript',
  css: 'text/css',
  html: 'text/html; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
}

export const startDouble = async (webRoot: string) => {
  const mode: Mode = { ...usualMode }
  const sockets = new Set<WebSocket>()
  const server = createServer((request, response) => {
    void answer(request, response, { mode, webRoot }).catch((error) => {
      response.writeHead(500).end(String(error))
    })
  })
  const streams = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    if (mode.stream === 'off' || request.url !== '/api/v1/live') return socket.destroy()
    streams.handleUpgrade(request, socket, head, (ws) => {
      sockets.add(ws)
      ws.on('close', () => sockets.delete(ws))
      ws.on('message', (data) => speak(ws, mode, String(data)))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    mode,
    /** Sends one JSON message to everybody who is connected. */
    tell: (message: object) => {
      for (const ws of sockets) ws.send(JSON.stringify(message))
    },
    /** Sends the rest of the scripted log of an attempt that runs. */
    finishLog: (attempt: string) => {
      mode.isLogWhole = true
      for (const ws of sockets) for (const frame of scriptedFrames(attempt).slice(5)) ws.send(frame)
    },
    /** Makes the log of the failed attempt of run 412 ahead, which takes a while. */
    prepare: (logLines: number) => {
      const attempt = world.runById(world.idOf('run', 412))?.jobs[5]?.attempts.at(-1)?.id ?? ''
      storedOf({ ...mode, logLines }, attempt)
    },
    /** Sends one frame of a log to everybody who is connected. */
    sendFrame: (frame: Uint8Array) => {
      for (const ws of sockets) ws.send(frame)
    },
    /** As if the person signed out in another tab. */
    endSession: () => {
      mode.session = 'signed-out'
      for (const ws of sockets) ws.close(4401, 'signed-out')
    },
    dropStreams: () => {
      for (const ws of sockets) ws.terminate()
    },
    close: async () => {
      for (const ws of sockets) ws.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
export type Double = Awaited<ReturnType<typeof startDouble>>

const speak = (ws: WebSocket, mode: Mode, text: string): void => {
  const message = JSON.parse(text) as { t: string; topic: string; cursor: number; codec?: 'zstd' }
  if (message.t === 'ping') ws.send('{"t":"pong"}')
  const attempt = message.topic?.startsWith('log:') ? message.topic.slice(4) : null
  if (message.t !== 'sub' || attempt === null) return
  const stored = storedOf(mode, attempt)
  for (const frame of stored.slice(message.cursor)) ws.send(message.codec === 'zstd' ? inZstd(frame) : frame)
  if (isOver(attempt)) ws.send(JSON.stringify({ t: 'log-end', topic: message.topic, last: stored.length }))
}

const isOver = (attempt: string): boolean => world.attemptById(attempt)?.status !== 'running'

const bigLogs = new Map<string, Uint8Array<ArrayBuffer>[]>()

/** Of the scripted log of an attempt that runs, the first five frames, until `finishLog`. */
const storedOf = ({ logLines, isLogWhole }: Mode, attempt: string): Uint8Array<ArrayBuffer>[] => {
  if (logLines === 0) return scriptedFrames(attempt).slice(0, isLogWhole || isOver(attempt) ? undefined : 5)
  const name = `${attempt} ${logLines}`
  const known = bigLogs.get(name) ?? bigLog(attempt, logLines)
  bigLogs.set(name, known)
  return known
}

const rangeOf = (frames: readonly Uint8Array[], query: URLSearchParams): Uint8Array[] => {
  const until = query.get('until')
  const step = query.get('step')
  return frames
    .slice(Number(query.get('after')), until === null ? undefined : Number(until))
    .filter((frame) => step === null || parseFollowerFrame(frame)?.step === Number(step))
}

type Context = { readonly mode: Mode; readonly webRoot: string }

const answer = async (
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
): Promise<void> => {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (url.pathname.startsWith('/api/')) return answerApi(request, response, { ...context, url })
  // Not "without an extension": a job's shard stands behind a dot (`/jobs/test.2`).
  const isFile = url.pathname.startsWith('/assets/')
  const file = join(context.webRoot, normalize(isFile ? url.pathname : '/index.html'))
  const body = await readFile(file).catch(() => null)
  if (body === null) return void response.writeHead(404).end()
  const type = mediaTypes[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream'
  const isText = !type.startsWith('font/')
  response.writeHead(200, {
    'content-type': type,
    ...(isText ? { 'content-encoding': 'gzip' } : {}),
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'x-dns-prefetch-control': 'off',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  })
  response.end(isText ? gzipSync(body) : body)
}

const answerApi = async (
  request: IncomingMessage,
  response: ServerResponse,
  { mode, url }: Context & { readonly url: URL },
): Promise<void> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = chunks.length === 0 ? {} : JSON.parse(Buffer.concat(chunks).toString())
  const isOpen = [
    '/api/v1/me',
    '/api/v1/sign-in',
    '/api/v1/sign-in/passkey-options',
    '/api/v1/claim',
  ].includes(url.pathname)
  if (!isOpen && mode.data === 'failing')
    return problem(response, 503, 'MF6001', 'The database is not available')
  if (!isOpen && mode.data === 'slow') return void setTimeout(() => response.destroy(), 5_000).unref()
  const logOf = /^\/api\/v1\/attempts\/(\w+)\/log$/.exec(url.pathname)?.[1]
  if (logOf !== undefined)
    return void response.writeHead(200).end(joinFrames(rangeOf(storedOf(mode, logOf), url.searchParams)))
  const found = await handle(`${request.method} ${url.pathname}`, { mode, url, body })
  if (found === null) return problem(response, 404, 'MF4004', 'Not found')
  const tag = isVersioned.test(`${request.method} ${url.pathname}`) ? { etag: '"as read"' } : {}
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store', ...tag }
  response.writeHead(200, headers).end(JSON.stringify(found))
}

/** What a change may be sent with the tag of. */
const isVersioned =
  /^GET .*\/(organisation|settings|preferences|members\/[^/]+|schedules\/[^/]+|webhooks\/[^/]+)$/

const problem = (response: ServerResponse, status: number, code: string, title: string): void => {
  const detail = status === 404 ? 'No such thing.' : 'It does not answer. What you see may be out of date.'
  response.writeHead(status, { 'content-type': 'application/problem+json' })
  response.end(
    JSON.stringify({
      type: 'about:blank',
      title,
      status,
      detail,
      instance: '/',
      code,
      request_id: 'req_4f2a9c',
    }),
  )
}

const page = (items: readonly unknown[]) => ({ items, next_cursor: null })

const handle = async (
  line: string,
  { mode, url, body }: { readonly mode: Mode; readonly url: URL; readonly body: Record<string, unknown> },
): Promise<unknown> => {
  const full = mode.data !== 'empty'
  const lastId = url.pathname.split('/')[4] ?? ''
  const projectOf = world.projects.find((p) => p.name === lastId || p.id === lastId)
  switch (line) {
    case 'GET /api/v1/me':
    case 'POST /api/v1/sign-in':
    case 'POST /api/v1/claim':
      return meOf(line.startsWith('GET') ? mode.session : 'signed-in', mode.role)
    case 'POST /api/v1/sign-out':
      mode.session = 'signed-out'
      return {}
    case 'POST /api/v1/sign-in/passkey-options':
      return {
        challenge: 'AAAA',
        options: { challenge: 'AAAA', rpId: 'localhost', userVerification: 'required' },
      }
    case 'GET /api/v1/organisation':
    case 'PATCH /api/v1/organisation':
      return { id: world.idOf('org', 1), name: 'acme', settings: { jobs_max: 50, ...body } }
    case 'GET /api/v1/projects':
      return page(
        full
          ? world.projects.map((p) => ({
              ...p,
              last_run: world.summaries().find((r) => r.project.id === p.id) ?? null,
            }))
          : [],
      )
    case 'POST /api/v1/projects':
      return created(world.projects[1]!, body)
    case 'POST /api/v1/runs':
      return world.runById(world.idOf('run', 413))
    case 'GET /api/v1/runs':
      return page(full ? filteredRuns(url.searchParams) : [])
    case 'GET /api/v1/deliveries':
      return page(full ? world.deliveries : [])
    case 'GET /api/v1/runners':
      return page(full ? world.runners : [])
    case 'GET /api/v1/sessions':
      return page(world.sessions)
    case 'GET /api/v1/members':
      return page(world.members)
    case 'GET /api/v1/invitations':
      return page(full ? world.invitations : [])
    case 'POST /api/v1/invitations':
      return { invitation: world.invitations[0], url: `http://localhost:8420/join#${'3kq9'.repeat(10)}` }
    case 'GET /api/v1/tokens':
      return page(full ? world.tokens : [])
    case 'POST /api/v1/tokens':
      return { token: world.tokens[0], secret: `mfp_${'3kq9'.repeat(10)}` }
    case 'GET /api/v1/projects/web/secrets':
      return page(full ? world.secrets : [])
    case 'GET /api/v1/projects/prj_00000000000000000000000001/secrets/SIGNS_RELEASES/signatures':
      return page(world.signatures)
    case 'GET /api/v1/projects/prj_00000000000000000000000001/secrets/DEPLOY_TOKEN/reach':
      return world.reach
    case 'GET /api/v1/projects/api/secrets':
      return page([])
    case 'GET /api/v1/contexts':
      return page(full ? world.contexts : [])
    case 'GET /api/v1/contexts/deploy%20to%20europe':
      return world.contexts[0]
    case 'GET /api/v1/contexts/deploy%20to%20europe/secrets':
      return page(full ? world.secrets : [])
    case 'GET /api/v1/admissions':
      return world.admissions
    case 'GET /api/v1/signers':
      return page(full ? world.signers : [])
    case 'GET /api/v1/secrets':
      return page(full ? world.allSecrets : [])
    case 'GET /api/v1/secret-rules':
      return full ? world.secretRules : { ...world.secretRules, two_person: false, people: 1 }
    case 'GET /api/v1/proposals':
      return page(full ? world.proposals : [])
    case 'POST /api/v1/orbs':
      return { ...world.orbs[0], id: body.id }
    case 'GET /api/v1/orbs':
      return page(full ? world.orbs : [])
    case 'GET /api/v1/orbs/source':
      return world.orbSource(url.searchParams.get('id'))
    case 'GET /api/v1/vault/key':
      return { kid: 'ingest-1', pk: 'A'.repeat(43), exp: 0, sig: 'A'.repeat(86), vsign: 'A'.repeat(43) }
    case 'GET /api/v1/preferences':
    case 'PATCH /api/v1/preferences':
      return { ...world.preferences, ...body }
    case 'GET /api/v1/views':
      return page(full ? world.views : [])
    case 'POST /api/v1/views':
      return { ...world.views[0], ...body, id: world.idOf('viw', 9) }
    case 'GET /api/v1/passkeys':
      return page(full ? world.passkeys : [])
    case 'GET /api/v1/openapi.json':
      return world.apiDescription
    case 'GET /api/v1/errors':
      return page(errorKinds)
    case 'POST /api/v1/lint':
      return world.lintOf(body)
    case 'GET /api/v1/status':
      return mode.session === 'signed-in' ? world.systemStatus : world.strangersStatus
  }
  if (line.endsWith('/approval')) return world.approvalRule(mode.role)
  if (line.endsWith('/approve')) return world.decidedOf(lastId, 'approved', commentOf(body))
  if (line.endsWith('/reject')) return world.decidedOf(lastId, 'rejected', commentOf(body))
  if (line.endsWith('/rerun')) return world.rerunOf(lastId)
  if (/^POST .*\/runs\/[^/]+\/cancel$/.test(line)) return world.runById(lastId)
  if (line.endsWith('/artifacts'))
    return { ...page(world.artifactsOf(lastId)), expired: world.expiredArtifactsOf(lastId) }
  if (/^GET .*\/runs\/[^/]+\/tests$/.test(line))
    return { ...page(world.testsOf(lastId)), expired: world.expiredTestsOf(lastId) }
  if (/^GET .*\/jobs\/[^/]+\/tests$/.test(line)) return world.testPageOf(lastId, url.searchParams)
  if (/^GET .*\/log\/search$/.test(line)) return world.logSearchOf(lastId, url.searchParams)
  if (/^GET .*\/runs\/[^/]+\/compare$/.test(line)) return world.comparison
  if (/^GET .*\/runs\/[^/]+\/config$/.test(line)) return world.runConfigOf(lastId)
  if (/^GET .*\/runs\/[^/]+\/annotations$/.test(line)) return world.runAnnotationsById(lastId)
  if (/^GET \/api\/v1\/runs\/[^/]+\/timeline$/.test(line)) return world.timelineOf(lastId)
  if (/^GET \/api\/v1\/runs\/[^/]+\/workspaces$/.test(line)) return world.workspacesOf(lastId)
  if (/^GET \/api\/v1\/runs\/[^/]+\/changes$/.test(line)) return world.changesOf(lastId)
  if (line.startsWith('GET /api/v1/runs/')) return world.runById(lastId)
  if (/^GET .*\/schedules$/.test(line)) return page(full ? world.schedules : [])
  if (/^(GET|PATCH) .*\/schedules\/[^/]+$/.test(line))
    return settingsOf(world.schedules, url.pathname.split('/')[6], body)
  if (/\/webhooks(\/|$)/.test(line)) return full ? webhookAnswer(line, body, url.searchParams) : page([])
  if (/^(GET|PATCH) \/api\/v1\/members\/[^/]+$/.test(line)) return settingsOf(world.members, lastId, body)
  if (line.startsWith('GET /api/v1/deliveries/'))
    return world.deliveries.find(({ id }) => id === lastId) ?? null
  if (line.startsWith('GET /api/v1/attempts/') && line.endsWith('/log/index'))
    return indexOf(storedOf(mode, lastId), {
      after: Number(url.searchParams.get('after')),
      complete: isOver(lastId),
      failureIn: url.searchParams.has('failure_in') ? Number(url.searchParams.get('failure_in')) : null,
    })
  if (line.startsWith('GET /api/v1/attempts/') && line.endsWith('/log/failure')) {
    const attempt = world.attemptById(lastId)
    if (attempt === null) return { attempt_id: lastId, untrusted: null }
    return failureLineOf(storedOf(mode, lastId), attempt)
  }
  if (line.startsWith('GET /api/v1/attempts/') && line.endsWith('/annotations'))
    return world.annotationsById(lastId)
  if (line.startsWith('GET /api/v1/attempts/') && line.endsWith('/usage')) return world.usageById(lastId)
  if (line.endsWith('/pin')) {
    world.pin(lastId, line.startsWith('POST') ? (body as { step: number; line: number }) : null)
    return world.attemptById(lastId)
  }
  if (line.startsWith('GET /api/v1/attempts/')) return world.attemptById(lastId)
  if (line.endsWith('/hook-script') && projectOf) return { script: hookScript }
  if (line.endsWith('/hook/rotate') && projectOf) return created(projectOf, body)
  if (line.endsWith('/refs') && projectOf) return { attempt_id: world.idOf('att', 4_120_101) }
  if (line.endsWith('/host-keys') && projectOf)
    return { ...projectOf, host_keys: projectOf.host_keys.map((k) => ({ ...k, confirmed: true })) }
  if (line.startsWith('PATCH /api/v1/projects/') && projectOf)
    return { ...projectOf, settings: { ...projectOf.settings, ...body } }
  if (line.endsWith('/parameters') && projectOf)
    return world.parametersOf(projectOf.name, url.searchParams.get('ref'))
  if (line.startsWith('GET /api/v1/projects/') && line.endsWith('/settings') && projectOf)
    return projectOf.settings
  if (line.startsWith('GET /api/v1/projects/') && projectOf)
    return { ...projectOf, last_run: world.summaries().find((r) => r.project.id === projectOf.id) ?? null }
  if (/^DELETE .*\/(tokens|schedules|views|projects)\//.test(line)) return {}
  return null
}

/** What a list has of one thing, with what was sent to change it. */
const settingsOf = (
  list: readonly { readonly id: string }[],
  id: string | undefined,
  changes: Record<string, unknown>,
) => {
  const found = list.find((item) => item.id === id)
  return found === undefined ? null : { ...found, ...changes }
}

const commentOf = (body: Record<string, unknown>) => (typeof body.comment === 'string' ? body.comment : null)

const hookScript =
  '#!/bin/sh\n# Tells Mayfly about pushes; never blocks or fails one. Needs curl and openssl.\nurl=http://localhost:8420/hooks/generic/hok_1\nsecret=$(cat hooks/mayfly-secret) || exit 0\nwhile read -r old new ref; do\n  # …\ndone\n'

const meOf = (session: Mode['session'], role: Role): Me => ({
  claimed: session !== 'unclaimed',
  user:
    session === 'signed-in'
      ? {
          id: world.idOf('usr', 1),
          name: 'Ada Lovelace',
          email: 'ada@example.com',
          role,
          may: [...verbsOf(role)],
          ask: role === 'owner' ? [] : ['Grace Hopper', 'Edsger \u202edirt <b>'],
          preferences: world.preferences,
          last_sign_in: world.lastSignIn,
        }
      : null,
  token: null,
  organisation: session === 'unclaimed' ? null : { id: world.idOf('org', 1), name: 'acme' },
  version: '0.1.0',
})

const filteredRuns = (query: URLSearchParams) =>
  world
    .summaries()
    .filter(
      (run) =>
        (!query.get('project') || run.project.name === query.get('project')) &&
        (!query.get('status') || run.status === query.get('status')) &&
        (!query.get('branch') || run.event.branch === query.get('branch')) &&
        (!query.get('event') || run.event.kind === query.get('event')) &&
        (!query.get('author') || run.event.author === query.get('author')) &&
        (!query.get('mine') || run.event.author === 'Ada Lovelace') &&
        (!query.get('class') || run.project.name === 'web') &&
        (!query.get('number') || run.number === Number(query.get('number'))),
    )

/** Sealed for real, so that the page's opening is exercised. */
const created = async (project: (typeof world.projects)[number], body: Record<string, unknown>) => {
  const eph = fromBase64Url(String(body.eph)) ?? (await generateSealingKey()).publicKey
  const secret = new TextEncoder().encode('whs_0123456789abcdefghijklmnopqrstuv')
  const sealed = await sealHookSecret(eph, secret, project.hook.id as Parameters<typeof sealHookSecret>[2])
  return { project, hook_secret_sealed: sealed === null ? '' : toBase64Url(sealed) }
}
