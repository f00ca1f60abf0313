// What the description of the API (OpenAPI 3.1) says beside the routes of the table: what one signs in with, and the live topics,
// which are no requests with one answer. WebSocket and server-sent events carry the same messages (protocol/live.ts).
import * as z from 'zod'
import { job, runSummary } from '../../protocol/api/shapes.ts'
import type { ClientMessage, ServerMessage } from '../../protocol/live.ts'
import type { Site } from '../access/site.ts'
import { cookieName } from './cookie.ts'

const topic = z.string()
const counted = z.number().int().min(0)

export const serverMessage = z.discriminatedUnion('t', [
  z.object({ t: z.literal('run'), topic, rev: counted, run: runSummary, jobs: z.array(job) }),
  z.object({ t: z.literal('runs'), topic, run: runSummary }),
  z.object({ t: z.literal('log-end'), topic, last: counted }),
  z.object({ t: z.literal('refused'), topic, reason: z.string() }),
  z.object({ t: z.literal('pong') }),
]) satisfies z.ZodType<ServerMessage>

const clientMessage = z.discriminatedUnion('t', [
  z.object({ t: z.literal('sub'), topic, cursor: counted }),
  z.object({ t: z.literal('unsub'), topic }),
  z.object({ t: z.literal('ping') }),
]) satisfies z.ZodType<ClientMessage>

const topics = [
  '`runs`: a run of any project changed (verb run.view, no cursor)',
  '`project:<project id>`: a run of this project changed (run.view, no cursor)',
  '`run:<run id>`: its jobs that changed after the cursor, which is the `rev` of the last message (run.view)',
  '`log:<attempt id>`: frames after the cursor, which is the `seq` of the last frame (log.read)',
].join('. ')

const schemaOf = (shape: z.ZodType) => {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { target: 'draft-2020-12' })
  return schema
}

const problems = { default: { description: 'What went wrong (RFC 9457)' } }
const inQuery = (name: string, description: string, schema: object, required = false) => ({
  ...{ name, description, schema, required, in: 'query' },
})

/** The cookie has another name where there is TLS. */
export const signingIn = (site: Site) => ({
  components: {
    securitySchemes: {
      session: { type: 'apiKey', in: 'cookie', name: cookieName(site) },
      token: { type: 'http', scheme: 'bearer' },
    },
  },
  security: [{ session: [] }, { token: [] }],
})

/** Added to the paths that the route table makes. */
export const livePaths = (): Readonly<Record<string, object>> => ({
  '/events': {
    get: {
      operationId: 'events',
      summary: 'One topic as server-sent events',
      description: `Topics: ${topics}. A message is \`data\` in JSON; a log frame is the event \`frame\` in base64, its \`id\` the cursor. \`Last-Event-ID\` resumes. A comment comes every 15 s.`,
      parameters: [
        inQuery('topic', 'what to follow', { type: 'string' }, true),
        inQuery('cursor', 'what the caller has', { type: 'integer', minimum: 0, default: 0 }),
      ],
      responses: {
        200: {
          description: 'Messages until the caller goes, or the log has ended',
          content: { 'text/event-stream': { schema: schemaOf(serverMessage) } },
        },
        ...problems,
      },
    },
  },
  '/api/v1/live': {
    get: {
      operationId: 'live',
      summary: 'Many topics over one WebSocket',
      description: `Text messages are JSON both ways, log frames are binary (\`u8 1 | 30 bytes attempt id | u32 seq | u16 step | u32 first line | u32 lines | u64 ms | deflate-raw\`). Topics: ${topics}. A caller sends what \`x-client-message\` says. Close codes: 4401 signed out, 4408 too slow: come back with your cursors.`,
      'x-client-message': schemaOf(clientMessage),
      responses: {
        101: {
          description: 'The protocol is switched; the server sends these',
          content: { 'application/json': { schema: schemaOf(serverMessage) } },
        },
        ...problems,
      },
    },
  },
})
